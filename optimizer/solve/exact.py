"""The whole model given to one MILP solver; beside it, for large problems, prices whose dual value bounds every plan's cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.integer.model import Program, build_program, decisions
from optimizer.integer.solver import Answer, solve_program
from optimizer.solve.between import keep_between
from optimizer.solve.climb import Climb
from optimizer.solve.search import Progress, Search, Solved, SolveSettings, Start, wait_for_prices
from optimizer.solve.settle import settle
from optimizer.solve.worker import Worker

PRICED = 6_000  # integer variables above which prices are found too
GRACE_S = 3.0  # that a solver may take to stop after its limit


def solve_exact(
    problem: PlanningProblem,
    *,
    settings: SolveSettings,
    started: float,
    report: Callable[[Progress], None],
    start: Start | None = None,
) -> Solved:
    """The best plan that the MILP solver finds within the limits, with a bound on every plan's cost. Ctrl-C ends the search.

    Args:
      started: `time.monotonic()` from which the time limit counts.
      start: what a solve of a similar problem knows.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
      NoPlanInLimit: the limit was reached before any plan was found.
    """
    program = build_program(problem)
    draws = program if problem.risk_neutral else build_program(problem.by_expectation())
    search = Search(problem, partial(settle, problem, draws), settings, started, report, start or Start())
    alerts: tuple[str, ...] = ()
    try:
        with Worker(solve_program, program) as solver, Climb(problem, reduced=True, start=search.start.prices) as climb:
            pending = solver.ask(
                backend=settings.backend,
                time_limit_s=max(1.0, search.left) if np.isfinite(search.left) else None,
                relative_gap=settings.relative_gap,
                threads=settings.threads,
                seed=settings.seed,
                deterministic_limit=settings.deterministic_limit,
            )
            search.offer_first()
            search.phase = "exact"
            if settings.explain or int(program.integer.sum()) > PRICED:
                climb.begin()
            _finish(search, program, _wait(search, pending, climb))
            if settings.explain:
                wait_for_prices(search, climb)
        keep_between(search)
    except KeyboardInterrupt:
        alerts = ("interrupted: this is the best plan found until then",)
    return search.solved(alerts)


def _wait(search: Search, pending: Future[Answer], climb: Climb) -> Answer | None:
    """The answer, or None when time and grace are up; takes in prices and reports while waiting."""
    while not pending.done():
        if search.left + GRACE_S <= 0.0:
            return None
        priced = climb.latest()
        if priced is not None:
            search.keep(priced)
            search.raise_bound(priced.prices.bound_usd)
        search.tell()
        time.sleep(0.05)
    return pending.result()


def _finish(search: Search, program: Program, answer: Answer | None) -> None:
    if answer is None:
        return
    if answer.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if answer.values is not None:
        search.offer(decisions(program, search.problem, answer.values))
    search.raise_bound(answer.bound)
    search.proven = answer.status is PlanStatus.OPTIMAL
