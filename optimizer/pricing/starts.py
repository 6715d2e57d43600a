"""The best training option of each run: prices of a gang summed over the periods held, by prefix sums."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.supply import BARRED
from optimizer.pricing.work import RunArrays


def option_costs(runs: RunArrays, stacked: Array, cash: Array, discount: Array) -> Array:
    """option_usd + gang x sum of prices over periods start <= t < stop, [R, M].

    Args:
      stacked: [2 P, T, X] prices.
      cash: [U or 1, T, S] weight of cash; what exceeds `discount` is what budgets add to the data egress.
      discount: [T].
    """
    by_period, periods = jnp.sum(stacked, axis=2), stacked.shape[1]
    earlier = jnp.triu(jnp.ones((periods, periods + 1), stacked.dtype), 1)  # a product with it is one kernel, running sums are many
    until = jnp.matmul(by_period, earlier, precision="highest")

    def before(period: Array) -> Array:
        """A look-up in one row is faster than one in two axes, and so is its way back."""
        return until.reshape(-1).at[runs.price * until.shape[1] + period].get(mode="promise_in_bounds")

    cost = runs.cost + runs.gang * (before(runs.stop) - before(runs.start))
    if runs.egress.shape[1] == 0:
        return cost
    added = jnp.sum(cash, axis=2).at[runs.data_supplier, runs.start].get(mode="clip") - discount[runs.start]
    return cost + runs.egress * added


def run_costs(runs: RunArrays, options: Array, temperature: Array | None) -> Array:
    """Cost of the best option of each run or of not running it, [R]; smooth where there is a temperature [R]."""
    lowest = jnp.minimum(jnp.min(options, axis=1), runs.not_run)
    if temperature is None:
        return lowest
    base, colder = jax.lax.stop_gradient(lowest), 1.0 / temperature
    total = jnp.sum(jnp.exp((base[:, None] - options) * colder[:, None]), axis=1)
    return base - temperature * jnp.log(total + jnp.exp((base - runs.not_run) * colder))


def best_options(runs: RunArrays, options: Array) -> Array:
    """Place of the option that each run takes, [R]; M where it is not run. Ties run, and take the first option."""
    lowest = jnp.min(options, axis=1)
    takes = (lowest <= runs.not_run) & (lowest < BARRED)
    return jnp.where(takes, jnp.argmin(options, axis=1).astype(jnp.int32), options.shape[1])
