from __future__ import annotations

from optimizer.tables.check.rule import Rule

PLAN_RULES: tuple[Rule, ...] = ()
