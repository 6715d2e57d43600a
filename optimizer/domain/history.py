"""Demand as it was forecast on a day, and as it came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from optimizer.domain.demand import Demand, DemandUnit

Stream = tuple[str, str | None]  # workload, origin


@dataclass(frozen=True, kw_only=True)
class DemandCame:
    """What was asked for on the days [start, end), on average."""

    workload: str
    origin: str | None
    start: date
    end: date
    unit: DemandUnit
    mean: float
    prompt_tokens: float | None
    output_tokens: float | None
    peak_factor: float


@dataclass(frozen=True, kw_only=True)
class Vintage:
    """A forecast as it was issued on a day; `date.min`: it was there from the start."""

    issued_at: date
    demand: tuple[Demand, ...]


def newest_forecast(vintages: Iterable[Vintage], as_of: date) -> dict[tuple[str, str | None, str], Demand]:
    """For each workload, origin and period the row issued last, not after a day. Ties go to the later vintage in the list."""
    found: dict[tuple[str, str | None, str], Demand] = {}
    for vintage in sorted((each for each in vintages if each.issued_at <= as_of), key=lambda each: each.issued_at):
        found |= {(row.workload, row.origin, row.period): row for row in vintage.demand}
    return found
