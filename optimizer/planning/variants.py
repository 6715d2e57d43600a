"""A case with something changed, planned from where another plan stands: what a clause, an exit or a quote is worth.

Needs depend on loads and pools alone, so a change of contracts needs no new ones. Every plan is verified against the changed case.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan, PlanStatus
from optimizer.domain.surface import Needs
from optimizer.planning.assemble import build_problem
from optimizer.planning.plan import SOLVERS, PlanResult, proven_usd, verified
from optimizer.planning.verify import Verification
from optimizer.pricing.prices import Prices
from optimizer.solve.carry import carry
from optimizer.solve.search import Progress, SolveSettings, Start


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a finished solve hands to the next: its plan, and its prices where it had any."""

    plan: Plan
    prices: Prices | None


@dataclass(frozen=True, kw_only=True)
class VariantPlan:
    """A verified plan of a changed case, with a bound on every plan of it. USD are discounted and expected."""

    plan: Plan
    prices: Prices | None
    verification: Verification
    status: PlanStatus
    objective_usd: float
    bound_usd: float
    seconds: float

    @property
    def known(self) -> Known:
        return Known(plan=self.plan, prices=self.prices)


def plan_variant(
    case: Case,
    needs: Needs,
    *,
    annual_discount_rate: float,
    settings: SolveSettings,
    start: Known | None = None,
    report: Callable[[Progress], None] | None = None,
) -> VariantPlan:
    """Plans a changed case.

    Args:
      needs: of the case before the change, which must not touch loads, pools or the calendar.
      start: the plan and prices of another variant of the same case.

    Raises:
      DataError, InfeasiblePlan, NoPlanInLimit, SolverFailure: as `make_plan`.
    """
    started = time.monotonic()
    problem = build_problem(case, needs, annual_discount_rate=annual_discount_rate)
    begin = Start()
    if start is not None:
        begin = carry(problem, contracts=start.plan.contracts, decisions=start.plan.decisions, prices=start.prices)
    solved = SOLVERS[settings.method](problem, settings=settings, started=started, report=report or _silent, start=begin)
    verification, _ = verified(case, problem, solved, annual_discount_rate=annual_discount_rate)
    return VariantPlan(
        plan=solved.settled.plan,
        prices=None if solved.priced is None else solved.priced.prices,
        verification=verification,
        status=solved.status,
        objective_usd=solved.settled.objective_usd,
        bound_usd=proven_usd(solved, verification),
        seconds=time.monotonic() - started,
    )


def known_from(result: PlanResult) -> Known:
    """What a plan of the unchanged case hands to its variants."""
    return Known(plan=result.plan, prices=None if result.priced is None else result.priced.prices)


def _silent(step: Progress) -> None:
    """Nobody watches."""
