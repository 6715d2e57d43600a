"""Periods and blocks."""

from __future__ import annotations

from optimizer.tables.schema import Bounds, Table, day, integer, table, text

TIME_TABLES: tuple[Table, ...] = (
    table(
        "calendar",
        "Planning periods, consecutive and of any length; all rows have the same as_of, which is the case's date.",
        text("period", "Name of the period.", key=True),
        day("start", "First day of the period (UTC)."),
        day("end", "First day after the period: the next period's start."),
        may_be_empty=False,
    ),
    table(
        "blocks",
        "Blocks of hours that cut every day of a period; together they cover 0 to 24 once.",
        text("block", "Name of the block.", key=True),
        integer("start_hour_utc", "hour of day", "First UTC hour of the block.", Bounds(at_least=0, at_most=23)),
        integer("end_hour_utc", "hour of day", "First UTC hour after the block.", Bounds(at_least=1, at_most=24)),
        may_be_empty=False,
    ),
)
