"""Ascent: multipliers whose dual value is near its maximum.

The dual is smoothed at a temperature that falls from stage to stage, and climbed by limited-memory BFGS within the box of multipliers. In
the end the smooth dual is the dual itself to less than one part in ten thousand. What was learnt of its curvature is kept from one
temperature to the next. The same problem and number of evaluations give the same multipliers on the same kind of device; a limit in
seconds does not.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, prepare
from optimizer.pricing.bound import certify
from optimizer.pricing.coordinates import Coordinates, coordinates, first_point, multipliers_at, point_of
from optimizer.pricing.dual import dual_value
from optimizer.pricing.multipliers import Multipliers, project
from optimizer.pricing.prices import Prices
from optimizer.pricing.quasi_newton import Climb, advance, begin, judge, uphill

ITERATIONS = 300  # evaluations of the smooth dual and its gradient
FIRST_TEMPERATURE = 0.1  # relative to `Scales`
WARM_TEMPERATURE = 0.005  # where multipliers to start from are given
LAST_TEMPERATURE = 5e-5
COOLING = 2.0  # from one stage to the next
FIRST_STAGE = 10  # evaluations
LONGER_STAGE = 3  # evaluations, for each stage before
RECENT = 10  # steps
WORTHWHILE = 0.3  # rise over recent steps, relative to temperature and value
HALVINGS = 12


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
    box, first = _set_out(arrays)
    if start is None:
        found = certify(prepared, _climb(arrays, box, first, FIRST_TEMPERATURE, budget))
        return replace(found, evaluations=budget.used)
    given = start.in_units(prepared.unit)
    warm = _resume(arrays, box, jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), given))
    found = certify(prepared, _climb(arrays, box, warm, WARM_TEMPERATURE, budget))
    return replace(max(found, certify(prepared, given), key=lambda prices: prices.bound_usd), evaluations=budget.used)


@jax.jit
def _set_out(arrays: Arrays) -> tuple[Coordinates, Array]:
    box = coordinates(arrays)
    return box, first_point(arrays, box)


@jax.jit
def _resume(arrays: Arrays, box: Coordinates, multipliers: Multipliers) -> Array:
    return point_of(arrays, box, project(arrays, multipliers))


@jax.jit
def _attempt(
    arrays: Arrays, box: Coordinates, temperature: Array, climb: Climb, direction: Array, length: Array, anew: Array
) -> tuple[Climb, Array, Array]:
    """Tries a step; returns where the ascent then is, its next direction, and whether the step was taken.

    Args:
      anew: True takes the point whatever its value, as the function is not the one that the climb knows.
    """
    upper = ravel_pytree(box.upper)[0]

    def smooth(point: Array) -> Array:
        return dual_value(arrays, multipliers_at(arrays, box, point), (box.scales, temperature))

    point = jnp.clip(climb.point + length * direction, 0.0, upper)
    value, slope = jax.value_and_grad(smooth)(point)
    taken = anew | judge(climb, point, value, slope)
    stepped = advance(climb, point, value, slope, known=~anew)
    following: Climb = jax.tree.map(lambda new, old: jnp.where(taken, new, old), stepped, climb)
    free = jnp.where(following.slope > 0, following.point < upper, following.point > 0)
    return following, uphill(following, free), taken


@jax.jit
def _found(arrays: Arrays, box: Coordinates, point: Array) -> Multipliers:
    found: Multipliers = multipliers_at(arrays, box, point)
    return found


class _Budget:
    """Evaluations and seconds that may be used."""

    def __init__(self, iterations: int, time_limit_s: float | None) -> None:
        self.used = 0
        self._iterations = iterations
        self._ends = None if time_limit_s is None else time.monotonic() + time_limit_s
        self.patience = max(1.0, iterations / ITERATIONS) if time_limit_s is None else 1.0

    def left(self) -> bool:
        return self.used < self._iterations and (self._ends is None or time.monotonic() < self._ends)


def temperatures(first: float) -> list[tuple[float, int]]:
    """Temperature and evaluations of each stage: later ones need more, as the function bends more sharply."""
    count = 1 + max(0, round(math.log(first / LAST_TEMPERATURE) / math.log(COOLING)))
    return [(first * COOLING**-i, FIRST_STAGE + LONGER_STAGE * i) for i in range(count)]


def _climb(arrays: Arrays, box: Coordinates, start: Array, first_temperature: float, budget: _Budget) -> Multipliers:
    """Climbs stage by stage, and in the last one on, until the budget is used or no step rises."""
    climb, direction = begin(start), jnp.zeros_like(start)
    stages = temperatures(first_temperature)
    for warmth, evaluations in stages:
        temperature = np.float32(warmth)
        climb, direction, _ = _attempt(arrays, box, temperature, climb, direction, np.float32(0.0), np.bool_(True))
        budget.used += 1
        ends = math.inf if warmth == stages[-1][0] else budget.used + evaluations * budget.patience
        values, risen = [float(climb.value)], True
        while risen and budget.left() and (budget.used < ends or _still_rising(values, warmth)):
            climb, direction, risen = _step(arrays, box, temperature, climb, direction, budget)
            values.append(float(climb.value))
        if not budget.left():
            break
    found: Multipliers = _found(arrays, box, climb.point)
    return found


def _still_rising(values: list[float], temperature: float) -> bool:
    """Whether the last steps have brought more than what a lower temperature could."""
    return values[-1] - values[-1 - min(RECENT, len(values) - 1)] > WORTHWHILE * temperature * abs(values[-1])


def _step(
    arrays: Arrays, box: Coordinates, temperature: np.float32, climb: Climb, direction: Array, budget: _Budget
) -> tuple[Climb, Array, bool]:
    """One step, halved until it rises."""
    for halving in range(HALVINGS):
        following, way, taken = _attempt(arrays, box, temperature, climb, direction, np.float32(0.5**halving), np.bool_(False))
        budget.used += 1
        if bool(taken):
            return following, way, True
    return climb, direction, False
