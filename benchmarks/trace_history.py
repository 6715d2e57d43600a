"""A history for backtests from public traces: how demand moved is theirs, what serves it is a case's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.traces import accelerators_in_use, read_arrivals
from optimizer.domain.calendar import months_later
from optimizer.domain.case import Case
from optimizer.domain.demand import Demand
from optimizer.domain.history import DemandCame
from optimizer.planning.backtest.generated import by_month, following_months, quotes_made_again
from optimizer.planning.backtest.history import History
from optimizer.planning.backtest.recorded import recorded

Floats = NDArray[np.float64]
SERVED = {"conv": "chat", "code": "assistant", "jobs": "study"}
"""Trace -> the workload of the case whose demand moves as it does."""
KNOWN = 12  # months before the first decision
PARTS = 60  # of every trace, in time; each stands for a month
HOURS_6 = 6 * 3600.0


def trace_history(case: Case, folder: Path, *, months: int, first_part: int) -> History:
    """Months of a case whose demand moved as the traces did, forecast from what had come by then and nothing else.

    A trace is cut into `PARTS` equal parts, each stands for a month. Three workloads of the case are asked for as much as the case says of
    its first period on average over the trace, in each place its share; the others, training runs, limits and pins are left out, which no
    trace describes. Quotes are made again as in a made history, at the prices of the case.

    Args:
      months: to be replayed, after `KNOWN` that are known before the first decision.
      first_part: the part that stands for the first known month.

    Raises:
      ConfigError: a file of the traces is not there, or has other columns.
    """
    periods = following_months(case.calendar.start, months)
    ones = {supplier.name: np.ones(months) for supplier in case.suppliers}
    quotes, quoted_on = quotes_made_again(case, periods, ones)
    served = set(SERVED.values())
    rows = [row for row in case.demand if row.workload in served and row.period == case.calendar.periods[0].name]
    loads = {row.workload if row.origin is None else f"{row.workload}@{row.origin}" for row in rows}
    lab = replace(
        by_month(case, periods),
        workloads=tuple(workload for workload in case.workloads if workload.name in served),
        placements=tuple(row for row in case.placements if row.load in loads),
        contracts=(*case.contracts, *quotes),
        measured_throughput=tuple(row for row in case.measured_throughput if row.workload in served),
        training_runs=(),
        limits=(),
        pins=(),
        demand_history=tuple(_came(rows, folder, case.calendar.start, months, first_part)),
    )
    return replace(recorded(lab, (), quoted_on), name=f"traces from part {first_part}")


def _came(rows: list[Demand], folder: Path, start: date, months: int, first_part: int) -> Iterator[DemandCame]:
    shape = {name: _relative(folder, trace)[first_part : first_part + KNOWN + months] for trace, name in SERVED.items()}
    starts = [months_later(start, month) for month in range(-KNOWN, months + 1)]
    for row in rows:
        level = row.mean if row.mean is not None else row.p50
        assert level is not None
        for (begin, end), share in zip(pairwise(starts), shape[row.workload], strict=True):
            yield DemandCame(
                workload=row.workload,
                origin=row.origin,
                start=begin,
                end=end,
                unit=row.unit,
                mean=level * float(share),
                prompt_tokens=row.prompt_tokens,
                output_tokens=row.output_tokens,
                peak_factor=row.peak_factor,
            )


def _relative(folder: Path, trace: str) -> Floats:
    """[PARTS] rate in each part over the mean of the trace."""
    if trace != "jobs":
        rates = read_arrivals(folder, trace).rates(PARTS)
        return np.asarray(rates / rates.mean())
    use = accelerators_in_use(folder, HOURS_6)
    parts = np.array([part.mean() for part in np.array_split(use, PARTS)])
    return np.asarray(parts / parts.mean())
