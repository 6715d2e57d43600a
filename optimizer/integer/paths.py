"""A program in which some loads follow one of a few whole paths: one column for each path in place of one for each pool and period.

Everything else stays as it is, all clauses included: a path's column is the sum of the columns that it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.program import Program
from optimizer.integer.reduced import Arrays, Reduced

Path = tuple[int, Ints]  # a load, and its pool in each period, [T]; -1: not placed


@dataclass(frozen=True, kw_only=True)
class Along:
    """What is left to decide. The first columns are those of `reduced` that no path stands for."""

    arrays: Arrays
    reduced: Reduced
    kept: Ints  # columns of `reduced` that no path stands for
    member: Ints  # [z] columns of `reduced` that paths stand for ...
    path: Ints  # [z] ... and which path it is
    paths: tuple[Path, ...]

    def inside(self, free: Floats) -> Floats:
        """Values of all columns of `reduced`."""
        inside = np.zeros(len(self.reduced.columns))
        inside[self.kept] = free[: len(self.kept)]
        np.add.at(inside, self.member, free[len(self.kept) :][self.path])
        return inside


def along_paths(
    program: Program, problem: PlanningProblem, reduced: Reduced, paths: Sequence[Path], charges: Floats | None = None
) -> Along:
    """Puts paths in the place of the columns of their loads. Paths through what the boxes hold at 0 are left out.

    Args:
      reduced: with the placements of the paths' loads free.
      charges: discounted USD of following each path, beside what its columns cost; None: nothing.
    """
    number = np.full(len(program.cost), -1)
    number[reduced.columns] = np.arange(len(reduced.columns))
    known = [(path, number[_columns(program, problem, path)]) for path in paths]
    possible = [bool((columns >= 0).all()) for _, columns in known]
    open_paths = [one for one, may in zip(known, possible, strict=True) if may]
    charged = np.zeros(len(open_paths)) if charges is None else charges[np.array(possible, dtype=np.bool_)] / program.unit
    member = np.concatenate([columns for _, columns in open_paths]) if open_paths else np.zeros(0, dtype=np.int64)
    path_of = np.repeat(np.arange(len(open_paths)), [len(columns) for _, columns in open_paths])
    dropped = np.zeros(len(reduced.columns), dtype=np.bool_)
    loads = sorted({load for (load, _), _ in open_paths})
    dropped[_all_columns(program, problem, np.array(loads, dtype=np.int64), number)] = True
    kept = np.flatnonzero(~dropped)
    arrays = _stacked(reduced.arrays, dropped, kept, member, path_of, charged)
    return Along(arrays=arrays, reduced=reduced, kept=kept, member=member, path=path_of, paths=tuple(path for path, _ in open_paths))


def _columns(program: Program, problem: PlanningProblem, path: Path) -> Ints:
    """Columns of the program that stand at 1 where the load follows the path."""
    variables, (load, pools) = program.variables, path
    pairs = np.flatnonzero(problem.needs.pair_load == load)
    of_pool = np.full(len(problem.pools) + 1, -1)
    of_pool[problem.needs.pair_pool[pairs]] = pairs
    pair, period = of_pool[pools], np.arange(len(pools))
    placed = pools >= 0
    entered = placed & (pools != np.concatenate([pools[:1], pools[:-1]]))
    enter = variables.enter[pair[entered], period[entered]]
    return np.concatenate(
        [variables.place[pair[placed], period[placed]], variables.unplaced[load, period[~placed]], enter[enter >= 0]]
    ).astype(np.int64)


def _all_columns(program: Program, problem: PlanningProblem, loads: Ints, number: Ints) -> Ints:
    variables = program.variables
    mine = np.isin(problem.needs.pair_load, loads)
    columns = np.concatenate([variables.place[mine].ravel(), variables.enter[mine].ravel(), variables.unplaced[loads].ravel()])
    within = number[columns[columns >= 0]]
    return np.asarray(within[within >= 0])


def _stacked(arrays: Arrays, dropped: np.ndarray, kept: Ints, member: Ints, path: Ints, charged: Floats) -> Arrays:
    """The arrays with a column for each path behind the columns kept.

    Args:
      charged: of each path, in units of money.
    """
    paths = len(charged)
    place = np.cumsum(~dropped) - 1
    order = np.argsort(member, kind="stable")
    first = np.searchsorted(member[order], np.arange(len(dropped)))
    count = np.bincount(member, minlength=len(dropped))
    inside = dropped[arrays.column]
    times = count[arrays.column[inside]]
    starts = np.repeat(first[arrays.column[inside]], times)
    within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    row = np.concatenate([arrays.row[~inside], np.repeat(arrays.row[inside], times)])
    column = np.concatenate([place[arrays.column[~inside]], len(kept) + path[order[starts + within]]])
    data = np.concatenate([arrays.data[~inside], np.repeat(arrays.data[inside], times)])
    cell, at = np.unique(row * (len(kept) + paths) + column, return_inverse=True)
    summed = np.bincount(at, data, len(cell))
    ones, no = np.ones(paths), np.zeros(paths, dtype=np.bool_)
    return replace(
        arrays,
        cost=np.concatenate([arrays.cost[kept], np.bincount(path, arrays.cost[member], paths) + charged]),
        lower=np.concatenate([arrays.lower[kept], 0.0 * ones]),
        upper=np.concatenate([arrays.upper[kept], ones]),
        integer=np.concatenate([arrays.integer[kept], ~no]),
        implied=np.concatenate([arrays.implied[kept], no]),
        row=cell // (len(kept) + paths),
        column=cell % (len(kept) + paths),
        data=summed.astype(np.float64),
    )
