"""A bound that knows that loads are whole: multipliers on placing each load once, and a knapsack for every pool.

    bound(u) = other spend + sum over loads of u + sum over pools of min over choices z of lots of (fixed[z, p] - worth[p, capacity[z, p]])

`worth[p, U]` is the most that loads of need U or less together are worth in pool p, at `u - cost` each. Where the relaxation of capacity
would cut a load in two, this cannot, so at its best multipliers it is never below the linear bound. It is a dynamic programme over
whole accelerators, for all pools at once.

The form: one period, block and scenario; contracts that cover one pool each, paid for whether drawn or not; no market, and nothing else
that links loads. Rules on contracts are left out, which only lowers the bound. So is shortage: with whole capacities, and no load worth
more than one missing accelerator costs, taking loads out of an overloaded pool never costs more than the shortage. Multipliers are clipped
so that this holds.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints

ROUNDOFF = 2.0**-53
MOST_CHOICES = 32  # of lots in one pool
MOST_CELLS = 2e9  # loads x pools x accelerators: what one evaluation may look at
FAR = 1e30
PATIENCE = 12  # evaluations without a higher bound, after which steps get shorter
SHORTER = 0.6
KEPT = 0.6  # of the last direction
FIRST_STEP, LAST_STEP = 1.0, 1e-3  # of Polyak's step


@dataclass(frozen=True, kw_only=True)
class Knapsacks:
    """Axes: L loads, P pools, Z choices of lots in a pool, K contracts. Money is discounted USD."""

    cost: Floats  # [L, P]; inf where the load may not be
    need: Ints  # [L, P]
    fixed: Floats  # [Z, P]; inf where a pool has fewer choices
    capacity: Ints  # [Z, P]
    lots: Ints  # [Z, K] of each contract under its pool's choice
    cover: Ints  # [K] the contract's pool; -1: none
    ceiling: Floats  # [L] largest multiplier
    constant: float


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The best responses to multipliers, and the bound that these prove."""

    multipliers: Floats  # [L]
    bound_usd: float
    chosen: Bools  # [L, P]; a load may be in several pools, or in none
    value: Floats  # [Z, P] of each choice of lots


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """By how much the bound rises, in USD, with one decision forced; inf where it cannot be."""

    into: Floats  # [L, P] the load is in the pool
    out: Floats  # [L, P] it is not
    choice: Floats  # [Z, P] the choice of lots is made


def has_knapsacks(problem: PlanningProblem) -> bool:
    """Whether the problem has the form."""
    supply, needs = problem.supply, problem.needs
    alone = len(np.unique(supply.cover_contract)) == len(supply.cover_contract)
    whole = (supply.capacity % 1 == 0).all() and (problem.availability == 1.0).all() and len(supply.offers) == 0
    plain: bool = not needs.flexible.any() and len(needs.runs) == 0 and bool((problem.placed_before < 0).all())
    plain = plain and not (supply.minimum_cash.any() or supply.prepaid_cash.any())
    paid = (supply.take_or_pay_share == 1.0) | (supply.price_cash == 0.0).all(axis=(1, 2))
    staying = not supply.leavable.any()
    if problem.shape != (1, 1, 1) or supply.has_options or not (alone and whole and plain and paid.all() and staying):
        return False
    choices = np.ones(len(problem.pools))
    np.multiply.at(choices, supply.cover_pool, (supply.most_lots - supply.least_lots + 1)[supply.cover_contract])
    cells = len(needs.loads) * len(problem.pools) * (supply.capacity[:, 0, 0] * supply.most_lots).max(initial=0.0)
    return bool(choices.max(initial=1) <= MOST_CHOICES and cells <= MOST_CELLS)


def knapsacks(problem: PlanningProblem) -> Knapsacks:
    """A problem of the form as knapsacks."""
    needs, discount = problem.needs, float(problem.discount[0])
    shape = (len(needs.loads), len(problem.pools))
    cost, need = np.full(shape, np.inf), np.zeros(shape, dtype=np.int64)
    forced = np.zeros(shape[0], dtype=np.bool_)
    forced[needs.pair_load[problem.pair_forced[:, 0]]] = True
    may = problem.pair_allowed[:, 0] & (problem.pair_forced[:, 0] | ~forced[needs.pair_load])
    at = needs.pair_load, needs.pair_pool
    cost[at] = np.where(may, problem.egress_cash[:, 0, 0] * discount, np.inf)
    need[at] = needs.need[:, 0, 0, 0]
    fixed, capacity, lots = _choices(problem)
    cover = np.full(len(problem.supply.contracts), -1)
    cover[problem.supply.cover_contract] = problem.supply.cover_pool
    missing = problem.shortage_price * float(problem.hours[0, 0]) * discount
    unplaced = np.where(forced, np.inf, problem.unplaced_cash[:, 0, 0] * discount)
    return Knapsacks(
        cost=cost,
        need=need,
        fixed=fixed,
        capacity=capacity,
        lots=lots,
        cover=cover,
        ceiling=np.minimum((cost + missing).min(axis=1), unplaced),
        constant=float((problem.other_spend_cash * problem.discount).sum()),
    )


def _choices(problem: PlanningProblem) -> tuple[Floats, Ints, Ints]:
    """What every choice of lots of a pool's contracts costs and gives, each [Z, P], and the lots [Z, K]."""
    supply = problem.supply
    paid = supply.take_or_pay_share * supply.price_cash[:, 0, 0] * supply.capacity[:, 0, 0] * problem.hours.sum()
    each = (paid + supply.fixed_fee_cash[:, 0, 0]) * problem.discount[0] + supply.terminal_usd
    by_pool = [supply.cover_contract[supply.cover_pool == p] for p in range(len(problem.pools))]
    options = [
        list(itertools.product(*(range(int(supply.least_lots[k]), int(supply.most_lots[k]) + 1) for k in mine))) for mine in by_pool
    ]
    depth = max(len(option) for option in options)
    fixed, capacity = np.full((depth, len(by_pool)), np.inf), np.zeros((depth, len(by_pool)), dtype=np.int64)
    lots = np.full((depth, len(supply.contracts)), -1)
    for p, (mine, choices) in enumerate(zip(by_pool, options, strict=True)):
        held = np.array(choices, dtype=np.int64).reshape(len(choices), len(mine))
        fixed[: len(choices), p] = held @ each[mine]
        capacity[: len(choices), p] = held @ supply.capacity[mine, 0, 0].astype(np.int64)
        lots[: len(choices), mine] = held
    return fixed, capacity, lots


def within(packs: Knapsacks, loads: Ints, pools: Ints, spent_usd: float) -> Knapsacks:
    """What is left to pack of some loads in some pools, beside what all else has cost; `lots` and `cover` stay those of the whole."""
    at = np.ix_(loads, pools)
    return replace(
        packs,
        cost=packs.cost[at],
        need=packs.need[at],
        fixed=packs.fixed[:, pools],
        capacity=packs.capacity[:, pools],
        ceiling=packs.ceiling[loads],
        constant=packs.constant + spent_usd,
    )


def respond(packs: Knapsacks, multipliers: Floats) -> Packed:
    """The bound at multipliers [L], which are clipped to their ceilings."""
    u = np.minimum(multipliers, packs.ceiling)
    items = _items(packs, u)
    worth, taken = _fill(packs, items)
    pools = np.arange(packs.cost.shape[1])
    value = packs.fixed - worth[pools, packs.capacity]
    choice = value.argmin(axis=0)
    chosen = _unpack(packs, items, taken, packs.capacity[choice, pools])
    size = math.fsum(np.abs(u)) + float(items.gain.sum() + np.where(np.isfinite(packs.fixed), np.abs(packs.fixed), 0.0).max(axis=0).sum())
    steps = 4 * len(u) + 64
    bound = packs.constant + math.fsum(u) + math.fsum(value.min(axis=0))
    allowance = steps * ROUNDOFF / (1.0 - steps * ROUNDOFF) * (size + abs(packs.constant))
    return Packed(multipliers=u, bound_usd=bound - allowance, chosen=chosen, value=value)


@dataclass(frozen=True, kw_only=True)
class _Items:
    """Loads worth taking in each pool. Axis Q slots; empty ones have load L, gain 0 and a need beyond every capacity."""

    load: Ints  # [Q, P]
    gain: Floats  # [Q, P]
    need: Ints  # [Q, P]


def _items(packs: Knapsacks, u: Floats) -> _Items:
    beyond = int(packs.capacity.max()) + 1
    gain = u[:, None] - packs.cost
    worth = (gain > 0) & (packs.need < beyond)
    depth = int(worth.sum(axis=0).max(initial=0))
    order = np.argsort(~worth, axis=0, kind="stable")[:depth]
    there = np.take_along_axis(worth, order, axis=0)
    return _Items(
        load=np.where(there, order, len(u)),
        gain=np.where(there, np.take_along_axis(gain, order, axis=0), 0.0),
        need=np.where(there, np.take_along_axis(packs.need, order, axis=0), beyond),
    )


def _fill(packs: Knapsacks, items: _Items) -> tuple[Floats, Bools]:
    """Most worth of need U or less, [P, U + 1], and whether each slot is taken at U, [Q, P, U + 1]."""
    pools, width = packs.cost.shape[1], int(packs.capacity.max()) + 1
    padded = np.full((pools, 2 * width), -FAR)
    padded[:, width:] = 0.0
    flat, worth = padded.ravel(), padded[:, width:]
    here = np.arange(pools)[:, None] * (2 * width) + width + np.arange(width)
    taken = np.zeros((len(items.gain), pools, width), dtype=np.bool_)
    for slot in range(len(items.gain)):
        more = flat[here - items.need[slot][:, None]] + items.gain[slot][:, None]
        np.greater(more, worth, out=taken[slot])
        np.maximum(worth, more, out=worth)
    return worth.copy(), taken


def _unpack(packs: Knapsacks, items: _Items, taken: Bools, at: Ints) -> Bools:
    loads, pools = packs.cost.shape
    chosen = np.zeros((loads + 1, pools), dtype=np.bool_)
    left, pool = at.copy(), np.arange(pools)
    for slot in reversed(range(len(items.gain))):
        take = taken[slot, pool, left]
        chosen[items.load[slot, take], pool[take]] = True
        left = left - np.where(take, items.need[slot], 0)
    return chosen[:loads]


def reduced_costs(packs: Knapsacks, packed: Packed) -> Reduced:
    """What forcing one decision adds to the bound: the least of all packings that keep to it, beside the same multipliers.

    Tables of the first loads and of the last ones, put together, give the packings without one load.
    """
    loads, pools = packs.cost.shape
    into, out = np.full((loads, pools), np.inf), np.zeros((loads, pools))
    items, least = _items(packs, packed.multipliers), packed.value.min(axis=0)
    for p in range(pools):
        there = np.flatnonzero(items.load[:, p] < loads)
        mine, gain, need = items.load[there, p], items.gain[there, p], items.need[there, p]
        before, after = _tables(int(packs.capacity.max()) + 1, gain, need)
        choices = [z for z in range(len(packs.fixed)) if np.isfinite(packs.fixed[z, p])]
        for z in choices:
            fixed, capacity = packs.fixed[z, p], int(packs.capacity[z, p])
            fits = np.flatnonzero(np.isfinite(packs.cost[:, p]) & (packs.need[:, p] <= capacity))
            beside = fixed - before[-1][capacity - packs.need[fits, p]] - (packed.multipliers[fits] - packs.cost[fits, p])
            others = ~np.isin(fits, mine)
            into[fits[others], p] = np.minimum(into[fits[others], p], beside[others] - least[p])
            without, with_it = _one_apart(before, after, need, capacity)
            into[mine, p] = np.minimum(into[mine, p], fixed - with_it - gain - least[p])
            out[mine, p] = np.where(z == choices[0], np.inf, out[mine, p])
            out[mine, p] = np.minimum(out[mine, p], fixed - without - least[p])
    return Reduced(into=np.maximum(into, 0.0), out=np.maximum(out, 0.0), choice=np.maximum(packed.value - least, 0.0))


def _tables(width: int, gain: Floats, need: Ints) -> tuple[Floats, Floats]:
    """Most worth of need U or less with the first k loads, and with those from k on, each [loads + 1, U + 1]."""
    before, after = np.zeros((2, len(gain) + 1, width))
    for k in range(len(gain)):
        before[k + 1] = before[k]
        np.maximum(before[k + 1, need[k] :], before[k, : width - need[k]] + gain[k], out=before[k + 1, need[k] :])
    for k in reversed(range(len(gain))):
        after[k] = after[k + 1]
        np.maximum(after[k, need[k] :], after[k + 1, : width - need[k]] + gain[k], out=after[k, need[k] :])
    return before, after


def _one_apart(before: Floats, after: Floats, need: Ints, capacity: int) -> tuple[Floats, Floats]:
    """Most worth of all loads but one, in all the capacity and in what that one leaves, each [loads]; -FAR where it does not fit."""
    without = (before[:-1, : capacity + 1] + after[1:, capacity::-1]).max(axis=1)
    with_it = np.full(len(need), -FAR)
    for k in np.flatnonzero(need <= capacity):
        left = capacity - int(need[k])
        with_it[k] = (before[k, : left + 1] + after[k + 1, left::-1]).max()
    return without, with_it


@dataclass(kw_only=True)
class Ascent:
    """Subgradient steps from multipliers to better ones; `best` is the highest bound so far."""

    packs: Knapsacks
    best: Packed
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
        found = respond(self.packs, self.multipliers + length * self.direction)
        self.multipliers = found.multipliers
        self.direction = KEPT * self.direction + slopes(found)
        if found.bound_usd > self.best.bound_usd:
            self.best, self.stalled = found, 0
        else:
            self.stalled += 1
        if self.stalled >= PATIENCE:
            self.step, self.stalled = self.step * SHORTER, 0
            self.multipliers, self.direction = self.best.multipliers, slopes(self.best)
        return found


def begin(packs: Knapsacks, start: Floats) -> Ascent:
    """An ascent from multipliers [L]."""
    first = respond(packs, start)
    return Ascent(packs=packs, best=first, multipliers=first.multipliers, direction=slopes(first))


def slopes(packed: Packed) -> Floats:
    """Slope of the bound in each multiplier, [L]: one less the pools that take the load."""
    return np.asarray(1.0 - packed.chosen.sum(axis=1))


def best_places(packs: Knapsacks, prices: Floats) -> Floats:
    """Multipliers from prices of capacity: what each load pays in its cheapest pool, [L].

    Args:
      prices: [P] USD per accelerator.
    """
    return np.asarray(np.where(np.isfinite(packs.cost), packs.cost + packs.need * prices, np.inf).min(axis=1))
