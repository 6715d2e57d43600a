"""Where loads and training runs are, and what moves: rules 1 and 10 of docs/problem.md, and the rows that define moves."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.integer.rows import RowGroup, numbered, row_group
from optimizer.integer.variables import Variables


def one_place(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum over pools of x[n,t] + u[l,t] = 1."""
    loads, periods = variables.unplaced.shape
    load, period = np.divmod(np.arange(loads * periods), periods)
    row = problem.needs.pair_load[:, None] * periods + np.arange(periods)
    return row_group(
        "one place",
        {"load": load, "period": period},
        (row, variables.place, 1.0),
        (np.arange(loads * periods), variables.unplaced.ravel(), 1.0),
        lower=1.0,
        upper=1.0,
        measure="loads",
    )


def one_option(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum over options of z[g] + v[r] = 1."""
    runs = np.arange(len(problem.needs.runs))
    return row_group(
        "one training option",
        {"run": runs},
        (problem.needs.option_run, variables.option, 1.0),
        (runs, variables.not_run, 1.0),
        lower=1.0,
        upper=1.0,
        measure="runs",
    )


def pinned_placement(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """x[n,t] = 1 where a pin forces. Pins that forbid are the upper bounds of x."""
    pair, period = np.nonzero(problem.pair_forced)
    keys = {"load": problem.needs.pair_load[pair], "pool": problem.needs.pair_pool[pair], "period": period}
    return row_group(
        "pin that forces", keys, (np.arange(len(pair)), variables.place[pair, period], 1.0), lower=1.0, measure="placements"
    )


def entering(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """enter[n,t] >= x[n,t] - x[n,t-1] after the first period."""
    row = numbered(variables.enter >= 0)
    pair, period = np.nonzero(row >= 0)
    each = np.arange(len(pair))
    return row_group(
        "entering",
        {"load": problem.needs.pair_load[pair], "pool": problem.needs.pair_pool[pair], "period": period},
        (each, variables.enter[pair, period], 1.0),
        (each, variables.place[pair, period], -1.0),
        (each, variables.place[pair, period - 1], 1.0),
        lower=0.0,
    )
