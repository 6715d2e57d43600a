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
    chosen = tuple(contract for contract in case.contracts if _overlaps(contract, case.calendar) and _binds(contract, case.as_of))
    violations = [violation for contract in chosen for violation in _violations(contract, case.calendar)]
    if violations:
        raise DataError(violations)
    return chosen


def cannot_plan(contract: Contract, calendar: Calendar) -> bool:
    """Whether the contract has a price or a clause that a plan cannot take."""
    return any(True for _ in _violations(contract, calendar))


def _overlaps(contract: Contract, calendar: Calendar) -> bool:
    return contract.start < calendar.end and contract.end > calendar.start


def _binds(contract: Contract, as_of: date) -> bool:
    """Already, or as soon as somebody signs it."""
    return contract.status.in_force or contract.can_be_signed(as_of)


def _violations(contract: Contract, calendar: Calendar) -> Iterator[Violation]:
    for column in unread(contract):
        yield Violation(
            where="contracts.csv",
            rule=f"{column} must be given before a plan can use the contract",
            got="unknown",
            rows=(contract.name,),
            remedy="Enter it, or set the status to Canceled to plan without the contract.",
        )
    yield from unplannable(contract, calendar)
    if not contract.pools:
        yield Violation(
            where="contract_pools.csv",
            rule="a contract must cover at least one pool before a plan can use it",
            got="no pool",
            rows=(contract.name,),
            remedy="Add the pools to contract_pools.csv.",
        )


def unplannable(contract: Contract, calendar: Calendar) -> Iterator[Violation]:
    """Clauses that a plan cannot take as they are."""
    if _by_the_hour(contract):
        yield Violation(
            where="contracts.csv",
            rule="x_FulfillmentInterval hour is planned where x_TakeOrPayShare is none, 0 or 1 and x_MinimumSpend none or 0",
            got="a part of the capacity paid hour by hour",
            rows=(contract.name,),
            remedy="Write day, which settles more leniently, or split the contract into a paid and a free part.",
        )
    left = (contract.lots * payments_left(contract, calendar)) if contract.prepaid_balance is not None else np.inf
    if (contract.prepaid_balance or 0.0) > left:
        yield Violation(
            where="contracts.csv",
            rule="x_PrepaidBalance must be at most what is still committed: a balance that pays for more cannot be planned",
            got=f"{contract.prepaid_balance:g}, of {left:g} committed",
            rows=(contract.name,),
            remedy="Enter what commitments and fixed fees can use up, or move the rest to x_SpentSoFar.",
        )


def _by_the_hour(contract: Contract) -> bool:
    """Whether the clause asks for a settlement of every hour of its own: a part of it that is paid, or a minimum."""
    partly = 0.0 < take_or_pay_share(contract) < 1.0
    return contract.interval is Interval.HOUR and (partly or given(contract.minimum_spend, 0.0) > 0.0)


def unread(contract: Contract) -> Iterator[str]:
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


def committed(contract: Contract, start: date, end: date) -> float:
    """Paid for a lot within [start, end) whether drawn or not, fixed fee aside, in contract currency."""
    full = sum(part.accelerator_hours * part.price_per_hour for part in stretches(contract, start, end))
    return take_or_pay_share(contract) * full


def payments_left(contract: Contract, calendar: Calendar) -> float:
    """Commitments and fixed fees of a lot from the calendar's start on, as agreed, in contract currency."""
    start = max(contract.start, calendar.start)
    months = calendar_months(start, contract.end) if start < contract.end else 0.0
    return committed(contract, start, contract.end) + given(contract.fixed_monthly_fee, 0.0) * months


def units_per_hour(contract: Contract, period: Period) -> float:
    """Units in an accelerator-hour held in the period, on average; 0 where the contract is not in force."""
    parts = stretches(contract, period.start, period.end)
    if contract.unit is Unit.ACCELERATOR_HOUR or not parts:
        return float(bool(parts))
    months = [calendar_months(part.start, part.end) for part in parts]
    weights = [part.accelerators if any(p.accelerators for p in parts) else 1.0 for part in parts]
    hours = sum(w * HOURS_PER_DAY * (part.end - part.start).days for w, part in zip(weights, parts, strict=True))
    return sum(w * m for w, m in zip(weights, months, strict=True)) / hours


def tier_starts(contract: Contract, calendar: Calendar) -> Floats:
    """Units from which each tier holds in each interval, [tiers, W]; a part of an interval, planned or in force, counts in part."""
    interval = intervals(contract, calendar)
    share = np.zeros(int(interval.max(initial=-1)) + 1)
    for w, period in zip(interval, calendar.periods, strict=True):
        if w >= 0:
            share[w] += months_in_force(contract, period) / interval_months(contract)
    tiers = sorted(contract.tiers, key=lambda tier: tier.from_quantity)
    return np.array([tier.from_quantity * share for tier in tiers], dtype=np.float64)


def months_in_force(contract: Contract, period: Period) -> float:
    start, end = max(contract.start, period.start), min(contract.end, period.end)
    return calendar_months(start, end) if start < end else 0.0


def interval_months(contract: Contract) -> float:
    return contract.interval.months or calendar_months(contract.start, contract.end)


def interval_anchor(contract: Contract) -> date:
    """The day from which fulfilment intervals count: the start, or the last anniversary up to it."""
    length, day = contract.interval.months, contract.anniversary
    if length is None or day is None:
        return contract.start
    return add_months(day, whole_months(day, contract.start) // length * length)


def intervals(contract: Contract, calendar: Calendar) -> Ints:
    """Fulfilment interval of each period, [T], numbered from 0; -1 where not in force. One shorter than a period is the period."""
    numbers, anchor = np.full(len(calendar.periods), -1, dtype=np.int64), interval_anchor(contract)
    for t, period in enumerate(calendar.periods):
        first = max(contract.start, period.start)
        if first < min(contract.end, period.end):
            length = contract.interval.months
            whole = t if contract.interval in (Interval.HOUR, Interval.DAY) else 0
            numbers[t] = whole if length is None else whole_months(anchor, first) // length
    held = numbers >= 0
    numbers[held] = np.unique(numbers[held], return_inverse=True)[1]
    return numbers


def whole_months(start: date, day: date) -> int:
    """Monthly anniversaries of `start` up to `day`; one that a month lacks falls on the next month's first day."""
    return (day.year - start.year) * 12 + day.month - start.month - (day.day < start.day)


def add_months(start: date, months: int) -> date:
    """The day so many months later; one that the month lacks is the first day of the next month."""
    first = date(start.year + (start.month - 1 + months) // 12, (start.month - 1 + months) % 12 + 1, 1)
    following = first_of_next_month(first)
    return first.replace(day=start.day) if start.day <= (following - first).days else following


def exit_fee(contract: Contract, leave_on: date, as_of: date) -> float:
    """Contract currency per lot to leave on that day, without clawback; inf where the contract cannot be left then."""
    notice, steps = contract.notice_days, contract.fee_steps
    if notice is None or notice is UNKNOWN or steps is UNKNOWN or unread_clawback(contract):
        return np.inf
    served_from = as_of if contract.status.in_force else max(as_of, contract.start)
    earliest = max(contract.start + timedelta(days=1), contract.earliest_exit or date.min)
    if not earliest <= leave_on < contract.end or leave_on - timedelta(days=given(notice, 0.0)) < served_from:
        return np.inf
    if steps is None:
        return 0.0
    reached = [step for step in steps if step.start <= leave_on]
    return max(reached, key=lambda step: step.start).fee if reached else np.inf


def unread_clawback(contract: Contract) -> bool:
    """Whether what has to be paid back on leaving is unknown."""
    return contract.clawback_share is UNKNOWN or (given(contract.clawback_share, 0.0) > 0.0 and contract.discount is UNKNOWN)


def list_ratio(contract: Contract) -> float:
    """List price over unit price; 1 where the discount is unknown."""
    return 1.0 / (1.0 - given(contract.discount, 0.0))


def discount(start: date, end: date, as_of: date, annual_rate: float) -> float:
    """Worth on `as_of` of 1 paid in the middle of [start, end)."""
    days = (start - as_of).days + (end - start).days / 2
    return float((1.0 + annual_rate) ** (-days / DAYS_PER_YEAR))
