"""Which draws are whole at an optimum, and the steps in which the objective can change."""

from __future__ import annotations

import math

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.integer.program import Program
from optimizer.integer.reduced import Arrays, reduce
from optimizer.integer.variables import Bools


def whole_draws(arrays: Arrays) -> Bools:
    """Continuous columns that take whole values at some optimum, [n].

    Such columns have whole boxes and, in at most two rows, coefficients 1 and -1; all else in those rows is whole: the other columns,
    their coefficients and the limits. With the other columns held, what is left is a network, and its corners are whole.
    """
    continuous = ~(arrays.integer | arrays.implied)
    rows, columns = len(arrays.row_lower), len(arrays.cost)
    good_row = _whole_or_none(arrays.row_lower) & _whole_or_none(arrays.row_upper)
    fraction = (arrays.data % 1 != 0) | (~continuous[arrays.column] & ~_whole_boxes(arrays)[arrays.column])
    good_row &= np.bincount(arrays.row[fraction], minlength=rows) == 0
    signs = [np.bincount(arrays.column[arrays.data == sign], minlength=columns) for sign in (1.0, -1.0)]
    entries = np.bincount(arrays.column, minlength=columns)
    good = continuous & _whole_boxes(arrays) & (signs[0] <= 1) & (signs[1] <= 1) & (signs[0] + signs[1] == entries)
    while True:
        bad = continuous & ~good
        good_row &= np.bincount(arrays.row[bad[arrays.column]], minlength=rows) == 0
        kept = good & (np.bincount(arrays.column[~good_row[arrays.row]], minlength=columns) == 0)
        if (kept == good).all():
            return np.asarray(kept)
        good = kept


def objective_step(program: Program) -> float:
    """USD of which every difference between the costs of plans worth considering is a multiple; 0: none is known.

    Costs in whole USD are looked for, in programs whose columns are all whole at an optimum.
    """
    reduced = reduce(program, program.lower, program.upper)
    if reduced is None:
        return 0.0
    arrays = reduced.arrays
    usd = arrays.cost * program.unit
    if (usd % 1 != 0).any() or not (arrays.integer | arrays.implied | whole_draws(arrays)).all() or (np.abs(usd) >= 2.0**53).any():
        return 0.0
    return float(math.gcd(*usd.astype(np.int64).tolist()))


def _whole_or_none(limits: Floats) -> Bools:
    return np.asarray(np.isinf(limits) | (np.where(np.isinf(limits), 0.0, limits) % 1 == 0))


def _whole_boxes(arrays: Arrays) -> Bools:
    return np.asarray((arrays.lower % 1 == 0) & (arrays.upper % 1 == 0))
