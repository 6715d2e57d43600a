"""Dives along prices: contracts and large loads are decided on some at a time, and prices follow each decision.

Decisions that are each rounded by themselves fit badly together: too many contracts are signed or too few, and two large loads are put
where there is room for one. With prices that follow, what is decided later knows what has been decided. Contracts come first, then loads
from the largest on; of each, those first that prices leave least open. A dive ends with a plan, and proves nothing about others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem, Supply
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.arrays import Prepared, with_lots, with_pairs
from optimizer.pricing.ascent import price_prepared
from optimizer.pricing.prices import Prices, Shares
from optimizer.solve.contract_search import rivals_of
from optimizer.solve.rounding import rounded

OPEN = 0.02  # of a lot or a load, or more, that is taken otherwise
AT_ONCE = 0.7  # of what is open
FIRST_LOADS = 4  # of the largest, and then twice as many each time
LARGE = 0.1  # of what the mean pool is asked for: smaller loads are left open
EVALUATIONS, RATE = 50, 0.02  # after each decision
SHARPER = 4.0  # power of the shares by which decisions are drawn


@dataclass(frozen=True, kw_only=True)
class Dived:
    """Where a dive has ended."""

    decisions: Decisions | None  # None: prices say that they would cost too much, or nothing was open
    bound_usd: float  # what plans with all that was decided cost at least


def dive(
    problem: PlanningProblem, prepared: Prepared, start: Prices, *, cutoff_usd: float = np.inf, seed: tuple[int, ...] | None = None
) -> Dived:
    """Decides until contracts and large loads are whole, or plans cost the cutoff at least.

    Args:
      prepared: the problem's arrays.
      start: with shares.
      seed: decisions are drawn by these shares; None: each is what most of it is.
    """
    random = None if seed is None else np.random.default_rng(seed)
    dive = _Dive(problem, prepared, start, _drawn(random))
    while dive.prices.bound_usd < cutoff_usd:
        if not (dive.decide_contracts() or dive.decide_loads()):
            ended = None if dive.prices is start else rounded(problem, dive.shares)
            return Dived(decisions=ended, bound_usd=dive.prices.bound_usd)
        dive.follow()
    return Dived(decisions=None, bound_usd=dive.prices.bound_usd)


Draw = Callable[[Floats], Ints]


def _drawn(random: np.random.Generator | None) -> Draw:
    """Picks one of the first axis in each column: what has most of it, or by chance, the same in columns alike."""

    def most(shares: Floats) -> Ints:
        return np.asarray(shares.argmax(axis=0))

    def by_chance(shares: Floats) -> Ints:
        assert random is not None
        until = np.cumsum(shares**SHARPER, axis=0)
        return np.asarray((until <= random.random() * until[-1]).sum(axis=0).clip(0, len(shares) - 1))

    return most if random is None else by_chance


@dataclass
class _Dive:
    problem: PlanningProblem
    prepared: Prepared
    prices: Prices
    draw: Draw

    def __post_init__(self) -> None:
        needs = self.problem.needs
        self.supply = self.problem.supply
        self.allowed: Bools = self.problem.pair_allowed.copy()
        self.decided = np.zeros(len(needs.loads), dtype=np.bool_)
        self.large = _large_loads(self.problem)
        self.looked_at = FIRST_LOADS
        self.paired = self.prepared

    @property
    def shares(self) -> Shares:
        assert self.prices.shares is not None
        return self.prices.shares

    def follow(self) -> None:
        """Prices of what is decided by now."""
        prepared = with_lots(self.paired, self.supply.least_lots, self.supply.most_lots)
        self.prices = price_prepared(prepared, iterations=EVALUATIONS, start=self.prices, rate=RATE)

    def decide_contracts(self) -> bool:
        """Some of the open contracts at whole lots; False where none is open."""
        held = self.shares.staying + self.shares.leaving.sum(axis=1)
        away = np.where(self.supply.least_lots < self.supply.most_lots, np.abs(held - np.rint(held)), 0.0)
        picked = _least_open(away)
        for k in picked:
            below = np.floor(held[k])
            lots = below + self.draw(np.array([[below + 1.0 - held[k]], [held[k] - below]]))[0]
            self.supply = decided(self.supply, int(k), int(lots))
        return len(picked) > 0

    def decide_loads(self) -> bool:
        """Some of the open large loads each in one pool a period; False where none is open."""
        open_ = np.where(self.decided, 0.0, _away(self.problem, self.shares))
        while True:
            away = np.zeros(len(open_))
            some = self.large[: self.looked_at]
            away[some] = open_[some]
            picked = _least_open(away)
            if len(picked) or self.looked_at >= len(self.large):
                break
            self.looked_at *= 2
        for load in picked:
            rows = np.flatnonzero(self.problem.needs.pair_load == load)
            pools = self.draw(self.shares.pair[rows])
            self.allowed[rows] &= np.arange(len(rows))[:, None] == pools
            self.decided[load] = True
        if len(picked):
            self.paired = with_pairs(self.prepared, self.allowed)
        return len(picked) > 0


def _least_open(away: Floats) -> Ints:
    """Of all that are open the share `AT_ONCE` that is least so, one at least."""
    open_ = np.flatnonzero(away > OPEN)
    return open_[np.argsort(away[open_], kind="stable")][: max(1, int(AT_ONCE * len(open_)))]


def _away(problem: PlanningProblem, shares: Shares) -> Floats:
    """How far each load is from being in one pool a period, [L]; 0 where more of it is nowhere than in any pool."""
    load, loads = problem.needs.pair_load, len(problem.needs.loads)
    most, whole = np.zeros((2, loads, shares.pair.shape[1]))
    np.maximum.at(most, load, shares.pair)
    np.add.at(whole, load, shares.pair)
    return np.asarray(np.where((1.0 - whole <= most).all(axis=1), (1.0 - most).max(axis=1), 0.0))


def _large_loads(problem: PlanningProblem) -> Ints:
    """Loads that hold many accelerators around the clock, the largest first."""
    needs = problem.needs
    size = np.zeros(len(needs.loads))
    np.maximum.at(size, needs.pair_load, needs.need.mean(axis=(1, 2, 3)))
    return np.argsort(-size, kind="stable")[: int((size > LARGE * size.sum() / len(problem.pools)).sum())]


def decided(supply: Supply, k: int, lots: int) -> Supply:
    """The supply with so many lots of contract k and its copies, and none of its alternatives where that is any.

    Beside an alternative that is held in any case there are as few lots as may be.
    """
    alike = _copies(supply, k)
    least, most = supply.least_lots.copy(), supply.most_lots.copy()
    others = rivals_of(supply, alike)
    most[alike] = np.clip(0 if (least[others] > 0).any() else lots, least[alike], most[alike])
    least[alike] = most[alike]
    if most[alike].any():
        most[others] = least[others]
    return replace(supply, least_lots=least, most_lots=most)


def _copies(supply: Supply, k: int) -> Bools:
    """[K] contracts of which there are as many lots."""
    alike: Bools = np.arange(len(supply.contracts)) == k
    for pairs in (supply.same_lots, supply.same_lots[::-1]):
        for a, b in pairs:
            alike[[a, b]] |= alike[a] or alike[b]
    return alike
