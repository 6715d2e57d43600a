"""Rules of capacity: what is in use is drawn or declared missing, and nothing is drawn beyond what there is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.supply import Offer, OfferKind
from optimizer.domain.surface import Floats
from optimizer.planning.verify.broken import broken_at
from optimizer.planning.verify.delivered import number
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.work_bills import runs_in_order, workloads_of_loads


def capacity_breaks(position: Position) -> Iterator[str]:
    """All of this module's rules."""
    yield from _impossible_amounts(position)
    yield from _pool_rows(position)
    yield from _contract_draws(position)
    yield from _offer_draws(position)
    yield from _served_work(position)
    yield from _bandwidth(position)


def _impossible_amounts(position: Position) -> Iterator[str]:
    tables: list[tuple[str, list[str], Floats]] = [
        ("draw from contract", [position.contracts[k].name for k in position.cover_contract], position.contract_draw),
        ("draw from offer", [offer.name for offer in position.case.offers], position.offer_draw),
        ("work served for load", [load.name for load in position.needs.loads], position.served),
        ("shortage of pool", [pool.name for pool in position.case.pools], position.shortage),
    ]
    for what, names, amounts in tables:
        for i in np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0.0)).all(axis=(1, 2, 3))):
            wrong = np.where(np.isfinite(amounts[i]), -amounts[i], np.nan)
            yield from broken_at(position, f"{what} {names[i]}: must be a number >= 0; below it", wrong, 0.0)


def in_use(position: Position, counts_load: NDArray[np.bool_], counts_run: NDArray[np.bool_]) -> Floats:
    """Accelerators in use by the loads and runs that count, [P, T, B, S]."""
    needs = position.needs
    used = np.zeros((len(position.case.pools), *position.shape))
    for t in range(used.shape[1]):
        loads = np.flatnonzero((position.pair[:, t] >= 0) & counts_load)
        held = needs.need[position.pair[loads, t], t] + np.where(needs.flexible[loads, None, None], position.served[loads, t], 0.0)
        np.add.at(used[:, t], position.placed[loads, t], held)
    for r, g in enumerate(position.option):
        if g >= 0 and counts_run[r]:
            used[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]] += needs.option_gang[g]
    return used


def all_in_use(position: Position) -> Floats:
    """Accelerators in use by all work, [P, T, B, S]."""
    return in_use(position, np.ones(len(position.needs.loads), dtype=np.bool_), np.ones(len(position.needs.runs), dtype=np.bool_))


def _pool_rows(position: Position) -> Iterator[str]:
    spot_workloads = {workload.name: workload.spot_allowed for workload in position.case.workloads}
    firm_loads = np.array([not workload.spot_allowed for workload in workloads_of_loads(position)], dtype=np.bool_)
    firm_runs = np.array([not spot_workloads[run.workload] for run in runs_in_order(position)], dtype=np.bool_)
    everything, firm = all_in_use(position), in_use(position, firm_loads, firm_runs)
    for p, pool in enumerate(position.case.pools):
        works = position.pool_site[p].availability
        contracts = position.contract_draw[position.cover_pool == p].sum(axis=0)
        on_demand, spot = _usable(position, pool.name, OfferKind.ON_DEMAND), _usable(position, pool.name, OfferKind.SPOT)
        missing = position.shortage[p]
        over = everything[p] - works * (contracts + on_demand + spot) - missing
        yield from broken_at(
            position, f"pool {pool.name}: accelerators in use exceed those drawn and declared missing", over, everything[p]
        )
        if any(offer.pool == pool.name and offer.kind is OfferKind.SPOT for offer in position.case.offers):
            over = firm[p] - works * (contracts + on_demand) - missing
            rule = f"pool {pool.name}: work that may not use spot exceeds the capacity that is not spot"
            yield from broken_at(position, rule, over, firm[p])


def _usable(position: Position, pool: str, kind: OfferKind) -> Floats:
    """Accelerators drawn from the pool's offers of a kind, less those lost to interruptions, [T, B, S]."""
    usable = np.zeros(position.shape)
    for o, offer in enumerate(position.case.offers):
        if offer.pool == pool and offer.kind is kind:
            usable += (1.0 - offer.loss_share) * position.offer_draw[o]
    return usable


def _contract_draws(position: Position) -> Iterator[str]:
    for k, contract in enumerate(position.contracts):
        drawn = position.contract_draw[position.cover_contract == k].sum(axis=0)
        share = 1.0 + number(contract.burst_share, 0.0)
        held = (share * position.by_scenario(k, "capacity") * position.active[k][:, None])[:, None, :]
        yield from broken_at(position, f"contract {contract.name}: drawn beyond its capacity", drawn - held, held)


def offer_limits(position: Position, offer: Offer) -> Floats:
    """Accelerators that the offer allows, mean over the period, [T]; inf: no limit."""
    limits = []
    for period in position.case.calendar.periods:
        first = period.start if offer.start is None else max(offer.start, period.start)
        until = period.end if offer.end is None else min(offer.end, period.end)
        valid = max(0, (until - first).days) / (period.end - period.start).days
        most = np.inf if offer.limit is None else offer.limit
        limits.append(most * valid if valid else 0.0)
    return np.array(limits)


def _offer_draws(position: Position) -> Iterator[str]:
    for o, offer in enumerate(position.case.offers):
        limits = offer_limits(position, offer)[:, None, None]
        size = np.where(np.isfinite(limits), limits, 0.0)
        yield from broken_at(position, f"offer {offer.name}: drawn beyond its limit", position.offer_draw[o] - limits, size)


def _served_work(position: Position) -> Iterator[str]:
    needs = position.needs
    for i, load in enumerate(needs.loads):
        limit = np.zeros((len(position.worth), len(position.probability)))
        placed = np.flatnonzero((position.pair[i] >= 0) & needs.flexible[i])
        limit[placed] = needs.work_limit[position.pair[i, placed], placed]
        over = position.served[i] - limit[:, None, :]
        yield from broken_at(position, f"load {load.name}: work served beyond what it can use at once", over, limit[:, None, :])


def _bandwidth(position: Position) -> Iterator[str]:
    pool_sites = np.array([site.name for site in position.pool_site])
    for site in position.case.sites:
        if site.bandwidth_gb_per_s is None:
            continue
        there = (position.placed >= 0) & (pool_sites[position.placed] == site.name)
        traffic = np.where(there, position.needs.traffic_gb_per_s, 0.0).sum(axis=0)
        over, most = traffic - site.bandwidth_gb_per_s, np.full(len(traffic), site.bandwidth_gb_per_s)
        yield from broken_at(position, f"site {site.name}: traffic exceeds its bandwidth", over, most, unit="GB/s")
