"""Ascent: multipliers whose dual value is near its maximum, and the shares of decisions that go with them.

The dual is smoothed at a temperature that falls from step to step, and climbed by Adam with Nesterov's momentum (optax) in the box of
multipliers, at a rate that falls with it. Prices of pools of every size, and of blocks that matter little or much, then move at a pace of
their own: with quasi-Newton steps in their place the bound of a case with few, unlike loads stood still far too low (docs/decisions/0011).
Momentum remembers a share of the steps that there are to be, so that short climbs turn quickly and long ones do not swing. A mean of the
last points often proves more than the last one. The same problem and number of steps give the same multipliers on the same kind of device.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from optimizer.compiling import QUICK, SOON
from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, on_host, prepare, singles
from optimizer.pricing.bound import certify
from optimizer.pricing.carried import fitted
from optimizer.pricing.coordinates import Coordinates, centred, coordinates, first_point, held_inside, multipliers_at, point_of
from optimizer.pricing.dual import dual_value
from optimizer.pricing.inputs import Inputs, added, inputs_of, with_inputs
from optimizer.pricing.multipliers import Multipliers, project
from optimizer.pricing.prices import Prices, Shares
from optimizer.pricing.supply import BARRED
from optimizer.pricing.weighing import weighed, within_envelope

ITERATIONS = 600  # steps, each with one evaluation of the smooth dual and its gradient
BLOCK = 50  # steps in one call of the device; shares of decisions are means over the last one
FIRST_RATE = 0.5  # of list prices, in one step
WARM_RATE = 0.03  # where multipliers to start from are given
FIRST_TEMPERATURE = 0.002  # relative to `Scales`
WARM_TEMPERATURE = 0.002
LAST_RATE = 0.6  # divided by the number of steps
LAST_TEMPERATURE = 0.03  # divided by the number of steps
COLDEST = 1e-5
REMEMBERED = 0.1  # of a climb's steps: how far back momentum reaches
SHORTEST, LONGEST = 10.0, 50.0  # steps that it reaches back
SQUARES = 0.97  # of Adam's second moments
AVERAGED = 0.05  # weight of the newest point in their mean


def price(problem: PlanningProblem, *, iterations: int = ITERATIONS, start: Prices | None = None) -> Prices:
    """Multipliers for a problem, with the bound that they prove.

    Args:
      iterations: evaluations of the dual and its gradient, rounded up to whole blocks.
      start: prices of a similar problem (see `carried`) to start from; the bound is never below what they prove here.
    """
    return price_prepared(prepare(problem), iterations=iterations, start=start)


def price_prepared(
    prepared: Prepared, *, iterations: int = ITERATIONS, start: Prices | None = None, rate: float | None = None
) -> Prices:
    """`price` for arrays that are on the device already.

    Args:
      rate: of the first step, in list prices; None: what suits the start.
    """
    arrays = prepared.single
    box, first = _set_out(arrays)
    if start is None:
        return _climbed(prepared, box, first, schedule(iterations, rate or FIRST_RATE, FIRST_TEMPERATURE))
    given = fitted(start.in_units(prepared.unit), prepared.single)
    warm = _resume(arrays, box, singles(given))
    found = _climbed(prepared, box, warm, schedule(iterations, rate or WARM_RATE, WARM_TEMPERATURE))
    known = replace(certify(prepared, given), evaluations=found.evaluations, shares=found.shares, slopes=found.slopes)
    return max(found, known, key=lambda prices: prices.bound_usd)


def schedule(iterations: int, rate: float, temperature: float) -> np.ndarray:
    """Rate and temperature of each step, both falling geometrically, [blocks, BLOCK, 2]."""
    steps = BLOCK * max(1, -(-iterations // BLOCK))
    ends = np.minimum([rate, temperature], np.maximum([LAST_RATE / steps, LAST_TEMPERATURE / steps], [0.0, COLDEST]))
    way = np.linspace(0.0, 1.0, steps)[:, None]
    pace = np.array([rate, temperature]) ** (1.0 - way) * ends**way
    return pace.astype(np.float32).reshape(-1, BLOCK, 2)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class _Climber:
    """Where a climb is."""

    point: Array  # [n]
    adam: optax.OptState
    average: Array  # [n] of the last points


def _adam(memory: float | Array) -> optax.GradientTransformation:
    return optax.scale_by_adam(b1=memory, b2=SQUARES, nesterov=True)


def _climbed(prepared: Prepared, box: Coordinates, point: Array, pace: np.ndarray) -> Prices:
    arrays = prepared.single
    steps = pace.shape[0] * pace.shape[1]
    memory = 1.0 - 1.0 / float(np.clip(REMEMBERED * steps, SHORTEST, LONGEST))
    now = _Climber(point=point, adam=_adam(memory).init(point), average=point)
    for block in pace:
        now, slopes = _block(arrays, box, now, block, jnp.float32(memory))
    found = max((certify(prepared, _found(arrays, box, end)) for end in (now.point, now.average)), key=lambda prices: prices.bound_usd)
    mean = jax.tree.map(lambda leaf: leaf.astype(np.float64), on_host(slopes))
    return replace(found, evaluations=steps, shares=_shares(prepared, mean), slopes=mean)


@partial(jax.jit, compiler_options=QUICK)
def _set_out(arrays: Arrays) -> tuple[Coordinates, Array]:
    box = coordinates(arrays)
    return box, first_point(arrays, box)


@partial(jax.jit, compiler_options=QUICK)
def _resume(arrays: Arrays, box: Coordinates, multipliers: Multipliers) -> Array:
    given = within_envelope(arrays, multipliers)
    return point_of(arrays, box, project(weighed(arrays, given), given))


@partial(jax.jit, compiler_options=SOON)
def _block(arrays: Arrays, box: Coordinates, now: _Climber, pace: Array, memory: Array) -> tuple[_Climber, Inputs]:
    """Steps uphill, and the mean slopes of the smooth dual in the inputs on the way: of costs, how much of each decision is taken."""
    adam = _adam(memory)
    unchanged = jax.tree.map(jnp.zeros_like, inputs_of(arrays))

    def smooth(point: Array, change: Inputs, temperature: Array) -> Array:
        multipliers = multipliers_at(arrays, box, point)
        weighted = weighed(arrays, multipliers)
        inputs = jax.tree.map(jnp.add, inputs_of(weighted), change)
        return dual_value(with_inputs(weighted, inputs), added(multipliers, inputs), (box.scales, temperature))

    def step(state: tuple[_Climber, Inputs], how: Array) -> tuple[tuple[_Climber, Inputs], None]:
        at, total = state
        slope, slopes = jax.grad(smooth, (0, 1))(at.point, unchanged, how[1])
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to the whole number of steps
            direction, moments = adam.update(centred(arrays, box, at.point, slope), at.adam)
        point = held_inside(arrays, box, at.point + how[0] * direction)
        average = at.average + AVERAGED * (point - at.average)
        return (_Climber(point=point, adam=moments, average=average), jax.tree.map(jnp.add, total, slopes)), None

    (now, total), _ = jax.lax.scan(step, (now, unchanged), pace)
    return now, jax.tree.map(lambda leaf: leaf / pace.shape[0], total)


@partial(jax.jit, compiler_options=QUICK)
def _found(arrays: Arrays, box: Coordinates, point: Array) -> Multipliers:
    found: Multipliers = multipliers_at(arrays, box, point)
    return found


def _shares(prepared: Prepared, taken: Inputs) -> Shares:
    contracts = prepared.double.supply.contracts
    paid = np.asarray(prepared.double.weight).sum(axis=1)
    leavable = np.asarray(contracts.exit_fee)[:, :, 0] < BARRED
    leaving = np.where(leavable, taken.exit_fee.sum(axis=2) / paid, 0.0)
    return Shares(
        pair=np.clip(taken.pairs[:, prepared.pair_slot, prepared.pair_load].T, 0.0, 1.0),
        option=np.clip(taken.options[prepared.option_run, prepared.option_place], 0.0, 1.0),
        leaving=np.maximum(leaving, 0.0),
        staying=np.maximum(np.asarray(taken.terminal), 0.0),
    )
