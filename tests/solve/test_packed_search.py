"""Price and assign: bound, optimum and plan in their order, on assignments and on planning problems; what stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.assignment_files import assignment_problem
from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.cost import objective_usd
from optimizer.solve.exchange import Exchange, has_one_row, ladders
from optimizer.solve.neighbourhoods import choose
from optimizer.solve.packing import pack
from optimizer.solve.part import cost_step
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Progress, Solved, SolveSettings
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first
from optimizer.solve.worker import Worker
from tests.assignments import made, optimum
from tests.problems import Size, random_problem
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL, SOLVED_GAP

PLANNING = Size(loads=5, flexible=1, runs=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)


def solved(problem: PlanningProblem, report: Callable[[Progress], None] = lambda step: None, **settings: Any) -> Solved:
    options = {"relative_gap": 1e-9, "time_limit_s": 60.0} | settings
    return solve_price_and_assign(problem, settings=SolveSettings(**options), started=time.monotonic(), report=report)


@pytest.mark.parametrize("fees", [False, True])
def test_a_small_assignment_is_solved_and_proven(fees: bool) -> None:
    assignment = made(5, fees=fees)
    found = solved(assignment_problem(assignment))
    assert found.status is PlanStatus.OPTIMAL
    assert found.settled.objective_usd == pytest.approx(optimum(assignment), rel=EXACT_AGAINST_BRUTE_FORCE)
    assert found.bound_usd <= optimum(assignment) * (1.0 + SHARE_OF_TOTAL)
    assert not found.settled.plan.shortage.any()


def test_a_planning_problem_with_every_kind_of_work() -> None:
    problem = random_problem(0, PLANNING)
    best = solve_program(build_program(problem), relative_gap=SOLVED_GAP).objective
    found = solved(problem, relative_gap=1e-6)
    assert found.bound_usd <= best * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd == pytest.approx(best, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd == pytest.approx(objective_usd(problem, found.settled.plan), rel=SHARE_OF_TOTAL)


@pytest.mark.parametrize("fees", [False, True])
def test_the_same_limit_gives_the_same_plan(fees: bool) -> None:
    problem = assignment_problem(made(2, fees=fees, loads=30, pools=5))
    once, again = (solved(problem, deterministic_limit=3, seed=1) for _ in range(2))
    assert (once.settled.plan.decisions.placed == again.settled.plan.decisions.placed).all()
    assert once.bound_usd == again.bound_usd


def test_an_interrupt_returns_the_best_plan_so_far() -> None:
    def interrupt(step: Progress) -> None:
        if step.incumbent_usd is not None:
            raise KeyboardInterrupt

    found = solved(assignment_problem(made(5, fees=True)), report=interrupt)
    assert found.alerts == ("interrupted: this is the best plan found until then",)


def test_a_step_of_the_cost_is_known_where_all_is_whole() -> None:
    assignment = made(5, fees=True)
    assert cost_step(assignment_problem(assignment)) == 1.0
    assert cost_step(random_problem(0, PLANNING)) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_an_exchange_counts_what_its_plan_costs(seed: int) -> None:
    problem = assignment_problem(made(seed, fees=False, loads=20, pools=4))
    start = cheapest_first(problem)
    search = Exchange(problem, start, np.ones(4), np.random.default_rng(seed))
    for _ in range(3):
        search.run()
    settled = settle_alone(problem, search.decisions())
    assert settled is not None
    assert not settled.plan.shortage.any()
    assert settled.objective_usd == pytest.approx(search.best_usd, rel=SHARE_OF_TOTAL)


def test_an_exchange_finds_the_optimum_of_a_small_assignment() -> None:
    assignment = made(5, fees=False)
    problem = assignment_problem(assignment)
    search = Exchange(problem, cheapest_first(problem), np.ones(3), np.random.default_rng(0))
    for _ in range(5):
        search.run()
    assert search.best_usd == optimum(assignment)


def test_a_pool_charges_in_the_order_of_prices() -> None:
    problem = random_problem(3, Size(loads=3, contracts=2, suppliers=2, periods=1, blocks=1, scenarios=1))
    assert has_one_row(problem)
    lots = problem.supply.least_lots
    held = Decisions(
        placed=np.zeros((3, 1), dtype=np.int64), option=np.zeros(0, dtype=np.int64), lots=lots, exits=np.zeros((2, 1), dtype=np.int64)
    )
    steps = ladders(problem, held)
    for pool in range(2):
        use = np.array([0.0, 1.0, 2.5, 50.0])
        cost = steps.cost(np.full(4, pool), use, 0.0)
        slope = np.diff(cost) / np.diff(use)
        assert cost[0] == 0.0
        assert (np.diff(slope) >= -1e-9 * slope.max()).all()


def test_a_neighbourhood_keeps_where_all_loads_are() -> None:
    problem = assignment_problem(made(0, fees=False, loads=20, pools=4))
    current = cheapest_first(problem)
    may = np.ones_like(problem.pair_allowed)
    near = choose(problem, current, may, 20.0, np.random.default_rng(0))
    here = current.placed[problem.needs.pair_load] == problem.needs.pair_pool[:, None]
    assert near.keep[here].all()
    assert set(problem.needs.pair_load[(near.keep & ~here)[:, 0]]) <= set(near.loads.tolist())


def test_the_packer_goes_on_where_it_was() -> None:
    assignment = made(5, fees=True)
    problem = assignment_problem(assignment)
    best = optimum(assignment)
    bounds, over = [], False
    while not over:
        found = pack(problem, target_usd=best)
        bounds.append(found.bound_usd)
        over = found.over
    assert bounds == sorted(bounds)
    assert bounds[-1] <= best


def _talkative(subject: str) -> str:
    print("something on the way")
    return subject


def test_what_a_worker_prints_does_not_get_between_its_answers() -> None:
    with Worker(_talkative, "answer") as worker:
        assert worker.ask().result(timeout=600) == "answer"
