"""A program within given boxes, without the columns that these hold and the rows that they keep anyway.

Solving a neighbourhood through this costs what the neighbourhood costs, not what the whole program does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.surface import Floats, Ints
from optimizer.integer.program import Program

FEASIBILITY = 1e-7  # a row that nothing can change may miss its bound by this share of its terms


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Minimise offset + cost . x over row_lower <= A x <= row_upper, lower <= x <= upper. Axes: `n` columns, `m` rows, `z` nonzeros."""

    cost: Floats  # [n]
    lower: Floats  # [n]
    upper: Floats  # [n]
    integer: NDArray[np.bool_]  # [n]
    implied: NDArray[np.bool_]  # [n] whole wherever the integers are
    row: Ints  # [z] ascending
    column: Ints  # [z] ascending within a row
    data: Floats  # [z]
    row_lower: Floats  # [m]
    row_upper: Floats  # [m]
    offset: float


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """What is left to decide, and where it stands in the program."""

    arrays: Arrays
    columns: Ints  # [n] columns of the program
    rows: Ints  # [m] rows of the program
    held: Floats  # [columns of the program] their values where held

    def values(self, free: Floats) -> Floats:
        """Values of all columns of the program."""
        values = self.held.copy()
        values[self.columns] = free
        return values

    def duals(self, row_duals: Floats, count: int) -> Floats:
        """Duals of all rows of the program; 0 for rows left out."""
        duals = np.zeros(count)
        duals[self.rows] = row_duals
        return duals


def reduce(program: Program, lower: Floats, upper: Floats) -> Reduced | None:
    """The program within the boxes; None where a box or a row that nothing can change cannot be kept."""
    if (lower > upper).any():
        return None
    held = lower == upper
    values = np.where(held, lower, 0.0)
    row, rows = program.row_of_entry(), len(program.row_lower)
    terms = program.data * values[program.indices]
    given: Floats = np.asarray(np.bincount(row, terms, rows), dtype=np.float64)
    row_lower, row_upper = program.row_lower - given, program.row_upper - given
    free = ~held[program.indices]
    at, column, data = row[free], program.indices[free], program.data[free]
    least = np.bincount(at, np.minimum(data * lower[column], data * upper[column]), rows)
    most = np.bincount(at, np.maximum(data * lower[column], data * upper[column]), rows)
    slack = FEASIBILITY * np.maximum(1.0, np.bincount(row, np.abs(terms), rows))
    if ((most < row_lower - slack) | (least > row_upper + slack)).any():
        return None
    kept = ((least < row_lower - _dust(given)) | (most > row_upper + _dust(given))) & (np.bincount(at, minlength=rows) > 0)
    entry = kept[at]
    columns = np.flatnonzero(~held)
    arrays = Arrays(
        cost=program.cost[columns],
        lower=lower[columns],
        upper=upper[columns],
        integer=program.integer[columns],
        implied=program.implied[columns],
        row=(np.cumsum(kept) - 1)[at[entry]],
        column=(np.cumsum(~held) - 1)[column[entry]],
        data=data[entry],
        row_lower=row_lower[kept],
        row_upper=row_upper[kept],
        offset=program.constant / program.unit + float(program.cost @ values),
    )
    return Reduced(arrays=arrays, columns=columns, rows=np.flatnonzero(kept), held=values)


def _dust(given: Floats) -> Floats:
    """What subtracting the held part leaves by rounding alone."""
    return np.asarray(np.spacing(np.abs(given)))
