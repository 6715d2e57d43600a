"""Where a load goes: its paths through slots, and what moving along them costs. Axes as in `places`."""

from __future__ import annotations

import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.walk.native import native_part
from optimizer.walk.places import FORBIDDEN, Paths


@native_part
def besides(paths: Paths, moves: Floats, load: int, slot: Ints, sign: float) -> float:
    """Egress, moving and not being placed along a path [T], and what it is charged; counts its moves, times the sign."""
    cost, away, row, nowhere, earlier = 0.0, False, paths.first[load], paths.slots - 1, paths.before[load]
    for t in range(len(slot)):
        here = slot[t]
        cost += paths.cost[t, row + here] if here < nowhere else paths.unplaced[load, t]
        if here != earlier and earlier <= nowhere:
            moving = paths.leave[row + earlier] if earlier < nowhere else 0.0
            if here < nowhere:
                moving += paths.enter[row + here]
                moves[t] += sign
            cost += paths.discount[t] * moving
        away |= paths.last[load, t] >= 0 and here != paths.last[load, t]
        earlier = here
    return cost + paths.charge if away else cost


@native_part
def find_path(
    paths: Paths, moves: Floats, slot: Ints, stay: Floats, best: Floats, came: Ints, found: Ints, load: int, start: int, stop: int
) -> None:
    """Changes the slots [T] of a load within the window to the cheapest between what it has before and after, or to those of the last
    plan where others save less than it is charged for them.

    Args:
      stay: [T, Q] what it would add.
      best, came, found: as in `Scratch`.
    """
    _cheapest(paths, moves, slot, stay, best, came, load, start, stop)
    if paths.charge == 0.0:
        return
    any_last = False
    for t in range(len(slot)):
        inside, last = start <= t < stop, paths.last[load, t]
        any_last |= inside and last >= 0
        if not inside and last >= 0 and slot[t] != last:
            return  # it is charged in any case
    if not any_last:
        return
    cost = _along(paths, moves, slot, stay, load, start, stop)
    for t in range(start, stop):
        found[t] = slot[t]
        if paths.last[load, t] >= 0:
            slot[t] = paths.last[load, t]
    if _along(paths, moves, slot, stay, load, start, stop) - cost > paths.charge:
        for t in range(start, stop):
            slot[t] = found[t]


@native_part
def _move(paths: Paths, moves: Floats, load: int, earlier: int, slot: int, t: int) -> float:
    """Cost of being in one slot before a period and in another in it."""
    nowhere, row = paths.slots - 1, paths.first[load]
    if slot == earlier or earlier > nowhere:
        return 0.0
    if slot < nowhere and moves[t] + 1.0 > paths.most_moves[t]:
        return FORBIDDEN
    leaving = paths.leave[row + earlier] if earlier < nowhere else 0.0
    entering = paths.enter[row + slot] if slot < nowhere else 0.0
    return float(paths.discount[t] * (leaving + entering))


@native_part
def _along(paths: Paths, moves: Floats, slot: Ints, stay: Floats, load: int, start: int, stop: int) -> float:
    """Cost of the slots in the window, between what the load has before and after."""
    earlier, cost = slot[start - 1] if start > 0 else paths.before[load], 0.0
    for t in range(start, min(stop + 1, len(slot))):
        cost += _move(paths, moves, load, earlier, slot[t], t) + (stay[t, slot[t]] if t < stop else 0.0)
        earlier = slot[t]
    return cost


@native_part
def _cheapest(
    paths: Paths, moves: Floats, slot: Ints, stay: Floats, best: Floats, came: Ints, load: int, start: int, stop: int
) -> None:
    """Changes the slots [T] of a load within the window to the cheapest between what it has before and after."""
    nowhere, row, count = paths.slots - 1, paths.first[load], paths.pairs[load]
    earlier = slot[start - 1] if start > 0 else paths.before[load]
    for q in range(nowhere + 1):
        best[0, q] = np.inf if count <= q < nowhere else stay[start, q] + _move(paths, moves, load, earlier, q, start)
    for t in range(start + 1, stop):
        source, least = nowhere, best[0, nowhere]
        for q in range(count):
            leaving = best[0, q] + paths.discount[t] * paths.leave[row + q]
            if leaving < least:
                source, least = q, leaving
        full = moves[t] + 1.0 > paths.most_moves[t]
        for q in range(nowhere + 1):
            best[1, q] = np.inf
            if count <= q < nowhere:
                continue
            entering = paths.discount[t] * paths.enter[row + q] if q < nowhere else 0.0
            anew = least + (FORBIDDEN if full and q < nowhere else entering)
            came[t, q] = source if anew < best[0, q] else q
            best[1, q] = min(best[0, q], anew) + stay[t, q]
        for q in range(nowhere + 1):
            best[0, q] = best[1, q]
    end, least = nowhere, np.inf
    for q in range(nowhere + 1):
        cost = best[0, q]
        if stop < len(slot) and cost < np.inf:
            cost += _move(paths, moves, load, q, slot[stop], stop)
        if cost < least:
            end, least = q, cost
    for t in range(stop - 1, start, -1):
        slot[t] = end
        end = came[t, end]
    slot[start] = end
