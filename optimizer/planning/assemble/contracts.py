"""Contracts as arrays: what a lot holds, costs and may be left for, period by period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from optimizer.domain.calendar import DAYS_PER_YEAR, HOURS_PER_DAY, Calendar, Period, calendar_months, first_of_next_month
from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, Interval, Unit, Unknown
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import DataError, Violation


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Days of a contract on which a lot holds the same accelerators at the same price."""

    start: date
    end: date
    accelerators: float
    price_per_hour: float  # contract currency

    @property
    def accelerator_hours(self) -> float:
        return self.accelerators * HOURS_PER_DAY * (self.end - self.start).days


def plannable_contracts(case: Case) -> tuple[Contract, ...]:
    """Contracts in force, and quotes still open, that overlap the horizon.

    Raises:
      DataError: one of them has a price or a clause that a plan cannot take.
    """
    chosen = tuple(contract for contract in case.contracts if _overlaps(contract, case.calendar) and _open(contract, case.as_of))
    violations = [violation for contract in chosen for violation in _violations(contract)]
    if violations:
        raise DataError(violations)
    return chosen


def cannot_plan(contract: Contract) -> bool:
    """Whether the contract has a price or a clause that a plan cannot take."""
    return any(True for _ in _violations(contract))


def _overlaps(contract: Contract, calendar: Calendar) -> bool:
    return contract.start < calendar.end and contract.end > calendar.start


def _open(contract: Contract, as_of: date) -> bool:
    if contract.status.in_force:
        return True
    return contract.status == "Proposed" and (contract.sign_by is None or contract.sign_by >= as_of)


def _violations(contract: Contract) -> Iterator[Violation]:
    for column in _unread(contract):
        yield Violation(
            where="contracts.csv",
            rule=f"{column} must be given before a plan can use the contract",
            got="unknown",
            rows=(contract.name,),
            remedy="Enter it, or set the status to Canceled to plan without the contract.",
        )
    if not contract.pools:
        yield Violation(
            where="contract_pools.csv",
            rule="a contract must cover at least one pool before a plan can use it",
            got="no pool",
            rows=(contract.name,),
            remedy="Add the pools to contract_pools.csv.",
        )
    if contract.tiers:
        yield Violation(
            where="contract_tiers.csv",
            rule="volume tiers can be read and audited, not yet planned",
            got=f"{len(contract.tiers)} tiers",
            rows=(contract.name,),
            remedy="Remove the tiers and enter the price at the expected volume.",
        )


def _unread(contract: Contract) -> Iterator[str]:
    """Columns without which no plan can be made, where nobody has read them."""
    if contract.price is UNKNOWN:
        yield "x_UnitPrice"
    if contract.unit is Unit.UNKNOWN:
        yield "ContractCommitmentUnit"
    if contract.accelerators is UNKNOWN:
        yield "x_AcceleratorsPerLot"
    if contract.interval is Interval.UNKNOWN:
        yield "x_FulfillmentInterval"


def given(value: float | None | Unknown, otherwise: float) -> float:
    """The clause's figure, or `otherwise` where it is none or unknown."""
    return value if isinstance(value, (int, float)) else otherwise


def take_or_pay_share(contract: Contract) -> float:
    """An unread take-or-pay clause is taken at its dearest: everything is paid."""
    return 1.0 if contract.take_or_pay_share is UNKNOWN else given(contract.take_or_pay_share, 0.0)


def stretches(contract: Contract, start: date, end: date) -> list[Stretch]:
    """The contract's days within [start, end), cut where the ramp changes; none where it is not in force."""
    start, end = max(start, contract.start), min(end, contract.end)
    if start >= end:
        return []
    steps = sorted(contract.ramp, key=lambda step: step.start)
    cuts = sorted({start, end, *(step.start for step in steps if start < step.start < end)})
    result = []
    for first, last in pairwise(cuts):
        accelerators, price = given(contract.accelerators, 0.0), given(contract.price, 0.0)
        for step in steps:
            if step.start <= first:
                accelerators = step.accelerators
                price = price if step.price is None else step.price
        if contract.unit is Unit.ACCELERATOR_MONTH:
            price *= calendar_months(first, last) / (HOURS_PER_DAY * (last - first).days)
        result.append(Stretch(start=first, end=last, accelerators=accelerators, price_per_hour=price))
    return result


def capacity_and_price(contract: Contract, period: Period) -> tuple[float, float]:
    """Mean accelerators per lot over the period, and the mean price of an accelerator-hour held."""
    parts = stretches(contract, period.start, period.end)
    hours = sum(part.accelerator_hours for part in parts)
    money = sum(part.accelerator_hours * part.price_per_hour for part in parts)
    price = money / hours if hours else (parts[-1].price_per_hour if parts else 0.0)
    return hours / (HOURS_PER_DAY * period.days), price


def months_in_force(contract: Contract, period: Period) -> float:
    start, end = max(contract.start, period.start), min(contract.end, period.end)
    return calendar_months(start, end) if start < end else 0.0


def interval_months(contract: Contract) -> float:
    return contract.interval.months or calendar_months(contract.start, contract.end)


def intervals(contract: Contract, calendar: Calendar) -> Ints:
    """Fulfilment interval of each period, [T], numbered from 0; -1 where not in force."""
    numbers = np.full(len(calendar.periods), -1, dtype=np.int64)
    for t, period in enumerate(calendar.periods):
        first = max(contract.start, period.start)
        if first < min(contract.end, period.end):
            length = contract.interval.months
            numbers[t] = 0 if length is None else whole_months(contract.start, first) // length
    held = numbers >= 0
    numbers[held] = np.unique(numbers[held], return_inverse=True)[1]
    return numbers


def whole_months(start: date, day: date) -> int:
    """Monthly anniversaries of `start` up to `day`; one that a month lacks falls on the next month's first day."""
    return (day.year - start.year) * 12 + day.month - start.month - (day.day < start.day)


def exit_fee(contract: Contract, leave_on: date, as_of: date) -> float:
    """Contract currency per lot to leave on that day; inf where the contract cannot be left then."""
    notice, steps = contract.notice_days, contract.fee_steps
    if notice is None or notice is UNKNOWN or steps is UNKNOWN:
        return np.inf
    served_from = as_of if contract.status.in_force else max(as_of, contract.start)
    earliest = max(contract.start + timedelta(days=1), contract.earliest_exit or date.min)
    if not earliest <= leave_on < contract.end or leave_on - timedelta(days=given(notice, 0.0)) < served_from:
        return np.inf
    if steps is None:
        return 0.0
    reached = [step for step in steps if step.start <= leave_on]
    return max(reached, key=lambda step: step.start).fee if reached else np.inf


def remaining_minimum(contract: Contract, after: date, as_of: date, annual_rate: float) -> float:
    """Least discounted payment per lot after a day, in contract currency, month by month."""
    day, total = max(after, contract.start), 0.0
    while day < contract.end:
        until = min(contract.end, first_of_next_month(day))
        months = calendar_months(day, until)
        committed = sum(part.accelerator_hours * part.price_per_hour for part in stretches(contract, day, until))
        least = take_or_pay_share(contract) * committed + given(contract.fixed_monthly_fee, 0.0) * months
        least = max(least, given(contract.minimum_spend, 0.0) * months / interval_months(contract))
        total += least * discount(day, until, as_of, annual_rate)
        day = until
    return total


def terminal_value(contract: Contract, calendar: Calendar, as_of: date, annual_rate: float) -> float:
    """Discounted cost, per lot held at the horizon's end, of what is committed beyond it, in contract currency."""
    if contract.end <= calendar.end:
        return 0.0
    leave = exit_fee(contract, calendar.end, as_of) * discount(calendar.end, calendar.end, as_of, annual_rate)
    return (1.0 - contract.terminal_use) * min(leave, remaining_minimum(contract, calendar.end, as_of, annual_rate))


def discount(start: date, end: date, as_of: date, annual_rate: float) -> float:
    """Worth on `as_of` of 1 paid in the middle of [start, end)."""
    days = (start - as_of).days + (end - start).days / 2
    return float((1.0 + annual_rate) ** (-days / DAYS_PER_YEAR))


def exchange_rates(case: Case, currency: str) -> Floats:
    """USD per unit of the currency, [T]."""
    if currency == "USD":
        return np.ones(len(case.calendar.periods))
    rows = {rate.period: rate.usd_per_unit for rate in case.exchange_rates if rate.currency == currency}
    missing = [period.name for period in case.calendar.periods if rows.get(period.name, rows.get(None)) is None]
    if missing:
        raise DataError(
            [
                Violation(
                    where="exchange_rates.csv",
                    rule=f"{currency} must have a rate in USD for every period",
                    got="none",
                    rows=tuple(missing),
                    remedy="Add a row for each period, or one with a blank period for all.",
                )
            ]
        )
    return np.array([rows.get(period.name, rows.get(None)) for period in case.calendar.periods], dtype=np.float64)
