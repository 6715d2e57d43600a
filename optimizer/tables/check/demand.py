from __future__ import annotations

from optimizer.tables.check.rule import Rule

DEMAND_RULES: tuple[Rule, ...] = ()
