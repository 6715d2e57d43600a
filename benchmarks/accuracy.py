"""Predictions against measurements: the rows of every accuracy suite."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.rows import AccuracyRow
from optimizer.domain.surface import Floats


def accuracy_row(
    *,
    suite: str,
    case: str,
    split: str,
    quantity: str,
    measured: Floats,
    predicted: Floats,
    seconds: float,
    interval: tuple[Floats, Floats] | None = None,
) -> AccuracyRow:
    """Median and 90th percentile of |predicted - measured| / measured, %, and how many measurements the 90 % interval holds.

    Args:
      split:    what was held out; no row of it may have been fitted.
      measured, predicted: [N] > 0, in one unit.
      seconds:  of fitting and predicting.
      interval: lower and upper ends, [N] each; None: the model gives none.
    """
    errors = np.abs(predicted - measured) / measured * 100.0
    inside = math.nan if interval is None else float(np.mean((measured >= interval[0]) & (measured <= interval[1])))
    median, p90 = (float(np.quantile(errors, share)) for share in (0.5, 0.9))
    return AccuracyRow(
        suite=suite,
        case=case,
        split=split,
        quantity=quantity,
        rows=len(errors),
        median_ape=median,
        p90_ape=p90,
        coverage_90=inside,
        seconds=seconds,
    )
