"""Predictions against measurements: the rows of every accuracy suite."""

from __future__ import annotations

import math

from benchmarks.rows import AccuracyRow
from optimizer.domain.comparison import Comparison
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
    """The row of a `Comparison`: median and 90th percentile of its absolute errors, and how many measurements its 90 % interval holds.

    Args:
      split:    what was held out; no row of it may have been fitted.
      measured, predicted: [N] > 0, in one unit.
      seconds:  of fitting and predicting.
      interval: lower and upper ends, [N] each; None: the model gives none.
    """
    found = Comparison(measured=measured, predicted=predicted, interval=interval)
    return AccuracyRow(
        suite=suite,
        case=case,
        split=split,
        quantity=quantity,
        rows=len(found),
        median_ape=found.median_ape,
        p90_ape=found.p90_ape,
        coverage_90=math.nan if found.coverage_90 is None else found.coverage_90,
        seconds=seconds,
    )
