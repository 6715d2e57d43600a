"""Smooth minima, or the minima themselves where there is no temperature. They lie below them, so that a smooth dual is a bound as well."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def least(values: Array, temperature: Array | None, axis: int) -> Array:
    """-temperature log sum exp(-values / temperature), or the minimum where there is no temperature.

    Args:
      temperature: broadcasts against the result.
    """
    lowest = jnp.min(values, axis=axis)
    if temperature is None:
        return lowest
    above = (values - jnp.expand_dims(lowest, axis)) / jnp.expand_dims(temperature, axis)
    return lowest - temperature * jnp.log(jnp.sum(jnp.exp(-above), axis=axis))


def less(a: Array, b: Array, temperature: Array | None) -> Array:
    """The smooth minimum of two arrays."""
    lower = jnp.minimum(a, b)
    if temperature is None:
        return lower
    return lower - temperature * jnp.log1p(jnp.exp(-jnp.abs(a - b) / temperature))
