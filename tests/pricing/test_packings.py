"""The knapsack bound and what it proves, against all placements of tiny assignments."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.assignment_files import assignment_problem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing import covering
from optimizer.pricing.covering import choice_costs
from optimizer.pricing.knapsack import Knapsacks, has_knapsacks, knapsacks, within
from optimizer.pricing.packings import begin, best_places, reduced_costs, respond
from tests.assignments import made, optimum
from tests.problems import Size, random_problem, with_supply
from tests.samples import one_in
from tests.tolerances import SOLVED_GAP

SMALL = {"loads": 5, "pools": 3}
seeds = st.integers(0, 10_000)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, fees=st.booleans(), scale=st.sampled_from([0.0, 1.0, 30.0, 1e6, 1e11]))
def test_no_multipliers_prove_more_than_the_optimum(seed, fees, scale):
    assignment = made(seed, fees=fees, **SMALL)
    problem = assignment_problem(assignment)
    multipliers = scale * np.random.default_rng(seed).normal(0.5, 1.0, SMALL["loads"])
    assert respond(knapsacks(problem), multipliers).bound_usd <= optimum(assignment)


def plain(packs: Knapsacks, u: np.ndarray) -> np.ndarray:
    """Value of every choice of lots by the textbook's programme, load by load, [Z, P]."""
    value = packs.fixed.copy()
    for z, p in np.ndindex(*packs.fixed.shape):
        worth = np.zeros(packs.capacity[z, p] + 1)
        for load in range(len(u)):
            need, gain = packs.need[load, p], u[load] - packs.cost[load, p]
            if need <= packs.capacity[z, p]:
                with_it = worth[: len(worth) - need] + gain
                worth[need:] = np.maximum(worth[need:], with_it)
        value[z, p] -= worth[-1]
    return value


def scattered(seed: int, *, choices: int, required_share: float) -> Knapsacks:
    """Knapsacks of no problem: loads that need nothing, loads too large, pools with fewer choices, costs that rule a load out."""
    random, (loads, pools) = np.random.default_rng(seed), (12, 4)
    need = random.integers(0, 9, (loads, pools))
    capacity = np.sort(random.integers(0, 30, (choices, pools)), axis=0)
    fixed = np.where(random.random((choices, pools)) < 0.2, np.inf, np.sort(random.uniform(0.0, 60.0, (choices, pools)), axis=0))
    fixed[0] = np.where(np.isfinite(fixed).any(axis=0), fixed[0], 0.0)
    return replace(
        knapsacks(assignment_problem(made(0, fees=True, loads=loads, pools=pools))),
        cost=np.where(random.random((loads, pools)) < 0.1, np.inf, random.uniform(0.0, 20.0, (loads, pools))),
        need=need,
        fixed=fixed,
        capacity=capacity,
        ceiling=np.full(loads, np.inf),
        required=int(required_share * capacity.max(axis=0).sum()),
        short_usd=1e6,
    )


@pytest.mark.parametrize("choices", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_packings_are_the_best_there_are(seed, choices):
    packs = scattered(seed, choices=choices, required_share=0.0)
    random = np.random.default_rng(seed)
    known = None
    for _ in range(4):
        u = random.uniform(0.0, 25.0, len(packs.ceiling))
        packed = respond(packs, u, known)
        made_choices = np.isfinite(packs.fixed)
        np.testing.assert_allclose(packed.value[made_choices], plain(packs, u)[made_choices], rtol=1e-12)
        capacity, pools = packs.capacity[packed.choice, range(4)], range(4)
        assert ((packed.chosen * packs.need).sum(axis=0) <= capacity).all()
        gains = np.where(packed.chosen, u[:, None] - packs.cost, 0.0).sum(axis=0)
        np.testing.assert_allclose(packs.fixed[packed.choice, pools] - gains, packed.value.min(axis=0), rtol=1e-9, atol=1e-9)
        known = packed.chosen


@pytest.mark.parametrize("grains", [4096, 5])
@pytest.mark.parametrize("required", [0.3, 0.7, 0.95, 1.1])
@pytest.mark.parametrize("seed", range(3))
def test_lots_hold_what_all_loads_need(seed, required, grains, monkeypatch):
    monkeypatch.setattr(covering, "COVERED", grains)
    packs = scattered(seed, choices=3, required_share=required)
    u = np.random.default_rng(seed).uniform(0.0, 25.0, len(packs.ceiling))
    packed, value = respond(packs, u), plain(packs, u)
    costs = {}
    for choice in itertools.product(range(3), repeat=4):
        usd = packs.constant + u.sum() + sum(value[z, p] for p, z in enumerate(choice))
        enough = sum(packs.capacity[z, p] for p, z in enumerate(choice)) >= packs.required
        costs[choice] = min(usd, packs.short_usd) if enough else packs.short_usd
    best = min(costs.values())
    slack = 1e-9 * abs(best)
    assert packed.bound_usd <= best
    forced = packed.bound_usd + choice_costs(packs, packed)
    for z, p in np.argwhere(np.isfinite(packs.fixed)):
        least = min(usd for choice, usd in costs.items() if choice[p] == z)
        assert forced[z, p] <= least + slack
        if grains > packs.capacity.sum():
            assert forced[z, p] == pytest.approx(least, rel=1e-9)
    if grains > packs.capacity.sum():
        assert packed.bound_usd == pytest.approx(best, rel=1e-9)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(seed=seeds, fees=st.booleans())
def test_what_is_forced_costs_as_much_as_is_proven(seed, fees):
    assignment = made(seed, fees=fees, **SMALL)
    packs = knapsacks(assignment_problem(assignment))
    ascent = begin(packs, best_places(packs, np.zeros(SMALL["pools"])))
    for _ in range(30):
        ascent.advance(optimum(assignment) if np.isfinite(optimum(assignment)) else 200.0)
    packed = ascent.best
    reduced = reduced_costs(packs, packed)
    slack = 1e-9 * abs(packed.bound_usd)
    for load, pool in np.ndindex(*assignment.cost.shape):
        assert packed.bound_usd + reduced.into[load, pool] <= optimum(assignment, lambda at, l=load, p=pool: at[l] == p) + slack
        assert packed.bound_usd + reduced.out[load, pool] <= optimum(assignment, lambda at, l=load, p=pool: at[l] != p) + slack
    if fees:
        for pool in range(SMALL["pools"]):
            closed = optimum(assignment, lambda at, p=pool: (at != p).all())
            assert packed.bound_usd + reduced.choice[0, pool] <= closed + slack


@pytest.mark.parametrize("fees", [False, True])
def test_a_load_may_be_where_it_is_too_large_with_shortage(fees):
    problem = assignment_problem(made(3, fees=fees, loads=5, pools=3, spare=8))
    need = problem.needs.need.copy()
    need[problem.needs.pair_load == 2] = problem.supply.capacity.max() + 1
    cheap = replace(problem, needs=replace(problem.needs, need=need), shortage_price=np.full(3, 2.0))
    packs = knapsacks(cheap)
    ascent = begin(packs, best_places(packs, np.zeros(3)))
    for _ in range(60):
        ascent.advance(1.1 * abs(ascent.best.bound_usd))
    reduced = reduced_costs(packs, ascent.best)
    for load, pool in np.ndindex(5, 3):
        there = (cheap.needs.pair_load == load) & (cheap.needs.pair_pool == pool)
        forced = replace(cheap, pair_forced=there[:, None])
        least = solve_program(build_program(forced), relative_gap=SOLVED_GAP).objective
        assert ascent.best.bound_usd + reduced.into[load, pool] <= least * (1.0 + SOLVED_GAP)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_beside_a_packing_is_bounded_with_it(seed):
    assignment = made(seed, fees=False, **SMALL)
    packs = knapsacks(assignment_problem(assignment))
    multipliers = np.random.default_rng(seed).uniform(0.0, 30.0, SMALL["loads"])
    everything = within(packs, np.arange(SMALL["loads"]), np.arange(SMALL["pools"]), 0.0)
    assert respond(everything, multipliers).bound_usd == respond(packs, multipliers).bound_usd
    packed = respond(packs, multipliers).chosen[:, 0]
    spent = float(assignment.cost[packed, 0].sum())
    rest = within(packs, np.flatnonzero(~packed), np.array([1, 2]), spent)
    with_it = optimum(assignment, lambda at: ((at == 0) == packed).all())
    assert respond(rest, multipliers[~packed]).bound_usd <= with_it


@pytest.mark.parametrize("fees", one_in(2, [False, True]))
def test_it_is_not_below_the_linear_bound(fees):
    problem = assignment_problem(made(3, fees=fees, loads=12, pools=4))
    linear = solve_program(build_program(problem), relax=True).bound
    packs = knapsacks(problem)
    ascent = begin(packs, best_places(packs, np.zeros(4)))
    while not ascent.over:
        ascent.advance(solve_program(build_program(problem), relative_gap=SOLVED_GAP).objective)
    assert ascent.best.bound_usd >= linear * (1.0 - 1e-3)


def test_a_load_that_a_pin_forces_or_forbids_is_there_or_not():
    assignment = made(1, fees=False, **SMALL)
    problem = assignment_problem(assignment)
    forced, allowed = problem.pair_forced.copy(), problem.pair_allowed.copy()
    forced[0], allowed[-1] = True, False
    packs = knapsacks(replace(problem, pair_forced=forced, pair_allowed=allowed))
    assert np.isfinite(packs.cost[problem.needs.pair_load[0]]).sum() == 1
    assert np.isinf(packs.cost[problem.needs.pair_load[-1], problem.needs.pair_pool[-1]])


def test_the_form():
    problem = assignment_problem(made(0, fees=True, **SMALL))
    assert has_knapsacks(problem)
    assert not has_knapsacks(random_problem(0, Size(loads=3)))
    assert not has_knapsacks(with_supply(problem, capacity=problem.supply.capacity + 0.5))
    assert not has_knapsacks(with_supply(problem, exit_fee_cash=np.zeros_like(problem.supply.exit_fee_cash)))
