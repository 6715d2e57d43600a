"""What a solve of one problem knows, in the terms of a problem with other contracts or other terms of them.

Both have the same loads, training options, pools and periods; what differs is found by the contracts' names.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.carried import carried
from optimizer.pricing.prices import Prices
from optimizer.solve.search import Start


def carry(problem: PlanningProblem, *, contracts: tuple[str, ...], decisions: Decisions, prices: Prices | None = None) -> Start:
    """A start for `problem` from decisions and prices that know these contracts, in this order."""
    return Start(
        decisions=(carried_decisions(problem, contracts, decisions),),
        prices=None if prices is None else carried(prices, priced=contracts, contracts=problem.supply.contracts),
    )


def carried_decisions(problem: PlanningProblem, contracts: tuple[str, ...], decisions: Decisions) -> Decisions:
    """The decisions with each contract's lots as far as the problem allows them; exits that it does not allow are not taken."""
    supply = problem.supply
    row = {name: k for k, name in enumerate(contracts)}
    lots = np.array([decisions.lots[row[name]] if name in row else 0 for name in supply.contracts], dtype=np.int64)
    lots = np.clip(lots, supply.least_lots, supply.most_lots)
    exits = np.zeros((len(lots), len(problem.periods)), dtype=np.int64)
    for k, name in enumerate(supply.contracts):
        if name in row:
            exits[k] = _allowed(supply.exit_fee_cash[k], decisions.exits[row[name]], int(lots[k]))
    return replace(decisions, lots=lots, exits=exits)


def _allowed(fees: Floats, exits: Ints, lots: int) -> Ints:
    """[T] exits of lots that are held, in periods in which leaving has a price, [T, S]."""
    kept = np.where(np.isfinite(fees).all(axis=1), exits, 0)
    earlier = np.concatenate([[0], np.cumsum(kept)[:-1]])
    return np.asarray(np.minimum(kept, np.maximum(0, lots - earlier)), dtype=np.int64)
