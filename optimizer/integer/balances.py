"""Make-up, carry-forward and rollover: one rule of a balance with three settings. docs/contracts/balances.md has a bill.

An interval is over or under its level: what is drawn against the commitment, or what is spent against the minimum. What comes in is what
is under (make-up, rollover) or over (carry-forward); as much of the balance is used as there is of the other.
"""

from __future__ import annotations

import numpy as np

from optimizer.domain.clauses import CARRY_FORWARD, ROLLOVER
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Ints
from optimizer.integer.balance_columns import BalanceColumns
from optimizer.integer.clauses import covered_cash, per_lot, spend_beyond_minimum, spend_terms
from optimizer.integer.rows import RowGroup, numbered, row_group
from optimizer.integer.variables import Variables


def brought_forward(problem: PlanningProblem, variables: Variables, unit: float) -> list[RowGroup]:
    """All rows of balances."""
    return [
        _against_commitment(problem, variables, unit),
        _against_minimum(problem, variables, unit),
        *_one_side(problem, variables, unit),
        *_use(problem, variables, unit),
        *_next(problem, variables, unit),
    ]


def _keys(problem: PlanningProblem, row: Ints) -> dict[str, Ints]:
    v, interval, scenario = np.nonzero(row >= 0)
    return {"contract": problem.supply.balances.contract[v], "interval": interval, "scenario": scenario}


def _of_contracts(problem: PlanningProblem, row: Ints) -> Ints:
    """Rows [V, W, S] as rows of contracts [K, W, S]."""
    at = np.full((len(problem.supply.contracts), *row.shape[1:]), -1)
    at[problem.supply.balances.contract] = row
    return at


def _against_commitment(problem: PlanningProblem, variables: Variables, unit: float) -> RowGroup:
    """over - under = price x hours drawn - commitment, over the interval."""
    columns, kind = variables.balances, problem.supply.balances.kind
    row = numbered((columns.over >= 0) & (kind != ROLLOVER)[:, None, None])
    at = _of_contracts(problem, row)
    return row_group(
        "balance",
        _keys(problem, row),
        (row, columns.over, 1.0),
        (row, columns.under, -1.0),
        *spend_terms(problem, variables, at, unit, np.full(len(at), -1.0)),
        *per_lot(problem, variables, at, covered_cash(problem) / unit),
        lower=0.0,
        upper=0.0,
        measure="USD",
        scale=unit,
    )


def _against_minimum(problem: PlanningProblem, variables: Variables, unit: float) -> RowGroup:
    """over - under = all that counts towards the minimum - minimum, over the interval."""
    columns, kind = variables.balances, problem.supply.balances.kind
    row = numbered((columns.over >= 0) & (kind == ROLLOVER)[:, None, None])
    keys = _keys(problem, row)
    supply, at = problem.supply, _of_contracts(problem, row)
    terms, elsewhere = spend_beyond_minimum(problem, variables, at, unit, supply.minimum_cash, supply.eligible_spend_cash)
    given = elsewhere[keys["contract"], keys["interval"], keys["scenario"]]
    return row_group(
        "balance",
        keys,
        (row, columns.over, -1.0),
        (row, columns.under, 1.0),
        *terms,
        lower=-given,
        upper=-given,
        measure="USD",
        scale=unit,
    )


def _one_side(problem: PlanningProblem, variables: Variables, unit: float) -> list[RowGroup]:
    """An interval is over or under its level, not both."""
    columns = variables.balances
    row = numbered(columns.over >= 0)
    keys, most = _keys(problem, row), columns.most
    return [
        row_group("balance", keys, (row, columns.over, 1.0), (row, columns.is_over, -most), upper=0.0, measure="USD", scale=unit),
        row_group(
            "balance", keys, (row, columns.under, 1.0), (row, columns.is_over, most), upper=most[row >= 0], measure="USD", scale=unit
        ),
    ]


def _use(problem: PlanningProblem, variables: Variables, unit: float) -> list[RowGroup]:
    """used = min(what it is for, balance): at most each, and at least the one that the binary names."""
    columns = variables.balances
    row = numbered(columns.used >= 0)
    keys, purpose = _keys(problem, row), _sides(problem, columns)[1]
    short, most = columns.is_short, columns.most_balance
    reach = most[row >= 0]
    return [
        row_group("balance", keys, (row, columns.used, 1.0), (row, purpose, -1.0), upper=0.0, measure="USD", scale=unit),
        row_group("balance", keys, (row, columns.used, 1.0), (row, columns.balance, -1.0), upper=0.0, measure="USD", scale=unit),
        row_group(
            "balance",
            keys,
            *((row, columns.used, 1.0), (row, purpose, -1.0), (row, short, columns.most)),
            lower=0.0,
            measure="USD",
            scale=unit,
        ),
        row_group(
            "balance",
            keys,
            *((row, columns.used, 1.0), (row, columns.balance, -1.0), (row, short, -most)),
            lower=-reach,
            measure="USD",
            scale=unit,
        ),
    ]


def _sides(problem: PlanningProblem, columns: BalanceColumns) -> tuple[Ints, Ints]:
    """What comes in, and what the balance is for, each [V, W, S]."""
    forward = (problem.supply.balances.kind == CARRY_FORWARD)[:, None, None]
    return np.where(forward, columns.over, columns.under), np.where(forward, columns.under, columns.over)


def _next(problem: PlanningProblem, variables: Variables, unit: float) -> list[RowGroup]:
    """The next balance: at most what is left of the last and what came in, and at most what came in while it does not expire."""
    columns, clause = variables.balances, problem.supply.balances
    later = columns.balance.copy()
    later[:, :1] = -1
    row = numbered(later >= 0)
    keys, came = _keys(problem, row), _sides(problem, columns)[0]
    v, interval, _ = np.nonzero(row >= 0)
    window = [(row, later, 1.0)]
    for back in range(1, row.shape[1]):
        within = (back <= clause.life)[:, None, None]
        window.append((np.where(within, row, -1)[:, back:], came[:, :-back], -1.0))
    fresh = np.where(interval <= clause.life[v] - 1, clause.opening_cash[v] / unit, 0.0)
    before = ((came, -1.0), (columns.balance, -1.0), (columns.used, 1.0))
    return [
        row_group(
            "balance",
            keys,
            (row, later, 1.0),
            *((row[:, 1:], column[:, :-1], sign) for column, sign in before),
            upper=0.0,
            measure="USD",
            scale=unit,
        ),
        row_group("balance", keys, *window, upper=fresh, measure="USD", scale=unit),
    ]
