"""The ascent comes near the linear bound, and goes on from where it was."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.generator import Size, generate
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.arrays import prepare, with_lots
from optimizer.pricing.ascent import price, price_prepared, schedule
from tests.pricing.cases import problem_with, relaxation
from tests.samples import one_in
from tests.tolerances import BOUND_BELOW_RELAXATION

# What the bound leaves out of the exact model, nothing in these; prices far above list prices take longer.
COMPLETE = ["plain", "take or pay", "minimum spend", "exits", "option group", "supplier share", "moves", "bandwidth", "pins"]
SIZE = Size(loads=60, pools=8, periods=6, scenarios=2)


@pytest.mark.parametrize("change", one_in(9, COMPLETE))
def test_the_linear_bound_of_tiny_problems(change):
    assert price(problem_with(change, 0), iterations=2400).bound_usd >= relaxation(change, 0) * (1 - BOUND_BELOW_RELAXATION)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["budget", "limited market", "spot", "flexible work", "training"])
def test_the_linear_bound_where_capacity_is_scarce(change):
    assert price(problem_with(change, 0), iterations=9600).bound_usd >= relaxation(change, 0) * (1 - BOUND_BELOW_RELAXATION)


@pytest.mark.slow
def test_the_linear_bound_of_a_generated_problem():
    problem = generate(SIZE, seed=1)
    answer = solve_program(build_program(problem), relax=True)
    found = price(problem)
    assert answer.bound * (1 - BOUND_BELOW_RELAXATION) <= found.bound_usd
    assert found.bound_usd <= answer.objective * (1 + BOUND_BELOW_RELAXATION)
    assert found.placed.shape == (60, 6)


def test_the_same_evaluations_give_the_same_prices():
    problem = generate(SIZE, seed=2)
    one, other = price(problem, iterations=80), price(problem, iterations=80)
    assert one.bound_usd == other.bound_usd
    np.testing.assert_array_equal(one.multipliers.firm, other.multipliers.firm)


def test_a_start_is_never_lost_and_more_evaluations_help():
    problem = generate(SIZE, seed=3)
    first = price(problem, iterations=60)
    again = price(problem, iterations=60, start=first)
    assert first.bound_usd < again.bound_usd
    assert again.bound_usd <= price(problem, iterations=1, start=again).bound_usd


@pytest.mark.slow
def test_holding_contracts_or_refusing_them_bounds_each_branch():
    """The better branch is not above the whole problem's bound by more than what both leave."""
    problem = generate(SIZE, seed=5)
    prepared = prepare(problem)
    contracts = len(problem.supply.contracts)
    root = price_prepared(prepared)
    chosen = np.arange(contracts) == int(np.argmin(np.abs(root.contract_usd)))
    held = price_prepared(with_lots(prepared, chosen, np.ones(contracts)), iterations=100, start=root)
    refused = price_prepared(with_lots(prepared, np.zeros(contracts), ~chosen), iterations=100, start=root)
    assert min(held.bound_usd, refused.bound_usd) >= root.bound_usd


def test_rates_and_temperatures_fall_and_end_lower_the_more_steps_there_are():
    short, long = (schedule(steps, 0.3, 0.02).reshape(-1, 2) for steps in (60, 600))
    assert short.shape == (100, 2)  # whole blocks
    for pace in (short, long):
        assert (np.diff(pace, axis=0) < 0).all()
    assert (long[-1] < short[-1]).all()


def test_shares_are_about_the_linear_optimum():
    problem = generate(SIZE, seed=1)
    shares = price(problem, iterations=1200).shares
    assert shares is not None
    whole = np.zeros((60, 6))
    np.add.at(whole, problem.needs.pair_load, shares.pair)
    np.testing.assert_allclose(whole, 1.0, atol=0.05)
    assert ((shares.staying >= 0) & (shares.staying <= problem.supply.most_lots + 1e-6)).all()
    assert shares.leaving.sum() == 0.0  # no contract can be left
