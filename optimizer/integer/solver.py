"""Solves a program, whole or within boxes, exactly or relaxed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.errors import SolverFailure
from optimizer.integer.backend import NAMES, TAKES_START, Algorithm, Backend, Effort, Raw, continuous, solve_arrays
from optimizer.integer.bound import safe_bound
from optimizer.integer.columns import Bools
from optimizer.integer.grid import solve_on_grid
from optimizer.integer.paths import Path, along_paths
from optimizer.integer.program import Program
from optimizer.integer.reduced import Arrays, Reduced, reduce

LONG = 200  # entries of a row
OFTEN_TIGHT = frozenset({"share of wallet"})  # clauses whose long rows bind as often as not
KEPT = 1e-9  # by what share of its terms a row may be missed


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a solver found. Axes: `n` columns and `m` rows of the program."""

    status: PlanStatus  # OPTIMAL: proven within the relative gap asked for
    values: Floats | None  # [n]
    objective: float  # USD; inf without values
    bound: float  # USD; -inf if there is none
    row_duals: Floats | None  # [m] units of money per unit of the row, of linear programs only


def solve_program(
    program: Program,
    *,
    backend: Backend = "highs",
    time_limit_s: float | None = None,
    relative_gap: float = 1e-4,
    threads: int = 1,
    seed: int = 0,
    relax: bool = False,
    lower: Floats | None = None,
    upper: Floats | None = None,
    start: Floats | None = None,
    deterministic_limit: float | None = None,
    algorithm: Algorithm | None = None,
    paths: tuple[Path, ...] = (),
    path_charges: Floats | None = None,
    problem: PlanningProblem | None = None,
    cutoff_usd: float = math.inf,
) -> Answer:
    """Solves the program within the boxes given, or its own.

    Args:
      relax: solve the linear relaxation with HiGHS, whatever the backend; its bound is the safe one of its row duals.
      lower, upper: [n] boxes instead of the program's, as `decide.fix` makes them.
      start: [n] values to start from; CP-SAT and GSCIP only.
      paths: what loads with any may follow; others choose a pool in each period. With HiGHS, without a start, and with the problem.
      path_charges: discounted USD of following each path, beside what the program says; None: nothing.
      cutoff_usd: dearer plans are not looked for; INFEASIBLE says that there are no others. Not with `relax`, nor with paths.
      algorithm: for linear programs; None leaves the choice to HiGHS. "first_order" is PDLP.

    Raises:
      SolverFailure: the solver stopped for a reason other than a limit, or was asked for something that it cannot do.
    """
    lower = program.lower if lower is None else lower
    upper = program.upper if upper is None else upper
    if start is not None and (relax or backend not in TAKES_START):
        raise SolverFailure(f"{NAMES[backend]} takes no starting values{' for a linear program' if relax else ''}; use CP-SAT or GSCIP.")
    reduced = reduce(program, lower, upper)
    if reduced is None:
        return Answer(status=PlanStatus.INFEASIBLE, values=None, objective=math.inf, bound=math.inf, row_duals=None)
    effort = Effort(
        time_limit_s=time_limit_s,
        relative_gap=relative_gap,
        threads=threads,
        seed=seed,
        deterministic_limit=deterministic_limit,
        algorithm=algorithm,
    )
    if relax:
        return _relaxation(program, reduced, lower, upper, effort)
    if paths and problem is not None:
        along = along_paths(program, problem, reduced, paths, path_charges)
        raw = solve_arrays(along.arrays, "highs", effort)
        return _answer(program, reduced, replace(raw, values=None if raw.values is None else along.inside(raw.values), row_duals=None))
    begin = None if start is None else start[reduced.columns]
    arrays = _below(reduced.arrays, cutoff_usd / program.unit)
    if arrays is None:
        return Answer(status=PlanStatus.INFEASIBLE, values=None, objective=math.inf, bound=math.inf, row_duals=None)
    raw = solve_on_grid(arrays, effort, begin) if backend == "cp_sat" else solve_arrays(arrays, backend, effort, begin)
    return _answer(program, reduced, raw)


def _below(arrays: Arrays, cost: float) -> Arrays | None:
    """With a row more, of what is spent at most, where that says anything; None where nothing costs so little. In units of cost."""
    if math.isinf(cost):
        return arrays
    spending = np.flatnonzero(arrays.cost)
    ends = arrays.cost[spending] * np.stack([arrays.lower[spending], arrays.upper[spending]])
    least, most = (math.fsum([arrays.offset, *ends.min(axis=0)]), math.fsum([arrays.offset, *ends.max(axis=0)]))
    if most <= cost:
        return arrays
    if least > cost + KEPT * (abs(cost) + abs(arrays.offset) + float(np.abs(ends).max(initial=0.0))):
        return None
    return replace(
        arrays,
        row=np.concatenate([arrays.row, np.full(len(spending), len(arrays.row_lower))]),
        column=np.concatenate([arrays.column, spending]),
        data=np.concatenate([arrays.data, arrays.cost[spending]]),
        row_lower=np.append(arrays.row_lower, -np.inf),
        row_upper=np.append(arrays.row_upper, cost - arrays.offset),
    )


def _answer(program: Program, reduced: Reduced, raw: Raw) -> Answer:
    return Answer(
        status=raw.status,
        values=None if raw.values is None else reduced.values(raw.values),
        objective=program.unit * raw.objective,
        bound=program.unit * raw.bound,
        row_duals=None if raw.row_duals is None else reduced.duals(raw.row_duals, len(program.row_lower)),
    )


def _solve_linear(arrays: Arrays, backend: str, effort: Effort, tight: Bools) -> Raw:
    """Solves a linear program. Where most entries are in long rows (budgets, shares), these join once they are broken: few ever are.

    Args:
      tight: [m] rows that are there from the start.
    """
    length = np.bincount(arrays.row, minlength=len(arrays.row_lower))
    inside = (length <= LONG) | tight
    if length[~inside].sum() <= 0.5 * len(arrays.data):
        return solve_arrays(arrays, backend, effort)
    while True:
        raw = solve_arrays(_with_rows(arrays, inside), backend, effort)
        if raw.values is None or raw.status is not PlanStatus.OPTIMAL:
            return raw if raw.status is PlanStatus.INFEASIBLE else solve_arrays(arrays, backend, effort)
        terms = arrays.data * raw.values[arrays.column]
        reached = np.bincount(arrays.row, terms, len(inside))
        most = KEPT * np.maximum(1.0, np.bincount(arrays.row, np.abs(terms), len(inside)))
        broken = ~inside & ((reached < arrays.row_lower - most) | (reached > arrays.row_upper + most))
        if not broken.any():
            if raw.row_duals is None:
                return raw
            duals = np.zeros(len(inside))
            duals[inside] = raw.row_duals
            return replace(raw, row_duals=duals)
        inside |= broken


def _with_rows(arrays: Arrays, kept: Bools) -> Arrays:
    """The arrays with only some of their rows."""
    entry = kept[arrays.row]
    return replace(
        arrays,
        row=(np.cumsum(kept) - 1)[arrays.row[entry]],
        column=arrays.column[entry],
        data=arrays.data[entry],
        row_lower=arrays.row_lower[kept],
        row_upper=arrays.row_upper[kept],
    )


def _relaxation(program: Program, reduced: Reduced, lower: Floats, upper: Floats, effort: Effort) -> Answer:
    tight = np.zeros(len(program.row_lower), dtype=np.bool_)
    for name in program.names:
        tight[name.start : name.stop] = name.clause in OFTEN_TIGHT
    backend = "pdlp" if effort.algorithm == "first_order" else "highs"
    raw = _solve_linear(continuous(reduced.arrays), backend, effort, tight[reduced.rows])
    answer = _answer(program, reduced, raw)
    if raw.status is PlanStatus.INFEASIBLE:
        return answer
    duals = np.zeros(len(program.row_lower)) if answer.row_duals is None else answer.row_duals
    bound = safe_bound(program, duals, lower, upper)
    return Answer(status=answer.status, values=answer.values, objective=answer.objective, bound=bound, row_duals=duals)
