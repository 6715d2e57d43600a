"""Price and assign: prices prove a bound and say which decisions matter, MILP solvers decide among these.

A small problem is one restricted master that leaves nothing out. Where each pool has one row of capacity, knapsacks and exchanges of
loads get furthest (`packed_search`); where it has many, whole paths of loads around certified prices do (`path_search`), of a problem
with many scenarios first in a few of them (`few_scenarios`). Either way the best plan is settled exactly, and the bound holds whatever
the search did.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.solve.between import keep_between
from optimizer.solve.climb import Climb, price_more
from optimizer.solve.exchange import has_one_row
from optimizer.solve.few_scenarios import has_many_scenarios, in_few_scenarios
from optimizer.solve.fixing import nothing_proven
from optimizer.solve.packed_search import search_packed
from optimizer.solve.part import Part, solve_part
from optimizer.solve.path_search import search_paths
from optimizer.solve.search import Progress, Search, Solved, SolveSettings, Start, wait_for_prices
from optimizer.solve.settle import settle_alone
from optimizer.solve.worker import InTurn, Worker

MOST_FEW_SHARE = 0.85  # likewise where no walk knows prices earlier
FEW_SHARE = 0.65  # of the time or rounds, which a search in a few scenarios has
SMALL = 6_000  # placements and options up to which one master leaves nothing out
GRACE_S = 3.0  # that a solver may take to stop after its limit
UNPRICED = ("no prices came within the limit: no bound but what is sunk, no alternatives, no sensitivities; raise solver.time_limit_s",)
LOOK_S = 0.05  # between two looks at the clock


def solve_price_and_assign(
    problem: PlanningProblem,
    *,
    settings: SolveSettings,
    started: float,
    report: Callable[[Progress], None],
    start: Start | None = None,
) -> Solved:
    """The best plan found within the limits, with a bound on every plan's cost. Ctrl-C ends the search.

    Args:
      started: `time.monotonic()` from which the time limit counts.
      start: what a solve of a similar problem knows.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
      NoPlanInLimit: the limit was reached before any plan was found.
    """
    search = Search(problem, partial(settle_alone, problem), settings, started, report, start or Start())
    alerts: tuple[str, ...] = ()
    try:
        small = is_small(problem)
        if not small and settings.side_by_side and _known_already(search):
            return search.solved()
        if has_one_row(problem):
            search_packed(search)
        elif small:
            _solve_whole(search)
        else:
            if has_many_scenarios(problem) and not search.start.decisions:
                _begin_in_few_scenarios(search)
            search_paths(search)
            alerts = UNPRICED if search.priced is None else ()
        keep_between(search)
    except KeyboardInterrupt:
        if search.best is None and search.start.decisions:
            search.offer_first()
        alerts = ("interrupted: this is the best plan found until then",)
    return search.solved(alerts)


def is_small(problem: PlanningProblem) -> bool:
    """Whether one master leaves nothing out."""
    return problem.pair_allowed.size + len(problem.needs.option_run) <= SMALL


def _begin_in_few_scenarios(search: Search) -> None:
    """Gives the search a start from a search in a few scenarios, which has a part of the time or of the rounds."""
    few, settings = in_few_scenarios(search.problem), search.settings
    now, left = search.seconds, max(0.0, search.left)
    limited = replace(
        settings,
        time_limit_s=None if settings.time_limit_s is None else now + FEW_SHARE * left,
        unpriced_limit_s=None if settings.time_limit_s is None else now + MOST_FEW_SHARE * left,
        deterministic_limit=None if settings.deterministic_limit is None else math.ceil(FEW_SHARE * settings.deterministic_limit),
    )

    def report(step: Progress) -> None:
        search.report(Progress(phase="few scenarios", seconds=step.seconds, limit_s=settings.time_limit_s))

    begun = Search(few.problem, partial(settle_alone, few.problem), limited, search.started, report, Start())
    try:
        search_paths(begun)
    except KeyboardInterrupt:
        if begun.best is not None:
            search.start = few.start(begun.best.plan.decisions, None)
        raise
    best, prices = begun.best, None if begun.priced is None else begun.priced.prices
    if best is not None and best.objective_usd in begun.without_search_usd.values():
        best = None  # what needs no search is found for all scenarios as soon
    search.start = few.start(None if best is None else best.plan.decisions, prices)


def _known_already(search: Search) -> bool:
    """Whether what is known from a similar problem is within the gap here: then no process need be started."""
    prices = search.start.prices
    if prices is None:
        return False
    search.offer_first()
    search.raise_bound(price_more(search.problem, evaluations=0, start=prices).prices.bound_usd)
    if search.within_gap:
        search.keep(price_more(search.problem, evaluations=0, start=prices, reduced=True))
    return search.within_gap


def _solve_whole(search: Search) -> None:
    """One master with everything in it, and what a planner would do without it meanwhile."""
    problem, settings, proven = search.problem, search.settings, nothing_proven(search.problem)
    beside, start = settings.side_by_side, search.start.prices
    with (
        (Worker if beside else InTurn)(solve_part, problem) as solver,
        Climb(problem, reduced=True, start=start, side_by_side=beside) as climb,
    ):
        if settings.explain:
            climb.begin()
        pending = solver.ask(
            keep=proven.pairs(problem, np.inf),
            keep_options=proven.options(np.inf),
            lots=proven.lots(problem, np.inf),
            backend=settings.backend,
            time_limit_s=max(1.0, search.left) if np.isfinite(search.left) else None,
            relative_gap=settings.relative_gap,
            threads=settings.threads,
            seed=settings.seed,
        )
        search.offer_first()
        search.phase = "master"
        while not pending.done() and search.left + GRACE_S > 0.0:
            search.tell()
            time.sleep(LOOK_S)
        if not pending.done():
            return
        _finish(search, pending.result())
        if settings.explain:
            wait_for_prices(search, climb)


def _finish(search: Search, part: Part) -> None:
    if part.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if part.decisions is not None:
        search.offer(part.decisions)
    search.raise_bound(part.bound_usd)
    search.proven = part.status is PlanStatus.OPTIMAL
