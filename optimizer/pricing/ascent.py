"""Ascent: multipliers whose dual value is near its maximum.

The dual is smoothed at a temperature that falls as the budget of evaluations is used, and climbed by limited-memory BFGS within the box of multipliers.
Near the end the smooth dual is the dual itself to a few parts in ten thousand, and what was learnt of its curvature is kept from one temperature to the next.
The same problem and number of evaluations give the same multipliers on the same kind of device; a limit in seconds does not.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, prepare
from optimizer.pricing.bound import certify
from optimizer.pricing.dual import SMALLEST, Scales, dual_value, reference_scales
from optimizer.pricing.multipliers import Multipliers, project
from optimizer.pricing.prices import Prices
from optimizer.pricing.quasi_newton import Climb, advance, begin, judge, uphill

ITERATIONS = 300  # evaluations of the smooth dual and its gradient
FIRST_TEMPERATURE = 0.1  # relative to `Scales`
WARM_TEMPERATURE = 0.005  # where multipliers to start from are given
LAST_TEMPERATURE = 5e-5
COOLING = 2.0  # from one stage to the next; later stages are longer
START_PRICE = 0.7  # of the list price
START_EXCESS = 0.3  # of the weight of settlements
PROBE = 1e-3  # how far a multiplier is pushed to see whether the box stops it
HALVINGS = 12


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What one stage of the ascent works with."""

    scales: Scales
    units: Multipliers  # of each multiplier in the vector that is climbed
    temperature: Array | np.float32  # []


def price(
    problem: PlanningProblem, *, iterations: int = ITERATIONS, time_limit_s: float | None = None, start: Prices | None = None
) -> Prices:
    """Multipliers for a problem, with the bound that they prove.

    Args:
      iterations: evaluations of the dual and its gradient.
      time_limit_s: seconds after which it stops, whatever the iterations; compiling counts.
      start: prices of a similar problem (the same axes) to start from; the bound is never below theirs.
    """
    return price_prepared(prepare(problem), iterations=iterations, time_limit_s=time_limit_s, start=start)


def price_prepared(
    prepared: Prepared, *, iterations: int = ITERATIONS, time_limit_s: float | None = None, start: Prices | None = None
) -> Prices:
    """`price` for arrays that are on the device already."""
    arrays, budget = prepared.single, _Budget(iterations, time_limit_s)
    scales, units, first = _set_out(arrays)
    setting = Setting(scales=scales, units=units, temperature=np.float32(FIRST_TEMPERATURE))
    if start is None:
        found = certify(prepared, _host(_climb(arrays, setting, first, FIRST_TEMPERATURE, budget)))
        return replace(found, evaluations=budget.used)
    given = start.in_units(arrays.unit)
    warm = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), given)
    found = certify(prepared, _host(_climb(arrays, setting, warm, WARM_TEMPERATURE, budget)))
    return replace(max(found, certify(prepared, given), key=lambda prices: prices.bound_usd), evaluations=budget.used)


def _host(multipliers: Multipliers) -> Multipliers:
    host: Multipliers = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), multipliers)
    return host


@jax.jit
def _set_out(arrays: Arrays) -> tuple[Scales, Multipliers, Multipliers]:
    """Scales, the unit of each multiplier, and where the ascent starts: somewhat below list prices, with no price on any rule."""
    scales = reference_scales(arrays)
    supply, dtype = arrays.supply, arrays.weight.dtype
    contracts, intervals = supply.contracts.settled.shape
    periods, scenarios = arrays.weight.shape
    load, hourly = jnp.mean(scales.load), jnp.mean(scales.firm) / jnp.mean(arrays.hours)
    traffic = jnp.mean(arrays.loads.traffic) if arrays.loads.traffic.size else jnp.ones((), dtype)

    def filled(value: Array, *shape: int) -> Array:
        return jnp.broadcast_to(value, shape)

    one = jnp.ones((), dtype)
    units = Multipliers(
        firm=scales.firm,
        spot=scales.firm[supply.spot_pool],
        excess=filled(one, contracts, intervals, scenarios),
        short=filled(one, contracts, intervals, scenarios),
        budget=filled(jnp.mean(arrays.weight), supply.rules.budget.shape[0], scenarios),
        share=filled(hourly, supply.rules.share.shape[0], scenarios),
        wallet=filled(hourly, contracts, periods, scenarios),
        bandwidth=filled(load / (traffic + SMALLEST), supply.rules.bandwidth.shape[0], periods),
        moves=filled(load, periods),
    )
    nothing = jax.tree.map(jnp.zeros_like, units)
    first = replace(nothing, firm=START_PRICE * units.firm, spot=START_PRICE * units.spot, excess=START_EXCESS * units.excess)
    return scales, units, first


def _flat(multipliers: Multipliers, units: Multipliers) -> Array:
    """One vector, each multiplier in its unit, [n]."""
    return ravel_pytree(jax.tree.map(jnp.divide, multipliers, units))[0]


def _shaped(point: Array, units: Multipliers) -> Multipliers:
    flat, shape = ravel_pytree(units)
    multipliers: Multipliers = shape(point * flat)
    return multipliers


@jax.jit
def _attempt(
    arrays: Arrays, setting: Setting, climb: Climb, direction: Array, length: Array, anew: Array
) -> tuple[Climb, Array, Array]:
    """Tries a step; returns where the ascent then is, its next direction, and whether the step was taken.

    Args:
      anew: True takes the point whatever its value, as the function is not the one that the climb knows.
    """
    units = setting.units

    def inside(point: Array) -> Array:
        return _flat(project(arrays, _shaped(point, units)), units)

    def smooth(point: Array) -> Array:
        return dual_value(arrays, _shaped(point, units), (setting.scales, setting.temperature))

    point = inside(climb.point + length * direction)
    value, slope = jax.value_and_grad(smooth)(point)
    taken = anew | judge(climb, point, value, slope)
    stepped = advance(climb, point, value, slope, known=~anew)
    following: Climb = jax.tree.map(lambda new, old: jnp.where(taken, new, old), stepped, climb)
    pushed = inside(following.point + PROBE * jnp.sign(following.slope)) - following.point
    return following, uphill(following, jnp.abs(pushed) > 0.25 * PROBE), taken


class _Budget:
    """Evaluations and seconds, as one share of what may be used. Seconds count from the first evaluation, which compiles."""

    def __init__(self, iterations: int, time_limit_s: float | None) -> None:
        self.used = 0
        self._iterations = iterations
        self._began = time.monotonic()
        self._ends = None if time_limit_s is None else self._began + time_limit_s

    def count(self) -> None:
        self.used += 1
        if self.used == 1:
            self._began = time.monotonic()

    def share(self) -> float:
        """1 and more: nothing is left."""
        evaluations = self.used / self._iterations
        if self._ends is None:
            return evaluations
        left = self._ends - self._began
        return max(evaluations, (time.monotonic() - self._began) / left) if left > 0 else 1.0


def temperatures(first: float) -> list[tuple[float, float]]:
    """(share of the budget at which it ends, temperature) of each stage."""
    count = 1 + max(0, round(math.log(first / LAST_TEMPERATURE) / math.log(COOLING)))
    lengths = np.arange(count) + 2.0
    ends = np.cumsum(lengths) / lengths.sum()
    return [(float(end), first * COOLING**-i) for i, end in enumerate(ends)]


def _climb(arrays: Arrays, setting: Setting, start: Multipliers, first_temperature: float, budget: _Budget) -> Multipliers:
    """Climbs stage by stage until the budget is used or no step rises."""
    climb = begin(_flat(start, setting.units))
    direction = jnp.zeros_like(climb.point)
    for end, temperature in temperatures(first_temperature):
        stage = replace(setting, temperature=np.float32(temperature))
        climb, direction, _ = _attempt(arrays, stage, climb, direction, np.float32(0.0), np.bool_(True))
        budget.count()
        risen = True
        while risen and budget.share() < end:
            climb, direction, risen = _step(arrays, stage, climb, direction, budget)
    return _shaped(climb.point, setting.units)


def _step(arrays: Arrays, stage: Setting, climb: Climb, direction: Array, budget: _Budget) -> tuple[Climb, Array, bool]:
    """One step, halved until it rises."""
    for halving in range(HALVINGS):
        following, way, taken = _attempt(arrays, stage, climb, direction, np.float32(0.5**halving), np.bool_(False))
        budget.count()
        if bool(taken):
            return following, way, True
    return climb, direction, False
