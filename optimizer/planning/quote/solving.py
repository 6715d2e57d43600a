"""What the processes of a pool do for quotes: one solve of one variant, verified, or some more steps of its prices."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan, NoPlanInLimit
from optimizer.planning.plan import SOLVERS, verified
from optimizer.pricing.prices import Prices
from optimizer.pricing.sensitivity import Sensitivities
from optimizer.solve.best_response import improve
from optimizer.solve.climb import price_more
from optimizer.solve.search import Progress, SolveSettings, Start

PLACING = 0.3  # of a solve's time may go into placing loads again before it


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a solve found: a verified plan, a bound, and prices of capacity."""

    plan: Plan | None  # None: none was found
    bound_usd: float  # inf: the rules cannot hold together
    prices: Prices | None = None


def solve_variant(*, case: Case, problem: PlanningProblem, annual_discount_rate: float, settings: SolveSettings, start: Start) -> Shown:
    """Solves a problem of a case and verifies the plan against that case.

    Raises:
      SolverFailure: the plan does not verify.
    """
    began = time.monotonic()
    solver = SOLVERS[settings.method]
    try:
        solved = solver(problem, settings=settings, started=began, report=_silent, start=_placed_again(problem, settings, start))
    except InfeasiblePlan:
        return Shown(plan=None, bound_usd=math.inf)
    except NoPlanInLimit:
        return Shown(plan=None, bound_usd=-math.inf)
    verified(case, problem, solved, annual_discount_rate=annual_discount_rate)
    bound = min(solved.bound_usd, solved.settled.objective_usd)
    return Shown(plan=solved.settled.plan, bound_usd=bound, prices=None if solved.priced is None else solved.priced.prices)


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Prices of capacity and the slopes of the bound that they prove."""

    prices: Prices
    slopes: Sensitivities


def _placed_again(problem: PlanningProblem, settings: SolveSettings, start: Start) -> Start:
    """The start, and its first decisions with their loads placed again around the quote, within a part of the time."""
    until = math.inf if settings.time_limit_s is None else time.monotonic() + PLACING * settings.time_limit_s
    better = [improve(problem, chosen, over=lambda: time.monotonic() > until)[0] for chosen in start.decisions[:1]]
    return replace(start, decisions=(*better, *start.decisions))


def price_variant(*, problem: PlanningProblem, evaluations: int, start: Prices | None) -> Slopes:
    """Some more steps from known prices, or from none."""
    priced = price_more(problem, evaluations=evaluations, start=start, reduced=True)
    assert priced.sensitivities is not None
    return Slopes(prices=priced.prices, slopes=priced.sensitivities)


def _silent(step: Progress) -> None:
    """The pool tells how far it is."""
