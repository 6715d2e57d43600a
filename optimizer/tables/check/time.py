from __future__ import annotations

from optimizer.tables.check.rule import Rule

TIME_RULES: tuple[Rule, ...] = ()
