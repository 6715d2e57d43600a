"""Why no plan keeps all rules: the rules that have to give way, in a planner's words.

Work may stay unplaced and capacity may be missing at a price, so only pins, limits and clauses can rule out every plan. The elastic
program gives each of their rows a slack, asks for the least sum of slacks (each in units of what its row allows), and names the rules
that still give way, by how much, and those whose price in its relaxation says that they stand against them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import SolverFailure
from optimizer.integer.model import build_program
from optimizer.integer.program import Program, RowNames
from optimizer.integer.rows import compressed
from optimizer.integer.solver import solve_program

# Clause -> what is wrong where its row must give way. All other rows define quantities, or hold where nothing is drawn (shares of
# hours drawn).
RULES = {
    "pin that forces": "missing",
    "pin that forbids": "over by",
    "option group": "over by",
    "exclusion": "over by",
    "exclusivity": "over by",
    "budget": "over by",
    "fewest suppliers": "short by",
    "moves": "over by",
    "site bandwidth": "over by",
    "reserve for the loss": "short by",
}
PIN_WEIGHT = 8.0  # a pin gives way last: by how much a limit is missed says more than that a pin is
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

    Example: `budget of supplier orbit in 2026-09 (scenario high): over by 1,200 USD`.

    Raises:
      SolverFailure: the time was too short to tell.
    """
    elastic = make_elastic(_with_bans_as_rows(problem))
    program = elastic.program
    answer = solve_program(program, time_limit_s=time_limit_s, threads=threads, seed=seed, relative_gap=1e-6)
    if answer.values is None:
        raise SolverFailure("No plan keeps all rules, and the search for those that cannot hold together found nothing in its time.")
    slack = answer.values[elastic.columns]
    giving = np.flatnonzero(slack > VISIBLE * elastic.size)
    lines = [_line(program, problem, int(elastic.rows[i]), float(slack[i])) for i in giving]
    return [*lines, *_against(program, problem, elastic, set(elastic.rows[giving].tolist()), threads)] if lines else []


def _with_bans_as_rows(problem: PlanningProblem) -> Program:
    """The program with its forbidden placements and forced runs, else bounds of columns, as rows that can give way."""
    free = replace(problem, pair_allowed=np.ones_like(problem.pair_allowed), run_forced=np.zeros_like(problem.run_forced))
    program = build_program(free)
    pair, period = np.nonzero(~problem.pair_allowed)
    run = np.flatnonzero(problem.run_forced)
    needs = problem.needs
    banned = {"load": needs.pair_load[pair], "pool": needs.pair_pool[pair], "period": period}
    program = _with_ceilings(program, "pin that forbids", banned, program.variables.place[pair, period], "placements")
    return _with_ceilings(program, "pin that forces", {"run": run}, program.variables.not_run[run], "runs")


def _with_ceilings(program: Program, clause: str, keys: dict[str, Ints], columns: Ints, measure: str) -> Program:
    """Adds a row `column <= 0` for each column."""
    start, count = len(program.row_lower), len(columns)
    names = RowNames(clause=clause, start=start, stop=start + count, keys=keys, measure=measure, scale=np.ones(count))
    return replace(
        program,
        indptr=np.concatenate([program.indptr, program.indptr[-1] + 1 + np.arange(count)]),
        indices=np.concatenate([program.indices, columns]),
        data=np.concatenate([program.data, np.ones(count)]),
        row_lower=np.concatenate([program.row_lower, np.full(count, -np.inf)]),
        row_upper=np.concatenate([program.row_upper, np.zeros(count)]),
        names=(*program.names, names),
    )


def make_elastic(program: Program) -> Elastic:
    """Adds a slack to each side of each rule's row; the objective is the sum of slacks alone."""
    rules = [np.arange(name.start, name.stop) for name in program.names if name.clause in RULES]
    rows = np.concatenate([*rules, np.zeros(0, dtype=np.int64)])
    sided = [(rows[np.isfinite(program.row_lower[rows])], 1.0), (rows[np.isfinite(program.row_upper[rows])], -1.0)]
    rows = np.concatenate([part for part, _ in sided])
    sign = np.concatenate([np.full(len(part), value) for part, value in sided])
    size = _row_size(program)[rows]
    weight = np.concatenate([np.full(n.stop - n.start, PIN_WEIGHT if n.clause.startswith("pin") else 1.0) for n in program.names])
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
        cost=np.concatenate([np.zeros(len(program.cost)), weight[rows] / size]),
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
    """What a row allows: the larger of its bounds' size and the most that one column can add, [m]."""
    largest = np.zeros(len(program.row_lower))
    np.maximum.at(largest, program.row_of_entry(), np.abs(program.data) * program.upper[program.indices])
    sides = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (program.row_lower, program.row_upper)]
    size = np.maximum(largest, np.maximum(*sides))
    return np.asarray(np.where(size > 0, size, 1.0))


def _furthest(program: Program) -> Floats:
    """The most by which a row could miss its bounds, [m]."""
    reach = np.abs(program.data) * np.maximum(np.abs(program.lower), np.abs(program.upper))[program.indices]
    sides = [np.where(np.isfinite(side), np.abs(side), 0.0) for side in (program.row_lower, program.row_upper)]
    return np.asarray(np.bincount(program.row_of_entry(), reach, len(program.row_lower)) + sides[0] + sides[1])


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
    words = [names.clause, *_subjects(problem, names.clause, about)]
    if "period" in about:
        words.append(f"in {problem.periods[about['period']]}")
    if "interval" in about:
        words.append(f"in {_interval(problem, about['contract'], about['interval'])}")
    within = [f"{axis} {labels_of[about[axis]]}" for axis, labels_of in _within(problem).items() if axis in about]
    return " ".join(words) + (f" ({', '.join(within)})" if within else "")


def _group(program: Program, row: int) -> RowNames:
    return next(name for name in program.names if name.start <= row < name.stop)


def _subjects(problem: PlanningProblem, clause: str, about: dict[str, int]) -> list[str]:
    """`of contract c1`, `of load chat in pool p1`; a pin's verb takes its object without `of`."""
    labels = {
        "contract": problem.supply.contracts,
        "other contract": problem.supply.contracts,
        "supplier": problem.suppliers,
        "site": problem.sites,
        "load": tuple(load.name for load in problem.needs.loads),
        "run": problem.needs.runs,
        "pool": problem.pools,
    }
    links = {"pool": "in pool", "other contract": "and contract", "run": "of training run"}
    subjects = []
    for axis, index in about.items():
        if axis in labels and index >= 0:
            words = f"{links.get(axis, f'of {axis}')} {labels[axis][index]}"
            subjects.append(words.removeprefix("of ") if clause.startswith("pin") else words)
    return subjects


def _within(problem: PlanningProblem) -> dict[str, tuple[str, ...]]:
    return {"block": problem.blocks, "scenario": problem.scenarios}


def _interval(problem: PlanningProblem, contract: int, interval: int) -> str:
    periods = np.flatnonzero(problem.supply.interval[contract] == interval)
    first, last = problem.periods[periods[0]], problem.periods[periods[-1]]
    return first if first == last else f"{first} to {last}"
