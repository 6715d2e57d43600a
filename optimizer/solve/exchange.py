"""Loads moved, and swapped between pools, where each pool has one row of capacity: a tabu search that may overload pools for a while.

With one period, block and scenario, and contracts that cover one pool each, a pool charges a convex, piecewise linear function of its
use. Every move of a load to a pool near its cheapest, and every swap of two loads, is weighed at once. What exceeds all capacity costs
`strain` an accelerator, which rises while pools are overloaded and falls while none is, so that the search goes back and forth over the
edge of what fits. Contracts stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import active_lots
from optimizer.solve.open_choices import open_pairs

NEAREST = 20  # pools that a load may move to
STRAIN_STEP = 1.03
ROWS = 160  # loads whose swaps are weighed at once
SLICE, MOST_STEPS = 3e6, 100  # moves and swaps weighed between two looks at what others have found, and steps
STALLED = 4000  # steps without a better plan after which some loads are thrown about
PATIENCE = STALLED // 4  # after which there is little left to find with these contracts
TENURE, TENURE_LOADS = 2, 30  # steps that a load keeps out of the pool it left, at least, and one more for so many loads
THROWN = 0.08  # share of them
FORBIDDEN = 1e15


def has_one_row(problem: PlanningProblem) -> bool:
    """Whether each pool has one row of capacity, and nothing but capacity links loads."""
    supply, limits, needs = problem.supply, problem.limits, problem.needs
    links = len(limits.budget_cash) + len(limits.share) + int(np.isfinite(problem.site_bandwidth).sum()) + len(needs.runs)
    links += int(np.isfinite(limits.most_moves).sum() + limits.fewest_suppliers.sum()) + int((limits.site_loss_reserve > 0).sum())
    alone = len(np.unique(supply.cover_contract)) == len(supply.cover_contract) and not supply.has_options
    return problem.shape == (1, 1, 1) and links == 0 and alone and not needs.flexible.any() and not supply.offer_spot.any()


@dataclass(frozen=True, kw_only=True)
class Ladders:
    """What pools charge: sum over z of `rise` x max(0, use - start). Axis Z: where the price rises; the last is the end of all capacity."""

    start: Floats  # [Z, P] working accelerators
    rise: Floats  # [Z, P] discounted USD per accelerator

    def cost(self, pool: Ints | slice, use: Floats, strain: float) -> Floats:
        """USD of `use` in the pools, which broadcast against each other."""
        total = strain * np.maximum(use - self.start[-1, pool], 0.0)
        for z in range(len(self.start) - 1):
            total += self.rise[z, pool] * np.maximum(use - self.start[z, pool], 0.0)
        return total


def ladders(problem: PlanningProblem, decisions: Decisions) -> Ladders:
    """Sources of every pool in the order of their prices: what is paid for, the rest of contracts, the market."""
    supply = problem.supply
    hours = float(problem.hours[0, 0] * problem.discount[0])
    held = (supply.capacity[:, :, 0] * active_lots(problem, decisions))[supply.cover_contract, 0]
    paid = supply.take_or_pay_share[supply.cover_contract]
    price = supply.price_cash[supply.cover_contract, 0, 0] * hours
    pool = np.concatenate([supply.cover_pool, supply.cover_pool, supply.offer_pool])
    size = np.concatenate([held * paid, held * (1.0 - paid), supply.offer_limit[:, 0]]) * problem.availability[pool]
    each = np.concatenate([np.zeros_like(price), price, supply.offer_price_cash[:, 0, 0] * hours]) / problem.availability[pool]
    depth = int(np.bincount(pool, minlength=len(problem.pools)).max(initial=0))
    start, slope = np.zeros((depth + 1, len(problem.pools))), np.zeros((depth + 1, len(problem.pools)))
    for p in range(len(problem.pools)):
        mine = np.flatnonzero(pool == p)
        mine = mine[np.argsort(each[mine], kind="stable")]
        ends = np.cumsum(size[mine])
        start[1 : len(mine) + 1, p], slope[: len(mine), p] = ends, each[mine]
        start[len(mine) :, p], slope[len(mine) : -1, p] = ends[-1] if len(mine) else 0.0, slope[max(len(mine) - 1, 0), p]
    return Ladders(start=start, rise=np.diff(slope, axis=0, prepend=0.0))


class Exchange:
    """A search from given decisions. Axes: L loads, P pools."""

    def __init__(self, problem: PlanningProblem, decisions: Decisions, prices: Floats, random: np.random.Generator) -> None:
        """
        Args:
          prices: [P] of capacity, discounted USD per accelerator; what is near is judged by them.
        """
        self._decisions, self._random = decisions, random
        self._ladders = ladders(problem, decisions)
        self._cost, self._need = _tables(problem, decisions)
        loads, pools = self._cost.shape
        self._load = np.arange(loads)
        self._slice = int(np.clip(SLICE / (loads * (pools + 2 * min(loads, ROWS))), 1, MOST_STEPS))
        near = self._cost + self._need * prices
        rank = np.argsort(np.argsort(near, axis=1, kind="stable"), axis=1, kind="stable")
        self._far = (rank >= NEAREST) | (self._cost >= FORBIDDEN)
        self._weighed = np.where(self._far, FORBIDDEN, self._cost)
        known = decisions.placed[:, 0]
        usable = (known >= 0) & (self._cost[self._load, known] < FORBIDDEN)
        self._pool = np.where(usable, known, np.argmin(near, axis=1))
        self._use = self._used(self._pool)
        self._until = np.zeros((loads, pools), dtype=np.int64)
        self._strain = max(float(np.median(prices[prices > 0])) if (prices > 0).any() else 0.0, 1e-6)
        self._step = self._last = self._found = 0
        self.best_usd = np.inf
        self._best = self._pool.copy()
        self._note()

    def decisions(self) -> Decisions:
        """The best found that overload no pool; where none was, what the search began with."""
        return replace(self._decisions, placed=self._best[:, None].copy())

    def resume(self, decisions: Decisions) -> None:
        """Goes on from other placements."""
        if (decisions.placed >= 0).all():
            self._pool, self._last = decisions.placed[:, 0].copy(), self._step
            self._use = self._used(self._pool)
            self._until[:] = 0
            self._note()

    @property
    def stalled(self) -> bool:
        """Whether the search has long found nothing better."""
        return self._step - self._found > PATIENCE

    def run(self) -> bool:
        """Makes some steps; True where a better plan was found."""
        before = self.best_usd
        for _ in range(self._slice):
            self._advance()
        return self.best_usd < before

    def _used(self, pool: Ints) -> Floats:
        return np.asarray(np.bincount(pool, self._need[self._load, pool], self._need.shape[1]))

    def _advance(self) -> None:
        self._step += 1
        base = self._ladders.cost(slice(None), self._use, self._strain)
        moves = self._moves(base)
        load, pool = divmod(int(moves.argmin()), moves.shape[1])
        rows = self._rows()
        swaps = self._swaps(rows, base)
        row, other = divmod(int(swaps.argmin()), swaps.shape[1])
        if swaps[row, other] < moves[load, pool]:
            one, its = int(rows[row]), int(self._pool[rows[row]])
            self._put(one, int(self._pool[other]))
            self._put(other, its)
        else:
            self._put(load, pool)
        if (self._use <= self._ladders.start[-1]).all():
            self._strain /= STRAIN_STEP
            self._note()
        else:
            self._strain *= STRAIN_STEP
        if self._step - self._last > STALLED:
            self._throw()

    def _moves(self, base: Floats) -> Floats:
        """Change of cost of moving each load to each pool, [L, P]."""
        here, load = self._pool, self._load
        left = self._ladders.cost(here, self._use[here] - self._need[load, here], self._strain) - base[here] - self._weighed[load, here]
        change = self._weighed + self._ladders.cost(slice(None), self._use + self._need, self._strain) - base + left[:, None]
        change[load, here] = FORBIDDEN
        change[self._until > self._step] = FORBIDDEN
        return np.asarray(change)

    def _rows(self) -> Ints:
        loads = len(self._pool)
        return self._load if loads <= ROWS else self._random.choice(loads, ROWS, replace=False)

    def _swaps(self, rows: Ints, base: Floats) -> Floats:
        """Change of cost of swapping the pools of two loads, [rows, L]."""
        change = self._into(rows, self._load, base) + self._into(self._load, rows, base).T
        change[self._pool[rows][:, None] == self._pool] = FORBIDDEN
        return np.asarray(change)

    def _into(self, loads: Ints, others: Ints, base: Floats) -> Floats:
        """Change of cost in the others' pools and of the loads, where each load takes the other's place, [loads, others]."""
        pool = self._pool[others]
        at = np.ix_(loads, pool)
        use = (self._use[pool] - self._need[others, pool]) + self._need[at]
        change = self._weighed[at] + self._ladders.cost(pool, use, self._strain) - base[pool]
        change -= self._weighed[loads, self._pool[loads]][:, None]
        change[self._until[at] > self._step] = FORBIDDEN
        return np.asarray(change)

    def _put(self, load: int, pool: int) -> None:
        left = int(self._pool[load])
        self._until[load, left] = self._step + self._random.integers(TENURE, TENURE + 5 + len(self._pool) // TENURE_LOADS)
        self._use[left] -= self._need[load, left]
        self._use[pool] += self._need[load, pool]
        self._pool[load] = pool

    def _note(self) -> None:
        """Keeps where it is if that is the best so far."""
        if (self._use > self._ladders.start[-1]).any():
            return
        cost = float(self._cost[self._load, self._pool].sum() + self._ladders.cost(slice(None), self._use, 0.0).sum())
        if cost < self.best_usd:
            self.best_usd, self._best = cost, self._pool.copy()
            self._last = self._found = self._step

    def _throw(self) -> None:
        """Goes back to the best, with some loads in other pools."""
        self._pool, self._last = self._best.copy(), self._step
        for load in self._random.choice(len(self._pool), max(2, int(THROWN * len(self._pool))), replace=False):
            self._pool[load] = self._random.choice(np.flatnonzero(~self._far[load]))
        self._use = self._used(self._pool)
        self._until[:] = 0


def _tables(problem: PlanningProblem, decisions: Decisions) -> tuple[Floats, Floats]:
    """Discounted USD of each load in each pool, `FORBIDDEN` where it may not be, and accelerators needed there, [L, P]."""
    needs = problem.needs
    shape = (len(needs.loads), len(problem.pools))
    cost, need = np.full(shape, FORBIDDEN), np.zeros(shape)
    here = problem.placed_before[needs.pair_load]
    moving = np.where((here >= 0) & (here != needs.pair_pool), problem.enter_cash, 0.0)
    forced = np.zeros(shape[0], dtype=np.bool_)
    forced[needs.pair_load[problem.pair_forced[:, 0]]] = True
    may = open_pairs(problem, decisions)[:, 0] & (problem.pair_forced[:, 0] | ~forced[needs.pair_load])
    at = needs.pair_load, needs.pair_pool
    cost[at] = np.where(may, (problem.egress_cash[:, 0, 0] + moving) * problem.discount[0], FORBIDDEN)
    need[at] = needs.need[:, 0, 0, 0]
    return cost, need
