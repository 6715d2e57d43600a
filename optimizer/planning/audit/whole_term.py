"""A contract's payments from its first day to its last, in pieces no longer than a month, whatever the calendar that is planned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY, Calendar, Period, first_of_next_month
from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract
from optimizer.domain.supply import ExchangeRate, IndexValue
from optimizer.domain.surface import Floats
from optimizer.planning.verify.delivered import number
from optimizer.planning.verify.minimums import behind
from optimizer.planning.verify.terms import Terms, contract_terms, counts, expected, take_or_pay
from optimizer.planning.verify.volume_bills import price_of


@dataclass(frozen=True, kw_only=True)
class WholeTerm:
    """Axis M pieces, consecutive. Amounts are cash in USD for all lots together, undiscounted, expected where scenarios differ."""

    contract: Contract
    pieces: tuple[Period, ...]  # M
    now: int  # first piece that is not over when the calendar begins
    hours: Floats  # [M] accelerator-hours that it holds
    full: Floats  # [M] price of all of them
    units: Floats  # [M] units of volume that it holds
    interval_share: Floats  # [M] share of a whole fulfilment interval
    fixed: Floats  # [M] fixed fee
    minimum: Floats  # [M] the piece's part of its interval's minimum spend
    counts: float  # what 1 USD of committed or full counts towards the minimum
    brought: float  # what was spent so far beyond the past part of the minimum in progress
    interval: tuple[int, ...]  # M
    exit_fee: Floats  # [M] to leave on the piece's first day, clawback included; inf: not possible
    prepaid: Floats  # [M + 1] paid in advance and not yet drawn on a piece's first day
    usd_per_unit: Floats  # [M]

    @property
    def dates(self) -> tuple[date, ...]:
        """First day of each piece, and the day after the last, [M + 1]."""
        return (*(piece.start for piece in self.pieces), self.pieces[-1].end)

    def least(self, stop: int) -> Floats:
        """What falls due at least from `now` on by piece if all lots are left at the start of piece `stop` (M: kept to the end), [M]."""
        return self._due(take_or_pay(self.contract), self.now, stop, self.brought)

    def value(self) -> Floats:
        """What falls due by piece from the first day to the last if everything that is promised is taken, [M]."""
        return self._due(1.0, 0, len(self.pieces), 0.0)

    def _due(self, share: float, first: int, stop: int, brought: float) -> Floats:
        """The share's price and fixed fees; in the last piece of each interval what its tiers change and what its minimum asks beyond."""
        due = np.zeros(len(self.pieces))
        due[first:stop] = (share * self.full + self.fixed)[first:stop]
        for w in sorted(set(self.interval[first:stop])):
            within = [m for m in range(first, stop) if self.interval[m] == w]
            tiers = self._tiers(share, within)
            before = brought if within[0] == first else 0.0
            counted = self.counts * (share * self.full[within].sum() + tiers) + self.fixed[within].sum() + before
            due[within[-1]] += tiers + max(0.0, float(self.minimum[within].sum() - counted))
        return due

    def _tiers(self, share: float, within: list[int]) -> float:
        """What volume tiers add to the contract's own price of an interval's volume, or take off it."""
        tiers, own, full = self.contract.tiers, number(self.contract.price, 0.0), float(self.units[within].sum())
        if not tiers or not full or not own:
            return 0.0
        mean, volume = float(self.full[within].sum()) / full, share * full
        return mean / own * (price_of(tiers, own, float(self.interval_share[within].sum()), volume) - own * volume)


def whole_term(contract: Contract, case: Case) -> WholeTerm:
    """The term of a contract whose price, capacity, unit and interval are known."""
    dates = _cuts(contract, case)
    pieces = tuple(Period(name=f"{first}", start=first, end=last) for first, last in pairwise(dates))
    terms = _terms(contract, case, pieces)
    lots, days = contract.lots, np.array([piece.days for piece in pieces], dtype=np.float64)
    now = next((m for m, piece in enumerate(pieces) if piece.start >= case.calendar.start), len(pieces))
    hours = lots * terms.capacity * days * HOURS_PER_DAY
    brought = behind(contract, case.calendar.start) * float(terms.usd_per_unit[now]) if now < len(pieces) else 0.0
    due = lots * (terms.commitment + terms.fixed_fee)
    return WholeTerm(
        contract=contract,
        pieces=pieces,
        now=now,
        hours=hours,
        full=terms.price * hours,
        units=hours * terms.units,
        interval_share=terms.interval_share,
        fixed=lots * terms.fixed_fee,
        minimum=lots * terms.minimum,
        counts=counts(contract),
        brought=brought,
        interval=tuple(terms.interval.tolist()),
        exit_fee=lots * terms.exit_fee,
        prepaid=_balance(contract, lots * terms.prepaid, due, now, terms.usd_per_unit),
        usd_per_unit=terms.usd_per_unit,
    )


def _terms(contract: Contract, case: Case, pieces: tuple[Period, ...]) -> Terms:
    """Per lot; the mean over scenarios in which rates, indices or deliveries differ."""
    calendar = Calendar(periods=pieces, blocks=case.calendar.blocks)
    rates, values = _by_piece(case.exchange_rates, case, pieces), _by_piece(case.index_values, case, pieces)
    over = replace(case, calendar=calendar, exchange_rates=rates, index_values=values)
    worlds = {scenario.world: contract_terms(contract, over, 0.0, scenario) for scenario in case.scenarios}
    probability = np.array([scenario.probability for scenario in case.scenarios])
    return expected(tuple(worlds[scenario.world] for scenario in case.scenarios), probability)


def _balance(contract: Contract, prepaid: Floats, due: Floats, now: int, usd_per_unit: Floats) -> Floats:
    """[M + 1]: payments in advance less what was drawn; from `now` on what the case says is left, where it does."""
    balance = np.maximum(0.0, np.concatenate([[0.0], np.cumsum(prepaid)]))
    if contract.prepaid_balance is not None and 0 < now < len(due):
        given = contract.prepaid_balance * float(usd_per_unit[now])
        balance[now:] = np.maximum(0.0, given - np.concatenate([[0.0], np.cumsum(due[now:])]))
    balance[-1] = 0.0  # at the end nothing is drawn any more, and nothing is given back
    return np.asarray(balance)


def _cuts(contract: Contract, case: Case) -> list[date]:
    """Days on which something may change: first days of months and periods, steps of the contract, the first day that notice reaches."""
    days = {contract.start, contract.end, case.calendar.start, case.calendar.end}
    days |= {period.start for period in case.calendar.periods}
    fees = contract.fee_steps if isinstance(contract.fee_steps, tuple) else ()
    days |= {step.start for step in contract.ramp} | {step.start for step in fees}
    if isinstance(contract.notice_days, int | float):
        given = case.as_of if contract.status.in_force else max(case.as_of, contract.start)
        days.add(given + timedelta(days=math.ceil(contract.notice_days)))
    elif contract.notice_days is UNKNOWN:
        days.add(contract.start + timedelta(days=1))  # the first day on which it may be left, as far as anybody knows
    if contract.earliest_exit is not None:
        days.add(contract.earliest_exit)
    month = first_of_next_month(contract.start)
    while month < contract.end:
        days.add(month)
        month = first_of_next_month(month)
    return sorted(day for day in days if contract.start <= day <= contract.end)


Row = TypeVar("Row", ExchangeRate, IndexValue)


def _by_piece(rows: tuple[Row, ...], case: Case, pieces: tuple[Period, ...]) -> tuple[Row, ...]:
    """Rows by piece: of the period in which it begins, before and after the calendar of the nearest one."""
    periods, found = case.calendar.periods, [row for row in rows if row.period is None]
    for piece in pieces:
        near = next((p for p in reversed(periods) if p.start <= piece.start), periods[0])
        found += [replace(row, period=piece.name) for row in rows if row.period == near.name]
    return tuple(found)
