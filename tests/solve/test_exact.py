"""The whole model given to one solver: what it returns, and what stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan, SolverFailure
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve import exact
from optimizer.solve.cost import objective_usd
from optimizer.solve.exact import solve_exact
from optimizer.solve.search import Progress, Solved, SolveSettings
from optimizer.solve.worker import Worker
from tests.problems import Size, random_problem
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL

SMALL = Size(loads=5, flexible=1, runs=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)


def solved(problem: PlanningProblem, report: Callable[[Progress], None] = lambda step: None, **settings: Any) -> Solved:
    options = {"relative_gap": 1e-7, "time_limit_s": 60.0} | settings
    return solve_exact(problem, settings=SolveSettings(**options), started=time.monotonic(), report=report)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_program_is_solved_to_its_optimum(seed: int) -> None:
    problem = random_problem(seed, SMALL)
    found = solved(problem)
    answer = solve_program(build_program(problem), relative_gap=1e-7)
    assert found.status is PlanStatus.OPTIMAL
    assert found.settled.objective_usd == pytest.approx(answer.objective, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd == pytest.approx(objective_usd(problem, found.settled.plan), rel=SHARE_OF_TOTAL)


def test_a_large_program_is_bounded_by_prices_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "PRICED", 0)
    problem = random_problem(0, SMALL)
    best = solve_program(build_program(problem), relative_gap=1e-7).objective
    found = solved(problem)
    assert found.bound_usd <= best * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd == pytest.approx(best, rel=EXACT_AGAINST_BRUTE_FORCE)


def test_an_interrupt_returns_the_best_plan_so_far() -> None:
    problem = random_problem(0, SMALL)

    def interrupt(step: Progress) -> None:
        if step.incumbent_usd is not None:
            raise KeyboardInterrupt

    found = solved(problem, interrupt)
    assert found.settled.objective_usd > 0.0
    assert found.alerts == ("interrupted: this is the best plan found until then",)


def test_rules_that_cannot_hold_are_named() -> None:
    problem = random_problem(0, SMALL)
    limits = replace(problem.limits, fewest_suppliers=np.full(3, 5))
    with pytest.raises(InfeasiblePlan) as raised:
        solved(replace(problem, limits=limits))
    assert "suppliers" in str(raised.value)
    assert "2026-09" in str(raised.value)


def test_a_worker_answers_as_the_solver_does_and_passes_failures_on() -> None:
    program = build_program(random_problem(1, SMALL))
    with Worker(solve_program, program) as worker:
        answer = worker.ask(relax=True).result(timeout=600)
        assert answer.bound == solve_program(program, relax=True).bound
        with pytest.raises(SolverFailure, match="takes no starting values"):
            worker.ask(start=program.lower).result(timeout=600)


def test_a_worker_that_dies_is_a_clear_failure() -> None:
    worker = Worker(solve_program, build_program(random_problem(1, SMALL)))
    worker._child.process.kill()
    with pytest.raises(SolverFailure, match="process ended before it answered"):
        worker.ask(relax=True).result(timeout=600)
    worker.close()
