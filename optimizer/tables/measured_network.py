"""Measured round trips between regions: what the network model is fitted to."""

from __future__ import annotations

from pathlib import Path

from optimizer.domain.network import MeasuredTrip
from optimizer.errors import DataError, Violation
from optimizer.tables.columns import TableData
from optimizer.tables.measurements import measurement_table, read_measurements
from optimizer.tables.rows import rows
from optimizer.tables.schema import POSITIVE, Bounds, number, text

LATITUDE, LONGITUDE = Bounds(at_least=-90, at_most=90), Bounds(at_least=-180, at_most=180)
MEASURED_TRIPS = measurement_table(
    "measured_round_trips",
    "Median round trips between pairs of regions.",
    text("from_region", "Region at one end.", key=True),
    text("to_region", "Region at the other end.", key=True),
    number("from_latitude", "degrees north", "Latitude of from_region.", LATITUDE),
    number("from_longitude", "degrees east", "Longitude of from_region.", LONGITUDE),
    number("to_latitude", "degrees north", "Latitude of to_region.", LATITUDE),
    number("to_longitude", "degrees east", "Longitude of to_region.", LONGITUDE),
    number("rtt_ms", "ms", "Median round trip.", POSITIVE),
)


def read_measured_trips(path: Path) -> tuple[MeasuredTrip, ...]:
    """The measured round trips in a CSV or Parquet file.

    Raises:
      DataError: with every violation of the table.
    """
    data = read_measurements(MEASURED_TRIPS, path)
    trips = tuple(
        MeasuredTrip(
            start=row["from_region"],
            end=row["to_region"],
            start_latitude=row["from_latitude"],
            start_longitude=row["from_longitude"],
            end_latitude=row["to_latitude"],
            end_longitude=row["to_longitude"],
            rtt_ms=row["rtt_ms"],
            as_of=row["as_of"],
        )
        for row in rows(data)
    )
    violations = [*_to_themselves(data, trips), *_in_two_places(data, trips)]
    if violations:
        raise DataError(violations)
    return trips


def _to_themselves(data: TableData, trips: tuple[MeasuredTrip, ...]) -> list[Violation]:
    same = [i for i, trip in enumerate(trips) if trip.start == trip.end]
    rule = "from_region and to_region must be two regions"
    return [data.violation(rule, trips[same[0]].start, same, "Remove the rows.")] if same else []


def _in_two_places(data: TableData, trips: tuple[MeasuredTrip, ...]) -> list[Violation]:
    """A region is in one place: what is held out and what is fitted is told apart by its name."""
    places: dict[str, tuple[float, float]] = {}
    moved: list[tuple[int, str]] = []
    for i, trip in enumerate(trips):
        ends = ((trip.start, trip.start_latitude, trip.start_longitude), (trip.end, trip.end_latitude, trip.end_longitude))
        moved += [(i, name) for name, *place in ends if places.setdefault(name, (place[0], place[1])) != tuple(place)]
    rule = "a region must have the same coordinates in every row"
    return [data.violation(rule, moved[0][1], sorted({i for i, _ in moved}), "Correct the coordinates.")] if moved else []
