"""Charges, and the ledger that is made of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.planning.verify.position import Position

CERTAIN = np.ones(1)


@dataclass(frozen=True, kw_only=True)
class Charges:
    """Charges of one line. Axes: X charges; W one column where the amount is certain, else one per scenario."""

    payee_kind: str  # contract | offer | load | run | pool | supplier
    line: str
    period: Ints  # [X]
    name: tuple[str, ...]  # X
    supplier: tuple[str, ...]  # X; blank where nobody is paid
    currency: tuple[str, ...]  # X
    usd_per_unit: Floats  # [X, W]
    cash: Floats  # [X, W] USD when settled
    accrued: Floats  # [X, W] USD when used or committed
    discounted: Floats  # [X, W] USD
    weight: Floats  # [W] 1, or the probability of each scenario

    def in_scenarios(self, amounts: Floats, scenarios: int) -> Floats:
        """[X, S]: amounts that are certain occur in every scenario."""
        return np.broadcast_to(amounts, (len(self.name), scenarios))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One payment or penalty of a period, expected over scenarios."""

    period: str
    payee_kind: str
    name: str
    supplier: str
    line: str
    cash_usd: float  # undiscounted, when settled
    accrued_usd: float  # undiscounted, when used or committed
    discounted_usd: float
    currency: str
    cash_in_currency: float


@dataclass(frozen=True, kw_only=True)
class Payee:
    """Who a line is for, and in what money: the columns of a charge that are not amounts."""

    name: str
    supplier: str = ""
    currency: str = "USD"
    usd_per_unit: float | Floats = 1.0  # one rate, or one per scenario [S]


def charge_rows(position: Position, kind: str, line: str, rows: Sequence[tuple[int, Payee, Floats]], *, certain: bool) -> Charges:
    """Charges that are settled when they accrue, one row per (period, payee, cash [W])."""
    cash = np.array([amounts for _, _, amounts in rows], dtype=np.float64).reshape(len(rows), -1 if rows else 1)
    return charges(position, kind, line, [row[0] for row in rows], [row[1] for row in rows], cash, cash, certain=certain)


def charges(
    position: Position,
    kind: str,
    line: str,
    periods: Sequence[int],
    payees: Sequence[Payee],
    cash: Floats,
    accrued: Floats,
    *,
    certain: bool,
    discounted: Floats | None = None,
) -> Charges:
    """Charges by row; cash is discounted by its period unless what it is worth is given."""
    period = np.array(periods, dtype=np.int64)
    return Charges(
        payee_kind=kind,
        line=line,
        period=period,
        name=tuple(payee.name for payee in payees),
        supplier=tuple(payee.supplier for payee in payees),
        currency=tuple(payee.currency for payee in payees),
        usd_per_unit=_rates(payees, cash.shape[1]),
        cash=cash,
        accrued=accrued,
        discounted=cash * position.worth[period, None] if discounted is None else discounted,
        weight=CERTAIN if certain or not len(period) else position.probability,
    )


def _rates(payees: Sequence[Payee], width: int) -> Floats:
    """[X, W]"""
    rows = [np.broadcast_to(np.atleast_1d(payee.usd_per_unit)[:width], (width,)) for payee in payees]
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def terms_of(all_charges: Iterable[Charges]) -> list[float]:
    """Every discounted, expected term of the objective."""
    return [float(term) for part in all_charges for term in np.ravel(part.discounted * part.weight)]


def scenario_costs(all_charges: Sequence[Charges], scenarios: int) -> Floats:
    """Discounted USD if that scenario happens, [S]."""
    parts = [part.in_scenarios(part.discounted, scenarios) for part in all_charges]
    return np.array([math.fsum(value for part in parts for value in part[:, s]) for s in range(scenarios)])


def ledger(position: Position, all_charges: Iterable[Charges]) -> tuple[Entry, ...]:
    """Entries other than zero, by line, then in the order of the case."""
    periods = [period.name for period in position.case.calendar.periods]
    entries = []
    for part in all_charges:
        columns = (part.cash, part.accrued, part.discounted, part.cash / part.usd_per_unit)
        amounts = zip(*(column @ part.weight for column in columns), strict=True)
        for x, (cash, accrued, discounted, in_currency) in enumerate(amounts):
            if cash == accrued == discounted == 0.0:
                continue
            entries.append(
                Entry(
                    period=periods[part.period[x]],
                    payee_kind=part.payee_kind,
                    name=part.name[x],
                    supplier=part.supplier[x],
                    line=part.line,
                    cash_usd=float(cash),
                    accrued_usd=float(accrued),
                    discounted_usd=float(discounted),
                    currency=part.currency[x],
                    cash_in_currency=float(in_currency),
                )
            )
    return tuple(entries)
