"""Rules across rows and tables."""

from __future__ import annotations

from optimizer.errors import Violation
from optimizer.tables.check.clauses import CLAUSE_RULES
from optimizer.tables.check.contracts import CONTRACT_RULES
from optimizer.tables.check.demand import DEMAND_RULES
from optimizer.tables.check.fees import FEE_RULES
from optimizer.tables.check.history import HISTORY_RULES
from optimizer.tables.check.market import MARKET_RULES
from optimizer.tables.check.money import MONEY_RULES
from optimizer.tables.check.plan import PLAN_RULES
from optimizer.tables.check.rule import Rule, Tables
from optimizer.tables.check.time import TIME_RULES
from optimizer.tables.check.volume import VOLUME_RULES
from optimizer.tables.check.work import WORK_RULES

RULES: tuple[Rule, ...] = (
    *TIME_RULES,
    *MARKET_RULES,
    *CONTRACT_RULES,
    *MONEY_RULES,
    *CLAUSE_RULES,
    *VOLUME_RULES,
    *FEE_RULES,
    *WORK_RULES,
    *DEMAND_RULES,
    *HISTORY_RULES,
    *PLAN_RULES,
)


def check_rules(tables: Tables) -> list[Violation]:
    """All violations of the rules that can be checked: those whose columns are sound on their own."""
    return [violation for rule in RULES if rule.ready(tables) for violation in rule.check(tables)]
