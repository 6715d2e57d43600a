"""What pools draw, and what that costs.

Pools charge in merit order, in each period, block and scenario by itself: contracts come first, then the market by price, then shortage.
Flexible work comes after what is held around the clock: it takes what is cheapest in any block, spot included, and is missed where that
costs less. A contract over several pools is shared out to them, those with the dearest alternative first. Each draw is charged a share of
its price, so that pools can be told apart; what contracts really settle, interval by interval, is counted from all that is drawn.

Axes as in `market`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.domain.problem import Bools
from optimizer.domain.surface import Floats
from optimizer.walk.market import Market
from optimizer.walk.native import native_part

TINY = 1e-6  # accelerator-hours


class Use(NamedTuple):
    """What is placed in pools."""

    held: Floats  # [T, P, B, S] accelerators held around the clock
    flexible: Floats  # [T, P, 3, S] as in `Asks`
    traffic: Floats  # [T, sites]
    stale: Bools  # [T, G] whether it has changed since what the group draws was counted


class Draws(NamedTuple):
    """What pools draw for it."""

    width: Floats  # [T, P, Z, B, S] accelerators that sources have for the pool
    cost: Floats  # [T, P] draws of contracts at what they are charged
    bare: Floats  # [T, P] draws of contracts free
    spend: Floats  # [T, K, S] what draws of contracts cost at full price
    settled: Floats  # [K, I, S] the same by interval


class Counting(NamedTuple):
    """What a count writes on; nothing in it is read by the next."""

    left: Floats  # [K, B, S] of contracts
    wanted: Floats  # [P, B, S]
    undone: Floats  # [P, S]
    drawn: Floats  # [J, B, S]
    used: Floats  # [Z, S] accelerator-hours drawn from each source
    free: Floats  # [Z, B]
    room: Floats  # [B]


def nothing_drawn(market: Market, blocks: int) -> tuple[Draws, Counting]:
    """No draws of any pool, and what to count them on."""
    periods, pools, sources, scenarios = market.most.shape
    _, contracts, intervals, _ = market.owed.shape
    draws = Draws(
        width=np.repeat(market.most[:, :, :, None], blocks, axis=3),
        cost=np.zeros((periods, pools)),
        bare=np.zeros((periods, pools)),
        spend=np.zeros((periods, contracts, scenarios)),
        settled=np.zeros((contracts, intervals, scenarios)),
    )
    counting = Counting(
        left=np.zeros((contracts, blocks, scenarios)),
        wanted=np.zeros((pools, blocks, scenarios)),
        undone=np.zeros((pools, scenarios)),
        drawn=np.zeros((len(market.covers), blocks, scenarios)),
        used=np.zeros((sources, scenarios)),
        free=np.zeros((sources, blocks)),
        room=np.zeros(blocks),
    )
    return draws, counting


@native_part
def draw_anew(market: Market, charge: Floats, use: Use, draws: Draws, counting: Counting, start: int, stop: int) -> float:
    """Draws of all groups whose use has changed; returns by how much their cost has."""
    more, sources, scenarios = 0.0, market.source.shape[1], use.held.shape[3]
    covers = len(market.covers)
    for t in range(start, stop):
        for g in range(len(market.pools)):
            if not use.stale[t, g]:
                continue
            use.stale[t, g] = False
            for k in market.contracts[g]:
                if k >= 0:
                    i = market.interval[k, t]
                    more -= _settlement(draws.settled[k, i], market.owed[0, k, i], market.owed[1, k, i])
                    for s in range(scenarios):
                        draws.settled[k, i, s] -= draws.spend[t, k, s]
                        draws.spend[t, k, s] = 0.0
            if len(market.pools[g]) > 1 and market.pools[g, 1] >= 0:
                _share_out(market, use, draws.width, counting, t, g)
            for p in market.pools[g]:
                if p < 0:
                    continue
                more -= draws.bare[t, p]
                draws.cost[t, p] = pool_cost(
                    market.hours[t],
                    market.works[p],
                    charge[t, p],
                    market.spot[p],
                    draws.width[t, p],
                    market.shortage[t, p],
                    use.held[t, p],
                    use.flexible[t, p],
                    counting.used,
                    counting.free,
                    counting.room,
                )
                draws.bare[t, p] = draws.cost[t, p]
                for z in range(sources):
                    if market.source[p, z] < covers:
                        k = market.covers[market.source[p, z], 0]
                        for s in range(scenarios):
                            draws.bare[t, p] -= counting.used[z, s] * charge[t, p, z, s]
                            draws.spend[t, k, s] += counting.used[z, s] * market.price[t, k, s]
                more += draws.bare[t, p]
            for k in market.contracts[g]:
                if k >= 0:
                    i = market.interval[k, t]
                    for s in range(scenarios):
                        draws.settled[k, i, s] += draws.spend[t, k, s]
                    more += _settlement(draws.settled[k, i], market.owed[0, k, i], market.owed[1, k, i])
    return more


@native_part
def _settlement(settled: Floats, committed: Floats, owed: Floats) -> float:
    """What a contract charges for draws in an interval, commitment aside: spend above it, or what is missing to the minimum, all [S]."""
    cost = 0.0
    for s in range(len(settled)):
        cost += max(settled[s] - committed[s], owed[s], 0.0)
    return cost


@native_part
def _share_out(market: Market, use: Use, width: Floats, counting: Counting, t: int, g: int) -> None:
    """What contracts of a group have for each of its pools: what the pool draws if all share, and what is then left."""
    blocks, scenarios, covers = use.held.shape[2], use.held.shape[3], len(market.covers)
    for k in market.contracts[g]:
        if k >= 0:
            for b in range(blocks):
                for s in range(scenarios):
                    counting.left[k, b, s] = market.held[t, k, s]
    for p in market.pools[g]:
        if p >= 0:
            for s in range(scenarios):
                counting.undone[p, s] = use.flexible[t, p, 0, s] / market.works[p]
                for b in range(blocks):
                    counting.wanted[p, b, s] = max(use.held[t, p, b, s], 0.0) / market.works[p]
    for j in market.shared[g]:
        if j >= 0:
            k, p = market.covers[j, 0], market.covers[j, 1]
            for b in range(blocks):
                for s in range(scenarios):
                    drawn = min(counting.wanted[p, b, s], counting.left[k, b, s])
                    counting.drawn[j, b, s] = drawn
                    counting.wanted[p, b, s] -= drawn
                    counting.left[k, b, s] -= drawn
    for j in market.shared[g]:
        if j < 0:
            continue
        k, p = market.covers[j, 0], market.covers[j, 1]
        for s in range(scenarios):
            if counting.undone[p, s] <= TINY:
                continue
            possible = 0.0
            for b in range(blocks):
                counting.room[b] = min(counting.left[k, b, s], use.flexible[t, p, 1, s] / market.works[p])
                possible += market.hours[t, b] * counting.room[b]
            share = min(1.0, counting.undone[p, s] / max(possible, TINY))
            counting.undone[p, s] -= share * possible
            for b in range(blocks):
                counting.left[k, b, s] -= share * counting.room[b]
                counting.drawn[j, b, s] += share * counting.room[b]
    for p in market.pools[g]:
        for z in range(market.source.shape[1] if p >= 0 else 0):
            row = market.source[p, z]
            if row < covers:
                for b in range(blocks):
                    for s in range(scenarios):
                        width[t, p, z, b, s] = counting.drawn[row, b, s] + counting.left[market.covers[row, 0], b, s]


@native_part
def pool_cost(
    hours: Floats,
    works: float,
    price: Floats,
    spot: Bools,
    width: Floats,
    shortage: Floats,
    held: Floats,
    flexible: Floats,
    used: Floats,
    free: Floats,
    room: Floats,
) -> float:
    """Cost of some use of a pool in a period, draws of contracts at what they are charged.

    Args:
      hours: [B]
      works: availability.
      price: [Z, S] of draws.
      spot: [Z]
      width: [Z, B, S]
      shortage: [S]
      held: [B, S]
      flexible: [3, S] as in `Asks`.
      used: [Z, S] accelerator-hours drawn from each source, written.
      free, room: [Z, B], [B] to write on.
    """
    sources, blocks, scenarios = width.shape
    cost = 0.0
    for s in range(scenarios):
        for z in range(sources):
            used[z, s] = 0.0
            for b in range(blocks):
                free[z, b] = width[z, b, s]
        for b in range(blocks):
            wanted = max(held[b, s], 0.0) / works
            for z in range(sources):
                if wanted <= 0.0:
                    break
                if not spot[z]:
                    taken = min(wanted, width[z, b, s])
                    wanted -= taken
                    cost += hours[b] * taken * price[z, s]
                    used[z, s] += hours[b] * taken
                    free[z, b] -= taken
            cost += hours[b] * wanted * works * shortage[s]
        work = flexible[0, s] / works
        if work <= TINY:
            continue
        missing = flexible[2, s] / work
        for b in range(blocks):
            room[b] = flexible[1, s] / works
        for z in range(sources):
            most = 0.0
            for b in range(blocks):
                most += hours[b] * min(free[z, b], room[b])
            if work <= 0.0 or most <= 0.0 or price[z, s] >= missing:
                continue
            done = min(work, most)
            for b in range(blocks):
                room[b] -= min(free[z, b], room[b]) * done / most
            work -= done
            cost += done * price[z, s]
            used[z, s] += done
        cost += max(work, 0.0) * missing
    return cost
