"""Few samples that stand for many: forward selection by Kantorovich distance.

Sets: N samples of weights w, F features, S representatives.

Formulation: with d(m,n) the sum over features of |x[m] - x[n]|, representatives R leave the distance

    error(R) = sum_n w[n] min_{m in R} d(m,n).

Each step adds the sample that lowers it most; a representative's probability is the share of all weight that is nearest to it.

Reference: Heitsch, Römisch, Scenario Reduction Algorithms in Stochastic Programming (2003), algorithm 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Representatives:
    """Samples in the order in which they were chosen: the first few of them are the choice for that few."""

    order: Ints  # [S]
    distance: Floats  # [S, N] of each sample to each representative
    weight: Floats  # [N] in any unit

    def nearest(self, count: int) -> Ints:
        """Which of the first `count` is nearest to each sample, [N]; of equals the first chosen."""
        return np.asarray(np.argmin(self.distance[:count], axis=0), dtype=np.int64)

    def probabilities(self, count: int) -> Floats:
        """Share of the weight that the samples nearest to each of the first `count` have, [count]."""
        return np.asarray(np.bincount(self.nearest(count), self.weight, count) / self.weight.sum(), dtype=np.float64)

    def error(self, count: int) -> float:
        """Distance that the first `count` leave, as a share of that which the best one alone leaves; 0 where all samples are alike."""
        alone = float(self.distance[0] @ self.weight)
        return float(self.distance[:count].min(axis=0) @ self.weight) / alone if alone > 0 else 0.0


def representatives(features: Floats, count: int, weight: Floats | None = None) -> Representatives:
    """The `count` samples that stand best for all, one after the other.

    Args:
      features: [N, F] in one unit: what is far apart must cost a different amount.
      count: at most N.
      weight: [N] in any unit; None: all alike.
    """
    known = np.ones(len(features)) if weight is None else weight
    order, distance = _select(jnp.asarray(features, dtype=jnp.float32), jnp.asarray(known, dtype=jnp.float32), count=count)
    return Representatives(order=np.asarray(order, dtype=np.int64), distance=np.asarray(distance, dtype=np.float64), weight=known)


@partial(jax.jit, static_argnames="count")
def _select(features: Array, weight: Array, *, count: int) -> tuple[Array, Array]:
    distance = jax.lax.map(lambda one: jnp.abs(features - one[None, :]).sum(axis=1), features)

    def choose(nearest: Array, _: None) -> tuple[Array, Array]:
        left = jnp.minimum(nearest[None, :], distance) @ weight
        best = jnp.argmin(left)
        return jnp.minimum(nearest, distance[best]), best

    _, order = jax.lax.scan(choose, jnp.full(features.shape[0], jnp.inf), None, length=count)
    return order, distance[order]
