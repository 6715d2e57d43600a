"""Days, months and what money is worth: verification's own arithmetic, exact in fractions where months are involved."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from fractions import Fraction

DAY_HOURS = 24
YEAR_DAYS = 365.25


def add_months(start: date, months: int) -> date:
    """The anniversary `months` later; a day that the month lacks becomes the first day of the next month."""
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    if start.day <= monthrange(year, month)[1]:
        return date(year, month, start.day)
    return date(year + month // 12, month % 12 + 1, 1)


def month_pieces(start: date, end: date) -> Iterator[tuple[date, date, Fraction]]:
    """[start, end) cut at the first of each month: first day, day after the last, share of that month."""
    first = start
    while first < end:
        following = add_months(first.replace(day=1), 1)
        until = min(end, following)
        yield first, until, Fraction((until - first).days, monthrange(first.year, first.month)[1])
        first = until


def months_between(start: date, end: date) -> Fraction:
    """Calendar months in [start, end), parts of a month by its days."""
    return sum((share for _, _, share in month_pieces(start, end)), Fraction(0))


def worth_today(as_of: date, start: date, end: date, annual_rate: float) -> float:
    """Worth on `as_of` of 1 paid in the middle of [start, end): (1 + rate) ^ -years, a year being 365.25 days."""
    half_days = (start - as_of).days + (end - as_of).days
    return float((1.0 + annual_rate) ** (-half_days / (2.0 * YEAR_DAYS)))
