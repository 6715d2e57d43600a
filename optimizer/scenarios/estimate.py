"""How forecast errors hang together across services, places and time, from the errors that a model made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optimizer.scenarios.deviates import Correlation
from optimizer.scenarios.seasonal import Seasonal

Floats = NDArray[np.float64]
FEWEST_PAIRS = 20  # errors that two series must share before their correlation counts
LEAST_KEPT = 0.05  # correlation over one step below which there is no memory to speak of


def estimated_correlation(
    model: Seasonal, streams: Sequence[tuple[str, str | None]], *, step_months: float, otherwise: Correlation
) -> Correlation:
    """Shares of the variance by matching moments, and the memory of errors made from one origin.

    The mean correlation of two streams is `common` where they share neither service nor place, `common + workload` where they share the
    service, `common + origin` where they share the place. An error h steps ahead and one h + 1 ahead, from the same origin, correlate by
    exp(-step / memory).

    Args:
      streams: (workload, origin) of each series of the model.
      step_months: length of a step.
      otherwise: shares and memory where the errors say nothing.
    """
    z = model.errors / model.spread[:, None, :]  # [D, N, H]
    pairs: dict[str, list[float]] = {"common": [], "workload": [], "origin": []}
    for d, (name, place) in enumerate(streams):
        for e in range(d):
            kind = "workload" if streams[e][0] == name else "origin" if place is not None and streams[e][1] == place else "common"
            found = _correlation(z[d].ravel(), z[e].ravel())
            if found is not None:
                pairs[kind].append(found)
    common = _mean(pairs["common"], otherwise.common)
    workload = _mean(pairs["workload"], common + otherwise.workload) - common
    origin = _mean(pairs["origin"], common + otherwise.origin) - common
    shares = np.maximum(0.0, [common, workload, origin])
    shares /= max(1.0, float(shares.sum()))
    return Correlation(
        common=float(shares[0]), workload=float(shares[1]), origin=float(shares[2]), memory_months=_memory(z, step_months, otherwise)
    )


def _correlation(first: Floats, second: Floats) -> float | None:
    """Of errors about 0; None for too few."""
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < FEWEST_PAIRS:
        return None
    size = float(np.sqrt((first[both] ** 2).sum() * (second[both] ** 2).sum()))
    return float((first[both] * second[both]).sum() / size) if size > 0.0 else None


def _mean(values: Sequence[float], otherwise: float) -> float:
    return max(0.0, float(np.mean(values))) if values else otherwise


def _memory(z: Floats, step_months: float, otherwise: Correlation) -> float:
    found = [_correlation(z[:, :, h].ravel(), z[:, :, h + 1].ravel()) for h in range(z.shape[2] - 1)]
    kept = [value for value in found if value is not None]
    if not kept:
        return otherwise.memory_months
    return step_months / -float(np.log(np.clip(np.mean(kept), LEAST_KEPT, 0.99)))
