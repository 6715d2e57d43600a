from __future__ import annotations

from optimizer.tables.check.rule import Rule

FEE_RULES: tuple[Rule, ...] = ()
