"""Columns of contracts that bring money forward from one fulfilment interval into later ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.clauses import ROLLOVER, Balances
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.columns import Columns


@dataclass(frozen=True, kw_only=True)
class BalanceColumns:
    """Axes: V contracts with a balance, W fulfilment intervals. Amounts in units of money."""

    over: Ints  # what is above the level [V, W, S]
    under: Ints  # what is below it [V, W, S]
    is_over: Ints  # 1 where the level is reached [V, W, S]
    used: Ints  # of the balance [V, W, S]
    balance: Ints  # at the interval's start [V, W, S]
    is_short: Ints  # 1 where the balance does not suffice [V, W, S]
    most: Floats  # over and under at most [V, W, S]
    most_balance: Floats  # [V, W, S]


def balance_columns(problem: PlanningProblem, columns: Columns, unit: float) -> BalanceColumns:
    clause = problem.supply.balances
    most = np.array([_largest(problem, clause, v) for v in range(len(clause.contract))]) / unit
    most = most.reshape(len(clause.contract), int(problem.supply.interval.max(initial=-1)) + 1, len(problem.scenarios))
    exists = most > 0
    opening = clause.opening_cash[:, None, None] / unit
    largest = np.minimum(opening + np.cumsum(most, axis=1) - most, clause.cap_cash[:, None, None] / unit)
    first = np.zeros(exists.shape, dtype=np.bool_)
    first[:, :1] = True
    return BalanceColumns(
        over=columns.take(exists, upper=most),
        under=columns.take(exists, upper=most),
        is_over=columns.take(exists, integer=True),
        used=columns.take(exists, upper=np.minimum(most, largest)),
        balance=columns.take(exists, lower=np.where(first, opening, 0.0), upper=largest),
        is_short=columns.take(exists, integer=True),
        most=most,
        most_balance=largest,
    )


def _largest(problem: PlanningProblem, clause: Balances, v: int) -> Floats:
    """USD by which an interval may be over or under its level, [W, S]; 0 where there is no such interval."""
    supply, k = problem.supply, int(clause.contract[v])
    hours = supply.capacity[k] * problem.hours.sum(axis=1)[:, None] * supply.most_lots[k]
    amounts = hours * supply.excess_price[k]
    if clause.kind[v] == ROLLOVER:
        rates = [1.0, *supply.tiers.ratio[supply.tiers.contract == k]]
        amounts = (hours * (supply.price_cash[k] + supply.excess_price[k])) * (1.0 + max(rates))
        per_lot = (supply.fixed_fee_cash + supply.minimum_cash)[k] * supply.most_lots[k]
        amounts = amounts + per_lot + np.abs(supply.eligible_spend_cash[k])
    total = np.zeros((int(supply.interval.max(initial=-1)) + 1, amounts.shape[1]))
    period = np.flatnonzero(supply.interval[k] >= 0)
    np.add.at(total, supply.interval[k, period], amounts[period])
    return total
