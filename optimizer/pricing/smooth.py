"""Smooth minima, or the minima themselves where there is no temperature. They lie below them, so that a smooth dual is a bound as well."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array


def least(values: Array, temperature: Array | None, axis: int) -> Array:
    """-temperature log sum exp(-values / temperature), or the minimum where there is no temperature.

    Args:
      temperature: broadcasts against the result.
    """
    lowest = jnp.min(values, axis=axis)
    if temperature is None or values.shape[axis] == 1:
        return lowest
    above = (values - jnp.expand_dims(lowest, axis)) * jnp.expand_dims(1.0 / temperature, axis)
    return lowest - temperature * jnp.log(jnp.sum(jnp.exp(-above), axis=axis))


def less(a: Array, b: Array, temperature: Array | None) -> Array:
    """The smooth minimum of two arrays."""
    lower = jnp.minimum(a, b)
    if temperature is None:
        return lower
    return lower - temperature * jnp.log1p(jnp.exp(-jnp.abs(a - b) / temperature))


def positive(values: Array, temperature: Array | None) -> Array:
    """The smooth maximum of values and 0, of the values' shape: -less(-values, 0), whose value and slope share an exponential here.

    Args:
      temperature: of the values' shape.
    """
    return jnp.maximum(values, 0.0) if temperature is None else _smooth_positive(values, temperature)


@jax.custom_vjp
def _smooth_positive(values: Array, temperature: Array) -> Array:
    return _positive_forward(values, temperature)[0]


def _positive_forward(values: Array, temperature: Array) -> tuple[Array, Array]:
    lower = jnp.exp(-jnp.abs(values) / temperature)
    share = 1.0 / (1.0 + lower)
    return jnp.maximum(values, 0.0) - temperature * jnp.log(share), jnp.where(values > 0.0, 1.0, lower) * share


def _positive_backward(slope: Array, along: Array) -> tuple[Array, None]:
    return along * slope, None


_smooth_positive.defvjp(_positive_forward, _positive_backward)


def blend(a: Array, b: Array, temperature: Array | None) -> Array:
    """A smooth minimum of two arrays without exponentials: min over p in [0, 1] of p a + (1 - p) b - 2 temperature p (1 - p)."""
    lower = jnp.minimum(a, b)
    if temperature is None:
        return lower
    higher = _higher_weight(a, b, temperature)
    return lower + higher * (jnp.abs(a - b) - 2.0 * temperature * (1.0 - higher))


def blend_weight(a: Array, b: Array, temperature: Array) -> Array:
    """Slope of `blend` in its first argument: the p that it takes."""
    higher = _higher_weight(a, b, temperature)
    return jnp.where(a > b, higher, 1.0 - higher)


def _higher_weight(a: Array, b: Array, temperature: Array) -> Array:
    """Weight of the larger of the two, at most one half."""
    return jnp.maximum(0.5 - jnp.abs(a - b) * (0.25 / temperature), 0.0)
