"""What the suites on assignment files share: one instance solved by this project, and by each solver on the full model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from benchmarks.assignment_files import Assignment, assignment_problem
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import NoPlanInLimit
from optimizer.integer.backend import NAMES
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Progress, SolveSettings
from optimizer.solve.worker import Worker

PROVEN = 1e-9  # relative gap asked for: the optimum
PEERS = ("highs", "cp_sat", "gscip")
THREADS = 2


def solved_rows(settings: SuiteSettings, suite: str, case: str, assignment: Assignment, best_known: float) -> Iterator[ResultRow]:
    """The row of this project, then those of the solvers alone where they are asked for."""
    problem = assignment_problem(assignment)
    solvers: list[tuple[str, Callable[[PlanningProblem, SuiteSettings], tuple[str, float, float]]]] = [("price_and_assign", _ours)]
    solvers += [(NAMES[name], _alone(name)) for name in PEERS if settings.peers]
    for name, solve in solvers:
        started = time.monotonic()
        status, objective, bound = solve(problem, settings)
        yield ResultRow(
            suite=suite,
            case=case,
            size=f"{len(problem.needs.loads)} x {len(problem.pools)}",
            solver=name,
            seconds=time.monotonic() - started,
            status=status,
            objective=objective,
            bound=bound,
            gap=(objective - bound) / objective if objective > 0 else math.nan,
            best_known=best_known,
            ratio=objective / best_known,
        )


def _ours(problem: PlanningProblem, settings: SuiteSettings) -> tuple[str, float, float]:
    def report(_: Progress) -> None:
        pass

    limits = SolveSettings(time_limit_s=settings.time_limit_s, relative_gap=PROVEN, threads=THREADS, seed=settings.seed)
    try:
        solved = solve_price_and_assign(problem, settings=limits, started=time.monotonic(), report=report)
    except NoPlanInLimit:
        return "no plan", math.nan, math.nan
    short = solved.settled.plan.shortage.any() or (solved.settled.plan.decisions.placed < 0).any()
    return "shortage" if short else str(solved.status), solved.settled.objective_usd, solved.bound_usd


def _alone(backend: str) -> Callable[[PlanningProblem, SuiteSettings], tuple[str, float, float]]:
    """A solver of its own on the full model, in the same time and in a process of its own."""

    def solve(problem: PlanningProblem, settings: SuiteSettings) -> tuple[str, float, float]:
        with Worker(solve_program, build_program(problem)) as solver:
            answer = solver.ask(
                backend=backend,
                time_limit_s=settings.time_limit_s,
                relative_gap=PROVEN,
                threads=1 if backend == "gscip" else THREADS,
                seed=settings.seed,
            ).result()
        found = answer.values is not None
        return str(answer.status) if found else "no plan", answer.objective if found else math.nan, answer.bound

    return solve
