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
from optimizer.walk.market import Charges, Market
from optimizer.walk.native import native_part

TINY = 1e-6  # accelerator-hours


class Use(NamedTuple):
    """What is placed in pools."""

    held: Floats  # [T, P, C] accelerators held around the clock
    flexible: Floats  # [T, P, 3, S] as in `Asks`
    traffic: Floats  # [T, sites]
    stale: Bools  # [T, G] whether it has changed since what the group draws was counted


class Draws(NamedTuple):
    """What pools draw for it."""

    width: Floats  # [T, P, Z, C] accelerators that sources have for the pool
    cost: Floats  # [T, P] draws of contracts at what they are charged
    bare: Floats  # [T, P] draws of contracts free
    spend: Floats  # [T, K, S] what draws of contracts cost at full price
    settled: Floats  # [K, I, S] the same by interval


class Counting(NamedTuple):
    """What a count writes on; nothing in it is read by the next."""

    left: Floats  # [K, C] of contracts
    open: Floats  # [P, C] accelerators that are still to be drawn
    undone: Floats  # [P, S] likewise accelerator-hours of flexible work
    drawn: Floats  # [J, C]
    pool: Pool


class Pool(NamedTuple):
    """The same for one pool."""

    wanted: Floats  # [C] accelerators to be drawn
    flexible: Floats  # [3, S]
    free: Floats  # [Z, C] accelerators that its sources have left
    room: Floats  # [C]
    rest: Floats  # [4, S]


def nothing_drawn(market: Market) -> tuple[Draws, Counting]:
    """No draws of any pool, and what to count them on."""
    periods, pools, sources, scenarios = market.most.shape
    blocks, (_, contracts, intervals, _) = market.hours.shape[1], market.owed.shape
    cells = blocks * scenarios
    draws = Draws(
        width=np.tile(market.most, blocks),
        cost=np.zeros((periods, pools)),
        bare=np.zeros((periods, pools)),
        spend=np.zeros((periods, contracts, scenarios)),
        settled=np.zeros((contracts, intervals, scenarios)),
    )
    counting = Counting(
        left=np.zeros((contracts, cells)),
        open=np.zeros((pools, cells)),
        undone=np.zeros((pools, scenarios)),
        drawn=np.zeros((len(market.covers), cells)),
        pool=Pool(
            wanted=np.zeros(cells),
            flexible=np.zeros((3, scenarios)),
            free=np.zeros((sources, cells)),
            room=np.zeros(cells),
            rest=np.zeros((4, scenarios)),
        ),
    )
    return draws, counting


@native_part
def draw_anew(market: Market, charges: Charges, use: Use, draws: Draws, counting: Counting, start: int, stop: int) -> float:
    """Draws of all groups whose use has changed; returns by how much their cost has."""
    more, sources, blocks, scenarios = 0.0, market.source.shape[1], market.hours.shape[1], market.held.shape[2]
    covers, pool = len(market.covers), counting.pool
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
                for c in range(blocks * scenarios):
                    pool.wanted[c] = max(use.held[t, p, c], 0.0) / market.works[p]
                for i in range(3):
                    for s in range(scenarios):
                        pool.flexible[i, s] = use.flexible[t, p, i, s]
                more -= draws.bare[t, p]
                draws.cost[t, p] = pool_cost(market, charges, draws.width, pool, t, p, True)
                draws.bare[t, p] = draws.cost[t, p]
                for z in range(sources):
                    if market.source[p, z] < 2 * covers:
                        k = market.covers[market.source[p, z] % covers, 0]
                        for b in range(blocks):
                            for s in range(scenarios):
                                hours = market.hours[t, b] * (draws.width[t, p, z, b * scenarios + s] - pool.free[z, b * scenarios + s])
                                draws.bare[t, p] -= hours * charges.by_hour[t, p, z, s]
                                draws.spend[t, k, s] += hours * market.price[t, k, s]
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
    blocks, scenarios, covers = market.hours.shape[1], market.held.shape[2], len(market.covers)
    cells, left, drawn, room = blocks * scenarios, counting.left, counting.drawn, counting.pool.room
    for k in market.contracts[g]:
        if k >= 0:
            for b in range(blocks):
                for s in range(scenarios):
                    left[k, b * scenarios + s] = market.held[t, k, s]
    for p in market.pools[g]:
        if p >= 0:
            for s in range(scenarios):
                counting.undone[p, s] = use.flexible[t, p, 0, s] / market.works[p]
            for c in range(cells):
                counting.open[p, c] = max(use.held[t, p, c], 0.0) / market.works[p]
    for j in market.shared[g]:
        if j >= 0:
            k, p = market.covers[j, 0], market.covers[j, 1]
            for c in range(cells):
                taken = min(counting.open[p, c], left[k, c])
                drawn[j, c] = taken
                counting.open[p, c] -= taken
                left[k, c] -= taken
    for j in market.shared[g]:
        if j < 0:
            continue
        k, p = market.covers[j, 0], market.covers[j, 1]
        for s in range(scenarios):
            if counting.undone[p, s] <= TINY:
                continue
            possible = 0.0
            for b in range(blocks):
                room[b] = min(left[k, b * scenarios + s], use.flexible[t, p, 1, s] / market.works[p])
                possible += market.hours[t, b] * room[b]
            share = min(1.0, counting.undone[p, s] / max(possible, TINY))
            counting.undone[p, s] -= share * possible
            for b in range(blocks):
                left[k, b * scenarios + s] -= share * room[b]
                drawn[j, b * scenarios + s] += share * room[b]
    for p in market.pools[g]:
        for z in range(market.source.shape[1] if p >= 0 else 0):
            if market.source[p, z] < 2 * covers:
                row = market.source[p, z] % covers
                for c in range(cells):
                    width[t, p, z, c] = market.part[p, z] * (drawn[row, c] + left[market.covers[row, 0], c])


@native_part
def pool_cost(market: Market, charges: Charges, widths: Floats, pool: Pool, t: int, p: int, counted: bool) -> float:
    """Cost of `pool.wanted` and `pool.flexible` in pool p and a period, draws of contracts at what they are charged.

    Args:
      widths: as in `Draws`.
      counted: whether `pool.free` is read afterwards.
    """
    spot, shortage, by_block, width = market.spot[p], market.shortage[t, p], charges.by_block[t, p], widths[t, p]
    wanted, free, (sources, cells) = pool.wanted, pool.free, width.shape
    cost, work = 0.0, 0.0
    for s in range(pool.flexible.shape[1]):
        work = max(work, pool.flexible[0, s])
    for z in range(sources):
        if counted or work > TINY:
            for c in range(cells):
                free[z, c] = width[z, c] if spot[z] else max(width[z, c] - wanted[c], 0.0)
        if spot[z]:
            continue
        rest = 0.0
        for c in range(cells):
            taken = min(wanted[c], width[z, c])
            open = wanted[c] - taken
            cost += by_block[z, c] * taken
            rest += open
            wanted[c] = open
        if rest <= 0.0 and work <= TINY and not counted:
            return cost
    for c in range(cells):
        cost += wanted[c] * shortage[c]
    return cost + _flexible_cost(market.hours[t], market.works[p], charges.by_hour[t, p], pool) if work > TINY else cost


@native_part
def _flexible_cost(hours: Floats, works: float, by_hour: Floats, pool: Pool) -> float:
    """Cost of `pool.flexible` in what is free, or of missing it; takes what it draws from `pool.free`."""
    free, room, blocks, scenarios = pool.free, pool.room, len(hours), by_hour.shape[1]
    work, missing, most, share = pool.rest[0], pool.rest[1], pool.rest[2], pool.rest[3]
    cost = 0.0
    for s in range(scenarios):
        work[s] = pool.flexible[0, s] / works
        missing[s] = pool.flexible[2, s] / max(work[s], TINY)
        for b in range(blocks):
            room[b * scenarios + s] = pool.flexible[1, s] / works
    for z in range(len(by_hour)):
        for s in range(scenarios):
            most[s] = 0.0
        for b in range(blocks):
            for s in range(scenarios):
                most[s] += hours[b] * min(free[z, b * scenarios + s], room[b * scenarios + s])
        for s in range(scenarios):
            part = min(work[s], most[s]) if by_hour[z, s] < missing[s] else 0.0
            share[s] = part / max(most[s], TINY)
            work[s] -= part
            cost += part * by_hour[z, s]
        for b in range(blocks):
            for s in range(scenarios):
                taken = min(free[z, b * scenarios + s], room[b * scenarios + s]) * share[s]
                room[b * scenarios + s] -= taken
                free[z, b * scenarios + s] -= taken
    for s in range(scenarios):
        cost += work[s] * missing[s]
    return cost
