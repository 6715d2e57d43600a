"""What contracts forbid while they are in force."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Ints
from optimizer.integer.columns import Bools
from optimizer.integer.rows import RowGroup, numbered, row_group
from optimizer.integer.variables import Variables, periods_held


def exclusivity(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """While a contract is in force: no excluded contract, nothing with an excluded supplier, exclusive work with its own supplier only."""
    supply, needs = problem.supply, problem.needs
    pair_supplier = problem.pool_supplier[needs.pair_pool]
    option_supplier = problem.pool_supplier[needs.option_pool]
    rival = [(k, j) for k, s in supply.excluded_supplier for j in np.flatnonzero(supply.contract_supplier == s) if j != k]
    elsewhere = [
        *((k, load, pair_supplier == s) for k, s in supply.excluded_supplier for load in range(len(needs.loads))),
        *((k, load, pair_supplier != supply.contract_supplier[k]) for k, load in supply.exclusive_work),
    ]
    runs = [
        *((k, run, option_supplier == s) for k, s in supply.excluded_supplier for run in range(len(needs.runs))),
        *((k, run, option_supplier != supply.contract_supplier[k]) for k, run in supply.exclusive_run),
    ]
    return [
        _never_together(variables, np.array([*map(tuple, supply.excluded_contract), *rival], dtype=np.int64).reshape(-1, 2)),
        _no_load_elsewhere(problem, variables, elsewhere),
        _no_run_elsewhere(problem, variables, runs),
    ]


def _never_together(variables: Variables, pairs: Ints) -> RowGroup:
    one, other = variables.in_force[pairs[:, 0]], variables.in_force[pairs[:, 1]]
    pair, period = np.nonzero((one >= 0) & (other >= 0))
    each = np.arange(len(pair))
    return row_group(
        "exclusion",
        {"contract": pairs[pair, 0], "other contract": pairs[pair, 1], "period": period},
        (each, one[pair, period], 1.0),
        (each, other[pair, period], 1.0),
        upper=1.0,
        measure="contracts",
    )


def _no_load_elsewhere(problem: PlanningProblem, variables: Variables, rules: list[tuple[int, int, Bools]]) -> RowGroup:
    """Where the rule's pairs (a mask [N]) of its load are barred: sum x + in_force <= 1 in each period of the contract."""
    contract = np.array([k for k, _, _ in rules], dtype=np.int64)
    load = np.array([load for _, load, _ in rules], dtype=np.int64)
    row = numbered(variables.in_force[contract] >= 0)
    rule, period = np.nonzero(row >= 0)
    barred = [np.flatnonzero(mask & (problem.needs.pair_load == load)) for _, load, mask in rules]
    return row_group(
        "exclusivity",
        {"contract": contract[rule], "load": load[rule], "period": period},
        (row, variables.in_force[contract], 1.0),
        *((row[i], variables.place[pairs], 1.0) for i, pairs in enumerate(barred)),
        upper=1.0,
        measure="placements",
    )


def _no_run_elsewhere(problem: PlanningProblem, variables: Variables, rules: list[tuple[int, int, Bools]]) -> RowGroup:
    contract = np.array([k for k, _, _ in rules], dtype=np.int64)
    run = np.array([run for _, run, _ in rules], dtype=np.int64)
    row = numbered(variables.in_force[contract] >= 0)
    rule, period = np.nonzero(row >= 0)
    held = periods_held(problem)
    barred = [np.flatnonzero(mask & (problem.needs.option_run == run)) for _, run, mask in rules]
    return row_group(
        "exclusivity",
        {"contract": contract[rule], "run": run[rule], "period": period},
        (row, variables.in_force[contract], 1.0),
        *((np.where(held[options], row[i], -1), variables.option[options][:, None], 1.0) for i, options in enumerate(barred)),
        upper=1.0,
        measure="placements",
    )
