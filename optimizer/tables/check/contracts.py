from __future__ import annotations

from optimizer.tables.check.rule import Rule

CONTRACT_RULES: tuple[Rule, ...] = ()
