"""Price and assign: proven optima of small problems, bounds that hold, the same plan twice, and what stops it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from benchmarks.generator import Size as GeneratedSize
from benchmarks.generator import generate
from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.bound import bound
from optimizer.solve import price_and_assign
from optimizer.solve.carry import carry
from optimizer.solve.climb import price_more
from optimizer.solve.cost import objective_usd
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import LATE_SHARE, Progress, Search, Solved, SolveSettings, Start
from optimizer.solve.settle import Settled, settle_alone
from optimizer.solve.start import cheapest_first
from tests.problems import Size, random_problem, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL

SMALL = Size(loads=5, flexible=1, runs=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)
UNPRICED_S = 600.0  # of a machine that does much else


def solved(problem: PlanningProblem, report: Callable[[Progress], None] = lambda step: None, **settings: Any) -> Solved:
    options = {"relative_gap": 1e-7, "time_limit_s": 120.0} | settings
    return solve_price_and_assign(problem, settings=SolveSettings(**options), started=time.monotonic(), report=report)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_problem_is_solved_to_its_optimum(seed: int) -> None:
    problem = random_problem(seed, SMALL)
    found = solved(problem)
    answer = solve_program(build_program(problem), relative_gap=1e-7)
    assert found.status is not PlanStatus.LIMIT
    assert found.settled.objective_usd == pytest.approx(answer.objective, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd == pytest.approx(objective_usd(problem, found.settled.plan), rel=SHARE_OF_TOTAL)
    assert found.bound_usd <= answer.objective * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


@pytest.mark.slow
def test_a_large_problem_is_searched_the_same_way_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    problem = random_problem(0, SMALL)
    best = solve_program(build_program(problem), relative_gap=1e-7).objective
    one, other = (solved(problem, deterministic_limit=2) for _ in range(2))
    assert one.bound_usd <= best * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert best * (1.0 - EXACT_AGAINST_BRUTE_FORCE) <= one.settled.objective_usd
    assert (one.settled.plan.decisions.placed == other.settled.plan.decisions.placed).all()
    assert one.settled.objective_usd == other.settled.objective_usd
    assert one.bound_usd == other.bound_usd


@pytest.mark.slow
def test_in_one_process_from_the_plan_and_prices_of_another_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    before = random_problem(0, SMALL)
    first = solved(before, deterministic_limit=2, side_by_side=False)
    assert first.priced is not None
    dearer = with_supply(before, price_cash=before.supply.price_cash * 1.01)
    start = carry(
        dearer,
        contracts=before.supply.contracts,
        decisions=first.settled.plan.decisions,
        prices=first.priced.prices,
    )
    settings = SolveSettings(relative_gap=1e-7, deterministic_limit=1, side_by_side=False)
    found = solve_price_and_assign(dearer, settings=settings, started=time.monotonic(), report=lambda step: None, start=start)
    best = solve_program(build_program(dearer), relative_gap=1e-7).objective
    assert bound(dearer, first.priced.prices) <= found.bound_usd <= best * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert found.settled.objective_usd <= settle_alone(dearer, start.decisions[0]).objective_usd


def test_a_generated_problem_comes_near_its_bound() -> None:
    problem = generate(GeneratedSize(loads=60, pools=6, periods=4, contracts=9), seed=0)
    found = solved(problem, deterministic_limit=4)
    assert found.bound_usd <= found.settled.objective_usd <= 1.05 * found.bound_usd


def test_an_interrupt_returns_the_best_plan_so_far() -> None:
    def interrupt(step: Progress) -> None:
        if step.incumbent_usd is not None:
            raise KeyboardInterrupt

    found = solved(random_problem(0, SMALL), interrupt)
    assert found.settled.objective_usd > 0.0
    assert found.alerts == ("interrupted: this is the best plan found until then",)


@pytest.mark.slow
def test_what_is_known_within_the_gap_is_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(0, SMALL)
    priced = price_more(problem, evaluations=100)
    first = solved(problem)

    def searched(search: object) -> None:
        raise AssertionError

    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    monkeypatch.setattr(price_and_assign, "search_paths", searched)
    start = Start(decisions=(first.settled.plan.decisions,), prices=priced.prices)
    gap = 1.0 - priced.prices.bound_usd / first.settled.objective_usd
    options = SolveSettings(relative_gap=1.01 * gap + 1e-6, time_limit_s=None)
    found = solve_price_and_assign(problem, settings=options, started=time.monotonic(), report=lambda step: None, start=start)
    assert found.settled.objective_usd == first.settled.objective_usd
    assert found.bound_usd == pytest.approx(priced.prices.bound_usd, rel=SHARE_OF_TOTAL)
    assert found.priced is not None
    assert found.priced.pairs is not None
    with pytest.raises(AssertionError):
        solve_price_and_assign(
            problem, settings=replace(options, relative_gap=0.5 * gap), started=time.monotonic(), report=lambda step: None, start=start
        )


def test_a_plan_without_prices_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    found = solved(random_problem(0, SMALL), time_limit_s=0.0)
    assert found.priced is None
    assert found.alerts == price_and_assign.UNPRICED


@pytest.mark.slow
def test_a_search_without_prices_waits_for_them_beyond_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    found = solved(random_problem(0, SMALL), time_limit_s=0.0, unpriced_limit_s=UNPRICED_S)
    assert found.priced is not None
    assert found.alerts == ()
    assert found.bound_usd == found.priced.prices.bound_usd


def test_a_search_goes_on_for_a_while_after_its_first_walk_at_prices() -> None:
    problem = random_problem(0, SMALL)
    settings = SolveSettings(time_limit_s=100.0, unpriced_limit_s=200.0)
    search = Search(problem, partial(settle_alone, problem), settings, time.monotonic(), lambda step: None)
    assert 99.0 < search.left <= 100.0
    search.waits = True
    assert 199.0 < search.left <= 200.0
    for guided_at, until in ((10.0, 100.0), (99.0, 99.0 + 100.0 * LATE_SHARE), (199.0, 200.0)):
        search.guided_at = guided_at
        assert until - 1.0 < search.left <= until


def test_decisions_whose_settling_was_interrupted_may_be_offered_again() -> None:
    problem = random_problem(0, SMALL)
    outcomes: list[BaseException | None] = [KeyboardInterrupt(), None]

    def settle(chosen: Decisions) -> Settled | None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return settle_alone(problem, chosen)

    search = Search(problem, settle, SolveSettings(), time.monotonic(), lambda step: None)
    with pytest.raises(KeyboardInterrupt):
        search.offer(cheapest_first(problem))
    assert search.offer(cheapest_first(problem))
    assert not search.offer(cheapest_first(problem))


def test_rules_that_cannot_hold_are_named() -> None:
    problem = random_problem(0, SMALL)
    limits = replace(problem.limits, fewest_suppliers=np.full(3, 5))
    with pytest.raises(InfeasiblePlan, match="suppliers"):
        solved(replace(problem, limits=limits))
