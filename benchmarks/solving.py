"""A planning problem solved by this project, and by each solver alone on the full model, under the same limits: rows of results."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import NoPlanInLimit
from optimizer.integer.backend import NAMES, Backend
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.exchange import has_one_row
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Progress, SolveSettings
from optimizer.solve.worker import Worker

PEERS: tuple[Backend, ...] = ("highs", "cp_sat", "gscip")
THREADS = 2


def solved_rows(
    settings: SuiteSettings,
    suite: str,
    case: str,
    problem: PlanningProblem,
    *,
    size: str,
    relative_gap: float,
    best_known: float = math.nan,
) -> Iterator[ResultRow]:
    """The row of this project, then those of the solvers alone where they are asked for.

    Args:
      relative_gap: at which a solver may stop.
    """
    for name in ("price_and_assign", *(PEERS if settings.peers else ())):
        started = time.monotonic()
        if name == "price_and_assign":
            status, objective, bound = _ours(problem, settings, relative_gap)
        else:
            status, objective, bound = _alone(problem, settings, name, relative_gap)
        yield ResultRow(
            suite=suite,
            case=case,
            size=size,
            solver=NAMES.get(name, name),
            seconds=time.monotonic() - started,
            status=status,
            objective=objective,
            bound=bound,
            gap=(objective - bound) / objective if objective > 0 else math.nan,
            best_known=best_known,
            ratio=objective / best_known,
        )


def _ours(problem: PlanningProblem, settings: SuiteSettings, relative_gap: float) -> tuple[str, float, float]:
    def report(_: Progress) -> None:
        pass

    limits = SolveSettings(time_limit_s=settings.time_limit_s, relative_gap=relative_gap, threads=THREADS, seed=settings.seed)
    try:
        solved = solve_price_and_assign(problem, settings=limits, started=time.monotonic(), report=report)
    except NoPlanInLimit:
        return "no plan", math.nan, math.nan
    plan = solved.settled.plan
    unserved = bool(plan.shortage.any() or (plan.decisions.placed < 0).any()) and has_one_row(problem)  # an instance has no such plan
    return "shortage" if unserved else str(solved.status), solved.settled.objective_usd, solved.bound_usd


def _alone(problem: PlanningProblem, settings: SuiteSettings, backend: str, relative_gap: float) -> tuple[str, float, float]:
    """A solver of its own on the full model, in the same time and in a process of its own."""
    with Worker(solve_program, build_program(problem)) as solver:
        answer = solver.ask(
            backend=backend,
            time_limit_s=settings.time_limit_s,
            relative_gap=relative_gap,
            threads=1 if backend == "gscip" else THREADS,
            seed=settings.seed,
        ).result()
    found = answer.values is not None
    return str(answer.status) if found else "no plan", answer.objective if found else math.nan, answer.bound
