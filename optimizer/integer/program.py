"""The mixed-integer program as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.surface import Floats, Ints
from optimizer.integer.columns import Columns
from optimizer.integer.rows import RowGroup, compressed
from optimizer.integer.variables import Variables


@dataclass(frozen=True, kw_only=True)
class RowNames:
    """The clause that rows start <= i < stop belong to, and what each is about."""

    clause: str
    start: int
    stop: int
    keys: Mapping[str, Ints]  # axis name -> [stop - start] index
    measure: str
    scale: Floats  # [stop - start] measure per unit of the row


@dataclass(frozen=True, kw_only=True)
class Program:
    """Minimise constant + unit x (cost . values) over row_lower <= A values <= row_upper and finite boxes. Axes: `n` columns, `m` rows."""

    cost: Floats  # [n] units of money per unit of the variable
    lower: Floats  # [n]
    upper: Floats  # [n] finite
    integer: NDArray[np.bool_]  # [n]
    implied: NDArray[np.bool_]  # [n] continuous, but whole wherever the integers are
    indptr: Ints  # [m + 1] A by rows
    indices: Ints  # [nonzeros]
    data: Floats  # [nonzeros]
    row_lower: Floats  # [m] -inf: no limit
    row_upper: Floats  # [m] inf: no limit
    constant: float  # USD that no decision changes
    unit: float  # USD per unit of money in cost and in rows about money, a power of two
    variables: Variables
    names: tuple[RowNames, ...]

    def row_of_entry(self) -> Ints:
        """Row of each nonzero, [nonzeros]."""
        return np.repeat(np.arange(len(self.row_lower)), np.diff(self.indptr))

    def usd(self, objective: float) -> float:
        """A solver's objective in USD."""
        return self.constant + self.unit * objective


def assemble(columns: Columns, variables: Variables, groups: list[RowGroup], cost_usd: Floats, constant: float, unit: float) -> Program:
    """Stacks the groups, leaving out rows that the variables' boxes already keep."""
    lower, upper, integer = columns.boxes()
    offsets = np.cumsum([0, *(len(group.lower) for group in groups)])
    rows = np.concatenate([group.row + start for group, start in zip(groups, offsets, strict=False)])
    column = np.concatenate([group.column for group in groups])
    coefficient = np.concatenate([group.coefficient for group in groups])
    row_lower = np.concatenate([group.lower for group in groups])
    row_upper = np.concatenate([group.upper for group in groups])
    least = np.bincount(rows, np.minimum(coefficient * lower[column], coefficient * upper[column]), len(row_lower))
    most = np.bincount(rows, np.maximum(coefficient * lower[column], coefficient * upper[column]), len(row_lower))
    kept = (least < row_lower) | (most > row_upper)
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    entry = kept[rows]
    indptr, indices, data = compressed(number[rows[entry]], column[entry], coefficient[entry], int(kept.sum()), len(lower))
    return Program(
        cost=cost_usd / unit,
        lower=lower,
        upper=upper,
        integer=integer,
        implied=_implied(variables, len(lower)),
        indptr=indptr,
        indices=indices,
        data=data,
        row_lower=row_lower[kept],
        row_upper=row_upper[kept],
        constant=constant,
        unit=unit,
        variables=variables,
        names=_names(groups, offsets, kept),
    )


def _implied(variables: Variables, columns: int) -> NDArray[np.bool_]:
    """Moves and suppliers used follow from whole placements; an integer solver needs no grid for them."""
    implied = np.zeros(columns, dtype=np.bool_)
    for column in (variables.enter, variables.supplier_used):
        implied[column[column >= 0]] = True
    return implied


def _names(groups: list[RowGroup], offsets: Ints, kept: NDArray[np.bool_]) -> tuple[RowNames, ...]:
    names, start = [], 0
    for group, first in zip(groups, offsets, strict=False):
        mine = kept[first : first + len(group.lower)]
        stop = start + int(mine.sum())
        keys = {name: key[mine] for name, key in group.keys.items()}
        names.append(RowNames(clause=group.clause, start=start, stop=stop, keys=keys, measure=group.measure, scale=group.scale[mine]))
        start = stop
    return tuple(name for name in names if name.stop > name.start)
