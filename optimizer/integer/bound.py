"""A lower bound that holds for any row prices, however they were found."""

from __future__ import annotations

import math

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.integer.program import Program

ROUNDOFF = 2.0**-53


def safe_bound(program: Program, row_duals: Floats, lower: Floats | None = None, upper: Floats | None = None) -> float:
    """Cost in USD below which no values within the boxes and rows can fall.

        bound = constant + unit (y.b + sum_j min over [lower_j, upper_j] of (c - A'y)_j x_j) - allowance

    b is the lower side of a row where its price is positive and the upper side where it is negative; a price on a side without a
    limit counts as 0. The allowance is gamma_n times the sum of absolute terms, with n the longest sum in one column plus the few
    operations around it; the outer sums are exact.

    Args:
      row_duals: [m] units of money per unit of the row, of any sign and accuracy.
      lower, upper: [n] boxes instead of the program's.
    """
    lower = program.lower if lower is None else lower
    upper = program.upper if upper is None else upper
    side = np.where(row_duals > 0, program.row_lower, program.row_upper)
    prices = np.where(np.isfinite(side) & np.isfinite(row_duals), row_duals, 0.0)
    right = prices * np.where(prices != 0, side, 0.0)
    spread = program.data * prices[program.row_of_entry()]
    columns = len(program.cost)
    reduced = program.cost - np.bincount(program.indices, spread, columns)
    size = np.abs(program.cost) + np.bincount(program.indices, np.abs(spread), columns)
    furthest = np.maximum(np.abs(lower), np.abs(upper))
    least = np.minimum(reduced * lower, reduced * upper)
    terms = int(np.bincount(program.indices, minlength=columns).max(initial=0)) + 8
    gamma = terms * ROUNDOFF / (1.0 - terms * ROUNDOFF)
    total = math.fsum(right) + math.fsum(least)
    absolute = math.fsum(np.abs(right)) + math.fsum(size * furthest)
    value = program.unit * (total - gamma * absolute)
    return value + program.constant - 4 * ROUNDOFF * (abs(value) + abs(program.constant))
