"""A smooth maximum, and how kernels meet NumPy: in double precision, on rows padded to whole chunks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

Scalar = Array | float  # a parameter: one number, or an array that broadcasts against the rows
Tree = TypeVar("Tree")

SHARPNESS = 4  # exponent of smooth minima and maxima


@jax.custom_jvp
def inverse(values: Array) -> Array:
    """1/x, whose slope -1/x^2 is made of the quotient that is there already."""
    return 1.0 / values


@inverse.defjvp
def _inverse_slope(at: tuple[Array], step: tuple[Array]) -> tuple[Array, Array]:
    value = inverse(at[0])
    return value, -value * value * step[0]


def positive(values: Array) -> Array:
    """The larger of it and 0, with slope 1 at 0; by a choice, as the slope of a maximum halves ties, at the cost of quotients."""
    return jnp.where(values >= 0.0, values, 0.0)


def smooth_maximum(a: Array, b: Array) -> Array:
    """(a^4 + b^4)^(1/4) of positive arrays, by logarithms: no power of a small number underflows in float32."""
    return jnp.exp(jnp.logaddexp(SHARPNESS * jnp.log(a), SHARPNESS * jnp.log(b)) / SHARPNESS)


def spread(tree: Tree, axes: int) -> Tree:
    """Appends `axes` axes of size 1 to every array of a tree; scalars stay, since they broadcast anyway."""

    def append(leaf: Any) -> Any:
        return leaf if jnp.ndim(leaf) == 0 else jnp.reshape(leaf, jnp.shape(leaf) + (1,) * axes)

    expanded: Tree = jax.tree.map(append, tree)
    return expanded


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def spread_once(values: Array, shape: tuple[int, ...]) -> Array:
    """`values` along its axes of size 1, with slopes by reverse mode that are summed in one place.

    A card gets the sum as a kernel of its own: fused with the arithmetic before it, which other sums need too, it is several times slower.
    """
    return jnp.broadcast_to(values, shape)


def _spread_forth(values: Array, shape: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    return jnp.broadcast_to(values, shape), tuple(i for i, (own, all_) in enumerate(zip(values.shape, shape, strict=True)) if own < all_)


def _spread_back(_: tuple[int, ...], axes: tuple[int, ...], slopes: Array) -> tuple[Array]:
    apart: Array = jax.lax.platform_dependent(slopes, cpu=lambda values: values, default=jax.lax.optimization_barrier)
    return (jnp.sum(apart, axis=axes, keepdims=True),)


spread_once.defvjp(_spread_forth, _spread_back)


@jax.custom_vjp
def sum_over_cells(values: Array, weights: Array) -> Array:
    """[L, P] sums of values [L, P, T, B, S] times weights [L | 1, 1, T, B, S]; the weights' slopes are matrix products."""
    return jnp.sum(values * weights, axis=(2, 3, 4))


def _cells_forth(values: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    return sum_over_cells(values, weights), (values, weights)


def _cells_back(kept: tuple[Array, Array], slopes: Array) -> tuple[Array, Array]:
    values, weights = kept
    pattern = "lp,lpk->lk" if len(weights) > 1 else "lp,lpk->k"
    rows = values.reshape(*values.shape[:2], -1)
    by_weight = jnp.einsum(pattern, slopes, rows, precision=jax.lax.Precision.HIGHEST)
    return slopes[:, :, None, None, None] * weights, by_weight.reshape(weights.shape)


sum_over_cells.defvjp(_cells_forth, _cells_back)


def device() -> str:
    """What kernels run on: cpu, gpu or tpu."""
    return jax.default_backend()


def rounding(values: Array) -> float:
    """Distance from 1 to the next number of the array's type."""
    return float(np.finfo(values.dtype).eps)


def column(values: NDArray[np.float64]) -> Array:
    """A NumPy array under the type that kernels read. It is not copied or converted: `in_double` does that, chunk by chunk."""
    return cast(Array, values)


def in_double(kernel: Callable[..., Any], shared: Any, rows: Tree, *, chunk: int) -> Any:
    """Runs `kernel(shared, rows)` in float64, a chunk of rows at a time, NumPy in and NumPy out.

    Every chunk has the same shape, so a kernel compiles once whatever the size of a case. The last one
    is filled up with its own last row, and the filling is cut off.

    Args:
      kernel: compiled function of (shared, rows); its outputs carry the rows on their first axis.
      shared: parameters, handed over as they are.
      rows:   tree of arrays with the same first axis.
      chunk:  rows in one call.

    Returns:
      The kernel's outputs as NumPy arrays.
    """
    columns = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), rows)
    count = jax.tree.leaves(columns)[0].shape[0]
    parts = []
    with jax.enable_x64(True):
        if count == 0:  # the shapes alone, without compiling
            shapes = jax.eval_shape(kernel, shared, jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape[1:])), columns))
            return jax.tree.map(lambda shape: np.zeros((0, *shape.shape[1:]), shape.dtype), shapes)
        for start in range(0, count, chunk):
            part = jax.tree.map(lambda leaf, start=start: _filled(leaf[start : start + chunk], chunk), columns)
            parts.append(kernel(shared, part))
        return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves])[:count], *parts)


def _filled(values: NDArray[np.float64], chunk: int) -> NDArray[np.float64]:
    """The array with its last row repeated until it has `chunk` rows."""
    missing = chunk - values.shape[0]
    return values if missing == 0 else np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
