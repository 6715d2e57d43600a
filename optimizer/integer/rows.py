"""Groups of rows as arrays: what a clause adds to the program, and how its rows are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizer.domain.surface import Floats, Ints

# (row within the group, column, coefficient); the three broadcast against each other.
Term = tuple[ArrayLike, ArrayLike, ArrayLike]


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """The rows of one clause: lower <= sum of coefficient x column <= upper. Axes: `m` rows, `z` nonzeros."""

    clause: str
    keys: Mapping[str, Ints]  # what each row is about: axis name (contract, period, pool ...) -> [m] index
    row: Ints  # [z] within the group
    column: Ints  # [z]
    coefficient: Floats  # [z]
    lower: Floats  # [m]
    upper: Floats  # [m]
    measure: str  # what the row counts, for a reader
    scale: Floats  # [m] measure per unit of the row


def row_group(
    clause: str,
    keys: Mapping[str, ArrayLike],
    *terms: Term,
    lower: ArrayLike = -np.inf,
    upper: ArrayLike = np.inf,
    measure: str = "",
    scale: ArrayLike = 1.0,
) -> RowGroup:
    """Gathers terms; drops those without a row (-1), without a column (-1) or with coefficient zero."""
    index = {name: np.asarray(key, dtype=np.int64).ravel() for name, key in keys.items()}
    count = len(next(iter(index.values())))
    flat = [_flat(term) for term in terms]
    return RowGroup(
        clause=clause,
        keys=index,
        row=_joined([row for row, _, _ in flat], np.int64),
        column=_joined([column for _, column, _ in flat], np.int64),
        coefficient=_joined([coefficient for _, _, coefficient in flat], np.float64),
        lower=np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,)),
        upper=np.broadcast_to(np.asarray(upper, dtype=np.float64), (count,)),
        measure=measure,
        scale=np.broadcast_to(np.asarray(scale, dtype=np.float64), (count,)),
    )


def _flat(term: Term) -> tuple[Ints, Ints, Floats]:
    row, column, coefficient = np.broadcast_arrays(*(np.asarray(part) for part in term))
    kept = (row >= 0) & (column >= 0) & (coefficient != 0)
    return row[kept], column[kept], coefficient[kept].astype(np.float64)


def _joined(parts: list[NDArray[np.int64]] | list[Floats], dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def numbered(mask: ArrayLike) -> Ints:
    """Numbers the true entries from 0, in order; -1 elsewhere."""
    mask = np.asarray(mask, dtype=np.bool_)
    index = np.full(mask.shape, -1, dtype=np.int64)
    index[mask] = np.arange(int(mask.sum()))
    return index


def compressed(rows: Ints, columns: Ints, coefficients: Floats, row_count: int, column_count: int) -> tuple[Ints, Ints, Floats]:
    """Sorts entries by row and column, adds duplicates, and returns CSR (indptr, indices, data)."""
    place = rows * column_count + columns
    order = np.argsort(place, kind="stable")
    place, data = place[order], coefficients[order]
    first = np.ones(len(place), dtype=np.bool_)
    first[1:] = place[1:] != place[:-1]
    if not first.all():
        data = np.add.reduceat(data, np.flatnonzero(first))
        place = place[first]
    indptr = np.zeros(row_count + 1, dtype=np.int64)
    np.cumsum(np.bincount(place // column_count, minlength=row_count), out=indptr[1:])
    return indptr, place % column_count, data
