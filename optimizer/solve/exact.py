"""The exact model brought to a good plan: a start, best responses of loads, contracts tried one by one, neighbourhoods re-solved exactly.

A small program is solved whole by its MILP solver, which proves the optimum. A large one is searched, while pricing (in a second
process) finds prices of capacity whose dual value bounds every plan's cost, whatever the search did; the cheapest paths at those
prices are one more start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.integer.model import Program, decisions
from optimizer.integer.solver import Answer, solve_program
from optimizer.solve.best_response import improve
from optimizer.solve.climb import Climb
from optimizer.solve.search import Progress, Search, Solved, SolveSettings
from optimizer.solve.settle import settle
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.steps import (
    GRACE_S,
    await_prices,
    seconds_for,
    shake_loads,
    solve_neighbourhood,
    solve_within,
    take_prices,
    try_contracts,
    wait,
)
from optimizer.solve.worker import Worker

WHOLE_PROGRAM = 6_000  # integer variables up to which the program is solved whole
STALLED_ROUNDS = 6  # rounds in a row without a better plan after which the search ends


def solve_exact(
    problem: PlanningProblem, program: Program, *, settings: SolveSettings, started: float, report: Callable[[Progress], None]
) -> Solved:
    """The best plan found within the limits, with a bound on every plan's cost. Ctrl-C ends the search.

    Args:
      started: `time.monotonic()` from which the time limit counts.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
      NoPlanInLimit: the limit was reached before any plan was found.
    """
    search = Search(problem, partial(settle, problem, program), settings, started, report)
    alerts: tuple[str, ...] = ()
    try:
        with Worker(solve_program, program) as solver, Climb(problem) as climb:
            if int(program.integer.sum()) <= WHOLE_PROGRAM:
                _solve_whole(search, program, solver)
            else:
                _search(search, program, solver, climb)
    except KeyboardInterrupt:
        alerts = ("interrupted: this is the best plan found until then",)
    return search.solved(alerts)


def _solve_whole(search: Search, program: Program, solver: Worker[Answer]) -> None:
    settings = search.settings
    pending = solver.ask(
        backend=settings.backend,
        time_limit_s=seconds_for(search.left),
        relative_gap=settings.relative_gap,
        threads=settings.threads,
        seed=settings.seed,
    )
    for chosen in (hold(search.problem), cheapest_first(search.problem)):
        search.offer(chosen)
    search.phase = "exact"
    answer = wait(search, pending, grace_s=GRACE_S)
    if answer is None:
        return
    if answer.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if answer.values is not None:
        search.offer(decisions(program, search.problem, answer.values))
    search.raise_bound(answer.bound)
    search.proven = answer.status is PlanStatus.OPTIMAL


def _search(search: Search, program: Program, solver: Worker[Answer], climb: Climb) -> None:
    """Starts, then rounds of shaking, contracts and neighbourhoods until nothing improves or a limit is reached."""
    problem, settings = search.problem, search.settings
    climb.begin()
    for chosen in (hold(problem), cheapest_first(problem)):
        search.offer(chosen)
        search.offer(improve(problem, chosen)[0])
    if settings.deterministic_limit is not None:
        await_prices(search, climb)
    random = np.random.default_rng(settings.seed)
    rounds = stalled = 0
    while not search.over and stalled < STALLED_ROUNDS and rounds != settings.deterministic_limit:
        before = search.best
        search.phase = "contracts"
        try_contracts(search, partial(take_prices, search, climb))
        search.phase = "improve"
        shake_loads(search, random)
        solve_neighbourhood(search, program, solver, random)
        take_prices(search, climb)
        stalled = 0 if search.best is not before else stalled + 1
        rounds += 1
    if settings.deterministic_limit is None:
        while not search.over and climb.climbing:
            await_prices(search, climb)
    if search.best is None:
        search.phase = "first plan"
        solve_within(search, program, solver, (program.lower, program.upper), guard_s=search.left)
