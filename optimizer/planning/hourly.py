"""From an origin's local-hour profile to weights of UTC hours and blocks, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.calendar import Calendar
from optimizer.domain.surface import Floats
from optimizer.domain.workload import Origin
from optimizer.errors import DataError, Violation

QUARTERS_PER_HOUR = 4  # zones stand whole quarter hours apart from UTC, and change at whole quarters
QUARTERS_PER_DAY = 24 * QUARTERS_PER_HOUR
MINUTES_PER_QUARTER = 15
SATURDAY = 5


def offset_quarters(zone: ZoneInfo, start: date, days: int) -> NDArray[np.int64]:
    """Local time less UTC in each quarter of an hour of each UTC day, in quarters of an hour, [days, 96].

    Example: Europe/Berlin, 29 March 2026 (clocks go forward at 01:00 UTC) is 4, 4, 4, 4, 8, 8, ... 8.

    A day at whose two ends the offset is the same is taken to keep it; the others are read quarter by quarter.
    """

    def offset(day: int, quarter: int) -> int:
        instant = datetime.combine(start, time(), tzinfo=UTC) + timedelta(days=day, minutes=MINUTES_PER_QUARTER * quarter)
        shift = instant.astimezone(zone).utcoffset()
        return 0 if shift is None else round(shift / timedelta(minutes=MINUTES_PER_QUARTER))

    midnight = np.array([offset(day, 0) for day in range(days + 1)], dtype=np.int64)
    offsets = np.repeat(midnight[:-1, None], QUARTERS_PER_DAY, axis=1)
    for day in np.flatnonzero(midnight[1:] != midnight[:-1]):
        offsets[day] = [offset(int(day), quarter) for quarter in range(QUARTERS_PER_DAY)]
    return offsets


def hourly_weights(origin: Origin, start: date, end: date) -> Floats:
    """Weight of each UTC hour of the days [start, end), [days, 24].

    The profile is that of the local day (Saturday and Sunday are the weekend) and hour; a UTC hour that
    straddles two local hours gets the mean of its quarters. Not normalised.
    """
    days = (end - start).days
    utc = np.arange(days * QUARTERS_PER_DAY, dtype=np.int64).reshape(days, QUARTERS_PER_DAY)
    local = utc + offset_quarters(ZoneInfo(origin.time_zone), start, days)
    weekday = (start.weekday() + local // QUARTERS_PER_DAY) % 7
    hour = local % QUARTERS_PER_DAY // QUARTERS_PER_HOUR
    profiles = np.array([origin.weekday_profile, origin.weekend_profile], dtype=np.float64)
    weights = profiles[(weekday >= SATURDAY).astype(np.int64), hour]
    hours: Floats = weights.reshape(days, 24, QUARTERS_PER_HOUR).mean(axis=2)
    return hours


def block_peaks(origin: Origin, calendar: Calendar) -> Floats:
    """Busiest hour of each block over each period's mean hour, [T, B]: 2 means twice the mean demand.

    The maximum over the days of the period and the UTC hours of the block, with the mean over all hours of the period at 1.
    """
    peaks = np.empty((len(calendar.periods), len(calendar.blocks)))
    for t, period in enumerate(calendar.periods):
        weights = hourly_weights(origin, period.start, period.end)
        mean = weights.mean()
        if not mean > 0.0:
            raise DataError([_silent(origin, period.name)])
        highest = weights.max(axis=0) / mean
        peaks[t] = [highest[block.start_hour : block.end_hour].max() for block in calendar.blocks]
    return peaks


def _silent(origin: Origin, period: str) -> Violation:
    return Violation(
        where="origin_profiles",
        rule="weights must have a sum > 0 over the hours of each period",
        got=f"0 in {period}",
        rows=(origin.name,),
        remedy="Give at least one hour of weekdays and of weekends a weight above 0.",
    )
