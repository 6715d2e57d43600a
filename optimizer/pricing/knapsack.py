"""A bound that knows that loads are whole: multipliers on placing each load once, and a knapsack for every pool.

    bound(u) = other spend + sum over loads of u + sum over pools of min over choices z of lots of (fixed[z, p] - worth[p, capacity[z, p]])

`worth[p, U]` is the most that loads of need U or less together are worth in pool p, at `u - cost` each. Where the relaxation of capacity
would cut a load in two, this cannot, so at its best multipliers it is never below the linear bound. It is a dynamic programme over
whole accelerators, for all pools at once.

Pools that are not paid for are no help together: what all loads need at least, the chosen lots have to hold, or some load stays unplaced or
some accelerator is missing, which costs `short_usd` at least. The choices of all pools are therefore one covering problem, a second dynamic
programme over the capacity that the cheapest choices lack.

The form: one period, block and scenario; contracts that cover one pool each, paid for whether drawn or not; no market, and nothing else
that links loads. Rules on contracts are left out, which only lowers the bound. So is shortage: with whole capacities, and no load worth
more than one missing accelerator costs, taking loads out of an overloaded pool never costs more than the shortage. Multipliers are clipped
so that this holds.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints

ROUNDOFF = 2.0**-53
MOST_CHOICES = 32  # of lots in one pool
MOST_CELLS = 2e9  # loads x pools x accelerators: what one evaluation may look at
FAR = 1e30
COVERED = 4096  # grains at most that a covering problem is in
PATIENCE = 12  # evaluations without a higher bound, after which steps get shorter
SHORTER = 0.6
SURE = 1e-9  # relative: differences of worth that rounding does not explain
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
    missing: Floats  # [P] what one missing accelerator costs
    unplaced: Floats  # [L] what it costs not to place the load; inf where it has to be
    required: int  # accelerators that all loads need at least; 0: not known
    short_usd: float  # what a plan costs at least whose lots hold less; inf where none can


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The best responses to multipliers, and the bound that these prove."""

    multipliers: Floats  # [L]
    bound_usd: float
    chosen: Bools  # [L, P]; a load may be in several pools, or in none
    choice: Ints  # [P] of lots
    value: Floats  # [Z, P] of each choice of lots alone


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """By how much the bound rises, in USD, with one decision forced; more than any plan below `short_usd` costs where it cannot be."""

    into: Floats  # [L, P] the load is in the pool
    out: Floats  # [L, P] it is not
    unplaced: Floats  # [L] the load is in no pool
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
    constant = float((problem.other_spend_cash * problem.discount).sum())
    cheapest = np.minimum(cost.min(axis=1), unplaced)
    penalty = min(float(missing.min()), float((unplaced - cheapest)[np.isfinite(unplaced)].min(initial=np.inf)))
    short = [constant, *fixed.min(axis=0), *cheapest, penalty]
    required = _required(cost, need) if (needs.need % 1 == 0).all() and len(fixed) > 1 else 0
    return Knapsacks(
        cost=cost,
        need=need,
        fixed=fixed,
        capacity=capacity,
        lots=lots,
        cover=cover,
        ceiling=np.minimum((cost + missing).min(axis=1), unplaced),
        constant=constant,
        missing=np.broadcast_to(missing, shape[1]),
        unplaced=unplaced,
        required=required,
        short_usd=math.fsum(short) - SURE * math.fsum(np.abs(short)) if required else math.inf,
    )


def _required(cost: Floats, need: Ints) -> int:
    least = np.where(np.isfinite(cost), need, np.inf).min(axis=1, initial=np.inf).sum()
    return int(least) if np.isfinite(least) else 0


def _choices(problem: PlanningProblem) -> tuple[Floats, Ints, Ints]:
    """What every choice of lots of a pool's contracts costs and gives, each [Z, P], and the lots [Z, K]."""
    supply = problem.supply
    paid = supply.take_or_pay_share * supply.price_cash[:, 0, 0] * supply.capacity[:, 0, 0] * problem.hours.sum()
    each = (paid + supply.fixed_fee_cash[:, 0, 0]) * problem.discount[0] + supply.terminal_usd
    by_pool = [supply.cover_contract[supply.cover_pool == p] for p in range(len(problem.pools))]
    options = [list(itertools.product(*(range(int(supply.least_lots[k]), int(supply.most_lots[k]) + 1) for k in mine))) for mine in by_pool]
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
        missing=packs.missing[pools],
        unplaced=packs.unplaced[loads],
        constant=packs.constant + spent_usd,
        required=_required(packs.cost[at], packs.need[at]) if packs.required else 0,
    )


def narrowed(packs: Knapsacks, open_choices: Bools) -> Knapsacks:
    """With some choices of lots only, [Z, P]."""
    return replace(packs, fixed=np.where(open_choices, packs.fixed, np.inf))


def respond(packs: Knapsacks, multipliers: Floats, known: Bools | None = None) -> Packed:
    """The bound at multipliers [L], which are clipped to their ceilings.

    Args:
      known: [L, P] a packing of each pool that fits in one of its choices of lots; a good one spares time, and changes nothing else.
    """
    u = np.minimum(multipliers, packs.ceiling)
    never, always = _settled(packs, u, known)
    free = (packs.need == 0) & (u[:, None] > packs.cost)
    beside = np.where(free, u[:, None] - packs.cost, 0.0).sum(axis=0)
    gain, used = np.where(always, u[:, None] - packs.cost, 0.0).sum(axis=0), np.where(always, packs.need, 0).sum(axis=0)
    holds = (packs.capacity > 0) & np.isfinite(packs.fixed)
    room = np.where(holds, packs.capacity - used, 0)
    items = _items(packs, u, ~(never | always | free), room.max(axis=0))
    worth, taken = _fill(items, int(room.max()) + 1)
    pools, row = np.arange(packs.cost.shape[1]), np.argsort(items.pool)
    value = packs.fixed - beside - np.where(holds, gain, 0.0) - worth[row, room]
    choice, short = _choose(packs, value)
    chosen = _unpack(packs, items, taken, room[choice, pools][items.pool]) | (always & holds[choice, pools]) | free
    all_gain = float(items.gain.sum() + gain.sum() + beside.sum())
    size = math.fsum(np.abs(u)) + all_gain + float(np.where(np.isfinite(packs.fixed), np.abs(packs.fixed), 0.0).max(axis=0).sum())
    steps = 4 * len(u) + len(pools) + 64
    allowance = steps * ROUNDOFF / (1.0 - steps * ROUNDOFF) * (size + abs(packs.constant))
    bound = packs.short_usd if short else packs.constant + math.fsum(u) + math.fsum(value[choice, pools]) - allowance
    return Packed(multipliers=u, bound_usd=min(bound, packs.short_usd), chosen=chosen, choice=choice, value=value)


def _choose(packs: Knapsacks, value: Floats) -> tuple[Ints, bool]:
    """The choices of lots of least value that hold what is required, [P], and whether none do; then the largest."""
    pools, choice = np.arange(value.shape[1]), value.argmin(axis=0)
    lacking = packs.required - int(packs.capacity[choice, pools].sum())
    if lacking <= 0:
        return choice, False
    capacity = np.where(np.isfinite(value), packs.capacity, 0)
    if capacity.max(axis=0).sum() < packs.required:
        return capacity.argmax(axis=0), True
    grain = 1 + lacking // COVERED
    lacking = -(-lacking // grain)
    upgrades = _upgrades(packs, value, grain)
    tables = _covering(upgrades, lacking)
    for i, (p, options) in reversed(list(enumerate(upgrades))):
        before = tables[i]
        if before[lacking] > tables[i + 1, lacking]:
            z, more, _ = min(options, key=lambda each: before[max(0, lacking - each[1])] + each[2])
            choice[p], lacking = z, max(0, lacking - more)
    return choice, False


Upgrade = tuple[int, int, float]  # a choice of lots, and what it has more than the best alone: grains of accelerators, and USD


def _upgrades(packs: Knapsacks, value: Floats, grain: int) -> list[tuple[int, list[Upgrade]]]:
    """Of pools that have any. What is more is rounded up to whole grains, which leaves all choices that hold enough."""
    best, pools = value.argmin(axis=0), np.arange(value.shape[1])
    more, usd = packs.capacity - packs.capacity[best, pools], value - value[best, pools]
    pool, z = np.nonzero(((more > 0) & np.isfinite(usd)).T)
    options: dict[int, list[Upgrade]] = defaultdict(list)
    grains = -(-more[z, pool] // grain)
    for p, each in zip(pool.tolist(), zip(z.tolist(), grains.tolist(), usd[z, pool].tolist(), strict=True), strict=True):
        options[p].append(each)
    return list(options.items())


def _covering(upgrades: list[tuple[int, list[Upgrade]]], lacking: int) -> Floats:
    """Least USD of so many grains more, or beyond, with the upgrades of the first pools, [pools + 1, lacking + 1]."""
    before = max((more for _, options in upgrades for _, more, _ in options), default=0)  # columns that stand for none lacking
    tables = np.zeros((len(upgrades) + 1, before + lacking + 1))
    tables[0, before + 1 :] = np.inf
    for i, (_, options) in enumerate(upgrades):
        last, better = tables[i], tables[i + 1, before:]
        better[:] = last[before:]
        for _, more, usd in options:
            np.minimum(better, last[before - more : len(last) - more] + usd, out=better)
    return np.asarray(tables[:, before:])


def choice_costs(packs: Knapsacks, packed: Packed) -> Floats:
    """By how much the bound rises with a choice of lots made, [Z, P], in USD: what that costs more than the best of all pools together."""
    value, pools = packed.value, np.arange(packed.value.shape[1])
    alone = value.min(axis=0)
    lacking = packs.required - int(packs.capacity[value.argmin(axis=0), pools].sum())
    spent = math.fsum((value[packed.choice, pools] - alone).tolist())
    dearer = np.subtract(value, alone + spent, out=np.full_like(value, np.inf), where=np.isfinite(value))
    grain = 1 + max(lacking + int(packs.capacity.max()), 0) // COVERED
    upgrades = _upgrades(packs, value, grain)
    for p in pools:
        without = lacking + int(packs.capacity[value[:, p].argmin(), p])
        if without <= 0 or np.isfinite(value[:, p]).sum() < 2:
            continue
        rest = -(-np.maximum(without - packs.capacity[:, p], 0) // grain)
        table = _covering([(other, options) for other, options in upgrades if other != p], int(rest.max()))[-1]
        dearer[:, p] += table[rest]
    return np.asarray(np.clip(dearer, 0.0, packs.short_usd - packed.bound_usd))


@dataclass(frozen=True, kw_only=True)
class _Items:
    """Loads worth taking in each pool. Axes: Q slots, R pools in the order of how many they have; empty slots have load L."""

    pool: Ints  # [R]
    count: Ints  # [R] slots that are not empty, falling
    load: Ints  # [Q, R]
    gain: Floats  # [Q, R]; 0 in empty slots
    need: Ints  # [Q, R]; 0 in empty slots


def _items(packs: Knapsacks, u: Floats, among: Bools, room: Ints) -> _Items:
    worth = among & (u[:, None] > packs.cost) & (packs.need <= room)
    count = worth.sum(axis=0)
    pool = np.argsort(-count, kind="stable")
    count = count[pool]
    order = np.argsort(~worth[:, pool], axis=0, kind="stable")[: int(count.max(initial=0))]
    there = np.arange(len(order))[:, None] < count
    return _Items(
        pool=pool,
        count=count,
        load=np.where(there, order, len(u)),
        gain=np.where(there, u[order] - packs.cost[order, pool], 0.0),
        need=np.where(there, packs.need[order, pool], 0),
    )


def _settled(packs: Knapsacks, u: Floats, known: Bools | None) -> tuple[Bools, Bools]:
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


def _fill(items: _Items, width: int) -> tuple[Floats, Bools]:
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


def _unpack(packs: Knapsacks, items: _Items, taken: Bools, at: Ints) -> Bools:
    """The packing of need `at` [R] or less in each pool, [L, P]."""
    loads, pools = packs.cost.shape
    chosen = np.zeros((loads, pools), dtype=np.bool_)
    left, row = at.copy(), np.arange(pools)
    for slot in reversed(range(len(items.gain))):
        take = taken[slot, row, left]
        chosen[items.load[slot, take], items.pool[take]] = True
        left = left - np.where(take, items.need[slot], 0)
    return chosen


def reduced_costs(packs: Knapsacks, packed: Packed) -> Reduced:
    """What forcing one decision adds to the bound: the least of all packings that keep to it, beside the same multipliers.

    Tables of the first loads and of the last ones, put together, give the packings without one load.
    """
    loads, pools = packs.cost.shape
    into, out = np.full((loads, pools), np.inf), np.zeros((loads, pools))
    items = _items(packs, packed.multipliers, np.isfinite(packs.cost), packs.capacity.max(axis=0))
    dearer = choice_costs(packs, packed)
    made = np.isfinite(packed.value)
    least = np.subtract(packed.value, dearer, out=np.full_like(dearer, np.inf), where=made)  # of a pool, beside what others make up for
    for row, p in enumerate(items.pool):
        there = slice(items.count[row])
        mine, gain, need = items.load[there, row], items.gain[there, row], items.need[there, row]
        before, after = _tables(int(packs.capacity.max()) + 1, gain, need)
        choices = [z for z in range(len(packs.fixed)) if np.isfinite(packs.fixed[z, p])]
        for z in choices:
            fixed, capacity = packs.fixed[z, p], int(packs.capacity[z, p])
            lacks = packs.need[:, p] - capacity  # a load that is too large is there with shortage, and no other with need
            beside = fixed - before[-1][np.maximum(-lacks, 0)] - (packed.multipliers - packs.cost[:, p])
            beside += np.where(lacks > 0, packs.missing[p] * lacks, 0.0)
            without, with_it = _one_apart(before, after, need, capacity)
            beside[mine] = np.where(need <= capacity, fixed - with_it - gain, beside[mine])
            into[:, p] = np.minimum(into[:, p], beside - least[z, p])
            out[mine, p] = np.where(z == choices[0], np.inf, out[mine, p])
            out[mine, p] = np.minimum(out[mine, p], fixed - without - least[z, p])
    most = packs.short_usd - packed.bound_usd
    unplaced = np.full(loads, most) if packs.required else packs.unplaced - packed.multipliers
    forced = {"into": into, "out": out, "unplaced": unplaced, "choice": dearer}
    return Reduced(**{name: np.clip(usd, 0.0, most) for name, usd in forced.items()})


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
