"""Prices of the market that have crossed what capacity is worth to the plan since the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from optimizer.domain.calendar import months_later
from optimizer.domain.case import Case
from optimizer.domain.market import market_points
from optimizer.domain.supply import PricePoint
from optimizer.planning.outputs import Rows
from optimizer.planning.replan.watch import Alert

ON_DEMAND = 0.0  # months of term


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """Below this price one accelerator more lowers the plan's cost, USD per accelerator-hour."""

    usd: float
    pool: str  # where it is worth most


def crossed(before: tuple[Case, Rows] | None, now: tuple[Case, Rows]) -> Iterator[Alert]:
    """Price points below their break-even that were not there, not below it or not this cheap when the last plan was made.

    Args:
      before: the last plan's case and its table of `prices`; None: there is none. `now`: today's.
    """
    case, prices = now
    suppliers = {site.supplier for site in case.sites}
    for accelerator in dict.fromkeys(point.accelerator for point in case.price_points):
        for point in market_points(case.price_points, accelerator, case.as_of):
            found = break_even(case, prices, accelerator, point.term_months)
            if found is None or point.price >= found.usd or (before is not None and _below_already(*before, point)):
                continue
            stranger = "" if point.supplier in suppliers else f"; the case has no site of {point.supplier}"
            term = "on demand" if point.term_months == ON_DEMAND else f"for {point.term_months:g} months"
            text = (
                f"{point.supplier} offers {accelerator} {term} at {point.price:,.2f} USD per accelerator-hour ({point.kind}, "
                f"{point.observed_on}), below the break-even of {found.usd:,.2f} in {found.pool}{stranger}"
            )
            yield Alert(kind="price_point", subject=point.supplier, due=None, usd=None, text=text)


def _below_already(case: Case, prices: Rows, point: PricePoint) -> bool:
    """Whether the last plan's day knew this market at this price or less, and below what capacity was worth then."""
    found = break_even(case, prices, point.accelerator, point.term_months)
    known = (
        old.price
        for old in market_points(case.price_points, point.accelerator, case.as_of)
        if (old.supplier, old.region, old.term_months, old.kind) == (point.supplier, point.region, point.term_months, point.kind)
    )
    return found is not None and any(old <= point.price and old < found.usd for old in known)


def break_even(case: Case, prices: Rows, accelerator: str, term_months: float) -> BreakEven | None:
    """What an accelerator more is worth in the pool of its kind where it is worth most; None where the case has no such pool.

    On demand counts the dearest hours, as others need not be bought; a term counts all hours until it ends, from the first period.

    Args:
      prices: rows of the table `prices`, what an accelerator-hour at work more would save.
    """
    availability = {site.name: site.availability for site in case.sites}
    works = {pool.name: availability[pool.site] for pool in case.pools if pool.accelerator == accelerator}
    worth: dict[str, list[tuple[float, float]]] = {}
    hours = _hours(case, term_months)
    for row in prices:
        at = (row["period"], row["block"])
        if row["pool"] in works and at in hours:
            worth.setdefault(row["pool"], []).append((hours[at], works[row["pool"]] * float(row["usd_per_accelerator_hour"])))
    found = [BreakEven(usd=_taken(pairs, term_months), pool=pool) for pool, pairs in worth.items()]
    return max(found, key=lambda each: (each.usd, each.pool), default=None)


def _hours(case: Case, term_months: float) -> Mapping[tuple[str, str], float]:
    """Hours of each period and block that begin within the term; on demand of all."""
    calendar = case.calendar
    ends = date.max if term_months == ON_DEMAND else months_later(calendar.start, max(1, round(term_months)))
    return {
        (period.name, block.name): float(hours)
        for period, row in zip(calendar.periods, calendar.hours(), strict=True)
        for block, hours in zip(calendar.blocks, row, strict=True)
        if period.start < ends
    }


def _taken(pairs: list[tuple[float, float]], term_months: float) -> float:
    hours, usd = np.array(pairs).T
    return float(usd.max() if term_months == ON_DEMAND else hours @ usd / hours.sum())
