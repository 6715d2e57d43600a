"""A bound that knows that loads are whole: multipliers on placing each load once, and a knapsack for every pool.

    bound(u) = other spend + sum over loads of u + sum over pools of min over choices z of lots of (fixed[z, p] - worth[p, capacity[z, p]])

`worth[p, U]` is the most that loads of need U or less together are worth in pool p, at `u - cost` each. Where the relaxation of capacity
would cut a load in two, this cannot, so at its best multipliers it is never below the linear bound. It is a dynamic programme over
whole accelerators, for all pools at once (`filling`).

Pools that are not paid for are no help together: what all loads need at least, the chosen lots have to hold, or some load stays unplaced or
some accelerator is missing, which costs `short_usd` at least. The choices of all pools are therefore one covering problem, a second dynamic
programme over the capacity that the cheapest choices lack (`covering`).

Shortage is left out of it, which only lowers the bound: with whole capacities, and no load worth
more than one missing accelerator costs, taking loads out of an overloaded pool never costs more than the shortage. Multipliers are clipped
so that this holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import Bools
from optimizer.domain.surface import Floats
from optimizer.pricing.covering import choice_costs, choose
from optimizer.pricing.filling import fill, items_of, one_apart, settled, tables, unpack
from optimizer.pricing.knapsack import Knapsacks, Packed

ROUNDOFF = 2.0**-53
PATIENCE = 12  # evaluations without a higher bound, after which steps get shorter
SHORTER = 0.6
KEPT = 0.6  # of the last direction
FIRST_STEP, LAST_STEP = 1.0, 1e-3  # of Polyak's step


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """By how much the bound rises, in USD, with one decision forced; more than any plan below `short_usd` costs where it cannot be."""

    into: Floats  # [L, P] the load is in the pool
    out: Floats  # [L, P] it is not
    unplaced: Floats  # [L] the load is in no pool
    choice: Floats  # [Z, P] the choice of lots is made


def respond(packs: Knapsacks, multipliers: Floats, known: Bools | None = None) -> Packed:
    """The bound at multipliers [L], which are clipped to their ceilings.

    Args:
      known: [L, P] a packing of each pool that fits in one of its choices of lots; a good one spares time, and changes nothing else.
    """
    u = np.minimum(multipliers, packs.ceiling)
    never, always = settled(packs, u, known)
    free = (packs.need == 0) & (u[:, None] > packs.cost)
    beside = np.where(free, u[:, None] - packs.cost, 0.0).sum(axis=0)
    gain, used = np.where(always, u[:, None] - packs.cost, 0.0).sum(axis=0), np.where(always, packs.need, 0).sum(axis=0)
    holds = (packs.capacity > 0) & np.isfinite(packs.fixed)
    room = np.where(holds, packs.capacity - used, 0)
    items = items_of(packs, u, ~(never | always | free), room.max(axis=0))
    worth, taken = fill(items, int(room.max()) + 1)
    pools, row = np.arange(packs.cost.shape[1]), np.argsort(items.pool)
    value = packs.fixed - beside - np.where(holds, gain, 0.0) - worth[row, room]
    choice, short = choose(packs, value)
    chosen = unpack(packs, items, taken, room[choice, pools][items.pool]) | (always & holds[choice, pools]) | free
    all_gain = float(items.gain.sum() + gain.sum() + beside.sum())
    size = math.fsum(np.abs(u)) + all_gain + float(np.where(np.isfinite(packs.fixed), np.abs(packs.fixed), 0.0).max(axis=0).sum())
    steps = 4 * len(u) + len(pools) + 64
    allowance = steps * ROUNDOFF / (1.0 - steps * ROUNDOFF) * (size + abs(packs.constant))
    bound = packs.short_usd if short else packs.constant + math.fsum(u) + math.fsum(value[choice, pools]) - allowance
    return Packed(multipliers=u, bound_usd=min(bound, packs.short_usd), chosen=chosen, choice=choice, value=value)


def reduced_costs(packs: Knapsacks, packed: Packed) -> Reduced:
    """What forcing one decision adds to the bound: the least of all packings that keep to it, beside the same multipliers.

    Tables of the first loads and of the last ones, put together, give the packings without one load.
    """
    loads, pools = packs.cost.shape
    into, out = np.full((loads, pools), np.inf), np.zeros((loads, pools))
    items = items_of(packs, packed.multipliers, np.isfinite(packs.cost), packs.capacity.max(axis=0))
    dearer = choice_costs(packs, packed)
    made = np.isfinite(packed.value)
    least = np.subtract(packed.value, dearer, out=np.full_like(dearer, np.inf), where=made)  # of a pool, beside what others make up for
    for row, p in enumerate(items.pool):
        there = slice(items.count[row])
        mine, gain, need = items.load[there, row], items.gain[there, row], items.need[there, row]
        before, after = tables(int(packs.capacity.max()) + 1, gain, need)
        choices = [z for z in range(len(packs.fixed)) if np.isfinite(packs.fixed[z, p])]
        for z in choices:
            fixed, capacity = packs.fixed[z, p], int(packs.capacity[z, p])
            lacks = packs.need[:, p] - capacity  # a load that is too large is there with shortage, and no other with need
            beside = fixed - before[-1][np.maximum(-lacks, 0)] - (packed.multipliers - packs.cost[:, p])
            beside += np.where(lacks > 0, packs.missing[p] * lacks, 0.0)
            without, with_it = one_apart(before, after, need, capacity)
            beside[mine] = np.where(need <= capacity, fixed - with_it - gain, beside[mine])
            into[:, p] = np.minimum(into[:, p], beside - least[z, p])
            out[mine, p] = np.where(z == choices[0], np.inf, out[mine, p])
            out[mine, p] = np.minimum(out[mine, p], fixed - without - least[z, p])
    most = packs.short_usd - packed.bound_usd
    unplaced = np.full(loads, most) if packs.required else packs.unplaced - packed.multipliers
    forced = {"into": into, "out": out, "unplaced": unplaced, "choice": dearer}
    return Reduced(**{name: np.clip(usd, 0.0, most) for name, usd in forced.items()})


@dataclass(kw_only=True)
class Ascent:
    """Subgradient steps from multipliers to better ones; `best` is the highest bound so far."""

    packs: Knapsacks
    best: Packed
    latest: Packed
    multipliers: Floats
    direction: Floats
    step: float = FIRST_STEP
    stalled: int = 0

    @property
    def over(self) -> bool:
        return self.step < LAST_STEP

    def advance(self, target_usd: float) -> Packed:
        """One step of Polyak's length towards a bound that is not below the best one."""
        norm = float(self.direction @ self.direction)
        length = self.step * max(target_usd - self.best.bound_usd, 1e-6 * abs(target_usd)) / norm if norm > 0 else 0.0
        found = respond(self.packs, self.multipliers + length * self.direction, self.latest.chosen)
        self.latest, self.multipliers = found, found.multipliers
        self.direction = KEPT * self.direction + slopes(found)
        if found.bound_usd > self.best.bound_usd:
            self.best, self.stalled = found, 0
        else:
            self.stalled += 1
        if self.stalled >= PATIENCE:
            self.step, self.stalled = self.step * SHORTER, 0
            self.latest, self.multipliers, self.direction = self.best, self.best.multipliers, slopes(self.best)
        return found


def begin(packs: Knapsacks, start: Floats) -> Ascent:
    """An ascent from multipliers [L]."""
    first = respond(packs, start)
    return Ascent(packs=packs, best=first, latest=first, multipliers=first.multipliers, direction=slopes(first))


def slopes(packed: Packed) -> Floats:
    """Slope of the bound in each multiplier, [L]: one less the pools that take the load."""
    return np.asarray(1.0 - packed.chosen.sum(axis=1))


def best_places(packs: Knapsacks, prices: Floats) -> Floats:
    """Multipliers from prices of capacity: what each load pays in its cheapest pool, [L].

    Args:
      prices: [P] USD per accelerator.
    """
    return np.asarray(np.where(np.isfinite(packs.cost), packs.cost + packs.need * prices, np.inf).min(axis=1))
