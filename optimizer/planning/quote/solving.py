"""What the processes of a pool do for quotes: one solve of one variant, verified, or some more steps of its prices."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan, PlanStatus
from optimizer.errors import InfeasiblePlan, NoPlanInLimit
from optimizer.planning.plan import SOLVERS, verified
from optimizer.planning.quote.variants import with_lots
from optimizer.planning.variants import Base
from optimizer.pricing.prices import Prices
from optimizer.pricing.sensitivity import Sensitivities
from optimizer.solve.carry import carried_decisions
from optimizer.solve.climb import prepared_arrays, price_more
from optimizer.solve.contract_search import sign
from optimizer.solve.search import Progress, Solved, SolveSettings, Start
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import as_is_and_elsewhere
from optimizer.solve.walking import walked_from


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a solve found: a verified plan, a bound, and prices of capacity."""

    plan: Plan | None  # None: none was found
    bound_usd: float  # inf: the rules cannot hold together
    prices: Prices | None = None


def solve_variant(
    joint: Base, *, case: Case, settings: SolveSettings, start: Start, signed: tuple[int, int] | None = None
) -> Shown:
    """Solves the problem of a case that differs from the joint one in contracts and offers, and verifies the plan against that case.

    Args:
      signed: a contract's index and the lots of it that are signed, no more and no fewer.

    Raises:
      SolverFailure: the plan does not verify.
    """
    began, problem = time.monotonic(), joint.changed(case)
    if joint.prices is not None:
        prepared_arrays(joint.problem)  # laid out once a process; that of the changed case is made from it
    problem = problem if signed is None else with_lots(problem, *signed)
    try:
        solved = SOLVERS[settings.method](problem, settings=settings, started=began, report=_silent, start=start)
    except InfeasiblePlan:
        return Shown(plan=None, bound_usd=math.inf)
    except NoPlanInLimit:
        return Shown(plan=None, bound_usd=-math.inf)
    verified(case, problem, solved, annual_discount_rate=joint.annual_discount_rate)
    bound = min(solved.bound_usd, solved.settled.objective_usd)
    return Shown(plan=solved.settled.plan, bound_usd=bound, prices=None if solved.priced is None else solved.priced.prices)


def look_at_variant(joint: Base, *, signed: tuple[int, int]) -> Shown:
    """The joint plan with so many lots of a quote signed, and what then has too little capacity placed elsewhere.

    Where the joint plan has prices, loads walk on from there; no contract or run is decided anew.

    Raises:
      SolverFailure: the plan does not verify.
    """
    problem = with_lots(joint.problem, *signed)
    chosen = sign(problem, carried_decisions(problem, joint.plan.contracts, joint.plan.decisions), *signed)
    ways = as_is_and_elsewhere(problem, chosen)
    ways = ways if joint.prices is None else (walked_from(problem, ways), *ways)
    tried = [settled for way in ways if (settled := settle_alone(problem, way)) is not None]
    if not tried:
        return Shown(plan=None, bound_usd=-math.inf)
    settled = min(tried, key=lambda found: found.objective_usd)
    found = Solved(settled=settled, bound_usd=-math.inf, status=PlanStatus.LIMIT)
    verified(joint.case, problem, found, annual_discount_rate=joint.annual_discount_rate)
    return Shown(plan=settled.plan, bound_usd=-math.inf)


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Prices of capacity and the slopes of the bound that they prove."""

    prices: Prices
    slopes: Sensitivities


def price_variant(joint: Base, *, signed: tuple[int, int] | None = None, evaluations: int, start: Prices | None) -> Slopes:
    """Some more steps from known prices, or from none, with so many lots of a contract signed."""
    problem = joint.problem if signed is None else with_lots(joint.problem, *signed)
    priced = price_more(problem, evaluations=evaluations, start=start, reduced=True)
    assert priced.sensitivities is not None
    return Slopes(prices=priced.prices, slopes=priced.sensitivities)


def _silent(step: Progress) -> None:
    """The pool tells how far it is."""
