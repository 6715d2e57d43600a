"""What scenarios weigh where CVaR is part of the objective: weights of its envelope (`domain.risk`) are multipliers like any other.

    w = (1 - omega) pi + omega q,   0 <= q <= pi / (1 - alpha),   sum q = 1

The dual value at any of them is below the objective of every plan, and climbs in them as in prices: its slope is what each scenario costs.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays
from optimizer.pricing.multipliers import Multipliers
from optimizer.pricing.prices import Prices
from optimizer.pricing.supply import BARRED
from optimizer.pricing.work import RiskArrays

HALVINGS = 64


def weighed(arrays: Arrays, multipliers: Multipliers) -> Arrays:
    """The arrays with scenarios weighed as the multipliers say; those of a problem without risk, or weighed before, as they are."""
    risk = arrays.risk
    if risk is None:
        return arrays
    weight, loads = multipliers.scenario, arrays.loads
    return replace(
        arrays,
        weight=arrays.discount[:, None] * weight[None],
        loads=replace(
            loads,
            cost=jnp.where(loads.cost < BARRED, risk.egress @ weight, loads.cost),
            unplaced=jnp.where(loads.unplaced < BARRED, risk.unplaced @ weight, loads.unplaced),
            missed=risk.missed[:, :, None] * weight[None, None],
        ),
        risk=None,
    )


def within_envelope(arrays: Arrays, multipliers: Multipliers) -> Multipliers:
    """The multipliers with the weights of the envelope that are nearest to their own; where these are all 0, with the probabilities."""
    risk = arrays.risk
    if risk is None:
        return multipliers
    wished = jnp.where(jnp.sum(multipliers.scenario) > 0, multipliers.scenario, risk.probability)
    return replace(multipliers, scenario=nearest(risk, wished))


def nearest(risk: RiskArrays, wished: Array) -> Array:
    """Weights between their limits that sum to 1, nearest to those wished for, [S]."""

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        short = jnp.sum(jnp.clip(wished + middle, risk.low, risk.high)) < 1.0
        return jnp.where(short, middle, ends[0]), jnp.where(short, ends[1], middle)

    ends = jnp.min(risk.low - wished), jnp.max(risk.high - wished)
    below, _ = jax.lax.fori_loop(0, HALVINGS, halve, ends)
    return jnp.clip(wished + below, risk.low, risk.high)


def at_prices(problem: PlanningProblem, prices: Prices) -> PlanningProblem:
    """The problem with what scenarios weigh at the prices as their probabilities."""
    weight = np.asarray(prices.multipliers.scenario)
    return replace(problem, probability=weight) if len(weight) else problem
