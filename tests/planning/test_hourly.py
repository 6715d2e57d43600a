"""Profiles in local time become weights of UTC hours, on both clock changes and in both hemispheres."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from optimizer.domain.calendar import Block, Calendar, Period
from optimizer.domain.workload import Origin
from optimizer.errors import DataError
from optimizer.planning.hourly import block_peaks, hourly_weights
from tests.tolerances import HOURLY_WEIGHT

WEEKDAY = tuple(float(hour + 1) for hour in range(24))  # every hour tells which it is
WEEKEND = tuple(100.0 + hour for hour in range(24))


def origin(zone: str, weekday: tuple[float, ...] = WEEKDAY, weekend: tuple[float, ...] = WEEKEND) -> Origin:
    return Origin(name="here", latitude=0.0, longitude=0.0, time_zone=zone, weekday_profile=weekday, weekend_profile=weekend)


def minute_by_minute(zone: str, start: date, end: date) -> np.ndarray:
    """Mean weight of each UTC hour, read at every fifth minute."""
    weights = np.zeros(((end - start).days, 24))
    moment = datetime(start.year, start.month, start.day, tzinfo=UTC)
    for day in range(len(weights)):
        for hour in range(24):
            for _ in range(12):
                local = moment.astimezone(ZoneInfo(zone))
                weights[day, hour] += (WEEKEND if local.weekday() >= 5 else WEEKDAY)[local.hour] / 12
                moment += timedelta(minutes=5)
    return weights


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", date(2026, 3, 28)),  # forward on 29 March at 01:00 UTC
        ("Europe/Berlin", date(2026, 10, 24)),  # back on 25 October
        ("America/New_York", date(2026, 3, 7)),  # forward on 8 March at 07:00 UTC
        ("America/New_York", date(2026, 10, 31)),  # back on 1 November
        ("America/Santiago", date(2026, 4, 3)),  # southern: back in April
        ("America/Santiago", date(2026, 9, 4)),  # forward in September
        ("Australia/Lord_Howe", date(2026, 4, 3)),  # by half an hour
        ("Asia/Kolkata", date(2026, 6, 5)),  # half an hour off
        ("Asia/Kathmandu", date(2026, 6, 5)),  # three quarters of an hour off
        ("Pacific/Auckland", date(2028, 2, 27)),  # across a leap day
    ],
)
def test_against_reading_the_clock(zone: str, start: date) -> None:
    end = start + timedelta(days=4)
    np.testing.assert_allclose(hourly_weights(origin(zone), start, end), minute_by_minute(zone, start, end), rtol=HOURLY_WEIGHT)


def test_clock_change_by_hand() -> None:
    """29 March 2026 in Berlin is a Sunday: 00:00 UTC is 01:00, 01:00 UTC is 03:00."""
    weights = hourly_weights(origin("Europe/Berlin"), date(2026, 3, 29), date(2026, 3, 30))
    assert weights[0, :3].tolist() == [101.0, 103.0, 104.0]
    assert weights[0, 21] == 123.0
    assert weights[0, 22] == 1.0  # Monday has begun in Berlin


def test_block_peaks_have_the_period_mean_at_one() -> None:
    calendar = Calendar(
        periods=(Period(name="p", start=date(2026, 3, 16), end=date(2026, 4, 13)),),
        blocks=tuple(Block(name=str(hour), start_hour=hour, end_hour=hour + 1) for hour in range(24)),
    )
    here = origin("Europe/Berlin")
    weights = hourly_weights(here, date(2026, 3, 16), date(2026, 4, 13))
    peaks = block_peaks(here, calendar)
    np.testing.assert_allclose(peaks[0], weights.max(axis=0) / weights.mean(), rtol=HOURLY_WEIGHT)
    scaled = origin("Europe/Berlin", tuple(7 * w for w in WEEKDAY), tuple(7 * w for w in WEEKEND))
    np.testing.assert_allclose(block_peaks(scaled, calendar), peaks, rtol=HOURLY_WEIGHT)


def test_both_clocks_count_in_a_period_with_a_change() -> None:
    """One busy local hour, 12:00: it is 11:00 UTC before the change and 10:00 UTC after it."""
    noon = tuple(1.0 if hour == 12 else 0.0 for hour in range(24))
    calendar = Calendar(
        periods=(Period(name="p", start=date(2026, 3, 1), end=date(2026, 4, 1)),),
        blocks=tuple(Block(name=str(hour), start_hour=hour, end_hour=hour + 1) for hour in range(24)),
    )
    peaks = block_peaks(origin("Europe/Berlin", noon, noon), calendar)[0]
    assert np.flatnonzero(peaks).tolist() == [10, 11]


def test_a_silent_profile_is_an_error() -> None:
    calendar = Calendar(
        periods=(Period(name="weekend", start=date(2026, 5, 2), end=date(2026, 5, 3)),),
        blocks=(Block(name="b", start_hour=0, end_hour=24),),
    )
    with pytest.raises(DataError, match=r"origin_profiles: weights must have a sum > 0 .*; got 0 in weekend\. 1 row \(first: here\)"):
        block_peaks(origin("UTC", WEEKDAY, (0.0,) * 24), calendar)
