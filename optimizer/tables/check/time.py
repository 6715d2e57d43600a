"""Periods follow each other, blocks cut the day once, and what is dated touches the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pandas as pd

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule


@rule("calendar: start end")
def periods_have_days(tables: Tables) -> Iterator[Violation]:
    data = tables["calendar"]
    wrong = data.values["end"] <= data.values["start"]
    yield from breaches(data, wrong, "end", "end must be after start", "Write the first day after the period.")


@rule("calendar: start end")
def periods_follow_each_other(tables: Tables) -> Iterator[Violation]:
    data = tables["calendar"]
    if (data.values["end"] <= data.values["start"]).any():
        return  # reported already; their order means nothing
    ordered = data.values.sort_values("start")
    ends = ordered["end"].shift()
    gaps = ordered.index[(ordered["start"] != ends) & ends.notna()]
    if len(gaps):
        yield data.violation(
            "start must be the day on which the period before it ends, without gap or overlap",
            f"{data.cells['start'][gaps[0]]} after an end on {ends[gaps[0]]:%Y-%m-%d}",
            list(gaps),
            "Correct the dates, or add the period that is missing.",
        )


@rule("calendar: as_of")
def calendar_has_one_date(tables: Tables) -> Iterator[Violation]:
    data = tables["calendar"]
    days = sorted(set(data.cells["as_of"]))
    if len(days) > 1:
        rule = "as_of must be the same day in all rows: it is the case's date"
        yield data.violation(rule, " and ".join(days), range(len(data.values)), "Write one day in all rows.")


@rule("blocks: start_hour_utc end_hour_utc")
def blocks_cut_the_day(tables: Tables) -> Iterator[Violation]:
    data = tables["blocks"]
    hours = sorted(zip(data.values["start_hour_utc"], data.values["end_hour_utc"], strict=True))
    ordered = all(start < end for start, end in hours) and all(first[1] == second[0] for first, second in pairwise(hours))
    if hours and not (ordered and hours[0][0] == 0 and hours[-1][1] == HOURS_PER_DAY):
        yield data.violation(
            "blocks must cover the hours 0 to 24 once, without gap or overlap",
            ", ".join(f"{start:g}-{end:g}" for start, end in hours),
            range(len(hours)),
            "Correct the hours.",
        )


@rule("training_runs: window_start window_end")
def windows_have_days(tables: Tables) -> Iterator[Violation]:
    data = tables["training_runs"]
    wrong = data.values["window_end"] <= data.values["window_start"]
    yield from breaches(data, wrong, "window_end", "window_end must be after window_start", "Correct the window.")


@rule("training_runs: window_start window_end", "calendar: start end")
def windows_touch_the_calendar(tables: Tables) -> Iterator[Violation]:
    data, (start, end) = tables["training_runs"], _horizon(tables)
    first, last = data.values["window_start"], data.values["window_end"]
    outside = ((last <= start) | (first >= end)) & (first < last)
    rows = outside.to_numpy().nonzero()[0]
    if len(rows):
        got = f"{data.cells['window_start'][rows[0]]} to {data.cells['window_end'][rows[0]]}"
        words = f"the window must touch the calendar, {start:%Y-%m-%d} to {end:%Y-%m-%d}"
        yield from breaches(data, outside, "window_start", words, "Correct the dates or remove the run.", got)


@rule("offers: valid_from valid_to")
def offers_have_days(tables: Tables) -> Iterator[Violation]:
    data = tables["offers"]
    wrong = data.values["valid_to"] <= data.values["valid_from"]
    yield from breaches(data, wrong, "valid_to", "valid_to must be after valid_from", "Write the first day on which it no longer holds.")


@rule("offers: valid_from valid_to", "calendar: start end")
def offers_touch_the_calendar(tables: Tables) -> Iterator[Violation]:
    data, (start, end) = tables["offers"], _horizon(tables)
    early, late = data.values["valid_to"] <= start, data.values["valid_from"] >= end
    words = f"the offer must hold on some day of the calendar, {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    yield from breaches(data, early, "valid_to", words, "Correct the dates or remove the offer.")
    yield from breaches(data, late, "valid_from", words, "Correct the dates or remove the offer.")


def _horizon(tables: Tables) -> tuple[pd.Timestamp, pd.Timestamp]:
    calendar = tables["calendar"].values
    return calendar["start"].min(), calendar["end"].max()


TIME_RULES: tuple[Rule, ...] = (
    periods_have_days,
    periods_follow_each_other,
    calendar_has_one_date,
    blocks_cut_the_day,
    windows_have_days,
    windows_touch_the_calendar,
    offers_have_days,
    offers_touch_the_calendar,
)
