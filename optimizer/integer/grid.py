"""CP-SAT, which knows integers only, on a program that also has draws.

Handing continuous columns to CP-SAT leaves their scaling to it, and its bound then holds for its own grid, not for the program. So
the grid is made here, as a relaxation that is integer throughout:

- A continuous x becomes step x n with n = floor(x / step): it falls by less than one step. Every row gives way by what that changes.
- Steps are powers of two in units of the column's first row (for draws, the pool's capacity row): there coefficients stay small.
- Columns that are whole at an optimum anyway (`Program.implied`) have steps of 1, and nothing gives way for them.
- Coefficients become integers after scaling by a power of two. Every row gives way by what the rounding can change.

Every plan of the program is then a plan on the grid and costs there no more than an allowance above its cost, so CP-SAT's bound less
the allowance is a bound of the program. The decisions found on the grid are priced by the linear program that they leave. Where
bound and price are further apart than the gap asked for, the grid is made finer.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.surface import Floats
from optimizer.integer.backend import Effort, Raw, holding_integers, solve_arrays
from optimizer.integer.reduced import Arrays

FINENESS = (14, 18, 22)  # bits that divide the box of a continuous column
ROW_BITS = 34  # a row's largest activity on the grid stays below 2^34 ...
COST_BITS = 48  # ... and the objective's below 2^48: larger ones cost CP-SAT its cuts


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An integer relaxation, and how its objective bounds the program's."""

    arrays: Arrays
    steps: Floats  # [n] 1 for integer columns
    scale: float  # grid units per unit of cost
    allowance: float  # units of cost that the bound gives up

    def bound(self, grid_bound: float) -> float:
        return grid_bound / self.scale - self.allowance


def solve_on_grid(arrays: Arrays, effort: Effort, start: Floats | None) -> Raw:
    """Solves with CP-SAT on ever finer grids until the gap is proven or the time is over."""
    begun = time.monotonic()
    best = Raw(status=PlanStatus.LIMIT, values=None, objective=math.inf, bound=-math.inf, row_duals=None)
    for bits in FINENESS:
        left = None if effort.time_limit_s is None else effort.time_limit_s - (time.monotonic() - begun)
        if left is not None and left <= 0:
            break
        grid = make_grid(arrays, bits)
        begin = None if start is None else np.floor(start / grid.steps)
        raw = solve_arrays(grid.arrays, "cp_sat", replace(effort, time_limit_s=left, relative_gap=effort.relative_gap / 2), begin)
        if raw.status is PlanStatus.INFEASIBLE:
            return raw
        best = _better(best, arrays, grid, raw, effort)
        if best.status is PlanStatus.OPTIMAL or (arrays.integer | arrays.implied).all():
            break
        start = best.values if best.values is not None else start
    return best


def _better(best: Raw, arrays: Arrays, grid: Grid, raw: Raw, effort: Effort) -> Raw:
    """The best plan and the best bound so far, with the plan priced off the grid."""
    values, objective = best.values, best.objective
    if raw.values is not None:
        priced = solve_arrays(holding_integers(arrays, raw.values), "highs", replace(effort, time_limit_s=None))
        if priced.values is not None and priced.objective < objective:
            values, objective = priced.values, priced.objective
    bound = max(best.bound, grid.bound(raw.bound))
    proven = objective - bound <= effort.relative_gap * abs(objective)
    status = PlanStatus.OPTIMAL if proven else PlanStatus.LIMIT
    return Raw(status=status, values=values, objective=objective, bound=bound, row_duals=None)


def make_grid(arrays: Arrays, bits: int) -> Grid:
    """The integer relaxation whose continuous columns have about 2^bits steps each."""
    whole = arrays.integer | arrays.implied
    width = np.where(whole, 1.0, arrays.upper - arrays.lower)
    first = _first_coefficient(arrays)
    steps = np.where(whole, 1.0, 2.0 ** np.ceil(np.log2(width * first) - bits) / first)
    low, high = np.floor(arrays.lower / steps), np.floor(arrays.upper / steps)
    furthest = np.maximum(np.abs(low), np.abs(high))
    falls = np.where(whole, 0.0, steps)  # by less than this much does a column fall
    rows = len(arrays.row_lower)
    exact = arrays.data * steps[arrays.column]
    scale = _power(np.asarray(np.bincount(arrays.row, np.abs(exact) * furthest[arrays.column], rows), dtype=np.float64), ROW_BITS)
    data = np.rint(exact * scale[arrays.row])
    rounding = np.bincount(arrays.row, np.abs(data - exact * scale[arrays.row]) * furthest[arrays.column], rows)
    change = arrays.data * falls[arrays.column]
    rise = np.bincount(arrays.row, np.maximum(-change, 0.0), rows) * scale + rounding
    fall = np.bincount(arrays.row, np.maximum(change, 0.0), rows) * scale + rounding
    cost_scale = float(_power(np.asarray([float(np.abs(arrays.cost * steps) @ furthest)]), COST_BITS)[0])
    cost = np.rint(arrays.cost * steps * cost_scale)
    cost_rounding = float(np.abs(cost - arrays.cost * steps * cost_scale) @ furthest) / cost_scale
    kept = data != 0
    return Grid(
        arrays=Arrays(
            cost=cost,
            lower=low,
            upper=high,
            integer=np.ones_like(whole),
            implied=np.zeros_like(whole),
            row=arrays.row[kept],
            column=arrays.column[kept],
            data=data[kept],
            row_lower=np.floor(arrays.row_lower * scale - fall),
            row_upper=np.ceil(arrays.row_upper * scale + rise),
            offset=arrays.offset * cost_scale,
        ),
        steps=steps,
        scale=cost_scale,
        allowance=cost_rounding + float(np.maximum(-arrays.cost, 0.0) @ falls),
    )


def _power(activity: Floats, bits: int) -> Floats:
    """The power of two that brings each largest activity just below 2^bits."""
    return np.asarray(2.0 ** np.floor(bits - np.log2(np.maximum(activity, 2.0**-bits))))


def _first_coefficient(arrays: Arrays) -> Floats:
    """Size of each column's coefficient in its first row, [n]; 1 without rows. For draws this is the pool's capacity row."""
    first = np.ones(len(arrays.cost))
    columns, entries = np.unique(arrays.column, return_index=True)
    first[columns] = np.abs(arrays.data[entries])
    return first
