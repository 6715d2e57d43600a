"""A contract's payments from its first day to its last, in pieces no longer than a month, whatever the calendar that is planned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY, Calendar, Period, first_of_next_month
from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract
from optimizer.domain.supply import ExchangeRate
from optimizer.domain.surface import Floats
from optimizer.planning.verify.terms import Terms, contract_terms


@dataclass(frozen=True, kw_only=True)
class WholeTerm:
    """Axis M pieces, consecutive. Amounts are cash in USD for all lots together, undiscounted."""

    contract: Contract
    pieces: tuple[Period, ...]  # M
    now: int  # first piece that is not over when the calendar begins
    hours: Floats  # [M] accelerator-hours that it holds
    full: Floats  # [M] price of all of them
    certain: Floats  # [M] commitment and fixed fee
    fixed: Floats  # [M] fixed fee alone
    minimum: Floats  # [M] the piece's part of its interval's minimum spend
    interval: tuple[int, ...]  # M
    exit_fee: Floats  # [M] to leave on the piece's first day; inf: not possible
    usd_per_unit: Floats  # [M]

    @property
    def dates(self) -> tuple[date, ...]:
        """First day of each piece, and the day after the last, [M + 1]."""
        return (*(piece.start for piece in self.pieces), self.pieces[-1].end)

    def least(self, stop: int) -> Floats:
        """What is paid at least from `now` on by piece if all lots are left at the start of piece `stop` (M: kept to the end), [M]."""
        return self._paid(self.certain, self.now, stop)

    def value(self) -> Floats:
        """What is paid by piece from the first day to the last if everything that is promised is taken, [M]."""
        return self._paid(self.full + self.fixed, 0, len(self.pieces))

    def _paid(self, amounts: Floats, first: int, stop: int) -> Floats:
        """The amounts, and in the last piece of each interval what they fall short of its minimum."""
        paid = np.zeros(len(self.pieces))
        paid[first:stop] = amounts[first:stop]
        for w in set(self.interval[first:stop]):
            within = [m for m in range(first, stop) if self.interval[m] == w]
            paid[within[-1]] += max(0.0, float(self.minimum[within].sum() - amounts[within].sum()))
        return paid


def whole_term(contract: Contract, case: Case) -> WholeTerm:
    """The term of a contract whose price, capacity, unit and interval are known."""
    dates = _cuts(contract, case)
    pieces = tuple(Period(name=f"{first}", start=first, end=last) for first, last in pairwise(dates))
    over = replace(case, calendar=Calendar(periods=pieces, blocks=case.calendar.blocks), exchange_rates=_rates(case, pieces))
    terms: Terms = contract_terms(contract, over, 0.0)
    lots, days = contract.lots, np.array([piece.days for piece in pieces], dtype=np.float64)
    hours = terms.capacity * days * HOURS_PER_DAY
    return WholeTerm(
        contract=contract,
        pieces=pieces,
        now=next((m for m, piece in enumerate(pieces) if piece.start >= case.calendar.start), len(pieces)),
        hours=lots * hours,
        full=lots * terms.price * hours,
        certain=lots * (terms.commitment + terms.fixed_fee),
        fixed=lots * terms.fixed_fee,
        minimum=lots * terms.minimum,
        interval=tuple(terms.interval.tolist()),
        exit_fee=lots * terms.exit_fee,
        usd_per_unit=terms.usd_per_unit,
    )


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


def _rates(case: Case, pieces: tuple[Period, ...]) -> tuple[ExchangeRate, ...]:
    """Rates by piece: of the period in which it begins, before and after the calendar of the nearest one."""
    periods, found = case.calendar.periods, []
    for currency in {rate.currency for rate in case.exchange_rates}:
        known = {rate.period: rate.usd_per_unit for rate in case.exchange_rates if rate.currency == currency}
        for piece in pieces:
            near = next((p for p in reversed(periods) if p.start <= piece.start), periods[0])
            usd = known.get(near.name, known.get(None))
            if usd is not None:
                found.append(ExchangeRate(currency=currency, period=piece.name, usd_per_unit=usd))
    return tuple(found)
