"""Chunks of rows: the same numbers whatever the chunk, double precision whatever the setting."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.surfaces.arrays import column, in_double, smooth_maximum, spread_once
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP


@jax.jit
def kernel(scale: float, rows: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
    first, second = rows
    return {"sum": scale * first + second, "wide": first[:, None] > jnp.arange(3.0, dtype=first.dtype)[None, :]}


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_chunks(count: int) -> None:
    first, second = np.arange(float(count)), np.linspace(0.0, 1.0, count)
    with jax.enable_x64(False):
        out = in_double(kernel, 0.1, (column(first), column(second)), chunk=4)
    assert out["sum"].dtype == np.float64
    np.testing.assert_allclose(out["sum"], 0.1 * first + second, rtol=KERNEL_AGAINST_LOOP)
    assert out["wide"].shape == (count, 3)
    assert out["wide"].dtype == np.bool_


def test_smooth_maximum_of_tiny_numbers() -> None:
    tiny = jnp.asarray([1e-12, 3e-11], jnp.float32)  # whose fourth powers are 0 in single precision
    value = np.asarray(smooth_maximum(tiny, tiny[::-1]))
    np.testing.assert_allclose(value, 3e-11, rtol=FLOAT32_AGAINST_FLOAT64)


def test_spread_once_is_a_broadcast_with_the_same_slopes() -> None:
    values, weights = jnp.arange(6.0).reshape(2, 1, 3), jnp.arange(24.0).reshape(2, 4, 3)
    mine, other = (
        jax.value_and_grad(lambda v, spread=spread: jnp.sum(weights * jnp.square(spread(v, (2, 4, 3)))))(values)
        for spread in (spread_once, jnp.broadcast_to)
    )
    np.testing.assert_array_equal(mine[0], other[0])
    np.testing.assert_allclose(mine[1], other[1], rtol=KERNEL_AGAINST_LOOP)
