"""Which dated observations of the market a price is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from optimizer.domain.supply import PricePoint

FRESH_DAYS = 730
"""Older observations say nothing about a market whose prices fall by half within a year."""


def market_points(points: Iterable[PricePoint], accelerator: str, as_of: date) -> list[PricePoint]:
    """The newest point of an accelerator by supplier, region, term and kind, newest first; none after `as_of` or older than FRESH_DAYS.

    A price that was observed every day for two years is one point, its last.
    """
    oldest = as_of - timedelta(days=FRESH_DAYS)
    newest: dict[tuple[str, str | None, float, str], PricePoint] = {}
    for point in points:
        market = (point.supplier, point.region, point.term_months, point.kind)
        if point.accelerator != accelerator or not oldest <= point.observed_on <= as_of:
            continue
        if market not in newest or newest[market].observed_on < point.observed_on:
            newest[market] = point
    return sorted(newest.values(), key=_newest_first)


def _newest_first(point: PricePoint) -> tuple[int, str, str, float, str]:
    return -point.observed_on.toordinal(), point.supplier, point.region or "", point.term_months, point.kind
