"""Which draws are whole at an optimum, and the steps in which the objective can change."""

from __future__ import annotations

import math

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.integer.columns import Bools
from optimizer.integer.cuts import CUTS
from optimizer.integer.program import Program


def whole_draws(program: Program) -> Bools:
    """Continuous columns that take whole values at some optimum, [n].

    Such columns have whole boxes and, in at most two rows, coefficients 1 and -1; all else in those rows is whole: the other columns,
    their coefficients and the limits. With the other columns held, what is left is a network, and its corners are whole. Cuts do not
    count: every plan keeps them.
    """
    continuous = ~(program.integer | program.implied)
    row, rows, columns = program.row_of_entry(), len(program.row_lower), len(program.cost)
    counts = np.ones(rows, dtype=np.bool_)
    for name in program.names:
        counts[name.start : name.stop] = name.clause not in CUTS
    entry = counts[row]
    row, column, data = row[entry], program.indices[entry], program.data[entry]
    boxes = (program.lower % 1 == 0) & (program.upper % 1 == 0)
    good_row = _whole_or_none(program.row_lower) & _whole_or_none(program.row_upper)
    good_row &= np.bincount(row[(data % 1 != 0) | ~boxes[column]], minlength=rows) == 0
    signs = [np.bincount(column[data == sign], minlength=columns) for sign in (1.0, -1.0)]
    good = continuous & boxes & (signs[0] <= 1) & (signs[1] <= 1) & (signs[0] + signs[1] == np.bincount(column, minlength=columns))
    while True:
        good_row &= np.bincount(row[(continuous & ~good)[column]], minlength=rows) == 0
        kept = good & (np.bincount(column[~good_row[row]], minlength=columns) == 0)
        if (kept == good).all():
            return np.asarray(kept)
        good = kept


def objective_step(program: Program) -> float:
    """USD of which every difference between the costs of plans worth considering is a multiple; 0: none is known.

    Costs in whole USD are looked for, in programs whose columns are all whole at an optimum.
    """
    usd = program.cost * program.unit
    if (usd % 1 != 0).any() or not (program.integer | program.implied).all() or (np.abs(usd) >= 2.0**53).any():
        return 0.0
    return float(math.gcd(*usd.astype(np.int64).tolist()))


def _whole_or_none(limits: Floats) -> Bools:
    return np.asarray(np.isinf(limits) | (np.where(np.isinf(limits), 0.0, limits) % 1 == 0))
