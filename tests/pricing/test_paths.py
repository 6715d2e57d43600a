"""Paths against all paths written out."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.pricing import paths
from optimizer.pricing.paths import Moves, best_paths, costs_through, path_costs, smooth_path_costs
from tests.tolerances import PRICING_KERNEL

PERIODS, SLOTS, LOADS = 3, 3, 5


def stages(seed):
    """Costs, prices of moves, moves. Load 0 is new, load 1 comes from nowhere, the others from slot 0."""
    rng = np.random.default_rng(seed)
    at_start = np.full((SLOTS + 1, LOADS), 1e30)
    at_start[SLOTS, :2] = 0.0
    at_start[0, 2:] = 0.0
    moves = Moves(
        enter=jnp.asarray(rng.uniform(0, 3, (SLOTS, LOADS))),
        leave=jnp.asarray(rng.uniform(0, 3, (SLOTS, LOADS))),
        discount=jnp.asarray(rng.uniform(0.8, 1.0, PERIODS)),
        unplaced=jnp.asarray(rng.uniform(3, 9, (PERIODS, LOADS))),
        at_start=jnp.asarray(at_start),
        new=jnp.asarray(np.arange(LOADS) == 0, dtype=jnp.float64),
    )
    return jnp.asarray(rng.uniform(0, 10, (PERIODS, SLOTS, LOADS))), jnp.asarray(rng.uniform(0, 1, PERIODS)), moves


def cost_of(path, load, cost, charge, moves):
    """What one path costs, step by step; SLOTS stands for not placed."""
    before = int(np.argmin(moves.at_start[:, load]))
    total = 0.0
    for t, place in enumerate(path):
        free = t == 0 and moves.new[load] > 0
        if place != before and not free:
            total += moves.discount[t] * moves.leave[before, load] if before < SLOTS else 0.0
            total += moves.discount[t] * moves.enter[place, load] + charge[t] if place < SLOTS else 0.0
        total += cost[t, place, load] if place < SLOTS else moves.unplaced[t, load]
        before = place
    return float(total)


def all_costs(load, stage):
    return {path: cost_of(path, load, *stage) for path in product(range(SLOTS + 1), repeat=PERIODS)}


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_path_is_the_cheapest_of_all(seed):
    cost, charge, moves = stages(seed)
    found, chosen = path_costs(cost, charge, moves), best_paths(cost, charge, moves)
    for load in range(LOADS):
        costs = all_costs(load, (cost, charge, moves))
        assert float(found[load]) == pytest.approx(min(costs.values()), rel=PRICING_KERNEL)
        assert costs[tuple(int(slot) for slot in chosen[:, load])] == pytest.approx(min(costs.values()), rel=PRICING_KERNEL)


def test_costs_through_a_slot_are_those_of_the_cheapest_path_through_it():
    cost, charge, moves = stages(0)
    through = costs_through(cost, charge, moves)
    for load in range(LOADS):
        costs = all_costs(load, (cost, charge, moves))
        for t, slot in product(range(PERIODS), range(SLOTS)):
            least = min(value for path, value in costs.items() if path[t] == slot)
            assert float(through[t, slot, load]) == pytest.approx(least, rel=PRICING_KERNEL)


def test_smooth_costs_lie_below_and_come_near():
    stage = stages(1)
    exact = path_costs(*stage)
    for temperature in (1.0, 0.1, 1e-3):
        smooth = smooth_path_costs(*stage, jnp.full(LOADS, temperature))
        assert bool(jnp.all(smooth <= exact))
        assert bool(jnp.all(exact - smooth <= temperature * 2 * PERIODS * np.log(SLOTS + 1)))


@pytest.mark.slow
def test_the_slope_says_where_loads_are():
    cost, charge, moves = stages(2)
    temperature = jnp.full(LOADS, 0.5)

    def total(cost, charge):
        return jnp.sum(smooth_path_costs(cost, charge, moves, temperature))

    def unrolled(cost, charge):
        return jnp.sum(smooth_path_costs.__wrapped__(cost, charge, moves, temperature))

    for own, automatic in zip(jax.grad(total, (0, 1))(cost, charge), jax.grad(unrolled, (0, 1))(cost, charge), strict=True):
        np.testing.assert_allclose(own, automatic, rtol=PRICING_KERNEL, atol=PRICING_KERNEL)


def test_a_batch_of_prices_is_each_on_its_own():
    cost, charge, moves = stages(3)
    batch = jnp.stack([cost, 2 * cost, cost + 1])
    together = jax.jit(jax.vmap(lambda cost: path_costs(cost, charge, moves)))(batch)
    for i in range(3):
        np.testing.assert_allclose(together[i], path_costs(batch[i], charge, moves), rtol=PRICING_KERNEL)


@pytest.mark.parametrize("part", [1, 2, 3])
def test_loads_taken_in_parts_cost_and_flow_as_all_at_once(monkeypatch, part):
    cost, charge, moves = stages(9)
    weights = jnp.asarray(np.random.default_rng(9).uniform(0.5, 2.0, LOADS))
    temperature = jnp.full(LOADS, 0.3)

    def weighed(cost, charge):
        return jnp.sum(weights * smooth_path_costs(cost, charge, moves, temperature))

    whole = jax.jit(jax.value_and_grad(weighed, (0, 1)))(cost, charge)
    monkeypatch.setattr(paths, "PART", part)
    parted = jax.jit(jax.value_and_grad(lambda *at: weighed(*at), (0, 1)))(cost, charge)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parted), strict=True):
        np.testing.assert_allclose(other, one, rtol=PRICING_KERNEL, atol=PRICING_KERNEL)
