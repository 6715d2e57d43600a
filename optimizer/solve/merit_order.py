"""What a pool charges for more use, in merit order, in each period, block and scenario by itself.

What is paid for under take-or-pay costs nothing, then come the rest of the contracts and the market by price, then shortage. A
contract that covers several pools offers each what it uses now and what is left over. Fulfilment intervals are left to the linear
program that settles the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import active_lots


@dataclass(frozen=True)
class Ladder:
    """A pool's sources of capacity in the order of their prices, in each period and scenario by itself. Axis Z sources."""

    covers: Ints  # covered pairs J of the contracts; each is two sources: what is paid for, and the rest
    offers: Ints  # O
    order: Ints  # [Z, T, 1, S] the source at each step
    price: Floats  # [Z, T, 1, S] discounted USD per accelerator-hour at each step, weighted by probability


class Pools:
    """Use of every pool and what more use costs. Axes P pools, T periods, B blocks, S scenarios."""

    def __init__(self, problem: PlanningProblem, decisions: Decisions) -> None:
        self._problem = problem
        supply = problem.supply
        self.use = np.zeros((len(problem.pools), *problem.shape))  # working accelerators in use
        self.traffic = np.zeros((len(problem.sites), len(problem.periods)))  # GB/s
        self.open = open_pairs(problem, decisions)
        self.run_open = open_options(problem, decisions)
        held = supply.capacity * active_lots(problem, decisions)
        self._held = np.broadcast_to(held[:, :, None, None], (len(held), *problem.shape))
        self._limit = np.broadcast_to(supply.offer_limit[:, :, None, None], (len(supply.offers), *problem.shape))
        self._drawn = np.zeros((len(supply.cover_pool), *problem.shape))
        self._weight = (problem.discount[:, None] * problem.probability)[:, None, :]
        self._ladders = [self._ladder(pool) for pool in range(len(problem.pools))]

    def _ladder(self, pool: int) -> Ladder:
        supply = self._problem.supply
        covers = np.flatnonzero(supply.cover_pool == pool)
        offers = np.flatnonzero((supply.offer_pool == pool) & ~supply.offer_spot)
        contract = supply.price_cash[supply.cover_contract[covers]][:, :, None, None] * self._weight
        market = supply.offer_price_cash[offers][:, :, None, :] * self._weight
        price = np.concatenate([np.zeros_like(contract), contract, market])
        order = np.argsort(price, axis=0, kind="stable")
        return Ladder(covers, offers, order, np.take_along_axis(price, order, axis=0))

    def refill(self) -> None:
        """Shares each contract's capacity out to its pools, those named first in the tables first."""
        supply = self._problem.supply
        left = self._held.copy()
        for j, (k, p) in enumerate(zip(supply.cover_contract, supply.cover_pool, strict=True)):
            others = self._drawn_in(p, before=j)
            self._drawn[j] = np.clip(self.use[p] / self._problem.availability[p] - others, 0.0, left[k])
            left[k] -= self._drawn[j]
        self._left = left
        self._paid = self._paid_for()

    def _paid_for(self) -> Floats:
        """What each pool may draw of a contract without paying more than its take-or-pay share, [J, T, B, S]."""
        supply = self._problem.supply
        drawn = self._held - self._left
        share = supply.take_or_pay_share[:, None, None, None] * self._held
        spare = np.maximum(0.0, share - drawn)
        covered = np.divide(share, drawn, out=np.ones_like(drawn), where=drawn > share)
        return np.asarray(self._drawn * covered[supply.cover_contract] + spare[supply.cover_contract])

    def total(self) -> float:
        """Discounted, expected USD of all use."""
        self.refill()
        return float(sum(self.cost(p, self.use[p]).sum() for p in range(len(self.use))))

    def _drawn_in(self, pool: int, *, before: int) -> Floats:
        covers = self._ladders[pool].covers
        return np.asarray(self._drawn[covers[covers < before]].sum(axis=0))

    def cost(self, pool: int, use: Floats) -> Floats:
        """Discounted, expected USD in each period, [T], of `use` accelerators, [T, B, S], in the pool."""
        problem, ladder = self._problem, self._ladders[pool]
        paid = self._paid[ladder.covers]
        rest = self._drawn[ladder.covers] + self._left[problem.supply.cover_contract[ladder.covers]] - paid
        sources = np.concatenate([paid, np.maximum(rest, 0.0), self._limit[ladder.offers]])
        steps = np.take_along_axis(sources, np.broadcast_to(ladder.order, sources.shape), axis=0)
        wanted = np.maximum(use, 0.0) / problem.availability[pool]
        reached = np.minimum(np.cumsum(steps, axis=0), wanted)
        taken = np.diff(reached, axis=0, prepend=np.zeros_like(reached[:1]))
        short = wanted - reached[-1] if len(reached) else wanted
        spent = (taken * ladder.price).sum(axis=0)
        spent += short * problem.availability[pool] * problem.shortage_price[pool] * self._weight
        return np.asarray(np.einsum("tb,tbs->t", problem.hours, spent))


def open_pairs(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """True where pins and the exclusivity clauses of contracts in force let a pair be used, [N, T]."""
    supply, needs = problem.supply, problem.needs
    active = active_lots(problem, decisions) > 0
    supplier = problem.pool_supplier[needs.pair_pool]
    allowed = problem.pair_allowed.copy()
    for k, excluded in supply.excluded_supplier:
        allowed &= ~((supplier == excluded)[:, None] & active[k])
    for k, load in supply.exclusive_work:
        elsewhere = (needs.pair_load == load) & (supplier != supply.contract_supplier[k])
        allowed &= ~(elsewhere[:, None] & active[k])
    return np.asarray(allowed)


def open_options(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """True where the exclusivity clauses of contracts in force let a training option be taken, [G]."""
    supply, needs = problem.supply, problem.needs
    active = active_lots(problem, decisions) > 0
    period = np.arange(len(problem.periods))
    held = (needs.option_start[:, None] <= period) & (period < needs.option_stop[:, None])
    supplier = problem.pool_supplier[needs.option_pool]
    allowed = np.ones(len(supplier), dtype=np.bool_)
    for k, excluded in supply.excluded_supplier:
        allowed &= ~((supplier == excluded) & (held & active[k]).any(axis=1))
    for k, run in supply.exclusive_run:
        elsewhere = (needs.option_run == run) & (supplier != supply.contract_supplier[k])
        allowed &= ~(elsewhere & (held & active[k]).any(axis=1))
    return allowed
