"""Periods of unequal length, blocks of UTC hours within a day, and what an hour's money is worth today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
HOURS_PER_DAY = 24


@dataclass(frozen=True, kw_only=True)
class Period:
    """Planning period [start, end) in UTC days."""

    name: str
    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days


@dataclass(frozen=True, kw_only=True)
class Block:
    """UTC hours of day [start_hour, end_hour), the same every day."""

    name: str
    start_hour: int
    end_hour: int

    @property
    def hours_per_day(self) -> int:
        return self.end_hour - self.start_hour


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Consecutive periods and the blocks that partition each of their days."""

    periods: tuple[Period, ...]
    blocks: tuple[Block, ...]

    @property
    def start(self) -> date:
        return self.periods[0].start

    @property
    def end(self) -> date:
        return self.periods[-1].end

    def hours(self) -> Floats:
        """Hours of each block in each period, [T, B]. UTC days have 24 hours, whatever local clocks do."""
        days = np.array([period.days for period in self.periods], dtype=np.float64)
        per_day = np.array([block.hours_per_day for block in self.blocks], dtype=np.float64)
        return np.outer(days, per_day)

    def months(self) -> Floats:
        """Calendar months in each period, [T]; a part of a month counts by its days."""
        return np.array([calendar_months(period.start, period.end) for period in self.periods])

    def discount_factors(self, as_of: date, annual_rate: float) -> Floats:
        """Worth today of 1 USD paid at the middle of each period, [T].

            delta_t = (1 + r) ^ -((start_t + end_t) / 2 - as_of in years of 365.25 days)
        """
        middle = [(p.start - as_of).days + p.days / 2 for p in self.periods]
        return (1.0 + annual_rate) ** (-np.array(middle, dtype=np.float64) / DAYS_PER_YEAR)


def calendar_months(start: date, end: date) -> float:
    """Calendar months in [start, end); each month's days count 1/28 to 1/31 of it.

    Example: 15 February 2028 to 1 April 2028 is 15/29 + 1.
    """
    months, day = 0.0, start
    while day < end:
        first = day.replace(day=1)
        following = first_of_next_month(day)
        until = min(end, following)
        months += (until - day).days / (following - first).days
        day = until
    return months


def fulfilment_interval(start: date, months: int, day: date) -> tuple[date, date]:
    """The interval [first, end) of so many months, counted from a contract's start, in which a day lies.

    An anniversary on a day that a month lacks falls on the first day of the next month. Example: quarters from 31 January 2028 begin on
    31 January, 1 May, 31 July.
    """
    passed = (day.year - start.year) * 12 + day.month - start.month - (day.day < start.day)
    number = passed // months
    return _anniversary(start, months * number), _anniversary(start, months * (number + 1))


def _anniversary(start: date, months: int) -> date:
    first = start.replace(day=1)
    for_month = date(first.year + (first.month - 1 + months) // 12, (first.month - 1 + months) % 12 + 1, 1)
    day = for_month + timedelta(days=start.day - 1)
    return day if day.month == for_month.month else first_of_next_month(for_month)


def first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def overlap_days(start: date, end: date, period: Period) -> int:
    """Days that [start, end) and the period share."""
    return max(0, (min(end, period.end) - max(start, period.start)).days)


def months_later(day: date, months: int) -> date:
    """The anniversary `months` later; one that a month lacks falls on the next month's first day."""
    first = date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)
    following = first_of_next_month(first)
    return min(first + timedelta(days=day.day - 1), following)
