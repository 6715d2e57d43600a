"""The best training option of each run: prices of a gang summed over the periods held, by prefix sums."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.work import RunArrays


def option_costs(runs: RunArrays, stacked: Array, cash: Array, discount: Array) -> Array:
    """option_usd + gang x sum of prices over periods start <= t < stop, [G].

    Args:
      stacked: [2 P, T, X] prices.
      cash: [U or 1, T, S] weight of cash; what exceeds `discount` is what budgets add to the data egress.
      discount: [T].
    """
    by_period = jnp.sum(stacked, axis=2)
    until = jnp.concatenate([jnp.zeros_like(by_period[:, :1]), jnp.cumsum(by_period, axis=1)], axis=1)
    held = until[runs.price, runs.stop] - until[runs.price, runs.start]
    added = jnp.sum(cash, axis=2).at[runs.data_supplier, runs.start].get(mode="clip") - discount[runs.start]
    return runs.cost + runs.gang * held + runs.egress * added


def run_costs(runs: RunArrays, options: Array, temperature: Array | None) -> Array:
    """Cost of the best option of each run or of not running it, [R]; smooth where there is a temperature [R]."""
    count = runs.not_run.shape[0]
    lowest = jnp.minimum(jax.ops.segment_min(options, runs.run, count), runs.not_run)
    if temperature is None:
        return lowest
    base = jax.lax.stop_gradient(lowest)
    total = jax.ops.segment_sum(jnp.exp((base[runs.run] - options) / temperature[runs.run]), runs.run, count)
    return base - temperature * jnp.log(total + jnp.exp((base - runs.not_run) / temperature))


def best_options(runs: RunArrays, options: Array) -> Array:
    """Option that each run takes, [R]; -1 where it is not run. Ties run, and take the first option."""
    count = runs.not_run.shape[0]
    lowest = jax.ops.segment_min(options, runs.run, count)
    number = jnp.arange(options.shape[0], dtype=jnp.int32)
    first = jax.ops.segment_min(jnp.where(options == lowest[runs.run], number, options.shape[0]), runs.run, count)
    return jnp.where(lowest <= runs.not_run, first, -1)
