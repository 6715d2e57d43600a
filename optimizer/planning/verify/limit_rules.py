"""Limits that a planner lays over the market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optimizer.domain.rules import Limit, LimitKind
from optimizer.domain.supply import OfferKind
from optimizer.domain.surface import Floats
from optimizer.planning.verify.broken import USD_TOLERANCE, broken_at
from optimizer.planning.verify.capacity_rules import all_in_use, offer_limits
from optimizer.planning.verify.contract_rules import all_hours_drawn, suppliers_used
from optimizer.planning.verify.ledger import Charges
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.work_bills import pools_before

# A budget counts what suppliers bill: neither penalties nor the inner cost of a move nor what lies beyond the horizon.
BUDGETED = frozenset(
    (
        *("commitment", "fixed fee", "prepayment", "burst", "excess", "tiers", "most favoured price", "minimum shortfall", "balance"),
        *("exit fee", "market", "egress", "training data", "other spend"),
    )
)


def limit_breaks(position: Position, charges: Sequence[Charges]) -> Iterator[str]:
    """Each limit of the case, in the periods that it names."""
    for limit in position.case.limits:
        where = np.array([limit.period in (None, period.name) for period in position.case.calendar.periods], dtype=np.bool_)
        if limit.kind is LimitKind.BUDGET:
            yield from _budget(position, charges, limit, where)
        elif limit.kind is LimitKind.SUPPLIER_SHARE:
            yield from _supplier_share(position, limit, where)
        elif limit.kind is LimitKind.FEWEST_SUPPLIERS:
            yield from _fewest_suppliers(position, limit, where)
        elif limit.kind is LimitKind.SITE_LOSS_RESERVE:
            yield from _site_loss(position, limit, where)
        else:
            yield from _moves(position, limit, where)


def _budget(position: Position, charges: Sequence[Charges], limit: Limit, where: np.ndarray) -> Iterator[str]:
    over = np.where(where[:, None], budget_spend(position, charges, limit.supplier) - limit.value, 0.0)
    rule = f"budget of {limit.supplier or 'all suppliers'}: exceeded"
    yield from broken_at(position, rule, over, limit.value, unit="USD", least=USD_TOLERANCE)


def budget_spend(position: Position, charges: Sequence[Charges], supplier: str | None) -> Floats:
    """USD cash that counts towards the budget of a supplier, or of all (None), [T, S]."""
    spent = np.zeros((len(position.worth), len(position.probability)))
    for part in charges:
        if part.line in BUDGETED:
            counted = np.array([supplier in (None, payee) for payee in part.supplier], dtype=np.bool_)
            np.add.at(spent, part.period[counted], part.in_scenarios(part.cash, spent.shape[1])[counted])
    return spent


def _supplier_share(position: Position, limit: Limit, where: np.ndarray) -> Iterator[str]:
    hours = position.hours.sum(axis=1)[:, None]
    everything = all_hours_drawn(position) / hours
    for supplier in position.case.suppliers:
        if limit.supplier in (None, supplier.name):
            over = np.where(where[:, None], _drawn_from(position, supplier.name) / hours - limit.value * everything, 0.0)
            rule = f"supplier {supplier.name}: more than {limit.value:.0%} of the accelerators drawn, above"
            yield from broken_at(position, rule, over, everything)


def _drawn_from(position: Position, supplier: str) -> Floats:
    """Accelerator-hours drawn from a supplier's contracts and offers, [T, S]."""
    sites = {site.name for site in position.case.sites if site.supplier == supplier}
    pools = {pool.name for pool in position.case.pools if pool.site in sites}
    mine = [o for o, offer in enumerate(position.case.offers) if offer.pool in pools]
    held = [j for j, k in enumerate(position.cover_contract) if position.contracts[k].supplier == supplier]
    draws = position.offer_draw[mine].sum(axis=0) + position.contract_draw[held].sum(axis=0)
    return np.asarray((draws * position.hours[:, :, None]).sum(axis=1))


def _fewest_suppliers(position: Position, limit: Limit, where: np.ndarray) -> Iterator[str]:
    for t in np.flatnonzero(where):
        used = suppliers_used(position, int(t))
        if len(used) < limit.value:
            period = position.case.calendar.periods[t].name
            yield f"fewest suppliers: work must be placed with at least {limit.value:g}; it is with {len(used)} in {period}"


def _moves(position: Position, limit: Limit, where: np.ndarray) -> Iterator[str]:
    """A load moves where it enters a pool; one that has never run enters its first pool of the first period freely."""
    earlier = np.column_stack([pools_before(position), position.placed[:, :-1]])
    entered = (position.placed >= 0) & (position.placed != earlier)
    entered[:, 0] &= earlier[:, 0] >= 0
    over = np.where(where, entered.sum(axis=0) - limit.value, 0.0)
    yield from broken_at(position, "moves: more loads change pool than allowed,", over, 0.0, unit="loads")


def _site_loss(position: Position, limit: Limit, where: np.ndarray) -> Iterator[str]:
    used = all_in_use(position)
    names = np.array([site.name for site in position.pool_site])
    for site in position.case.sites:
        here = names == site.name
        lost = used[here].sum(axis=0)
        elsewhere = used[~here].sum(axis=0)
        spare = _capacity_elsewhere(position, site.name)[:, None, :] - elsewhere
        over = np.where(where[:, None, None], limit.value * lost - spare, 0.0)
        rule = f"loss of site {site.name}: spare capacity at other sites is short of {limit.value:.0%} of what runs there"
        yield from broken_at(position, rule, over, lost + elsewhere)


def _capacity_elsewhere(position: Position, lost: str) -> Floats:
    """Accelerators that work, from contracts and on-demand offers that do not depend on the lost site, [T, S]."""
    total = np.zeros((len(position.worth), len(position.probability)))
    for k in range(len(position.contracts)):
        sites = [position.pool_site[p] for p in position.cover_pool[position.cover_contract == k]]
        if sites and all(site.name != lost for site in sites):
            works = min(site.availability for site in sites)
            total += works * position.by_scenario(k, "capacity") * position.active[k][:, None]
    for offer in position.case.offers:
        site = position.pool_site[[pool.name for pool in position.case.pools].index(offer.pool)]
        if offer.kind is OfferKind.ON_DEMAND and site.name != lost:
            total += site.availability * offer_limits(position, offer)[:, None]
    return total
