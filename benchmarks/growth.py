"""How a figure grows with a size: exponents with their intervals, and formulas fitted to measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from scipy.stats import linregress, t

from benchmarks.rows import NOT_MEASURED, ResultRow

CONFIDENCE = 0.95
NEGLIGIBLE = 1e-6  # share of a value


@dataclass(frozen=True, kw_only=True)
class Growth:
    """value ~ size ** exponent, by least squares in logarithms; the ends of a 95 % interval, nan for two sizes."""

    exponent: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        return "" if math.isnan(self.low) else f"{self.low:.2f} to {self.high:.2f}"


def growth(sizes: Sequence[float], values: Sequence[float]) -> Growth:
    """Of two sizes or more, and values > 0."""
    found = linregress(np.log(sizes), np.log(values))
    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(sizes) - 2) * found.stderr) if len(sizes) > 2 else math.nan
    return Growth(exponent=float(found.slope), low=float(found.slope) - half, high=float(found.slope) + half)


def growth_row(
    suite: str, case: str, device: str, sizes: Sequence[float], values: Sequence[float], *, solver: str = "price"
) -> ResultRow:
    """The row of an exponent: `ratio` is the exponent, `status` its interval."""
    found, none = growth(sizes, values), NOT_MEASURED
    return ResultRow(
        suite=suite, case=case, size="", solver=solver, device=device, seconds=none, status=found.interval, ratio=found.exponent
    )


def formula(terms: Mapping[str, Sequence[float]], values: Sequence[float]) -> tuple[str, float]:
    """values ~ sum of a coefficient >= 0 times each term, by least squares of relative errors.

    Returns:
      The sum in words, terms that make nothing of it left out, and the largest relative error.
    """
    scaled = np.stack([np.asarray(term) / np.asarray(values) for term in terms.values()], axis=1)
    weights, _ = nnls(scaled, np.ones(len(values)))
    counts = (scaled * weights).max(axis=0) > NEGLIGIBLE
    words = [f"{weight:.2g} {name}".strip() for name, weight, some in zip(terms, weights, counts, strict=True) if some]
    return " + ".join(words), float(np.abs(scaled @ weights - 1.0).max())
