"""Why no plan keeps all rules: the rules that have to give way, in a planner's words.

Work may stay unplaced and capacity may be missing at a price, so only pins, limits and clauses can rule out every plan. The elastic program gives each of their
rows a slack, asks for the least sum of slacks (each in units of what its row allows), and names the rules that still give way, by how much, and those
whose price in its relaxation says that they stand against them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import SolverFailure
from optimizer.integer.model import build_program
from optimizer.integer.program import Program, RowNames
from optimizer.integer.rows import compressed
from optimizer.integer.solver import solve_program

# Clause -> what is wrong where its row must give way. All other rows define quantities and hold by themselves.
RULES = {
    "pin": "missing",
    "option group": "over by",
    "exclusion of contracts": "over by",
    "exclusivity": "over by",
    "share of wallet": "short by",
    "budget": "over by",
    "largest supplier share": "over by",
    "fewest suppliers": "short by",
    "moves": "over by",
    "site bandwidth": "over by",
    "reserve for the loss of a site": "short by",
}
VISIBLE = 1e-6  # a slack or a price that counts, in units of what its row allows


@dataclass(frozen=True, kw_only=True)
class Elastic:
    """A program in which rules may give way at a cost, and the columns that say by how much. Axis: `e` slacks."""

    program: Program
    rows: Ints  # [e] the rule's row
    columns: Ints  # [e] its slack
    size: Floats  # [e] what one unit of the objective is in the row


def explain(problem: PlanningProblem, *, time_limit_s: float | None = 30.0, threads: int = 1, seed: int = 0) -> list[str]:
    """Names the rules that cannot hold together; an empty list where a plan keeps them all.

    Example: `share of wallet of contract c1 in 2026-09 (scenario high): short by 120 accelerator-hours`.
    """
    free, barred = _without_bans(problem)
    elastic = make_elastic(build_program(free))
    program = _charge(elastic.program, barred)
    answer = solve_program(program, time_limit_s=time_limit_s, threads=threads, seed=seed, relative_gap=1e-6)
    if answer.values is None:
        raise SolverFailure("No plan keeps all rules, and the search for those that cannot hold together found nothing in its time.")
    slack = answer.values[elastic.columns] / elastic.size
    giving = np.flatnonzero(slack > VISIBLE)
    lines = [_line(program, problem, int(elastic.rows[i]), float(answer.values[elastic.columns[i]])) for i in giving]
    lines += _bans_broken(problem, program, answer.values, barred)
    if not lines and answer.status is PlanStatus.OPTIMAL:
        return []
    named = {int(elastic.rows[i]) for i in giving}
    return [*lines, *_against(program, problem, elastic, named, threads)]


def _without_bans(problem: PlanningProblem) -> tuple[PlanningProblem, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """The problem with every forbidden placement allowed and every forced run optional, and masks of what that freed ([N, T], [R])."""
    free = replace(problem, pair_allowed=np.ones_like(problem.pair_allowed), run_forced=np.zeros_like(problem.run_forced))
    return free, (~problem.pair_allowed, problem.run_forced)


def _charge(program: Program, barred: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> Program:
    """A forbidden placement is a slack of its own."""
    cost = program.cost.copy()
    cost[program.variables.place[barred[0]]] += 1.0
    cost[program.variables.not_run[barred[1]]] += 1.0
    return replace(program, cost=cost)


def make_elastic(program: Program) -> Elastic:
    """Adds a slack to each side of each rule's row; the objective is the sum of slacks alone."""
    rules = [np.arange(name.start, name.stop) for name in program.names if name.clause in RULES]
    rows = np.concatenate([*rules, np.zeros(0, dtype=np.int64)])
    sided = [(rows[np.isfinite(program.row_lower[rows])], 1.0), (rows[np.isfinite(program.row_upper[rows])], -1.0)]
    rows = np.concatenate([part for part, _ in sided])
    sign = np.concatenate([np.full(len(part), value) for part, value in sided])
    size = _row_size(program)[rows]
    columns = len(program.cost) + np.arange(len(rows))
    indptr, indices, data = compressed(
        np.concatenate([program.row_of_entry(), rows]),
        np.concatenate([program.indices, columns]),
        np.concatenate([program.data, sign]),
        len(program.row_lower),
        len(program.cost) + len(rows),
    )
    added = np.zeros(len(rows), dtype=np.bool_)
    elastic = replace(
        program,
        cost=np.concatenate([np.zeros(len(program.cost)), 1.0 / size]),
        lower=np.concatenate([program.lower, np.zeros(len(rows))]),
        upper=np.concatenate([program.upper, _furthest(program)[rows]]),
        integer=np.concatenate([program.integer, added]),
        implied=np.concatenate([program.implied, added]),
        indptr=indptr,
        indices=indices,
        data=data,
        constant=0.0,
        unit=1.0,
    )
    return Elastic(program=elastic, rows=rows, columns=columns, size=size)


def _row_size(program: Program) -> Floats:
    """What a row allows: the larger of its bounds' size and its largest coefficient on a decision, [m]; at least tiny."""
    largest = np.zeros(len(program.row_lower))
    whole = program.integer[program.indices]
    np.maximum.at(largest, program.row_of_entry()[whole], np.abs(program.data[whole]))
    sides = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (program.row_lower, program.row_upper)]
    size = np.maximum(largest, np.maximum(*sides))
    return np.asarray(np.where(size > 0, size, 1.0))


def _furthest(program: Program) -> Floats:
    """The most by which a row could miss its bounds, [m]."""
    reach = np.abs(program.data) * np.maximum(np.abs(program.lower), np.abs(program.upper))[program.indices]
    sides = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (program.row_lower, program.row_upper)]
    return np.asarray(np.bincount(program.row_of_entry(), reach, len(program.row_lower)) + sides[0] + sides[1])


def _bans_broken(
    problem: PlanningProblem, program: Program, values: Floats, barred: tuple[NDArray[np.bool_], NDArray[np.bool_]]
) -> list[str]:
    needs = problem.needs
    pair, period = np.nonzero(barred[0] & (values[program.variables.place] > 0.5))
    run = np.flatnonzero(barred[1] & (values[program.variables.not_run] > 0.5))
    return [
        *(
            f"pin that forbids load {needs.loads[needs.pair_load[n]].name} in pool {problem.pools[needs.pair_pool[n]]} in {problem.periods[t]}"
            for n, t in zip(pair, period, strict=True)
        ),
        *(f"pin that forces training run {needs.runs[r]}: no option can be taken" for r in run),
    ]


def _against(program: Program, problem: PlanningProblem, elastic: Elastic, named: set[int], threads: int) -> list[str]:
    """Rules with a price in the relaxation: they stand against those that give way, one line per rule whatever its blocks and scenarios."""
    relaxed = solve_program(program, relax=True, threads=threads)
    if relaxed.row_duals is None or not math.isfinite(relaxed.objective) or relaxed.objective <= VISIBLE:
        return []
    rows = np.unique(elastic.rows)
    priced = rows[np.abs(relaxed.row_duals[rows]) * _row_size(program)[rows] > VISIBLE]
    return [f"against it stands: {name_row(program, problem, int(row))}" for row in priced if int(row) not in named]


def _line(program: Program, problem: PlanningProblem, row: int, slack: float) -> str:
    names = _group(program, row)
    amount = slack * float(names.scale[row - names.start])
    return f"{name_row(program, problem, row)}: {RULES[names.clause]} {_figure(amount)} {names.measure}"


def _figure(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"


def name_row(program: Program, problem: PlanningProblem, row: int) -> str:
    """A row in a planner's words: its clause, what it is about, when, and in which scenario."""
    names = _group(program, row)
    about = {axis: int(key[row - names.start]) for axis, key in names.keys.items()}
    labels = _labels(problem)
    subjects = [f"of {axis} {labels[axis][i]}" for axis, i in about.items() if axis in labels and i >= 0]
    words = [names.clause, *subjects]
    if "period" in about:
        words.append(f"in {problem.periods[about['period']]}")
    if "interval" in about:
        words.append(f"in {_interval(problem, about['contract'], about['interval'])}")
    within = [f"{axis} {labels_of[about[axis]]}" for axis, labels_of in _within(problem).items() if axis in about]
    return " ".join(words) + (f" ({', '.join(within)})" if within else "")


def _group(program: Program, row: int) -> RowNames:
    return next(name for name in program.names if name.start <= row < name.stop)


def _labels(problem: PlanningProblem) -> dict[str, tuple[str, ...]]:
    return {
        "contract": problem.supply.contracts,
        "other contract": problem.supply.contracts,
        "supplier": problem.suppliers,
        "site": problem.sites,
        "load": tuple(load.name for load in problem.needs.loads),
        "run": problem.needs.runs,
        "pool": problem.pools,
    }


def _within(problem: PlanningProblem) -> dict[str, tuple[str, ...]]:
    return {"block": problem.blocks, "scenario": problem.scenarios}


def _interval(problem: PlanningProblem, contract: int, interval: int) -> str:
    periods = np.flatnonzero(problem.supply.interval[contract] == interval)
    first, last = problem.periods[periods[0]], problem.periods[periods[-1]]
    return first if first == last else f"{first} to {last}"
