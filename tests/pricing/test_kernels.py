"""Contractions, flexible work and training options against loops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from optimizer.pricing.contraction import flexible_cost, rigid_cost, to_slots
from optimizer.pricing.multipliers import stacked_prices
from optimizer.pricing.starts import best_options, option_costs, run_costs
from tests.pricing.points import dual_point, prepared_with
from tests.tolerances import PRICING_KERNEL


@pytest.mark.parametrize("blocks", [3, 40])
def test_need_times_price(blocks):
    rng = np.random.default_rng(0)
    need, price = rng.integers(0, 50_000, (2, 3, blocks, 32)).astype(np.uint16), rng.uniform(0, 1, (2, 3, blocks))
    found, wanted = jax.value_and_grad(lambda price: jnp.sum(rigid_cost(jnp.asarray(need), price)))(jnp.asarray(price))
    assert float(found) == pytest.approx((need * price[..., None]).sum(), rel=PRICING_KERNEL)
    np.testing.assert_allclose(wanted, need.astype(np.float64).sum(axis=3), rtol=PRICING_KERNEL)


def cheapest_work(price, hours, work, limit, missed):
    """Blocks in order of price, each filled up to the limit, while that is cheaper than missing the work."""
    total = 0.0
    for b in np.argsort(price / hours):
        if price[b] / hours[b] < missed:
            done = min(work, limit * hours[b])
            total, work = total + done * price[b] / hours[b], work - done
    return total + work * missed


def test_flexible_work_fills_the_cheapest_blocks():
    rng = np.random.default_rng(1)
    price, hours = rng.uniform(0, 9, (20, 2, 4, 3)), rng.uniform(100, 300, (2, 4))
    work, limit, missed = rng.uniform(0, 4000, (20, 2, 3)), rng.uniform(0, 6, (20, 2, 3)), rng.uniform(0, 0.06, (20, 2, 3))
    found = flexible_cost(*(jnp.asarray(values) for values in (price, hours, work, limit, missed)))
    for n, t in np.ndindex(20, 2):
        least = sum(cheapest_work(price[n, t, :, s], hours[t], work[n, t, s], limit[n, t, s], missed[n, t, s]) for s in range(3))
        assert float(found[n, t]) == pytest.approx(least, rel=PRICING_KERNEL)


def test_slopes_of_flexible_work_are_what_is_drawn_and_what_is_missed():
    rng = np.random.default_rng(2)
    price, hours = rng.uniform(0, 9, (20, 2, 4, 3)), rng.uniform(100, 300, (2, 4))
    work, limit, missed = rng.uniform(0, 4000, (20, 2, 3)), rng.uniform(0, 6, (20, 2, 3)), rng.uniform(0, 0.06, (20, 2, 3))
    weight = rng.uniform(0, 1, (20, 2))

    def cost(price, missed):
        return jnp.sum(weight * flexible_cost(price, *(jnp.asarray(values) for values in (hours, work, limit)), missed))

    check_grads(cost, (jnp.asarray(price), jnp.asarray(missed)), order=1, modes=["rev"], eps=1e-6)


def test_slots_are_look_ups_both_ways():
    slot, slot_of = np.array([2, 0, 4, 1]), np.array([1, 3, 0, 4])  # four slots, four positions; slot 2 is empty, position 3 filling
    flat = jnp.asarray([[1.0, 2.0, 3.0, 4.0]])
    weight = jnp.asarray([[1.0, 10.0, 100.0, 1000.0]])
    found, slope = jax.value_and_grad(lambda flat: jnp.sum(to_slots(flat, slot, slot_of) * weight))(flat)
    assert float(found) == 3.0 + 10.0 + 2000.0
    assert slope.tolist() == [[10.0, 1000.0, 1.0, 0.0]]


def test_the_best_training_option_of_each_run():
    problem, arrays, multipliers = dual_point("training", 0)
    unit = prepared_with("training", 0).unit
    needs, stacked = problem.needs, np.asarray(stacked_prices(arrays, multipliers))
    cash = jnp.asarray(arrays.weight)[None]
    found = option_costs(arrays.runs, jnp.asarray(stacked), cash, arrays.discount)
    best, chosen = run_costs(arrays.runs, found, None), best_options(arrays.runs, found)
    for r in range(len(needs.runs)):
        costs = {found.shape[1]: problem.run_unplaced_usd[r] / unit}
        for place, g in enumerate(np.flatnonzero(needs.option_run == r)):
            held = stacked[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]].sum()
            costs[place] = problem.option_usd[g] / unit + needs.option_gang[g] * held
        assert float(best[r]) == pytest.approx(min(costs.values()), rel=PRICING_KERNEL)
        assert costs[int(chosen[r])] == pytest.approx(min(costs.values()), rel=PRICING_KERNEL)


def test_smooth_run_costs_lie_below():
    _, arrays, multipliers = dual_point("training", 1)
    found = option_costs(arrays.runs, stacked_prices(arrays, multipliers), jnp.asarray(arrays.weight)[None], arrays.discount)
    exact = run_costs(arrays.runs, found, None)
    smooth = run_costs(arrays.runs, found, jnp.full(exact.shape, 0.5))
    assert bool(jnp.all(smooth <= exact))
    assert bool(jnp.all(exact - smooth <= 0.5 * np.log(found.shape[1] + 1)))
