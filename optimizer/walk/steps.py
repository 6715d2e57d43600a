"""The steps of a walk: some loads are taken out together and put back one by one, each where that is cheapest while all others stay.

What comes out is kept if it is cheaper, or, at a temperature, if it is not much dearer. Each step looks at a window of periods, one or all:
periods hardly touch one another but for moves, so steps in one period are as good as steps in all and cost a part of them.

What is compiled, here and in `draws` and `paths`, is written in loops and hands on no more than is read: both decide how long the compiler
takes.
Axes as in `market` and `places`, and `M` loads taken out in one step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.walk.draws import Counting, Draws, Pool, Use, draw_anew, nothing_drawn, pool_cost
from optimizer.walk.market import Charges, Market
from optimizer.walk.native import native, native_part
from optimizer.walk.paths import besides, find_path
from optimizer.walk.places import FORBIDDEN, Asks, Paths, Places

MOST = 6  # loads taken out in one step
LEAST_LUCK = 1e-6  # of an even chance: by how many temperatures a step may be dearer
TRIES = 8  # for each pool, at finding a load in one of two of them


class Standing(NamedTuple):
    """Where loads are, and what follows from it; steps change it in place."""

    slot: Ints  # [L, T]
    use: Use
    draws: Draws
    moves: Floats  # [T]
    total: Floats  # [1] cost of capacity, egress, moving, what is not placed or done, and of what loads are charged
    scratch: Scratch


class Scratch(NamedTuple):
    """What a step writes on; nothing in it is read by the next."""

    chosen: Ints  # [M]
    old: Ints  # [M, T] slots before the step
    found: Ints  # [T]
    stay: Floats  # [T, Q] what a load would add in each of its slots, moves aside
    best: Floats  # [2, Q]
    came: Ints  # [T, Q]
    counting: Counting


def stand(market: Market, places: Places, charges: Charges, slot: Ints, runs: Floats) -> Standing:
    """Loads on some paths.

    Args:
      slot: [L, T].
      runs: [T, P, B, S] accelerators that training runs hold.
    """
    (periods, pools), scenarios = runs.shape[:2], market.most.shape[3]
    draws, counting = nothing_drawn(market)
    slots = places.paths.slots
    standing = Standing(
        slot=np.array(slot, dtype=np.int64),
        use=Use(
            held=runs.reshape(periods, pools, -1).copy(),
            flexible=np.zeros((periods, pools, 3, scenarios)),
            traffic=np.zeros((periods, len(places.bandwidth))),
            stale=np.ones((periods, len(market.pools)), dtype=np.bool_),
        ),
        draws=draws,
        moves=np.zeros(periods),
        total=np.array([np.maximum(np.maximum(-market.owed[0], market.owed[1]), 0.0).sum()]),
        scratch=Scratch(
            chosen=np.zeros(MOST, dtype=np.int64),
            old=np.zeros((MOST, periods), dtype=np.int64),
            found=np.zeros(periods, dtype=np.int64),
            stay=np.zeros((periods, slots)),
            best=np.zeros((2, slots)),
            came=np.zeros((periods, slots), dtype=np.int64),
            counting=counting,
        ),
    )
    _begin(market, places, charges, standing)
    return standing


@native
def _begin(market: Market, places: Places, charges: Charges, now: Standing) -> None:
    """Puts loads where they are said to be."""
    loads, periods = now.slot.shape
    for load in range(loads):
        now.total[0] += besides(places.paths, now.moves, load, now.slot[load], 1.0)
        for t in range(periods):
            _take(places.asks, market.group, now.use, load, t, now.slot[load, t], places.paths.slots - 1, 1.0)
    now.total[0] += draw_anew(market, charges, now.use, now.draws, now.scratch.counting, 0, periods)


@native
def walk(
    market: Market,
    places: Places,
    charges: Charges,
    likely: Floats,
    near: Ints,
    now: Standing,
    random: np.random.Generator,
    temperature: float,
    steps: int,
    width: int,
) -> None:
    """Some steps, each in `width` periods, after all that is drawn has been counted anew at these charges.

    Args:
      likely: [N, T] logarithm of how likely each pair is to be looked at.
      near: pools; only loads that can go to one of them begin a step. Empty: all.
      temperature: USD.
    """
    asks, paths, slot, use, moves, total = places.asks, places.paths, now.slot, now.use, now.moves, now.total
    periods, nowhere = slot.shape[1], paths.slots - 1
    scratch = now.scratch
    for t in range(periods):
        for g in range(len(market.pools)):
            use.stale[t, g] = True
    total[0] += draw_anew(market, charges, use, now.draws, scratch.counting, 0, periods)
    chosen, old, stay, best, came = scratch.chosen, scratch.old, scratch.stay, scratch.best, scratch.came
    for _ in range(steps):
        start = int(random.random() * (periods - width + 1))
        stop = start + width
        count = _choose(asks, paths, likely, near, slot, chosen, random, start, len(market.group))
        before, broken = total[0], _broken(moves, paths.most_moves, use.traffic, places.bandwidth, start, stop)
        for i in range(count):
            load = chosen[i]
            total[0] -= besides(paths, moves, load, slot[load], -1.0)
            for t in range(periods):
                old[i, t] = slot[load, t]
            for t in range(start, stop):
                _take(asks, market.group, use, load, t, slot[load, t], nowhere, -1.0)
        total[0] += draw_anew(market, charges, use, now.draws, scratch.counting, start, stop)
        moved = False
        for i in range(count):
            load = chosen[i]
            _stays(market, places, charges, use, now.draws, scratch.counting.pool, stay, load, start, stop)
            find_path(paths, moves, slot[load], stay, best, came, scratch.found, load, start, stop)
            total[0] += besides(paths, moves, load, slot[load], 1.0)
            for t in range(start, stop):
                moved |= slot[load, t] != old[i, t]
                _take(asks, market.group, use, load, t, slot[load, t], nowhere, 1.0)
            total[0] += draw_anew(market, charges, use, now.draws, scratch.counting, start, stop)
        more = total[0] - before
        broken_now = _broken(moves, paths.most_moves, use.traffic, places.bandwidth, start, stop)
        lucky = more < -temperature * np.log(max(random.random(), LEAST_LUCK))
        if moved and (broken_now < broken or (broken_now == broken and lucky)):
            continue
        for i in range(count if moved else 0):
            load = chosen[i]
            besides(paths, moves, load, slot[load], -1.0)
            for t in range(start, stop):
                if slot[load, t] != old[i, t]:
                    _take(asks, market.group, use, load, t, slot[load, t], nowhere, -1.0)
                    _take(asks, market.group, use, load, t, old[i, t], nowhere, 1.0)
                    slot[load, t] = old[i, t]
            besides(paths, moves, load, slot[load], 1.0)
        draw_anew(market, charges, use, now.draws, scratch.counting, start, stop)
        total[0] = before


@native_part
def _choose(
    asks: Asks, paths: Paths, likely: Floats, near: Ints, slot: Ints, chosen: Ints, random: np.random.Generator, t: int, pools: int
) -> int:
    """A load, and others that are in its pool or in one that it may want; returns how many."""
    loads, nowhere = len(slot), paths.slots - 1
    most, least = min(MOST, loads), min(2, loads)
    count = least + int(random.random() * (most - least + 1))
    load, wanted = int(random.random() * loads), -1
    if len(near) > 0:
        pool = near[int(random.random() * len(near))]
        for _ in range(TRIES * pools):
            row = asks.first[load]
            for q in range(paths.pairs[load]):
                if asks.pool[row + q] == pool:
                    wanted = pool
            if wanted >= 0:
                break
            load = int(random.random() * loads)
    row, highest = asks.first[load], -np.inf
    for q in range(paths.pairs[load] if wanted < 0 else 0):
        wish = likely[row + q, t] - np.log(-np.log(random.random() + 1e-300) + 1e-300)
        if wish > highest:
            wanted, highest = asks.pool[row + q], wish
    chosen[0] = load
    here = asks.pool[row + slot[load, t]] if slot[load, t] < nowhere else -1
    for i in range(1, count):
        tries = TRIES * pools
        while True:
            tries -= 1
            other = int(random.random() * loads)
            pool = asks.pool[asks.first[other] + slot[other, t]] if slot[other, t] < nowhere else -1
            if tries > 0 and pool != wanted and pool != here:
                continue
            new = True
            for j in range(i):
                new &= chosen[j] != other
            if new:
                chosen[i] = other
                break
    return count


# ---- what loads add to pools, and what they cost besides


@native_part
def _take(asks: Asks, group: Ints, use: Use, load: int, t: int, slot: int, nowhere: int, sign: float) -> None:
    """Puts a load into a pool, or takes it out, and marks what is drawn there as stale."""
    if slot == nowhere:
        return
    row = asks.first[load] + slot
    pool = asks.pool[row]
    for c in range(use.held.shape[2]):
        use.held[t, pool, c] += sign * asks.need[t, row, c]
    if asks.row[row] >= 0:
        for i in range(3):
            for s in range(use.flexible.shape[3]):
                use.flexible[t, pool, i, s] += sign * asks.flexible[asks.row[row], t, i, s]
    use.traffic[t, asks.site[row]] += sign * asks.traffic[load, t]
    use.stale[t, group[pool]] = True


@native_part
def _broken(moves: Floats, most_moves: Floats, traffic: Floats, bandwidth: Floats, start: int, stop: int) -> float:
    """By how much moves and traffic exceed what is allowed: a walk that begins so mends it at any price."""
    above = 0.0
    for t in range(len(moves)):
        above += max(moves[t] - most_moves[t], 0.0)
    for t in range(start, stop):
        for site in range(len(bandwidth)):
            above += max(traffic[t, site] - bandwidth[site], 0.0)
    return above


@native_part
def _stays(
    market: Market, places: Places, charges: Charges, use: Use, draws: Draws, pool: Pool, stay: Floats, load: int, start: int, stop: int
) -> None:
    """What the load would add in each of its slots and periods, moves aside, into `stay` [T, Q]."""
    asks, paths, row = places.asks, places.paths, places.asks.first[load]
    for t in range(start, stop):
        for q in range(paths.pairs[load]):
            n = row + q
            p, site = asks.pool[n], asks.site[n]
            stay[t, q] = FORBIDDEN
            if paths.cost[t, n] >= FORBIDDEN or use.traffic[t, site] + asks.traffic[load, t] > places.bandwidth[site]:
                continue
            for c in range(use.held.shape[2]):
                pool.wanted[c] = max(use.held[t, p, c] + asks.need[t, n, c], 0.0) / market.works[p]
            for i in range(3):
                for s in range(pool.flexible.shape[1]):
                    pool.flexible[i, s] = use.flexible[t, p, i, s]
                    if asks.row[n] >= 0:
                        pool.flexible[i, s] += asks.flexible[asks.row[n], t, i, s]
            with_it = pool_cost(market, charges, draws.width, pool, t, p, False)
            stay[t, q] = with_it - draws.cost[t, p] + paths.cost[t, n]
        stay[t, paths.slots - 1] = paths.unplaced[load, t]


def compile_all() -> None:
    """Compiles what is not kept: one step on arrays of the types that all problems have."""
    one, none = np.ones((1, 1)), np.zeros((0, 1), dtype=np.int64)
    zero, nothing = np.zeros(1, dtype=np.int64), np.full((1, 1), -1)
    market = Market(
        hours=one,
        works=np.ones(1),
        shortage=np.ones((1, 1, 1)),
        held=np.zeros((1, 0, 1)),
        price=np.zeros((1, 0, 1)),
        owed=np.zeros((2, 0, 1, 1)),
        interval=none,
        offer_price=np.ones((1, 1, 1)),
        most=np.ones((1, 1, 1, 1)),
        source=np.zeros((1, 1), dtype=np.int64),
        part=one,
        spot=np.zeros((1, 1), dtype=np.bool_),
        covers=np.zeros((0, 2), dtype=np.int64),
        group=zero,
        pools=np.zeros((1, 1), dtype=np.int64),
        shared=nothing,
        contracts=nothing,
    )
    asks = Asks(
        first=zero,
        pool=zero,
        site=zero,
        need=np.ones((1, 1, 1), dtype=np.int32),
        row=np.full(1, -1),
        flexible=np.zeros((0, 1, 3, 1)),
        traffic=np.zeros((1, 1)),
    )
    paths = Paths(
        first=zero,
        pairs=np.ones(1, dtype=np.int64),
        cost=np.zeros((1, 1)),
        unplaced=one,
        enter=np.zeros(1),
        leave=np.zeros(1),
        before=np.full(1, 2),
        last=nothing,
        discount=np.ones(1),
        most_moves=np.ones(1),
        slots=2,
        charge=0.0,
    )
    places, charges = Places(asks, paths, np.ones(1)), Charges(by_hour=np.ones((1, 1, 1, 1)), by_block=np.ones((1, 1, 1, 1)))
    standing = stand(market, places, charges, np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1, 1, 1)))
    walk(market, places, charges, np.zeros((1, 1)), np.zeros(0, dtype=np.int64), standing, np.random.default_rng(0), 1.0, 1, 1)
