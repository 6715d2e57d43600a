"""The history that a case's own tables hold: forecasts with their days, demand as it came, quotes with the day they were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from optimizer.domain.calendar import Period, overlap_days
from optimizer.domain.case import Case
from optimizer.domain.demand import Demand
from optimizer.domain.history import DemandCame, Stream, Vintage
from optimizer.errors import DataError, Violation
from optimizer.planning.backtest.history import History
from optimizer.planning.forecasts import baseline
from optimizer.planning.replan.clock import within


def recorded(case: Case, vintages: Sequence[Vintage], quoted_on: Mapping[str, date], *, months: int | None = None) -> History:
    """The periods of a case's calendar, from its first, of which its history knows all demand; at most so many.

    What was never forecast is forecast on the first day of each period from what had come by then, with as many steps of history as there
    were on the first.

    Raises:
      DataError: the history does not know the first period, or is too short to forecast from.
    """
    streams: dict[Stream, list[DemandCame]] = defaultdict(list)
    for row in case.demand_history:
        streams[row.workload, row.origin].append(row)
    periods = _replayable(case, streams)[:months]
    case = replace(within(case, periods), demand_history=())
    actual = tuple(_came(rows, period) for period in periods for rows in streams.values())
    forecast = {(row.workload, row.origin) for vintage in vintages for row in vintage.demand}
    missing = [row for stream, rows in streams.items() if stream not in forecast for row in rows]
    made = tuple(_made(missing, periods, t) for t in range(len(periods))) if missing else ()
    known = tuple(Vintage(issued_at=each.issued_at, demand=_of(each.demand, periods)) for each in vintages)
    return History(name=case.name, case=replace(case, demand=()), actual=actual, vintages=(*known, *made), quoted_on=quoted_on)


def _replayable(case: Case, streams: Mapping[Stream, Sequence[DemandCame]]) -> tuple[Period, ...]:
    """Periods from the first on that lie within every stream's history."""
    known = []
    for period in case.calendar.periods:
        if not all(sum(overlap_days(row.start, row.end, period) for row in rows) == period.days for rows in streams.values()):
            break
        known.append(period)
    if not streams or len(known) < 1:
        raise DataError(
            [
                Violation(
                    where="demand_history",
                    rule="must know all demand of at least the first period of the calendar, to be replayed",
                    got="no history" if not streams else f"gaps in {case.calendar.periods[0].name}",
                    remedy="Add its rows, or begin the calendar where they begin.",
                )
            ]
        )
    return tuple(known)


def _came(rows: Sequence[DemandCame], period: Period) -> Demand:
    """A stream's demand in a period, by days."""
    parts = [(overlap_days(row.start, row.end, period), row) for row in rows]
    days, last = sum(each for each, _ in parts), [row for each, row in parts if each][-1]
    return Demand(
        workload=last.workload,
        origin=last.origin,
        period=period.name,
        unit=last.unit,
        mean=sum(each * row.mean for each, row in parts) / days,
        p10=None,
        p50=None,
        p90=None,
        prompt_tokens=last.prompt_tokens,
        output_tokens=last.output_tokens,
        peak_factor=last.peak_factor,
    )


def _made(rows: Sequence[DemandCame], periods: Sequence[Period], t: int) -> Vintage:
    """The forecast from history alone on the first day of period t."""
    first, day = periods[0].start, periods[t].start
    counts: dict[Stream, int] = defaultdict(int)
    for row in rows:
        counts[row.workload, row.origin] += row.end <= first
    past = [row for row in rows if row.end <= day]
    window = min(counts.values())
    reach = (periods[-1].end - first).days
    return Vintage(issued_at=day, demand=baseline(past, periods[t:], window=window, reach_days=reach))


def _of(rows: Sequence[Demand], periods: Sequence[Period]) -> tuple[Demand, ...]:
    names = {period.name for period in periods}
    return tuple(row for row in rows if row.period in names)
