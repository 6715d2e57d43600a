"""Dives along prices: what they decide, and the plans that come of it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.generator import Size as GeneratedSize
from benchmarks.generator import generate
from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem, Supply
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.arrays import prepare, with_lots, with_pairs
from optimizer.pricing.ascent import price, price_prepared
from optimizer.pricing.prices import Prices
from optimizer.solve.climb import Climb
from optimizer.solve.price_diving import decided, dive
from optimizer.solve.settle import settle_alone
from tests.problems import Size, random_problem, with_supply
from tests.tolerances import SOLVED_GAP

SIZE = Size(loads=6, flexible=1, runs=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)


def supply_of(**changes: object) -> Supply:
    open_ = {"in_force": np.zeros(4, dtype=np.bool_), "least_lots": np.zeros(4, dtype=np.int64), "most_lots": np.full(4, 2)}
    return with_supply(random_problem(1, SIZE), **open_, **changes).supply


def test_copies_of_a_contract_follow_and_alternatives_are_taken_out() -> None:
    copied = decided(supply_of(same_lots=np.array([[2, 3]])), 3, 1)
    assert (copied.least_lots.tolist(), copied.most_lots.tolist()) == ([0, 0, 1, 1], [2, 2, 1, 1])
    for alternatives in (
        supply_of(option_group=np.array([0, 0, -1, -1])),
        supply_of(excluded_contract=np.array([[0, 1]])),
    ):
        signed, declined = decided(alternatives, 0, 1), decided(alternatives, 0, 0)
        assert (signed.least_lots.tolist(), signed.most_lots.tolist()) == ([1, 0, 0, 0], [1, 0, 2, 2])
        assert declined.most_lots.tolist() == [0, 2, 2, 2]
    assert decided(supply_of(), 0, 5).least_lots.tolist() == [2, 0, 0, 0]


def test_beside_an_alternative_that_is_held_in_any_case_none_is_signed() -> None:
    held = supply_of(excluded_contract=np.array([[0, 1]]))
    held = replace(held, least_lots=np.array([0, 1, 0, 0]))
    assert decided(held, 0, 2).most_lots.tolist() == [0, 2, 2, 2]
    copies = supply_of(excluded_contract=np.array([[1, 2]]), same_lots=np.array([[0, 1]]))
    assert decided(copies, 0, 1).most_lots.tolist() == [1, 1, 0, 2]


@pytest.mark.parametrize("seed", range(3))
def test_prices_that_follow_decisions_bound_plans_with_these(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    supply, needs = problem.supply, problem.needs
    lots = np.where(supply.least_lots < supply.most_lots, (supply.least_lots + supply.most_lots + 1) // 2, supply.most_lots)
    held = with_supply(problem, least_lots=lots, most_lots=lots)
    load = int(needs.pair_load[0])
    barred = problem.pair_allowed.copy()
    barred[np.flatnonzero(needs.pair_load == load)[1:]] = False
    prepared = with_pairs(with_lots(prepare(problem), lots, lots), barred)
    prices = price_prepared(prepared, iterations=100)
    program = build_program(replace(held, pair_allowed=barred))
    answer = solve_program(program, relative_gap=SOLVED_GAP)
    assert answer.status is PlanStatus.OPTIMAL
    assert prices.bound_usd <= answer.objective * (1.0 + SOLVED_GAP)
    assert set(prices.placed[load].tolist()) <= {int(needs.pair_pool[0]), -1}
    assert prices.shares is not None
    assert prices.shares.staying + prices.shares.leaving.sum(axis=1) == pytest.approx(lots, abs=1e-6)


@pytest.fixture(scope="module")
def generated() -> PlanningProblem:
    return generate(GeneratedSize(loads=300, pools=8, periods=2), seed=2)


@pytest.fixture(scope="module")
def prices(generated: PlanningProblem) -> Prices:
    return price(generated, iterations=300)


def test_a_dive_ends_with_a_plan_that_beats_the_one_rounded_at_once(generated: PlanningProblem) -> None:
    with Climb(generated, dives=True, side_by_side=False) as climb:
        climb.begin()
        first = climb.latest()
        while (dived := climb.dived()) is None:
            assert climb.climbing
            climb.latest()
    assert first is not None
    assert first.decisions is not None
    at_once, after = settle_alone(generated, first.decisions), settle_alone(generated, dived)
    assert at_once is not None
    assert after is not None
    assert first.prices.bound_usd <= after.objective_usd < at_once.objective_usd
    assert climb.dived() is None


def test_a_start_whose_prices_are_the_best_is_dived_from(generated: PlanningProblem, prices: Prices) -> None:
    with Climb(generated, dives=True, start=replace(prices, bound_usd=np.inf)) as climb:
        climb.begin()
        while (dived := climb.dived()) is None:
            climb.latest()
            time.sleep(0.01)
    assert settle_alone(generated, dived) is not None


def test_contracts_that_exclude_a_supplier_are_not_signed_with_its_contracts(generated: PlanningProblem) -> None:
    supply = generated.supply
    of = supply.contract_supplier
    every = np.array([[k, supplier] for k in range(len(of)) for supplier in np.unique(of) if supplier != of[k]])
    apart = with_supply(generated, excluded_supplier=every)
    assert len(every)
    found = dive(apart, prepare(apart), price(apart, iterations=300))
    assert found.decisions is not None
    held = found.decisions.lots > 0
    assert not any(held[k] and held[of == supplier].any() for k, supplier in every)


def test_a_dive_ends_where_plans_would_cost_too_much(generated: PlanningProblem, prices: Prices) -> None:
    whole = dive(generated, prepare(generated), prices)
    stopped = dive(generated, prepare(generated), prices, cutoff_usd=(prices.bound_usd + whole.bound_usd) / 2)
    assert whole.decisions is not None
    assert stopped.decisions is None
    assert prices.bound_usd < stopped.bound_usd <= whole.bound_usd * (1.0 + SOLVED_GAP)


def test_dives_by_chance_differ_and_repeat(generated: PlanningProblem, prices: Prices) -> None:
    prepared = prepare(generated)
    ends = [dive(generated, prepared, prices, seed=(seed,)) for seed in range(6)]
    again = dive(generated, prepared, prices, seed=(5,))
    assert ends[5].decisions is not None
    assert again.decisions is not None
    assert np.array_equal(ends[5].decisions.placed, again.decisions.placed)
    assert len({round(end.bound_usd) for end in ends}) > 1


def test_where_nothing_is_open_there_is_no_dive(generated: PlanningProblem) -> None:
    first = np.unique(generated.needs.pair_load, return_index=True)[1]
    alone = np.zeros_like(generated.pair_allowed)
    alone[first] = True
    held = with_supply(generated, least_lots=generated.supply.most_lots)
    settled = replace(held, pair_allowed=alone)
    prices = price(settled, iterations=300)
    found = dive(settled, prepare(settled), prices)
    assert found.decisions is None
    assert found.bound_usd == prices.bound_usd
