"""Normal deviates of demand over time, alike across services and places.

Sets: N samples, D streams (a workload from an origin), W workloads, O origins, T periods.

Formulation: every stream follows four paths of its own variance shares, which sum to 1,

    z[n,d,t] = sqrt(common) g[n,t] + sqrt(workload) w[n,W(d),t] + sqrt(origin) o[n,O(d),t] + sqrt(own) e[n,d,t],

each path a stationary series with unit variance whose correlation over a lag of m months is exp(-m / memory). A deviate
of 1.28 puts a stream at the 90th percentile of its forecast, whatever that percentile is (a Gaussian copula).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Shares of the variance of a stream's forecast error, in [0, 1]; what is left of 1 is the stream's own."""

    common: float
    workload: float
    origin: float
    memory_months: float  # > 0; months after which the correlation of a path with itself has fallen to 1/e

    @property
    def own(self) -> float:
        return max(0.0, 1.0 - self.common - self.workload - self.origin)


def deviates(correlation: Correlation, *, workload: Ints, origin: Ints, months: Floats, samples: int, seed: int) -> Floats:
    """Normal deviates of each stream in each period, [N, D, T]; the same for the same seed.

    Args:
      workload: [D] index of the stream's workload.
      origin: [D] index of the stream's origin.
      months: [T] middle of each period, increasing.
    """
    kept = np.exp(-np.diff(months) / correlation.memory_months)
    counts = {"common": 1, "workload": int(workload.max()) + 1, "origin": int(origin.max()) + 1, "own": len(workload)}
    place = {"common": np.zeros_like(workload), "workload": workload, "origin": origin, "own": np.arange(len(workload))}
    random, total = np.random.default_rng(seed), np.zeros((samples, len(workload), len(months)))
    for part, count in counts.items():
        total += np.sqrt(getattr(correlation, part)) * _paths(random, kept, (samples, count))[:, place[part]]
    return total


def _paths(random: np.random.Generator, kept: Floats, shape: tuple[int, int]) -> Floats:
    """Stationary series of unit variance, [*shape, T]; `kept` [T-1] is the correlation of each step with the one before."""
    paths = random.standard_normal((*shape, len(kept) + 1))
    for t, share in enumerate(kept):
        paths[..., t + 1] = share * paths[..., t] + np.sqrt(1.0 - share**2) * paths[..., t + 1]
    return paths
