"""The knapsack bound and what it proves, against all placements of tiny assignments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.assignment_files import assignment_problem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.knapsack import begin, best_places, has_knapsacks, knapsacks, reduced_costs, respond, within
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
