"""What happens if a supplier leaves on its notice or a site is lost: capacity gone, work touched, what firm capacity elsewhere covers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from optimizer.domain.calendar import overlap_days
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, FeeStep, Interval
from optimizer.domain.problem import Bools
from optimizer.domain.supply import Offer, OfferKind
from optimizer.domain.surface import Floats
from optimizer.planning.verify.capacity_rules import all_in_use
from optimizer.planning.verify.dates import months_between
from optimizer.planning.verify.position import Position

COLUMNS = (
    "event",
    "name",
    "effective",
    "accelerators_in_use",
    "share_of_use",
    "loads_touched",
    "spare_accelerators",
    "low_usd",
    "high_usd",
)
SUPPLIER, SITE = "supplier leaves", "site is lost"
NOTICE_DAYS = 90.0  # that a supplier gives where its contracts say nothing


def losses(position: Position) -> list[dict[str, Any]]:
    """One row per supplier and per site with work, suppliers first, the most used first.

    `accelerators_in_use` is the peak over periods and blocks of what the plan uses there from that day on, expected over scenarios;
    `spare_accelerators` is what contracts that cover nothing there, and on-demand offers elsewhere, have left in that hour. What a loss
    costs is filled in where it is planned for.
    """
    used = all_in_use(position) @ position.probability  # [P, T, B]
    rows = []
    for supplier in sorted({site.supplier for site in position.pool_site}):
        here = np.array([site.supplier == supplier for site in position.pool_site])
        rows.append(_row(position, used, here, event=SUPPLIER, name=supplier, effective=leaves_on(position.case, supplier)))
    for name in sorted({site.name for site in position.pool_site}):
        here = np.array([site.name == name for site in position.pool_site])
        rows.append(_row(position, used, here, event=SITE, name=name, effective=position.case.calendar.start))
    kept = [row for row in rows if row["accelerators_in_use"] > 0.0]
    return sorted(kept, key=lambda row: (row["event"] != SUPPLIER, -row["accelerators_in_use"], row["name"]))


def _row(position: Position, used: Floats, here: Bools, *, event: str, name: str, effective: date) -> dict[str, Any]:
    after = np.array([period.end > effective for period in position.case.calendar.periods])
    lost = np.where(after[:, None], used[here].sum(axis=0), 0.0)
    t, b = np.unravel_index(int(lost.argmax()), lost.shape)
    total = float((used.sum(axis=0) * position.hours)[after].sum())
    return {
        "event": event,
        "name": name,
        "effective": effective,
        "accelerators_in_use": float(lost[t, b]),
        "share_of_use": float((lost * position.hours).sum()) / total if total else 0.0,
        "loads_touched": int(np.isin(position.placed[:, after], np.flatnonzero(here)).any(axis=1).sum()),
        "spare_accelerators": math.fsum(_spare(position, here, int(t), int(b))),
        "low_usd": None,
        "high_usd": None,
    }


def _spare(position: Position, here: Bools, t: int, b: int) -> Iterator[float]:
    """Accelerators left of each contract and on-demand offer that has nothing to do with the pools that are lost."""
    case, works = position.case, np.array([site.availability for site in position.pool_site])
    for k, term in enumerate(position.terms):
        covers = np.flatnonzero(position.cover_contract == k)
        pools = position.cover_pool[covers]
        if len(pools) and not here[pools].any():
            drawn = position.contract_draw[covers, t, b].sum(axis=0) @ position.probability
            yield max(0.0, float(term.capacity[t] * position.active[k, t] - drawn)) * float(works[pools].min())
    pool_number = {pool.name: p for p, pool in enumerate(case.pools)}
    for o, offer in enumerate(case.offers):
        p = pool_number[offer.pool]
        if offer.kind is OfferKind.ON_DEMAND and not here[p]:
            period = case.calendar.periods[t]
            share = overlap_days(offer.start or period.start, offer.end or period.end, period) / period.days
            limit = (math.inf if offer.limit is None else offer.limit) if share else 0.0
            yield max(0.0, limit * share - float(position.offer_draw[o, t, b] @ position.probability)) * float(works[p]) if share else 0.0


def leaves_on(case: Case, supplier: str) -> date:
    """The day on which a supplier that gives notice today is gone: the longest notice that it owes on a contract in force.

    One whose contracts give it no right to leave, or whose notice nobody has read, is taken to be gone after `NOTICE_DAYS`.
    """
    held = (contract for contract in case.contracts if contract.supplier == supplier and contract.status.in_force)
    notices = [float(c.supplier_notice_days) for c in held if isinstance(c.supplier_notice_days, int | float)]
    return max(case.calendar.start, case.as_of + timedelta(days=max(notices, default=NOTICE_DAYS)))


def without_supplier(case: Case, supplier: str) -> Case:
    """The case in which the supplier's contracts and offers end on the day that its notice ends, and its quotes are not there."""
    day, site = leaves_on(case, supplier), {row.name: row.supplier for row in case.sites}
    gone = {pool.name for pool in case.pools if site[pool.site] == supplier}
    kept = (c for c in case.contracts if c.supplier != supplier or (c.status.in_force and c.start < day))
    return replace(
        case,
        contracts=tuple(ended(c, day) if c.supplier == supplier else c for c in kept),
        offers=tuple(_offer_until(offer, day) if offer.pool in gone else offer for offer in case.offers),
    )


def without_site(case: Case, site: str) -> Case:
    """The case in which nothing can be had at a site from the calendar's first day on.

    Contracts deliver at their other sites; those that have none are not paid, and quotes for them are not there.
    """
    gone, day = {pool.name for pool in case.pools if pool.site == site}, case.calendar.start
    contracts = []
    for contract in case.contracts:
        pools = tuple(pool for pool in contract.pools if pool not in gone)
        if pools or not contract.pools:
            contracts.append(replace(contract, pools=pools))
        elif contract.status.in_force and contract.start < day:
            contracts.append(ended(contract, day))
    offers = tuple(_offer_until(offer, day) if offer.pool in gone else offer for offer in case.offers)
    return replace(case, contracts=tuple(contracts), offers=offers)


def _offer_until(offer: Offer, day: date) -> Offer:
    """One that begins later is valid on no day."""
    end = day if offer.end is None else min(day, offer.end)
    return replace(offer, end=end if offer.start is None else max(end, offer.start))


def ended(contract: Contract, day: date) -> Contract:
    """The contract as it is until a day, on which it ends without a fee."""
    if contract.end <= day:
        return contract
    minimum, steps = contract.minimum_spend, contract.fee_steps
    if contract.interval is Interval.TERM and isinstance(minimum, int | float):
        minimum = float(minimum * months_between(contract.start, day) / months_between(contract.start, contract.end))
    if isinstance(steps, tuple):
        steps = tuple(step for step in steps if step.start < day) or (FeeStep(start=day, fee=0.0),)
    return replace(contract, end=day, minimum_spend=minimum, fee_steps=steps, terminal_use=0.0)
