"""What each pool takes of the loads that are worth taking: a dynamic programme over whole accelerators, for all pools at once.

Most loads are settled before it, by the linear relaxation of their pool's knapsack (`settled`). Axes: L loads, P pools, Z choices of lots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import Bools
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.knapsack import SURE, Knapsacks

FAR = 1e30


@dataclass(frozen=True, kw_only=True)
class Items:
    """Loads worth taking in each pool. Axes: Q slots, R pools in the order of how many they have; empty slots have load L."""

    pool: Ints  # [R]
    count: Ints  # [R] slots that are not empty, falling
    load: Ints  # [Q, R]
    gain: Floats  # [Q, R]; 0 in empty slots
    need: Ints  # [Q, R]; 0 in empty slots


def items_of(packs: Knapsacks, u: Floats, among: Bools, room: Ints) -> Items:
    worth = among & (u[:, None] > packs.cost) & (packs.need <= room)
    count = worth.sum(axis=0)
    pool = np.argsort(-count, kind="stable")
    count = count[pool]
    order = np.argsort(~worth[:, pool], axis=0, kind="stable")[: int(count.max(initial=0))]
    there = np.arange(len(order))[:, None] < count
    return Items(
        pool=pool,
        count=count,
        load=np.where(there, order, len(u)),
        gain=np.where(there, u[order] - packs.cost[order, pool], 0.0),
        need=np.where(there, packs.need[order, pool], 0),
    )


def settled(packs: Knapsacks, u: Floats, known: Bools | None) -> tuple[Bools, Bools]:
    """Loads that no best packing takes whatever the pool's lots, and those that every one takes unless the pool holds nothing, each [L, P].

    With the first, or without the second, the linear relaxation is worth less than some packing. It takes loads by their worth for each
    accelerator, and a part of the first that does not fit; any other way with a load costs it at least what the load is worth more, or
    less, than its need at that rate. Loads that need nothing are left to others.
    """
    gain, there = u[:, None] - packs.cost, np.isfinite(packs.fixed)
    useful = (gain > 0) & (packs.need > 0) & (packs.need <= np.where(there, packs.capacity, 0).max(axis=0))
    gain, need = np.where(useful, gain, 0.0), np.where(useful, packs.need, 0)
    rate = np.divide(gain, need, out=np.zeros_like(gain), where=useful)
    order = np.argsort(-rate, axis=0)
    pools, last = np.arange(gain.shape[1]), len(gain) - 1
    has, takes = (0.0, 0) if known is None else ((gain * known).sum(axis=0), (need * known).sum(axis=0))
    never, always = np.ones_like(useful), np.ones_like(useful)
    for capacity, held in zip(packs.capacity, there, strict=True):
        if not (held & (capacity > 0)).any():
            continue
        fits = need <= capacity
        value, use = np.where(fits, gain, 0.0), np.where(fits, need, 0)
        values, uses = (np.cumsum(each[order, pools], axis=0) for each in (value, use))
        whole = (uses <= capacity).sum(axis=0)
        first = np.where(whole > 0, values[whole - 1, pools], 0.0)
        left = capacity - np.where(whole > 0, uses[whole - 1, pools], 0)
        cut = np.where(whole <= last, rate[order[np.minimum(whole, last), pools], pools], 0.0)
        relaxed = first + left * cut
        beside = np.where((rate < cut) & (need <= left), value, 0.0).max(axis=0, initial=0.0)
        packed = np.maximum(first + beside, np.where(takes <= capacity, has, 0.0))
        spare = relaxed - packed + SURE * relaxed
        beyond = gain - cut * need
        empty = ~held | (capacity == 0)
        never &= empty | ~fits | (-beyond > spare)
        always &= empty | (fits & (beyond > spare))
    return never | ~useful, always & useful & ~never


def fill(items: Items, width: int) -> tuple[Floats, Bools]:
    """Most worth of need U or less, [R, width], and whether each slot is taken at U, [Q, R, width]."""
    pools = len(items.pool)
    padded = np.full((pools, 2 * width), -FAR)
    padded[:, width:] = 0.0
    flat, worth = padded.ravel(), padded[:, width:]
    here = np.arange(pools)[:, None] * (2 * width) + width + np.arange(width)
    taken = np.zeros((len(items.gain), pools, width), dtype=np.bool_)
    for slot, active in enumerate((items.count > np.arange(len(items.gain))[:, None]).sum(axis=1).tolist()):
        more = flat.take(here[:active] - items.need[slot, :active, None])
        more += items.gain[slot, :active, None]
        np.greater(more, worth[:active], out=taken[slot, :active])
        np.maximum(worth[:active], more, out=worth[:active])
    return worth.copy(), taken


def unpack(packs: Knapsacks, items: Items, taken: Bools, at: Ints) -> Bools:
    """The packing of need `at` [R] or less in each pool, [L, P]."""
    loads, pools = packs.cost.shape
    chosen = np.zeros((loads, pools), dtype=np.bool_)
    left, row = at.copy(), np.arange(pools)
    for slot in reversed(range(len(items.gain))):
        take = taken[slot, row, left]
        chosen[items.load[slot, take], items.pool[take]] = True
        left = left - np.where(take, items.need[slot], 0)
    return chosen


def tables(width: int, gain: Floats, need: Ints) -> tuple[Floats, Floats]:
    """Most worth of need U or less with the first k loads, and with those from k on, each [loads + 1, U + 1]."""
    before, after = np.zeros((2, len(gain) + 1, width))
    for k in range(len(gain)):
        before[k + 1] = before[k]
        np.maximum(before[k + 1, need[k] :], before[k, : width - need[k]] + gain[k], out=before[k + 1, need[k] :])
    for k in reversed(range(len(gain))):
        after[k] = after[k + 1]
        np.maximum(after[k, need[k] :], after[k + 1, : width - need[k]] + gain[k], out=after[k, need[k] :])
    return before, after


def one_apart(before: Floats, after: Floats, need: Ints, capacity: int) -> tuple[Floats, Floats]:
    """Most worth of all loads but one, in all the capacity and in what that one leaves, each [loads]; -FAR where it does not fit."""
    without = (before[:-1, : capacity + 1] + after[1:, capacity::-1]).max(axis=1)
    with_it = np.full(len(need), -FAR)
    for k in np.flatnonzero(need <= capacity):
        left = capacity - int(need[k])
        with_it[k] = (before[k, : left + 1] + after[k + 1, left::-1]).max()
    return without, with_it
