"""Between a solver's values and decisions, and the boxes that hold some decisions and free others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import SolverFailure
from optimizer.integer.program import Program

INTEGRALITY = 1e-6  # largest distance from an integer that counts as that integer


def decisions(program: Program, problem: PlanningProblem, values: Floats) -> Decisions:
    """Rounds the integers of a solver's values, [n]; refuses values that are not integers within `INTEGRALITY`."""
    whole = np.rint(values)
    off = np.abs(values - whole)[program.integer].max(initial=0.0)
    if off > INTEGRALITY:
        raise SolverFailure(f"The solver's answer is not whole: a decision is {off:.3g} away from an integer, more than {INTEGRALITY:g}.")
    variables, needs = program.variables, problem.needs
    placed = np.full(variables.unplaced.shape, -1, dtype=np.int64)
    pair, period = np.nonzero(whole[variables.place] > 0)
    placed[needs.pair_load[pair], period] = needs.pair_pool[pair]
    option = np.full(len(needs.runs), -1, dtype=np.int64)
    taken = np.flatnonzero(whole[variables.option] > 0)
    option[needs.option_run[taken]] = taken
    exits = np.where(variables.exits >= 0, whole[variables.exits], 0.0)
    return Decisions(placed=placed, option=option, lots=whole[variables.lots].astype(np.int64), exits=exits.astype(np.int64))


def integers(program: Program, problem: PlanningProblem, chosen: Decisions) -> tuple[Ints, Floats]:
    """(columns, values) of all integer columns under the decisions."""
    variables, needs = program.variables, problem.needs
    active = np.where(problem.supply.interval >= 0, chosen.lots[:, None] - np.cumsum(chosen.exits, axis=1), 0)
    own_force = (variables.in_force >= 0) & (variables.in_force != variables.held[:, None])
    own_held = variables.held != variables.lots
    parts = [
        (variables.place, chosen.placed[needs.pair_load] == needs.pair_pool[:, None]),
        (variables.unplaced, chosen.placed < 0),
        (variables.option, chosen.option[needs.option_run] == np.arange(len(needs.option_run))),
        (variables.not_run, chosen.option < 0),
        (variables.lots, chosen.lots),
        (np.where(own_held, variables.held, -1), chosen.lots > 0),
        (variables.exits, chosen.exits),
        (np.where(own_force, variables.in_force, -1), active > 0),
    ]
    columns = np.concatenate([column[column >= 0] for column, _ in parts])
    values = np.concatenate([np.asarray(value, dtype=np.float64)[column >= 0] for column, value in parts])
    return columns, values


def fix(program: Program, problem: PlanningProblem, chosen: Decisions) -> tuple[Floats, Floats]:
    """Boxes (lower, upper), each [n], that hold all decisions and leave the recourse free.

    A decision outside the program's own box (a pin forbids it, say) gives lower > upper, which `solve_program` answers as infeasible.
    """
    _check_representable(program, problem, chosen)
    lower, upper = program.lower.copy(), program.upper.copy()
    columns, values = integers(program, problem, chosen)
    lower[columns] = np.maximum(lower[columns], values)
    upper[columns] = np.minimum(upper[columns], values)
    return lower, upper


def _check_representable(program: Program, problem: PlanningProblem, chosen: Decisions) -> None:
    """Decisions without a column cannot be held: a load in a pool that cannot serve it, or lots left when leaving is not possible."""
    needs = problem.needs
    eligible = np.zeros((len(needs.loads), len(problem.pools) + 1), dtype=np.bool_)
    eligible[:, -1] = True
    eligible[needs.pair_load, needs.pair_pool] = True
    if not np.take_along_axis(eligible, chosen.placed, axis=1).all():
        raise SolverFailure("A plan places a load in a pool that cannot serve it.")
    if (chosen.exits[program.variables.exits < 0] > 0).any():
        raise SolverFailure("A plan leaves a contract in a period in which leaving is not possible.")


def fix_contracts(program: Program, problem: PlanningProblem, chosen: Decisions) -> tuple[Floats, Floats]:
    """Boxes that hold the contracts only: lots, exits and what follows from them."""
    lower, upper = fix(program, problem, chosen)
    free = np.ones(len(lower), dtype=np.bool_)
    free[_contract_columns(program)] = False
    return np.where(free, program.lower, lower), np.where(free, program.upper, upper)


def free_loads(
    program: Program,
    problem: PlanningProblem,
    boxes: tuple[Floats, Floats],
    *,
    loads: Ints,
    runs: Ints,
    contracts: bool = False,
) -> tuple[Floats, Floats]:
    """A neighbourhood: the boxes with the placements of these loads and runs, and all contracts if asked for, free again.

    Args:
      boxes: (lower, upper) from `fix`.
      loads: indices into L.
      runs: indices into R.
    """
    variables, needs = program.variables, problem.needs
    columns = [
        variables.place[np.isin(needs.pair_load, loads)].ravel(),
        variables.unplaced[loads].ravel(),
        variables.option[np.isin(needs.option_run, runs)],
        variables.not_run[runs],
        *([_contract_columns(program)] if contracts else []),
    ]
    free = np.concatenate(columns)
    lower, upper = boxes[0].copy(), boxes[1].copy()
    lower[free], upper[free] = program.lower[free], program.upper[free]
    return lower, upper


def hold_draws(
    program: Program, problem: PlanningProblem, boxes: tuple[Floats, Floats], plan: Plan, *, pools: Ints
) -> tuple[Floats, Floats]:
    """The boxes with draws from all pools but these as they are in the plan; shortage stays free."""
    variables, supply = program.variables, problem.supply
    lower, upper = boxes[0].copy(), boxes[1].copy()
    for column, drawn, pool in (
        (variables.contract_draw, plan.contract_draw, supply.cover_pool),
        (variables.offer_draw, plan.offer_draw, supply.offer_pool),
    ):
        held = (column >= 0) & ~np.isin(pool, pools)[:, None, None, None]
        at = column[held]
        lower[at] = upper[at] = np.clip(drawn[held], program.lower[at], program.upper[at])
    return lower, upper


def _contract_columns(program: Program) -> NDArray[np.int64]:
    variables = program.variables
    parts = (variables.lots, variables.held, variables.exits, variables.in_force)
    columns = np.unique(np.concatenate([part.ravel() for part in parts]))
    return columns[columns >= 0]
