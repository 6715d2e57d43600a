"""Rows that every plan keeps and the linear relaxation does not: they bring it nearer to whole decisions."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.integer.clauses import active
from optimizer.integer.rows import RowGroup, row_group
from optimizer.integer.variables import Variables

CUTS = frozenset({"whole load"})  # clauses of the rows


def whole_loads(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """A load placed whole asks for whole lots: (need - R) x <= sum over k of min(need - R, a capacity[k]) active[k] + q.

    R is what the pool has for sure: offers at their limits and contracts that cannot be left. Lots are whole, so that one lot gives
    min(need - R, a capacity) or more of what is needed. Only for pairs with need > R, in the block and scenario of their largest need.
    """
    needs, supply = problem.needs, problem.supply
    pairs, periods, blocks, scenarios = needs.need.shape
    flat = needs.need.reshape(pairs, periods, blocks * scenarios)
    most = flat.argmax(axis=2)
    open_lots = (supply.least_lots < supply.most_lots)[:, None] | (np.cumsum(supply.leavable, axis=1) > 0)
    sure = np.take_along_axis(_sure(problem, open_lots)[needs.pair_pool], (most % scenarios)[:, :, None], axis=2)[:, :, 0]
    rest = flat.max(axis=2) - sure
    column = variables.place
    pair, period = np.nonzero((rest > 0) & problem.pair_allowed & (column >= 0))
    each, pool, missing = np.arange(len(pair)), needs.pair_pool[pair], rest[pair, period]
    block, scenario = np.divmod(most[pair, period], scenarios)
    row, cover = np.nonzero(pool[:, None] == supply.cover_pool[None]) if len(pair) else (each, each)
    contract = supply.cover_contract[cover]
    useful = open_lots[contract, period[row]]
    row, cover, contract = row[useful], cover[useful], contract[useful]
    lot = problem.availability[pool[row]] * supply.drawable[contract, period[row], scenario[row]]
    return row_group(
        "whole load",
        {"load": needs.pair_load[pair], "pool": pool, "period": period},
        (each, column[pair, period], -missing),
        (each, variables.shortage[pool, period, block, scenario], 1.0),
        *active(variables, row, contract, period[row], np.minimum(missing[row], lot)),
        lower=0.0,
        measure="accelerators",
    )


def _sure(problem: PlanningProblem, open_lots: np.ndarray) -> Floats:
    """Working accelerators that a pool may have whatever is decided about contracts, [P, T, S]."""
    supply = problem.supply
    held = np.where(open_lots[:, :, None], 0.0, supply.drawable * supply.most_lots[:, None, None])
    sure = np.zeros((len(problem.pools), len(problem.periods), len(problem.scenarios)))
    np.add.at(sure, supply.cover_pool, held[supply.cover_contract])
    np.add.at(sure, supply.offer_pool, supply.offer_limit[:, :, None])
    return sure * problem.availability[:, None, None]
