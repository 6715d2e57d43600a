"""The dual value: its slope, its precision, batches; and the bound, which no plan beats whatever the prices."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.pricing.arrays import prepare
from optimizer.pricing.ascent import price
from optimizer.pricing.bound import bound, certify, pair_costs_at
from optimizer.pricing.dual import dual_value
from optimizer.pricing.multipliers import project
from tests.pricing.cases import CHANGES, optimum, problem_with
from tests.pricing.points import dual_point, exact_value, prepared_with, random_multipliers, smooth_value
from tests.samples import one_in
from tests.tolerances import PRICING_KERNEL, SINGLE_AGAINST_DOUBLE, SLOPE_AGAINST_DIFFERENCES, SLOPE_STEP, SOLVED_GAP

smooth_slope = jax.jit(jax.grad(smooth_value, argnums=1))

CURVED = ["take or pay", "minimum spend", "exits", "budget", "supplier share", "spot", "flexible work", "training"]


@pytest.mark.parametrize("change", one_in(8, CURVED))
def test_the_slope_of_the_smooth_dual(change):
    _, arrays, multipliers = dual_point(change, 0)
    warmth = jnp.asarray(0.2)
    slope = smooth_slope(arrays, multipliers, warmth)
    for name in ("firm", "spot", "excess", "short", "budget", "share"):
        leaf, found = getattr(multipliers, name), np.asarray(getattr(slope, name))
        if leaf.size == 0:
            continue
        step = SLOPE_STEP * float(jnp.mean(leaf) + 1e-3)
        for index in list(np.ndindex(leaf.shape))[:: max(1, leaf.size // 5)]:
            near = (replace(multipliers, **{name: leaf.at[index].add(way * step)}) for way in (1, -1))
            up, down = (float(smooth_value(arrays, at, warmth)) for at in near)
            allowed = SLOPE_AGAINST_DIFFERENCES * np.abs(found).max()
            assert found[index] == pytest.approx((up - down) / (2 * step), abs=allowed), (name, index)


@pytest.mark.parametrize("change", one_in(9, CHANGES))
def test_single_precision_is_near_double(change):
    _, arrays, multipliers = dual_point(change, 0)
    double = float(exact_value(arrays, multipliers))
    single = exact_value(prepared_with(change, 0).single, jax.tree.map(lambda leaf: leaf.astype(jnp.float32), multipliers))
    assert single.dtype == jnp.float32
    assert float(single) == pytest.approx(double, rel=SINGLE_AGAINST_DOUBLE)


def test_a_batch_of_multipliers_is_each_on_its_own():
    arrays = prepared_with("take or pay", 0).double
    several = [random_multipliers(arrays, seed) for seed in range(3)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    together = jax.jit(jax.vmap(dual_value, in_axes=(None, 0)))(arrays, batch)
    np.testing.assert_allclose(together, [exact_value(arrays, at) for at in several], rtol=PRICING_KERNEL)


@pytest.mark.parametrize("change", one_in(9, CHANGES))
def test_smoothing_only_lowers_the_dual(change):
    _, arrays, multipliers = dual_point(change, 0)
    exact = float(exact_value(arrays, multipliers))
    assert float(smooth_value(arrays, multipliers, jnp.asarray(0.2))) < exact


@pytest.mark.parametrize("change", one_in(9, CHANGES))
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 0.3, 1.0, 3.0, 1e4, 1e11]))
@settings(max_examples=15, deadline=None)
def test_no_prices_prove_more_than_the_optimum(change, seed, scale):
    problem = problem_with(change, 0)
    prepared = prepared_with(change, 0)
    found = certify(prepared, random_multipliers(prepared.double, seed, scale))
    assert found.bound_usd <= optimum(change, 0) * (1 + SOLVED_GAP), problem.shape


@pytest.mark.parametrize(("change", "money"), [("take or pay", 1e7), ("exits", 1e-4)])
def test_the_bound_at_good_prices_keeps_below_the_optimum(change, money):
    check_good_prices(change, money)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("money", [1.0, 1e-4, 1e7])
def test_the_bound_at_good_prices_keeps_below_every_optimum(change, money):
    check_good_prices(change, money)


def check_good_prices(change, money):
    """Costs from ten to 1e12 USD: multiplying all money multiplies the optimum."""
    found = price(in_other_money(problem_with(change, 0), money), iterations=60)
    assert found.bound_usd <= money * optimum(change, 0) * (1 + SOLVED_GAP)


def test_the_bound_is_the_one_that_came_with_the_prices():
    problem = problem_with("exits", 0)
    found = price(problem, iterations=40)
    assert bound(problem, found) == found.bound_usd
    assert 0 < found.allowance_usd < 1e-9 * found.bound_usd


def test_prices_of_another_problem_bound_this_one():
    problem = problem_with("take or pay", 0)
    found = price(in_other_money(problem, 64.0), iterations=40)
    assert found.unit == 64.0 * prepare(problem).unit
    assert bound(problem, found) <= optimum("take or pay", 0)


def test_what_cannot_be_placed_has_no_finite_bound():
    problem = problem_with("plain", 0)
    both = replace(problem, pair_forced=np.ones_like(problem.pair_forced), pair_allowed=np.zeros_like(problem.pair_allowed))
    assert price(both, iterations=5).bound_usd == np.inf


def test_a_run_that_is_forced_costs_no_allowance():
    """Not running it is barred by a price without end, which must not enter the rounding allowance."""
    problem = problem_with("training", 0)
    forced = replace(problem, run_forced=np.ones_like(problem.run_forced))
    found = certify(prepare(forced), random_multipliers(prepared_with("training", 0).double, 0, 0.3))
    assert 0 < found.allowance_usd < 1e-6 * abs(found.bound_usd)


def test_a_pair_costs_the_optimum_at_least_its_reduced_cost():
    """Forcing a pair lifts the bound at the same prices by its reduced cost."""
    problem = problem_with("take or pay", 0)
    prepared = prepare(problem)
    found = price(problem, iterations=60)
    above = pair_costs_at(prepared, found).reduced_usd
    placed = found.placed[problem.needs.pair_load] == problem.needs.pair_pool[:, None]
    np.testing.assert_allclose(above[placed], 0.0, atol=PRICING_KERNEL * found.bound_usd)
    for pair, period in [(0, 0), (1, 1), (3, 0)]:
        forced = problem.pair_forced.copy()
        forced[pair, period] = True
        lifted = bound(replace(problem, pair_forced=forced), found)
        assert lifted == pytest.approx(found.bound_usd + above[pair, period], rel=SOLVED_GAP)


def test_projecting_twice_changes_nothing():
    for change in ("budget", "supplier share", "spot", "minimum spend"):
        _, arrays, multipliers = dual_point(change, 0)
        inside = jax.jit(project)
        once = inside(arrays, jax.tree.map(lambda leaf: 5.0 * leaf, multipliers))
        for first, second in zip(jax.tree.leaves(once), jax.tree.leaves(inside(arrays, once)), strict=True):
            np.testing.assert_allclose(second, first, rtol=SOLVED_GAP)


def in_other_money(problem, factor):
    """The same problem with all money multiplied."""
    supply, limits = problem.supply, problem.limits
    names = (
        "price_cash", "minimum_cash", "eligible_spend_cash", "brought_spend_cash", "fixed_fee_cash", "prepaid_cash", "exit_fee_cash",
        "terminal_usd", "offer_price_cash",
    )  # fmt: skip
    clauses = {"burst": ("price_cash",), "true_up": ("price_cash",), "balances": ("opening_cash", "cap_cash")}
    own = (
        "shortage_price", "enter_cash", "leave_cash", "egress_cash", "unplaced_cash", "missed_price", "option_usd", "option_egress_cash",
        "run_unplaced_usd", "other_spend_cash",
    )  # fmt: skip

    def in_money(of, names):
        return {name: factor * getattr(of, name) for name in names}

    changed = {name: replace(getattr(supply, name), **in_money(getattr(supply, name), of)) for name, of in clauses.items()}
    return replace(
        problem,
        supply=replace(supply, **in_money(supply, names), **changed),
        limits=replace(limits, budget_cash=factor * limits.budget_cash),
        **in_money(problem, own),
    )
