"""What decisions about contracts leave open to loads and runs: pins and exclusivity clauses."""

from __future__ import annotations

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.solve.cost import active_lots


def open_pairs(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """True where pins and the exclusivity clauses of contracts in force let a pair be used, [N, T]."""
    supply, needs = problem.supply, problem.needs
    active = active_lots(problem, decisions) > 0
    supplier = problem.pool_supplier[needs.pair_pool]
    allowed = problem.pair_allowed.copy()
    for k, excluded in supply.excluded_supplier:
        allowed &= ~((supplier == excluded)[:, None] & active[k])
    for k, load in supply.exclusive_work:
        elsewhere = (needs.pair_load == load) & (supplier != supply.contract_supplier[k])
        allowed &= ~(elsewhere[:, None] & active[k])
    return np.asarray(allowed)


def open_options(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """True where the exclusivity clauses of contracts in force let a training option be taken, [G]."""
    supply, needs = problem.supply, problem.needs
    active = active_lots(problem, decisions) > 0
    period = np.arange(len(problem.periods))
    held = (needs.option_start[:, None] <= period) & (period < needs.option_stop[:, None])
    supplier = problem.pool_supplier[needs.option_pool]
    allowed = np.ones(len(supplier), dtype=np.bool_)
    for k, excluded in supply.excluded_supplier:
        allowed &= ~((supplier == excluded) & (held & active[k]).any(axis=1))
    for k, run in supply.exclusive_run:
        elsewhere = (needs.option_run == run) & (supplier != supply.contract_supplier[k])
        allowed &= ~(elsewhere & (held & active[k]).any(axis=1))
    return allowed
