"""A start from a few scenarios: whom they stand for, what their prices prove of all, and a search that begins there."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optimizer.domain.chosen_scenarios import in_scenarios
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import Risk
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.bound import bound
from optimizer.solve import few_scenarios, price_and_assign
from optimizer.solve.climb import price_more
from optimizer.solve.few_scenarios import FEW, has_many_scenarios, in_few_scenarios
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Search, SolveSettings, Start
from optimizer.solve.settle import settle_alone
from tests.problems import Size, random_problem, with_limits, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL

SMALL = Size(loads=5, flexible=1, runs=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)
TIMES = 3  # that each scenario is there


def repeated(seed: int, **changes: Any) -> tuple[PlanningProblem, PlanningProblem]:
    """A problem of two scenarios, and the same with each of them several times over."""
    problem = replace(random_problem(seed, replace(SMALL, spot_offers=1)), **changes)
    problem = with_limits(
        problem, budget_supplier=np.array([-1]), budget_period=np.array([1]), budget_cash=np.array([3e5]), most_moves=np.full(3, 2.0)
    )
    chosen = np.repeat(np.arange(2), TIMES)
    shares = np.array([0.5, 0.3, 0.2, 0.1, 0.2, 0.7])
    return problem, in_scenarios(problem, chosen, problem.probability[chosen] * shares)


def test_each_scenario_is_like_the_nearest_of_the_few() -> None:
    problem = random_problem(0, replace(SMALL, scenarios=12))
    few = in_few_scenarios(problem)
    names = few.problem.scenarios
    assert len(names) == FEW
    assert [names[few.like[problem.scenarios.index(name)]] for name in names] == list(names)
    assert few.problem.probability.sum() == pytest.approx(1.0)
    assert np.bincount(few.like, few.share) == pytest.approx(np.ones(FEW))


def test_scenarios_that_are_the_same_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_scenarios, "FEW", 2)
    problem, whole = repeated(1)
    few = in_few_scenarios(whole)
    assert sorted(few.problem.probability) == pytest.approx(sorted(problem.probability))
    assert len(set(few.like[:TIMES])) == len(set(few.like[TIMES:])) == 1
    assert few.like[0] != few.like[-1]


@pytest.mark.parametrize("risk", [Risk(omega=0.0, alpha=0.5), pytest.param(Risk(omega=0.5, alpha=0.5), marks=pytest.mark.slow)])
def test_their_prices_prove_the_same_where_scenarios_repeat(risk: Risk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_scenarios, "FEW", 2)
    _, whole = repeated(2, risk=risk)
    few = in_few_scenarios(whole)
    priced = price_more(few.problem, evaluations=100)
    assert priced.decisions is not None
    start = few.start(priced.decisions, priced.prices)
    assert start.prices is not None
    assert bound(whole, start.prices) == pytest.approx(priced.prices.bound_usd, rel=SHARE_OF_TOTAL)


def test_not_where_contracts_are_decided_on_by_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_scenarios, "LARGE", 0)
    problem = random_problem(0, replace(SMALL, scenarios=2 * FEW))
    assert has_many_scenarios(problem)
    assert not has_many_scenarios(random_problem(0, replace(SMALL, scenarios=2 * FEW - 1)))
    assert not has_many_scenarios(with_supply(problem, same_lots=np.array([[0, 1]])))


@pytest.fixture
def _searched_at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_scenarios, "LARGE", 0)
    monkeypatch.setattr(price_and_assign, "SMALL", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("_searched_at_any_size")
def test_a_search_that_begins_there_is_the_same_twice() -> None:
    problem = random_problem(3, replace(SMALL, scenarios=2 * FEW))
    settings = SolveSettings(relative_gap=1e-7, time_limit_s=None, deterministic_limit=2)
    one, other = (solve_price_and_assign(problem, settings=settings, started=time.monotonic(), report=lambda step: None) for _ in range(2))
    best = solve_program(build_program(problem), relative_gap=1e-7).objective
    assert one.bound_usd <= best * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert best * (1.0 - EXACT_AGAINST_BRUTE_FORCE) <= one.settled.objective_usd <= 1.1 * best
    assert one.settled.objective_usd == other.settled.objective_usd
    assert one.bound_usd == other.bound_usd


@pytest.mark.usefixtures("_searched_at_any_size")
def test_interrupted_there_it_gives_the_plan_found(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(3, replace(SMALL, scenarios=2 * FEW))

    def searched(search: Search) -> None:
        assert len(search.problem.scenarios) == FEW
        search.offer_first()
        raise KeyboardInterrupt

    monkeypatch.setattr(price_and_assign, "search_paths", searched)
    found = solve_price_and_assign(problem, settings=SolveSettings(), started=time.monotonic(), report=lambda step: None, start=Start())
    assert found.alerts
    again = settle_alone(problem, found.settled.plan.decisions)
    assert again is not None
    assert found.settled.objective_usd == pytest.approx(again.objective_usd, rel=SHARE_OF_TOTAL)
    assert found.settled.plan.contract_draw.shape[-1] == 2 * FEW


@pytest.mark.usefixtures("_searched_at_any_size")
@pytest.mark.parametrize("better", [True, False])
def test_only_what_was_searched_for_is_a_start(better: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(3, replace(SMALL, scenarios=2 * FEW))
    starts: list[Start] = []

    def searched(search: Search) -> None:
        starts.append(search.start)
        search.offer_first()
        if better:
            assert search.best is not None
            search.best = replace(search.best, objective_usd=search.best.objective_usd - 1.0)

    monkeypatch.setattr(price_and_assign, "search_paths", searched)
    solve_price_and_assign(problem, settings=SolveSettings(), started=time.monotonic(), report=lambda step: None)
    assert [len(start.decisions) for start in starts] == [0, int(better)]
