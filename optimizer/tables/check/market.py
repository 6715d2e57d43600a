from __future__ import annotations

from optimizer.tables.check.rule import Rule

MARKET_RULES: tuple[Rule, ...] = ()
