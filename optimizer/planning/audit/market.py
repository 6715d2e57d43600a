"""Contracts beside the market: list, contracted and effective prices against dated price points, and what replacing capacity may cost."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.market import market_points
from optimizer.domain.supply import OfferKind, PricePoint
from optimizer.planning.audit.use import Use
from optimizer.planning.audit.whole_term import WholeTerm

COLUMNS = (
    *("contract", "accelerator", "list_usd", "contracted_usd", "effective_usd", "observed_on", "age_days", "supplier", "region"),
    *("term_months", "kind", "market_usd", "contracted_over_market"),
)


def market_comparison(case: Case, terms: Mapping[str, WholeTerm], used: Mapping[str, Use]) -> list[dict[str, Any]]:
    """One row per contract, accelerator that it covers and market of it, at its newest point, newest first. USD per accelerator-hour.

    `list_usd` is the supplier's own newest list price on demand; `contracted_over_market` is the contracted price less the market's, as
    a share of the market's.
    """
    rows = []
    for contract in case.contracts:
        term = terms.get(contract.name)
        if term is None:
            continue
        contracted, use = contracted_usd(term), used.get(contract.name)
        for accelerator in _accelerators(case, contract):
            listed = _list_price(case, contract.supplier, accelerator)
            for point in _points(case, accelerator):
                over = contracted / point.price - 1.0 if contracted is not None else None
                rows.append(
                    {
                        "contract": contract.name,
                        "accelerator": accelerator,
                        "list_usd": listed,
                        "contracted_usd": contracted,
                        "effective_usd": None if use is None else use.effective_usd,
                        "observed_on": point.observed_on,
                        "age_days": (case.as_of - point.observed_on).days,
                        "supplier": point.supplier,
                        "region": point.region,
                        "term_months": point.term_months,
                        "kind": point.kind,
                        "market_usd": point.price,
                        "contracted_over_market": over,
                    }
                )
    return rows


def contracted_usd(term: WholeTerm) -> float | None:
    """USD per accelerator-hour over what is left of the term if all of it is used, fixed fees included; None where it holds nothing."""
    hours = math.fsum(term.hours[term.now :])
    return math.fsum([*term.full[term.now :], *term.fixed[term.now :]]) / hours if hours else None


def _accelerators(case: Case, contract: Contract) -> Iterator[str]:
    kind = {pool.name: pool.accelerator for pool in case.pools}
    yield from dict.fromkeys(kind[pool] for pool in contract.pools)


def _points(case: Case, accelerator: str) -> list[PricePoint]:
    return market_points(case.price_points, accelerator, case.as_of)


def _list_price(case: Case, supplier: str, accelerator: str) -> float | None:
    """The supplier's newest list price on demand, the cheapest region of that day; else its cheapest on-demand offer."""
    own = [point for point in _points(case, accelerator) if point.supplier == supplier and point.kind == "list" and point.term_months == 0]
    if own:
        return min(point.price for point in own if point.observed_on == own[0].observed_on)
    site = {row.name: row for row in case.sites}
    pools = {pool.name for pool in case.pools if pool.accelerator == accelerator and site[pool.site].supplier == supplier}
    return min(_on_demand(case, pools, case.calendar.start), default=None)


def _on_demand(case: Case, pools: Container[str], day: date) -> list[float]:
    """Prices of on-demand offers that are valid on a day."""
    there = (offer for offer in case.offers if offer.pool in pools and offer.kind is OfferKind.ON_DEMAND)
    return [offer.price for offer in there if (offer.start or day) <= day < (offer.end or date.max)]


def market_range(case: Case, accelerator: str, day: date) -> tuple[float, float] | None:
    """Least and largest price of an accelerator on demand: offers valid on the day, and each supplier's newest price points. USD / hour."""
    pools = {pool.name for pool in case.pools if pool.accelerator == accelerator}
    prices = _on_demand(case, pools, day) + [point.price for point in _points(case, accelerator)]
    return (min(prices), max(prices)) if prices else None


def replacement_usd(case: Case, term: WholeTerm, use: Use | None, piece: int) -> tuple[float, float] | None:
    """What replacing a contract's capacity from a piece to its end may cost. Cash in USD; None where its accelerators have no market price.

    Least: what the plan draws, at the cheapest market price of each accelerator on the piece's first day. Most: all of the capacity at the
    dearest. After the plan's horizon, or where no plan could take the contract, the draw of the last period that has any goes on, or none.
    """
    accelerators, day = tuple(_accelerators(case, term.contract)), term.pieces[min(piece, len(term.pieces) - 1)].start
    ranges = {name: found for name in accelerators if (found := market_range(case, name, day)) is not None}
    if not accelerators or len(ranges) < len(accelerators):
        return None
    most = math.fsum(term.hours[piece:]) * max(high for _, high in ranges.values())
    return math.fsum(_drawn_costs(case, term, use, piece, ranges)), most


def _drawn_costs(case: Case, term: WholeTerm, use: Use | None, piece: int, ranges: Mapping[str, tuple[float, float]]) -> Iterator[float]:
    if use is None or not use.pools:
        return
    kind = {pool.name: pool.accelerator for pool in case.pools}
    low = np.array([ranges[kind[pool]][0] for pool in use.pools])
    for part in term.pieces[piece:]:
        drawn = use.drawn[:, _period_of(case, use, part.start)]
        yield float(low @ drawn) * part.days * 24.0


def _period_of(case: Case, use: Use, day: Any) -> int:
    """The period that holds the day; after the horizon the last one in which anything is drawn."""
    periods: Sequence[Any] = case.calendar.periods
    for t, period in enumerate(periods):
        if period.start <= day < period.end:
            return t
    drawn = np.flatnonzero(use.drawn.sum(axis=0) > 0.0)
    return int(drawn[-1]) if len(drawn) else len(periods) - 1
