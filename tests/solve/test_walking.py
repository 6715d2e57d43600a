"""Walks among placements: what they count against settled plans and enumeration, the rules that they keep, and their rests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import Risk
from optimizer.domain.stay import Stay
from optimizer.solve.climb import price_more
from optimizer.solve.contract_search import alternatives
from optimizer.solve.guides import LEAST_SEEN, guides_from
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.walking import Walk, Walked, begin, walk_more, walked_from
from optimizer.walk import steps
from optimizer.walk.places import pools_of, slots_of
from tests.problems import Size, random_problem
from tests.tolerances import COUNTED_WHILE_WALKING, MERIT_ORDER_AGAINST_SETTLED, WALK_AGAINST_GREEDY

SIZE = Size(loads=6, flexible=1, runs=2, pools=4, eligible=3, periods=3, contracts=4, lots=2)
RIGID = replace(SIZE, flexible=0)


def at(problem: PlanningProblem, decisions: Decisions) -> Walk:
    return begin(problem, decisions, None, seed=1)


def walked(problem: PlanningProblem, warmth: float = 0.0) -> Walked:
    found = at(problem, hold(problem))
    found.walking.go(warmth)
    return found.walked


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_walk_counts_no_less_than_the_settled_plan_costs_and_little_more(seed: int) -> None:
    problem = random_problem(seed, RIGID)
    for found in (at(problem, hold(problem)).walked, walked(problem)):
        settled = settle_alone(problem, found.decisions)
        assert settled is not None
        assert found.usd >= settled.objective_usd * (1.0 - COUNTED_WHILE_WALKING)
        assert found.usd <= settled.objective_usd * (1.0 + MERIT_ORDER_AGAINST_SETTLED)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_walk_begins_at_the_cheapest_of_rivals(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    rivals = hold(problem), cheapest_first(problem)
    settled = settle_alone(problem, walked_from(problem, rivals))
    known = [found.objective_usd for chosen in rivals if (found := settle_alone(problem, chosen)) is not None]
    assert settled is not None
    assert settled.objective_usd <= min(known) * (1.0 + WALK_AGAINST_GREEDY)


@pytest.mark.parametrize("seed", range(3))
def test_a_cooling_walk_ends_no_dearer_than_what_needs_no_search(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    found = at(problem, hold(problem))
    for warmth in (1.0, 0.7, 0.3, 0.0):
        found.walking.go(warmth)
    walked_to, *known = (settle_alone(problem, chosen) for chosen in (found.walked.decisions, hold(problem), cheapest_first(problem)))
    assert walked_to is not None
    least = min(settled.objective_usd for settled in known if settled is not None)
    assert walked_to.objective_usd <= least * (1.0 + WALK_AGAINST_GREEDY)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("steps", "width"), [(400, 1), (20, 3)])
def test_totals_kept_step_by_step_are_those_of_a_fresh_count(seed: int, steps: int, width: int) -> None:
    problem = random_problem(seed, SIZE)
    begun = at(problem, hold(problem)).walking
    before = begun.standing.slot.copy()
    begun.steps(steps, width, 0.1 * begun.load_usd)
    fresh = begun.counted_anew()
    assert (begun.standing.slot != before).any()
    np.testing.assert_allclose(begun.standing.total, fresh.total, rtol=COUNTED_WHILE_WALKING)
    for kept, counted in zip((*begun.standing.use, *begun.standing.draws), (*fresh.use, *fresh.draws), strict=True):
        np.testing.assert_allclose(kept, counted, rtol=COUNTED_WHILE_WALKING, atol=1e-3)
    np.testing.assert_array_equal(begun.standing.moves, fresh.moves)


@pytest.mark.parametrize("seed", range(3))
def test_at_no_temperature_no_steps_cost_more(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    begun = at(problem, hold(problem)).walking
    totals = [begun.usd]
    for _ in range(4):
        begun.steps(20, 3, 0.0)
        totals.append(begun.usd)
    assert (np.diff(totals) <= COUNTED_WHILE_WALKING * totals[0]).all()
    assert totals[-1] < totals[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("steps", "width"), [(400, 1), (20, 3)])
def test_what_loads_are_charged_for_being_elsewhere_is_counted_once_for_each(seed: int, steps: int, width: int) -> None:
    problem = random_problem(seed, SIZE)
    start = hold(problem)
    free = walked(problem).decisions.placed
    for usd in (0.1 * at(problem, start).walked.usd / SIZE.loads, 1e9):
        stay = Stay(placed=start.placed, option=start.option, usd=usd)
        begun = begin(problem, start, None, seed=1, stay=stay).walking
        begun.steps(steps, width, 0.01 * begun.load_usd)
        np.testing.assert_allclose(begun.usd, begun.counted_anew().total[0], rtol=COUNTED_WHILE_WALKING)
        begun.places = begun.places._replace(paths=begun.places.paths._replace(charge=0.0))
        charged = usd * float((begun.placed != start.placed).any(axis=1).sum())
        np.testing.assert_allclose(begun.usd - begun.counted_anew().total[0], charged, rtol=COUNTED_WHILE_WALKING, atol=1.0)
    assert (free != start.placed).any()
    np.testing.assert_array_equal(begun.placed, start.placed)


def test_the_same_seed_walks_the_same_way() -> None:
    problem = random_problem(0, SIZE)
    one, other = (walked(problem, 1.0) for _ in range(2))
    np.testing.assert_array_equal(one.decisions.placed, other.decisions.placed)
    assert one.usd == other.usd


@pytest.mark.parametrize("seed", range(4))
def test_the_moves_allowed_are_not_exceeded(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    limits = replace(problem.limits, most_moves=np.array([1.0, 0.0, 1.0]))
    placed = walked(replace(problem, limits=limits), 1.0).decisions.placed
    before = np.concatenate([problem.placed_before[:, None], placed[:, :-1]], axis=1)
    moved = (before != placed) & (placed >= 0) & ~((before < 0) & (np.arange(3) == 0))
    assert (moved.sum(axis=0) <= limits.most_moves).all()


@pytest.mark.parametrize("seed", range(4))
def test_pins_and_bandwidth_are_kept(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    forced = problem.pair_forced.copy()
    forced[0, 1] = True
    busy = replace(problem.needs, traffic_gb_per_s=np.ones((len(problem.needs.loads), 3)))
    pinned = replace(problem, pair_forced=forced, needs=busy, site_bandwidth=np.full(len(problem.sites), 3.0))
    chosen = walked(pinned).decisions
    assert chosen.placed[problem.needs.pair_load[0], 1] == problem.needs.pair_pool[0]
    for site in range(len(problem.sites)):
        there = (chosen.placed >= 0) & (problem.pool_site[chosen.placed] == site)
        assert (there.sum(axis=0) <= 3).all()


def test_slots_stand_for_pools_and_back() -> None:
    problem = random_problem(2, SIZE)
    placed = walked(problem).decisions.placed
    np.testing.assert_array_equal(pools_of(problem, slots_of(problem, placed)), placed)


def test_rivals_replace_a_walk_that_is_dearer() -> None:
    problem = random_problem(1, SIZE)
    start = hold(problem)
    nowhere = replace(start, placed=np.full_like(start.placed, -1))
    first = walk_more(problem, warmth=0.0, rounds=1, seed=0, rivals=(nowhere, start))
    again = walk_more(problem, warmth=0.0, rounds=1, seed=0)
    assert again.usd <= first.usd * (1.0 + WALK_AGAINST_GREEDY)
    assert first.usd < at(problem, start).walked.usd


def test_a_walk_that_begins_to_charge_is_compared_with_the_last_plan() -> None:
    problem = random_problem(1, SIZE)
    start = hold(problem)
    free = walk_more(problem, warmth=0.0, rounds=1, seed=0, rivals=(start,))
    assert (free.decisions.placed != start.placed).any()
    stay = Stay(placed=start.placed, option=start.option, usd=1e9)
    kept = walk_more(problem, warmth=0.0, rounds=1, seed=0, rivals=(start,), stay=stay)
    np.testing.assert_array_equal(kept.decisions.placed, start.placed)
    assert kept.usd < 1e9
    again = walk_more(problem, warmth=0.0, rounds=1, seed=0)
    assert again.usd < kept.usd


@pytest.mark.slow
def test_prices_guide_a_walk() -> None:
    problem = random_problem(1, SIZE)
    priced = price_more(problem, evaluations=50, reduced=True)
    guides = guides_from(problem, priced)
    guided = begin(problem, hold(problem), guides, seed=0).walking
    assert guided.load_usd == guides.load_usd > 0.0
    rows = np.flatnonzero(problem.needs.pair_load == 0)
    assert priced.pairs is not None
    order = np.argsort(priced.pairs.reduced_usd[rows, 0], kind="stable")
    assert (np.diff(guided.likely[rows[order], 0]) < 0.0).all()


@pytest.mark.slow
def test_a_walk_sees_every_scenario_where_only_the_dearest_counts() -> None:
    problem = replace(random_problem(1, SIZE), risk=Risk(omega=1.0, alpha=0.5))
    chance = guides_from(problem, price_more(problem, evaluations=50, reduced=True)).chance
    assert chance.sum() == pytest.approx(1.0)
    assert (chance >= LEAST_SEEN / (1.0 + LEAST_SEEN) * problem.probability).all()


@pytest.mark.parametrize("seed", range(4))
def test_contracts_of_one_pool_cost_in_a_walk_what_they_cost_when_settled(seed: int) -> None:
    problem = random_problem(seed, replace(RIGID, runs=0, periods=1, blocks=1))
    supply = problem.supply
    first = np.arange(len(supply.contracts))
    crowded = replace(
        problem,
        supply=replace(
            supply,
            cover_contract=first,
            cover_pool=np.zeros_like(first),
            take_or_pay_share=np.linspace(0.2, 0.9, len(first)),
            minimum_cash=np.zeros_like(supply.minimum_cash),
            price_cash=supply.price_cash[:, :, :1].repeat(SIZE.scenarios, axis=2),  # draws are in the same order in every scenario
            offer_price_cash=supply.offer_price_cash[:, :, :1].repeat(SIZE.scenarios, axis=2),
        ),
    )
    chosen = replace(hold(crowded), lots=supply.most_lots, exits=np.zeros_like(supply.exit_fee_cash[:, :, 0], dtype=np.int64))
    settled = settle_alone(crowded, chosen)
    assert settled is not None
    assert at(crowded, chosen).usd == pytest.approx(settled.objective_usd, rel=COUNTED_WHILE_WALKING)


def test_steps_near_a_pool_begin_at_loads_that_can_go_there() -> None:
    problem = random_problem(3, replace(RIGID, loads=12))
    begun = at(problem, hold(problem)).walking
    able, chosen, random = np.unique(problem.needs.pair_load[problem.needs.pair_pool == 0]), np.zeros(6, dtype=np.int64), begun.random
    assert 0 < len(able) < 12

    def first(near: list[int]) -> int:
        asks, paths, pools = begun.places.asks, begun.places.paths, np.array(near, dtype=np.int64)
        steps._choose.py_func(asks, paths, begun.likely, pools, begun.standing.slot, chosen, random, 0, len(problem.pools))
        return int(chosen[0])

    assert np.isin([first([0]) for _ in range(100)], able).all()
    assert not np.isin([first([]) for _ in range(100)], able).all()


def test_a_contract_in_place_of_another_is_tried() -> None:
    problem = random_problem(0, SIZE)
    supply = problem.supply
    shared = replace(
        supply,
        in_force=np.zeros_like(supply.in_force),
        least_lots=np.zeros_like(supply.least_lots),
        option_group=np.full_like(supply.option_group, -1),
        cover_pool=np.zeros_like(supply.cover_pool),
    )
    lots = np.zeros_like(supply.most_lots)
    lots[1] = supply.most_lots[1]
    tried = list(alternatives(replace(problem, supply=shared), replace(hold(problem), lots=lots), 0))
    assert any(other.lots[0] == supply.most_lots[0] and other.lots[1] == 0 for other in tried)


def test_no_contract_is_signed_beside_one_in_force_that_it_excludes() -> None:
    problem = random_problem(0, SIZE)
    signed, forced = 3, 0
    lots = np.zeros_like(problem.supply.most_lots)
    lots[forced] = least = 1
    kept = problem.supply.least_lots.copy()
    kept[forced] = least
    supply = replace(problem.supply, excluded_contract=np.array([[forced, signed]]), least_lots=kept)
    tried = list(alternatives(replace(problem, supply=supply), replace(hold(problem), lots=lots), signed))
    assert all(other.lots[signed] == 0 or other.lots[forced] == 0 for other in tried)


def test_bandwidth_that_is_used_up_exactly_is_kept() -> None:
    problem = random_problem(0, replace(RIGID, loads=2, pools=1, eligible=1, sites=1, contracts=0))
    traffic = np.repeat([[0.1], [0.2]], 3, axis=1)
    full = replace(problem, needs=replace(problem.needs, traffic_gb_per_s=traffic), site_bandwidth=np.array([0.3]))
    begun = at(full, hold(problem)).walking
    assert (begun.placed >= 0).all()
    begun.steps(200, 1, 0.0)
    assert (begun.placed >= 0).all()


def test_a_contract_too_small_for_the_share_of_all_draws_that_it_asks_for_is_dear_in_a_walk() -> None:
    problem = random_problem(0, RIGID)
    decisions = hold(problem)
    k = int(np.argmax(decisions.lots))
    drawn = at(problem, decisions).walking.hours_used
    shares = np.zeros(len(problem.supply.contracts))
    capacity = problem.supply.capacity.copy()
    capacity[k] = 0.05 * drawn / problem.hours.sum(axis=1)[:, None] / decisions.lots[k]
    small = replace(problem, supply=replace(problem.supply, capacity=capacity))
    shares[k] = 0.1
    bound = replace(small, supply=replace(small.supply, share_of_wallet=shares))
    free_usd, bound_usd = at(small, decisions).usd, at(bound, decisions).usd
    settled = [found for each in (small, bound) if (found := settle_alone(each, decisions)) is not None]
    more = settled[1].objective_usd - settled[0].objective_usd
    assert 0.2 * more <= bound_usd - free_usd <= 5.0 * more
    shares[k] = 0.04
    enough = replace(small, supply=replace(small.supply, share_of_wallet=shares))
    assert at(enough, decisions).usd == free_usd
