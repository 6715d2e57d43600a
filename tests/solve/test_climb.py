"""Prices found beside a search, and the plans that come with them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from optimizer.integer.expected import leaves_nothing_out, solve_expected
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.climb import FIRST_EVALUATIONS, LARGE, Climb, first_evaluations, price_more
from tests.pricing.cases import CHANGES, optimum, problem_with
from tests.problems import Size, random_problem, with_supply
from tests.samples import one_in
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SOLVED_GAP

CERTAIN = Size(loads=6, flexible=1, runs=1, pools=4, eligible=3, periods=3, scenarios=1, contracts=4, lots=2, spot_offers=2)

ONE_PERIOD = Size(loads=6, runs=0, pools=4, eligible=3, periods=1, scenarios=1, contracts=4, lots=2)


@pytest.mark.parametrize("change", one_in(9, sorted(CHANGES)))
def test_they_prove_no_more_than_the_optimum(change: str) -> None:
    priced = price_more(problem_with(change, 0), evaluations=100)
    assert priced.decisions is not None
    assert priced.prices.bound_usd <= optimum(change, 0) * (1.0 + SOLVED_GAP)


@pytest.mark.parametrize("seed", range(3))
def test_one_period_without_scenarios_is_priced_by_its_own_relaxation(seed: int) -> None:
    problem = random_problem(seed, ONE_PERIOD)
    share = np.linspace(0.5, 1.0, len(problem.supply.contracts))
    free = with_supply(problem, take_or_pay_share=share, exit_fee_cash=np.full_like(problem.supply.exit_fee_cash, np.inf))
    free = replace(free, enter_cash=np.zeros_like(problem.enter_cash), leave_cash=np.zeros_like(problem.leave_cash))
    relaxed = solve_program(build_program(free), relax=True)
    priced = price_more(free, evaluations=100)
    assert leaves_nothing_out(free)
    assert priced.final
    assert priced.prices.bound_usd == pytest.approx(relaxed.objective, rel=EXACT_AGAINST_BRUTE_FORCE)


def test_its_plan_places_loads_where_they_may_be() -> None:
    problem = random_problem(1, CERTAIN)
    found = solve_expected(problem, time_limit_s=60.0)
    assert found is not None
    needs, chosen = problem.needs, found.decisions
    allowed = {(int(load), int(pool)) for load, pool in zip(needs.pair_load, needs.pair_pool, strict=True)}
    assert {(load, int(pool)) for load, path in enumerate(chosen.placed) for pool in path if pool >= 0} <= allowed
    assert all(needs.option_run[g] == run for run, g in enumerate(chosen.option) if g >= 0)
    assert ((problem.supply.least_lots <= chosen.lots) & (chosen.lots <= problem.supply.most_lots)).all()


def test_one_contract_of_a_group_is_chosen() -> None:
    problem = problem_with("option group", 0)
    found = solve_expected(problem, time_limit_s=60.0)
    assert found is not None
    assert (found.decisions.lots[problem.supply.option_group >= 0] > 0).sum() <= 1


@pytest.mark.parametrize("change", one_in(3, ["plain", "exits", "option group", "training", "flexible work"]))
def test_rounded_shares_are_decisions_that_the_problem_knows(change: str) -> None:
    problem = problem_with(change, 1)
    chosen = price_more(problem, evaluations=300).decisions
    assert chosen is not None
    needs, supply = problem.needs, problem.supply
    assert np.isin(chosen.placed[needs.pair_load], np.append(np.unique(needs.pair_pool), -1)).all()
    assert ((supply.least_lots <= chosen.lots) & (chosen.lots <= supply.most_lots)).all()
    assert (chosen.exits.sum(axis=1) <= chosen.lots).all()
    assert (chosen.exits[~np.isfinite(supply.exit_fee_cash).all(axis=2)] == 0).all()
    for group in np.unique(supply.option_group[supply.option_group >= 0]):
        assert (chosen.lots[supply.option_group == group] > 0).sum() <= 1


@pytest.mark.slow
def test_later_climbs_prove_no_less() -> None:
    problem = random_problem(3, CERTAIN)
    with Climb(problem) as climb:
        climb.begin()
        bounds: list[float] = []
        while climb.climbing and len(bounds) < 3:
            priced = climb.latest()
            if priced is not None:
                bounds.append(priced.prices.bound_usd)
            time.sleep(0.02)
    assert bounds == sorted(bounds)


@pytest.mark.slow
def test_a_start_from_a_dearer_problem_is_no_measure_of_what_its_prices_prove() -> None:
    problem = random_problem(3, CERTAIN)
    dearer = with_supply(problem, price_cash=2.0 * problem.supply.price_cash, offer_price_cash=2.0 * problem.supply.offer_price_cash)
    start = price_more(dearer, evaluations=300).prices
    with Climb(problem, start=start, side_by_side=False) as climb:
        climb.begin()
        bounds = [priced.prices.bound_usd for priced in (climb.latest() for _ in range(3)) if priced is not None]
    assert start.bound_usd > max(bounds)
    assert len(bounds) > 1
    assert bounds == sorted(bounds)
    assert bounds[-1] > bounds[0]
    answer = solve_program(build_program(problem), relative_gap=SOLVED_GAP)
    assert bounds[-1] <= answer.objective * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


def test_the_first_climb_is_shorter_where_an_evaluation_takes_long() -> None:
    problem = random_problem(1, ONE_PERIOD)
    entries = np.zeros(1, dtype=np.uint16)
    large = replace(problem, needs=replace(problem.needs, need=np.broadcast_to(entries, (LARGE + 1, 1, 1, 1))))
    assert first_evaluations(problem) == FIRST_EVALUATIONS
    assert first_evaluations(large) < FIRST_EVALUATIONS
