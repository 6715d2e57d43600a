"""A case on a later day: its date, its calendar, and what has no meaning any more."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from optimizer.domain.calendar import Period
from optimizer.domain.case import Case
from optimizer.errors import ConfigError


def on_day(case: Case, as_of: date) -> Case:
    """The case as of a day: periods that are over are dropped, with the rows that are theirs alone and with runs whose window is over.

    Raises:
      ConfigError: the day is before the case's date, or its calendar is over by then.
    """
    if as_of == case.as_of:
        return case
    periods = tuple(period for period in case.calendar.periods if period.end > as_of)
    if as_of < case.as_of or not periods:
        rule = f"must be between the case's date, {case.as_of}, and the last day of its calendar, {case.calendar.end}"
        raise ConfigError("as_of", rule, as_of, "Correct the day, or update the tables.")
    runs = tuple(run for run in case.training_runs if run.window_end > as_of)
    return replace(within(case, periods), as_of=as_of, training_runs=runs)


def within(case: Case, periods: tuple[Period, ...]) -> Case:
    """The case over some of its periods, without the rows that are of others alone."""
    names = {period.name for period in periods}
    kept: dict[str, Any] = {}
    for field in fields(case):
        nouns = getattr(case, field.name)
        if isinstance(nouns, tuple):
            kept[field.name] = tuple(noun for noun in nouns if getattr(noun, "period", None) in (None, *names))
    left = {scenario.name: tuple(row for row in scenario.multipliers if row.period in (None, *names)) for scenario in case.scenarios}
    scenarios = tuple(replace(scenario, multipliers=left[scenario.name]) for scenario in case.scenarios)
    return replace(case, **kept | {"calendar": replace(case.calendar, periods=periods), "scenarios": scenarios})
