"""Steps uphill in a box: limited-memory BFGS on the coordinates that may move, with a line search that trusts slopes before values.

The dual is concave, so a step along which it still rises at its end has raised it, whatever single precision says of the values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

MEMORY = 20  # pairs of steps and changes of slope that are kept
FIRST_STEP = 0.01  # in the coordinate that moves most, before anything is known of the curvature
LONGEST_STEP = 1.0  # likewise, ever
SUFFICIENT = 1e-4  # share of the expected rise that a step must bring ...
OVERSHOOT = 0.3  # ... or the share of its first slope that it may have at its end, downhill


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Climb:
    """Where the ascent is. Axes: n coordinates, MEMORY pairs, the newest last."""

    point: Array  # [n]
    value: Array  # []
    slope: Array  # [n]
    steps: Array  # [MEMORY, n]
    turns: Array  # [MEMORY, n] fall of the slope along each step; 0 where there is none yet


def begin(point: Array) -> Climb:
    """At a point, with nothing known of the function."""
    nothing = jnp.zeros((MEMORY, point.shape[0]), point.dtype)
    return Climb(point=point, value=jnp.zeros((), point.dtype), slope=jnp.zeros_like(point), steps=nothing, turns=nothing)


def uphill(climb: Climb, free: Array) -> Array:
    """Direction of the next step, [n]; 0 in coordinates that the box stops.

    Args:
      free: [n] True where the box lets the coordinate follow the slope.
    """
    slope = jnp.where(free, climb.slope, 0.0)
    known = jnp.any(climb.turns[-1] != 0)
    direction = jnp.where(known, jnp.where(free, _bent(climb, free, slope), 0.0), slope)
    direction = jnp.where(jnp.vdot(direction, slope) > 0, direction, slope)
    largest = jnp.maximum(jnp.max(jnp.abs(direction)), float(np.finfo(slope.dtype).tiny))
    return direction * jnp.where(known, jnp.minimum(1.0, LONGEST_STEP / largest), FIRST_STEP / largest)


def _bent(climb: Climb, free: Array, slope: Array) -> Array:
    """Two loops over the kept pairs, on free coordinates only; pairs without curvature there do not count."""
    steps, turns = jnp.where(free[None], climb.steps, 0.0), jnp.where(free[None], climb.turns, 0.0)
    curvature = jnp.sum(steps * turns, axis=1)
    size = jnp.sum(turns * turns, axis=1)
    good = curvature > 1e-8 * size
    inverse = jnp.where(good, 1.0 / jnp.where(good, curvature, 1.0), 0.0)

    def down(rest: Array, pair: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        step, turn, over = pair
        part = over * jnp.vdot(step, rest)
        return rest - part * turn, part

    def up(way: Array, pair: tuple[Array, Array, Array, Array]) -> tuple[Array, None]:
        step, turn, over, part = pair
        return way + step * (part - over * jnp.vdot(turn, way)), None

    rest, parts = lax.scan(down, slope, (steps, turns, inverse), reverse=True)
    newest = jnp.max(jnp.where(good, jnp.arange(MEMORY, dtype=jnp.int32), -1))
    scale = jnp.where(newest >= 0, curvature[newest] / jnp.maximum(size[newest], 1e-30), 1.0)
    way, _ = lax.scan(up, rest * scale, (steps, turns, inverse, parts))
    return way


def judge(climb: Climb, point: Array, value: Array, slope: Array) -> Array:
    """Whether a step to the point rises enough, []."""
    step = point - climb.point
    expected, left = jnp.vdot(climb.slope, step), jnp.vdot(slope, step)
    noise = 16.0 * float(np.finfo(point.dtype).eps) * jnp.abs(climb.value)
    rises = (value >= climb.value + SUFFICIENT * expected) & (expected > 0)
    return rises | ((left >= -OVERSHOOT * expected) & (value >= climb.value - noise))


def advance(climb: Climb, point: Array, value: Array, slope: Array, known: Array) -> Climb:
    """Takes the step and, where the function is the known one, learns from it."""
    step, turn = point - climb.point, climb.slope - slope
    kept = known & (jnp.vdot(step, turn) > 0)
    return replace(
        climb,
        point=point,
        value=value,
        slope=slope,
        steps=jnp.where(kept, jnp.concatenate([climb.steps[1:], step[None]]), climb.steps),
        turns=jnp.where(kept, jnp.concatenate([climb.turns[1:], turn[None]]), climb.turns),
    )
