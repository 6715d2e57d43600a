"""What a lot of one contract holds, costs and may be left for in each period of the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, Unit
from optimizer.domain.surface import Floats, Ints
from optimizer.planning.verify.dates import DAY_HOURS, interval_number, month_pieces, months_between, worth_today


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Per lot. Axis T periods; USD are cash of the period unless said otherwise."""

    capacity: Floats  # [T] accelerators, mean over the period's hours
    price: Floats  # [T] USD per accelerator-hour
    commitment: Floats  # [T] USD paid whether used or not
    fixed_fee: Floats  # [T] USD
    minimum: Floats  # [T] USD, the period's part of its interval's minimum spend
    exit_fee: Floats  # [T] USD to leave at the period's start; inf: not possible
    interval: Ints  # [T] fulfilment interval; -1: not in force
    days: Ints  # [T] in force
    usd_per_unit: Floats  # [T] exchange rate
    terminal_usd: float  # discounted, for a lot held at the horizon's end
    remaining_cash: float  # USD undiscounted, least payment after the horizon


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Days within one calendar month on which a lot does not change."""

    accelerators: Fraction
    price: Fraction  # contract currency / unit
    days: int
    months: Fraction

    @property
    def accelerator_hours(self) -> Fraction:
        return self.accelerators * DAY_HOURS * self.days


def in_selection(contract: Contract, case: Case) -> bool:
    """In force, or a quote that may still be accepted; and in force on some day of the calendar."""
    open_quote = contract.status.value == "Proposed" and not (contract.sign_by is not None and contract.sign_by < case.as_of)
    overlaps = max(contract.start, case.calendar.periods[0].start) < min(contract.end, case.calendar.periods[-1].end)
    return overlaps and (contract.status.in_force or open_quote)


def number(clause: object, otherwise: float) -> float:
    """A clause's figure; `otherwise` where it is none or unknown."""
    return float(clause) if isinstance(clause, (int, float)) else otherwise


def take_or_pay(contract: Contract) -> float:
    """Nobody has read the share: all of the capacity is taken to be paid."""
    return 1.0 if contract.take_or_pay_share is UNKNOWN else number(contract.take_or_pay_share, 0.0)


def contract_terms(contract: Contract, case: Case, annual_rate: float) -> Terms:
    """Terms of one contract over the case's calendar; see docs/problem.md for each rule."""
    periods = case.calendar.periods
    size = len(periods)
    columns = {name: np.zeros(size) for name in ("capacity", "price", "commitment", "fixed_fee", "minimum", "exit_fee")}
    interval, days = np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    usd = _usd_per_unit(case, contract.currency)
    for t, period in enumerate(periods):
        first, until = max(contract.start, period.start), min(contract.end, period.end)
        columns["exit_fee"][t] = _exit_fee(contract, period.start, case.as_of) * usd[t]
        if first >= until:
            continue
        days[t] = (until - first).days
        length = contract.interval.months
        interval[t] = 0 if length is None else interval_number(contract.start, length, first)
        hours, full = _held(contract, first, until)
        months = months_between(first, until)
        columns["capacity"][t] = float(hours / (DAY_HOURS * (period.end - period.start).days))
        columns["price"][t] = float(full / hours) * usd[t] if hours else 0.0
        columns["commitment"][t] = take_or_pay(contract) * float(full) * usd[t]
        columns["fixed_fee"][t] = number(contract.fixed_monthly_fee, 0.0) * float(months) * usd[t]
        columns["minimum"][t] = number(contract.minimum_spend, 0.0) * float(months / _interval_months(contract)) * usd[t]
    terminal, remaining = _after_horizon(contract, case, annual_rate)
    return Terms(
        **columns,
        interval=interval,
        days=days,
        usd_per_unit=usd,
        terminal_usd=terminal * float(usd[-1]),
        remaining_cash=remaining * float(usd[-1]),
    )


def _pieces(contract: Contract, start: date, end: date) -> Iterator[_Piece]:
    cuts = sorted({start, end, *(step.start for step in contract.ramp if start < step.start < end)})
    for begin, finish in pairwise(cuts):
        accelerators, price = number(contract.accelerators, 0.0), number(contract.price, 0.0)
        for step in sorted(contract.ramp, key=lambda step: step.start):
            if step.start <= begin:
                accelerators = step.accelerators
                price = price if step.price is None else step.price
        for first, until, share in month_pieces(begin, finish):
            yield _Piece(accelerators=Fraction(accelerators), price=Fraction(price), days=(until - first).days, months=share)


def _held(contract: Contract, start: date, end: date) -> tuple[Fraction, Fraction]:
    """Accelerator-hours of a lot in [start, end), and what they cost in full in the contract's currency."""
    hours, money = Fraction(0), Fraction(0)
    for piece in _pieces(contract, start, end):
        hours += piece.accelerator_hours
        by_month = contract.unit is Unit.ACCELERATOR_MONTH
        money += piece.price * (piece.accelerators * piece.months if by_month else piece.accelerator_hours)
    return hours, money


def _interval_months(contract: Contract) -> Fraction:
    length = contract.interval.months
    return months_between(contract.start, contract.end) if length is None else Fraction(length)


def _exit_fee(contract: Contract, leave_on: date, as_of: date) -> float:
    """Contract currency per lot; inf where termination cannot take effect on that day."""
    if not isinstance(contract.notice_days, (int, float)) or contract.fee_steps is UNKNOWN:
        return np.inf
    notice_from = as_of if contract.status.in_force else max(as_of, contract.start)
    within_term = contract.start < leave_on < contract.end
    too_early = contract.earliest_exit is not None and leave_on < contract.earliest_exit
    if not within_term or too_early or (leave_on - notice_from).days < contract.notice_days:
        return np.inf
    if contract.fee_steps is None:
        return 0.0
    fees = {step.start: step.fee for step in contract.fee_steps if step.start <= leave_on}
    return fees[max(fees)] if fees else np.inf


def _after_horizon(contract: Contract, case: Case, annual_rate: float) -> tuple[float, float]:
    """Discounted terminal value and undiscounted least payment after the horizon, per lot in contract currency."""
    horizon = case.calendar.periods[-1].end
    discounted = cash = 0.0
    for first, until, months in month_pieces(horizon, contract.end):
        committed = take_or_pay(contract) * float(_held(contract, first, until)[1])
        fixed = number(contract.fixed_monthly_fee, 0.0) * float(months)
        minimum = number(contract.minimum_spend, 0.0) * float(months / _interval_months(contract))
        least = max(committed + fixed, minimum)
        cash += least
        discounted += least * worth_today(case.as_of, first, until, annual_rate)
    if contract.end <= horizon:
        return 0.0, 0.0
    leave = _exit_fee(contract, horizon, case.as_of) * worth_today(case.as_of, horizon, horizon, annual_rate)
    return (1.0 - contract.terminal_use) * min(leave, discounted), cash


def _usd_per_unit(case: Case, currency: str) -> Floats:
    """[T]; nan where the case has no rate, which verification reports."""
    rates = {row.period: row.usd_per_unit for row in case.exchange_rates if row.currency == currency}
    if currency == "USD":
        return np.ones(len(case.calendar.periods))
    always = rates.get(None, np.nan)
    return np.array([rates.get(period.name, always) for period in case.calendar.periods], dtype=np.float64)
