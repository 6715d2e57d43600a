from __future__ import annotations

from optimizer.tables.check.rule import Rule

WORK_RULES: tuple[Rule, ...] = ()
