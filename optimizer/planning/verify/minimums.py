"""Fulfilment intervals by date, and how much of a minimum spend falls into some days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from optimizer.domain.contract import Contract, Interval, Proration
from optimizer.planning.verify.dates import DAY_HOURS, add_months, months_between
from optimizer.planning.verify.delivered import number


def interval_of(contract: Contract, day: date, period: int) -> int:
    """Number of the interval that the day lies in; an interval of hours or days is the period."""
    if contract.interval in (Interval.HOUR, Interval.DAY):
        return period
    if contract.interval.months is None:
        return 0
    return sum(1 for first, _ in _intervals(contract) if first <= day) - 1


def _intervals(contract: Contract) -> Iterator[tuple[date, date]]:
    """[first day, day after the last) of every interval that the term touches, from the last anniversary up to the start."""
    length, anchor = contract.interval.months or 0, contract.anniversary or contract.start
    number_of = 0
    while add_months(anchor, number_of * length) > contract.start:
        number_of -= 1
    while add_months(anchor, (number_of + 1) * length) <= contract.start:
        number_of += 1
    while (first := add_months(anchor, number_of * length)) < contract.end:
        number_of += 1
        yield first, add_months(anchor, number_of * length)


def minimum_part(contract: Contract, start: date, end: date) -> float:
    """Contract currency per lot that days in force [start, end) take of the minimum."""
    minimum = number(contract.minimum_spend, 0.0)
    if not minimum:
        return 0.0
    if contract.interval in (Interval.HOUR, Interval.DAY):
        return minimum * (end - start).days * (DAY_HOURS if contract.interval is Interval.HOUR else 1)
    if contract.interval.months is None:
        return minimum * float(months_between(start, end) / months_between(contract.start, contract.end))
    if contract.proration is Proration.DAYS:
        return minimum * float(months_between(start, end) / contract.interval.months)
    total = Fraction(0)
    for first, last in _intervals(contract):
        begin, until = max(first, start), min(last, end)
        if begin >= until:
            continue
        whole = contract.start <= first and last <= contract.end
        if whole:
            total += months_between(begin, until) / contract.interval.months
        elif contract.proration is Proration.FULL:
            total += months_between(begin, until) / months_between(max(first, contract.start), min(last, contract.end))
    return minimum * float(total)


def behind(contract: Contract, calendar_start: date) -> float:
    """Spend so far less the past part of the minimum in progress at the calendar's start, all lots, contract currency."""
    if contract.spent_so_far is None or contract.start >= calendar_start:
        return 0.0
    return contract.spent_so_far - minimum_so_far(contract, calendar_start)


def minimum_so_far(contract: Contract, calendar_start: date) -> float:
    """What the minimum in progress asks for by the calendar's start, all lots, contract currency."""
    if contract.start >= calendar_start:
        return 0.0
    begun = contract.start
    if contract.interval.months is not None:
        begun = max(max(first for first, _ in _intervals(contract) if first <= calendar_start), contract.start)
    return contract.lots * minimum_part(contract, begun, calendar_start)
