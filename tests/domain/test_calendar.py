"""Months with their real hours, leap years, starts in the middle of a month, and the clock changes that UTC does not see."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.calendar import Block, Calendar, Period, calendar_months, first_of_next_month, overlap_days
from tests.tolerances import CALENDAR_MONTHS

WHOLE_DAY = (Block(name="night", start_hour=0, end_hour=7), Block(name="day", start_hour=7, end_hour=24))
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def calendar(*starts: date) -> Calendar:
    """Periods from each day to the next."""
    pairs = pairwise(starts)
    return Calendar(periods=tuple(Period(name=str(start), start=start, end=end) for start, end in pairs), blocks=WHOLE_DAY)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (date(2027, 2, 1), date(2027, 3, 1), 672),
        (date(2028, 2, 1), date(2028, 3, 1), 696),  # leap year
        (date(2100, 2, 1), date(2100, 3, 1), 672),  # divisible by 100: none
        (date(2027, 1, 1), date(2027, 2, 1), 744),
        (date(2027, 4, 1), date(2027, 5, 1), 720),
        (date(2028, 1, 1), date(2029, 1, 1), 8784),
        (date(2027, 1, 1), date(2028, 1, 1), 8760),
        (date(2028, 2, 15), date(2028, 3, 15), 696),
    ],
)
def test_months_have_their_real_hours(start: date, end: date, hours: int) -> None:
    assert calendar(start, end).hours().sum() == hours


def test_hours_by_block() -> None:
    np.testing.assert_array_equal(
        calendar(date(2028, 2, 1), date(2028, 3, 1), date(2028, 3, 16)).hours(), [[29 * 7, 29 * 17], [15 * 7, 15 * 17]]
    )


@pytest.mark.parametrize(("start", "end"), [(date(2027, 3, 1), date(2027, 4, 1)), (date(2027, 10, 1), date(2027, 11, 1))])
def test_clock_changes_leave_the_hours_of_a_period_alone(start: date, end: date) -> None:
    """Local clocks in Paris skip and repeat an hour in these months; blocks are UTC hours, so nothing is lost or paid twice."""
    assert calendar(start, end).hours().sum() == 31 * 24
    zone = ZoneInfo("Europe/Paris")
    offsets = {datetime(start.year, start.month, day, 12, tzinfo=UTC).astimezone(zone).utcoffset() for day in range(1, 32)}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2028, 2, 15), date(2028, 4, 1), 15 / 29 + 1),
        (date(2027, 2, 15), date(2027, 4, 1), 14 / 28 + 1),
        (date(2027, 1, 31), date(2027, 3, 1), 1 / 31 + 1),
        (date(2027, 6, 10), date(2027, 6, 20), 10 / 30),
        (date(2027, 1, 1), date(2030, 1, 1), 36),
        (date(2027, 12, 16), date(2028, 1, 16), 16 / 31 + 15 / 31),
        (date(2027, 6, 1), date(2027, 6, 1), 0),
    ],
)
def test_parts_of_months_count_by_their_days(start: date, end: date, months: float) -> None:
    assert calendar_months(start, end) == pytest.approx(months, rel=CALENDAR_MONTHS)


@given(days=st.lists(DAYS, min_size=3, max_size=3, unique=True).map(sorted))
def test_months_add_up(days: list[date]) -> None:
    start, middle, end = days
    whole = calendar_months(start, middle) + calendar_months(middle, end)
    assert whole == pytest.approx(calendar_months(start, end), rel=CALENDAR_MONTHS)


@given(day=DAYS)
def test_the_next_month_begins_on_its_first(day: date) -> None:
    following = first_of_next_month(day)
    assert following.day == 1
    assert day < following <= day + timedelta(days=31)
    assert (following - timedelta(days=1)).month == day.month


def test_months_of_periods_of_unequal_length() -> None:
    made = calendar(date(2028, 1, 15), date(2028, 2, 1), date(2028, 3, 1), date(2028, 6, 1), date(2029, 6, 1))
    np.testing.assert_allclose(made.months(), [17 / 31, 1, 3, 12], rtol=CALENDAR_MONTHS)
    assert (made.start, made.end) == (date(2028, 1, 15), date(2029, 6, 1))


def test_discounting_from_the_middle_of_a_period() -> None:
    made = calendar(date(2028, 1, 1), date(2028, 7, 2), date(2029, 1, 1))
    days = np.array([183 / 2, 183 + 183 / 2])
    np.testing.assert_allclose(made.discount_factors(date(2028, 1, 1), 0.1), 1.1 ** (-days / 365.25), rtol=CALENDAR_MONTHS)
    np.testing.assert_array_equal(made.discount_factors(date(2028, 1, 1), 0.0), [1.0, 1.0])


def test_money_before_the_cases_date_is_worth_more() -> None:
    (factor,) = calendar(date(2027, 1, 1), date(2028, 1, 1)).discount_factors(date(2028, 1, 1), 0.1)
    assert factor > 1


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2028, 2, 10), date(2028, 2, 20), 10),
        (date(2028, 1, 1), date(2028, 2, 2), 1),
        (date(2028, 2, 29), date(2030, 1, 1), 1),
        (date(2028, 1, 1), date(2028, 2, 1), 0),
        (date(2028, 3, 1), date(2028, 4, 1), 0),
    ],
)
def test_days_that_overlap(start: date, end: date, days: int) -> None:
    assert overlap_days(start, end, Period(name="february", start=date(2028, 2, 1), end=date(2028, 3, 1))) == days
