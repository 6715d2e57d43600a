"""Forecasts from history where a case has none of its own, and how their errors hang together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

import numpy as np

from optimizer.domain.calendar import Period, first_of_next_month, months_later, overlap_days
from optimizer.domain.case import Case
from optimizer.domain.demand import QUANTILES, Demand
from optimizer.domain.history import DemandCame, Stream
from optimizer.domain.surface import Floats
from optimizer.errors import DataError, Violation
from optimizer.scenarios.deviates import Correlation
from optimizer.scenarios.estimate import estimated_correlation
from optimizer.scenarios.seasonal import Seasonal, fit, predict

FEWEST_STEPS = 4
SEASONS = {1: 7, 7: 52}  # steps in a season by days in a step: a week of days, a year of weeks
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Streams whose history has the same stretches."""

    streams: tuple[Stream, ...]  # D
    rows: tuple[tuple[DemandCame, ...], ...]  # D, T
    values: Floats  # [D, T]

    @property
    def monthly(self) -> bool:
        return all(row.start.day == 1 and row.end == first_of_next_month(row.start) for row in self.rows[0])

    @property
    def days(self) -> int:
        """In the last step."""
        return (self.rows[0][-1].end - self.rows[0][-1].start).days

    @property
    def season(self) -> int:
        """Steps in a season."""
        return 12 if self.monthly else SEASONS.get(self.days, max(1, round(365.25 / self.days)))

    def ahead(self, until: date, reach_days: int) -> list[tuple[date, date]]:
        """The steps after the history, as far as they begin before a day, and so many days at least."""
        found: list[tuple[date, date]] = []
        begin = self.rows[0][-1].end
        least = max(1, ceil(reach_days / (DAYS_PER_MONTH if self.monthly else self.days)))
        while begin < until or len(found) < least:
            end = months_later(begin, 1) if self.monthly else begin + timedelta(days=self.days)
            found.append((begin, end))
            begin = end
        return found


def with_forecasts(case: Case) -> tuple[Case, tuple[str, ...]]:
    """The case with forecasts for what its history knows and its demand does not, and what to say of them.

    Raises:
      DataError: a history is too short for a forecast.
    """
    asked = {(row.workload, row.origin) for row in case.demand}
    past = [row for row in case.demand_history if (row.workload, row.origin) not in asked and row.end <= case.as_of]
    unheard = {(row.workload, row.origin) for row in case.demand_history} - asked - {(row.workload, row.origin) for row in past}
    if unheard:
        raise DataError([_too_short(sorted(unheard, key=str), case.as_of)])
    if not past:
        return case, ()
    made = baseline(past, case.calendar.periods)
    streams = len({(row.workload, row.origin) for row in made})
    return replace(case, demand=(*case.demand, *made)), (f"demand of {streams} workloads and origins is forecast from demand_history",)


def baseline(
    past: Sequence[DemandCame], periods: Sequence[Period], *, window: int | None = None, reach_days: int = 0
) -> tuple[Demand, ...]:
    """Forecasts of every stream for some periods after its history, by `optimizer.scenarios.seasonal`.

    A period's quantile is the mean of its steps' quantiles, by their days: steps of a period are taken to err together.

    Args:
      window: steps of history at its end that are used; None: all.
      reach_days: days ahead for which the model is fitted at least; what is the same for many forecasts is compiled once.

    Raises:
      DataError: a history is too short for a forecast.
    """
    made = []
    for steps in _steps(past, window):
        ahead = steps.ahead(periods[-1].end, reach_days)
        model = _fitted(steps, len(ahead))
        quantiles = predict(model, steps.values, QUANTILES)
        weights = np.array([[overlap_days(begin, end, period) for begin, end in ahead] for period in periods])
        for d in range(len(steps.streams)):
            for period, share in zip(periods, weights / np.maximum(weights.sum(axis=1, keepdims=True), 1), strict=True):
                made.append(_row(steps.rows[d][-1], period, share @ quantiles[d]))
    return tuple(made)


def correlation_from(past: Sequence[DemandCame], otherwise: Correlation) -> Correlation:
    """How errors of forecasts from history hung together; what a history does not show is as in `otherwise`.

    Raises:
      DataError: a history is too short for a forecast.
    """
    longest = max(_steps(past, None), key=lambda steps: len(steps.streams) * steps.values.shape[1], default=None)
    if longest is None:
        return otherwise
    step_months = 1.0 if longest.monthly else longest.days / DAYS_PER_MONTH
    model = _fitted(longest, min(6, longest.values.shape[1] - 2))
    return estimated_correlation(model, longest.streams, step_months=step_months, otherwise=otherwise)


def _fitted(steps: Steps, horizon: int) -> Seasonal:
    return fit(steps.values, season=steps.season, horizon=horizon)


def _steps(past: Sequence[DemandCame], window: int | None) -> list[Steps]:
    """Histories by their stretches, longest first."""
    streams: dict[Stream, list[DemandCame]] = defaultdict(list)
    for row in past:
        streams[row.workload, row.origin].append(row)
    alike: dict[tuple[tuple[date, date], ...], dict[Stream, tuple[DemandCame, ...]]] = defaultdict(dict)
    for stream, rows in streams.items():
        kept = tuple(sorted(rows, key=lambda row: row.start)[-window if window else None :])
        alike[tuple((row.start, row.end) for row in kept)][stream] = kept
    short = [stream for spans, found in alike.items() if len(spans) < FEWEST_STEPS for stream in found]
    if short:
        raise DataError([_too_short(short, max(row.end for row in past))])
    return [
        Steps(
            streams=tuple(found),
            rows=tuple(found.values()),
            values=np.array([[row.mean for row in rows] for rows in found.values()], dtype=np.float64),
        )
        for found in alike.values()
    ]


def _row(last: DemandCame, period: Period, quantiles: Floats) -> Demand:
    p10, p50, p90 = (float(value) for value in quantiles)
    return Demand(
        workload=last.workload,
        origin=last.origin,
        period=period.name,
        unit=last.unit,
        mean=None,
        p10=p10,
        p50=p50,
        p90=p90,
        prompt_tokens=last.prompt_tokens,
        output_tokens=last.output_tokens,
        peak_factor=last.peak_factor,
    )


def _too_short(streams: Sequence[Stream], as_of: date) -> Violation:
    return Violation(
        where="demand_history",
        rule=f"must have at least {FEWEST_STEPS} stretches before the case's date of what demand does not forecast",
        got=f"fewer by {as_of}",
        rows=tuple(f"{workload}/{origin or '-'}" for workload, origin in streams),
        remedy="Add older rows, or forecast it in demand.",
    )
