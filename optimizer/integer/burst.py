"""Burst: what a contract lets be drawn beyond its capacity."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.integer.clauses import active
from optimizer.integer.rows import RowGroup, numbered, row_group
from optimizer.integer.variables import Variables


def burst(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """burst[k,t,b,s] <= share x capacity[k,t] active[k,t]; where burst is cheaper than what it goes beyond, only once that is all drawn."""
    supply, clause = problem.supply, problem.supply.burst
    row = numbered(variables.burst >= 0)
    u, period, block, scenario = np.nonzero(row >= 0)
    keys = {"contract": clause.contract[u], "period": period, "block": block, "scenario": scenario}
    most = clause.share[u] * supply.capacity[clause.contract[u], period, scenario]
    full = numbered(variables.is_bursting >= 0)
    x, t, b, s = np.nonzero(full >= 0)
    k = clause.contract[x]
    each = {"contract": k, "period": t, "block": b, "scenario": s}
    capacity = supply.capacity[k, t, s]
    own = np.full((len(supply.contracts), *full.shape[1:]), -1)
    own[clause.contract] = full
    largest = capacity * supply.most_lots[k]
    return [
        row_group(
            "burst",
            keys,
            (row, variables.burst, -1.0),
            *active(variables, np.arange(len(u)), clause.contract[u], period, most),
            lower=0.0,
            measure="accelerators",
        ),
        row_group(
            "burst",
            each,
            (full, variables.burst, -1.0),
            (full, variables.is_bursting, (clause.share[:, None, None, None] * supply.capacity[clause.contract][:, :, None, :])
             * supply.most_lots[clause.contract][:, None, None, None]),
            lower=0.0,
            measure="accelerators",
        ),
        row_group(
            "burst",
            each,
            (own[supply.cover_contract], variables.contract_draw, 1.0),
            (full, variables.burst, -1.0),
            *active(variables, np.arange(len(x)), k, t, -capacity),
            (np.arange(len(x)), variables.is_bursting[x, t, b, s], -largest),
            lower=-largest,
            measure="accelerators",
        ),
    ]
