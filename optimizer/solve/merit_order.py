"""What pools charge for more use, in merit order, in each period, block and scenario by itself.

What is paid for under take-or-pay costs nothing, then come the rest of the contracts and the market by price, then shortage. Flexible work
comes after what is held around the clock: it takes what is cheapest in any block, spot included, and is missed where that costs less. A
contract that covers several pools offers each what it uses now and what is left over. Fulfilment intervals are left to the linear
program that settles the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.market import settled_in
from optimizer.solve.cost import active_lots


@dataclass
class Use:
    """Work in pools. Axes P pools, T periods, B blocks, S scenarios."""

    held: Floats  # [P, T, B, S] working accelerators held around the clock
    work: Floats  # [P, T, S] accelerator-hours of flexible work
    limit: Floats  # [P, T, S] accelerators that flexible work can keep busy at once
    worth: Floats  # [P, T, S] discounted USD, weighted by probability, of missing all the flexible work

    @classmethod
    def none(cls, pools: int, shape: tuple[int, int, int]) -> Use:
        periods, blocks, scenarios = shape
        flexible = (np.zeros((pools, periods, scenarios)) for _ in range(3))
        work, limit, worth = flexible
        return cls(np.zeros((pools, periods, blocks, scenarios)), work, limit, worth)

    def of(self, pools: Ints | int) -> Use:
        return Use(self.held[pools], self.work[pools], self.limit[pools], self.worth[pools])

    def plus(self, more: Use) -> Use:
        return Use(self.held + more.held, self.work + more.work, self.limit + more.limit, self.worth + more.worth)


@dataclass(frozen=True)
class Settlement:
    """How much of contracts' settlements moves with what is drawn: the weights of spend above commitment and of missing minimum spend.

    An excess of 1 charges all draws, as spend is above the commitment anyhow; 0 none, as it stays below; at a half the take-or-pay share
    is free and the rest is charged, in each hour by itself.
    """

    excess: Floats  # [K, T, S]
    short: Floats  # [K, T, S]


def unknown_settlement(problem: PlanningProblem) -> Settlement:
    shape = (len(problem.supply.contracts), len(problem.periods), len(problem.scenarios))
    return Settlement(np.full(shape, 0.5), np.zeros(shape))


def pair_use(problem: PlanningProblem, pairs: Ints) -> Use:
    """What pairs ask of their pools, axis N in place of P."""
    needs = problem.needs
    work = needs.work[pairs]
    if not work.any():
        nothing = np.broadcast_to(0.0, work.shape)
        return Use(needs.need[pairs].astype(np.float64), nothing, nothing, nothing)
    worth = problem.missed_price[needs.pair_load[pairs]][:, None, None] * work * problem.discount[:, None] * problem.probability
    return Use(needs.need[pairs].astype(np.float64), work, needs.work_limit[pairs], worth)


class Pools:
    """Use of every pool and what more use costs. Axes as in `Use`; K contracts, J covered pairs of them, O offers, Z steps of a ladder."""

    def __init__(self, problem: PlanningProblem, decisions: Decisions, settlement: Settlement | None = None) -> None:
        self._problem = problem
        supply, count = problem.supply, len(problem.pools)
        self.use = Use.none(count, problem.shape)
        self.traffic = np.zeros((len(problem.sites), len(problem.periods)))  # GB/s
        self.open = open_pairs(problem, decisions)
        self.run_open = open_options(problem, decisions)
        self._lots = active_lots(problem, decisions)
        held = supply.capacity * self._lots[:, :, None]
        self._held = np.broadcast_to(held[:, :, None, :], (len(held), *problem.shape))
        self._left = np.concatenate([self._held, np.zeros((1, *problem.shape))])
        self._drawn = np.zeros((len(supply.cover_pool) + 1, *problem.shape))  # the last: no contract
        self._paid = np.zeros_like(self._drawn)
        self._weight = (problem.discount[:, None] * problem.probability)[:, None, :]
        self._covers = _listed(supply.cover_pool, count, len(supply.cover_pool))
        self._offers = _listed(supply.offer_pool, count, len(supply.offers))
        self._contract = np.append(supply.cover_contract, len(supply.contracts))  # the last: no contract
        limit = np.vstack([supply.offer_limit, np.zeros((1, len(problem.periods)))])
        self._limit = limit * np.append(1.0 - supply.offer_loss, 1.0)[:, None]
        charges, self._settled_usd = self._charges(settlement or unknown_settlement(problem), held)
        self._order, self._price, self._spot = self._ladders(*charges)
        self._linked = linked_pools(problem)
        self._stale = set(range(len(self._linked)))
        self._now = np.zeros((count, len(problem.periods)))
        self._group = np.zeros(count, dtype=np.int64)
        for group, pools in enumerate(self._linked):
            self._group[pools] = group

    def _charges(self, settlement: Settlement, held: Floats) -> tuple[tuple[Floats, Floats], float]:
        """What an accelerator-hour of each contract costs, paid share and beyond, [K, T, S]; what is settled whatever is drawn."""
        problem, supply = self._problem, self._problem.supply
        hours = problem.hours.sum(axis=1)[:, None]
        weight = settled_in(problem)[:, :, None] * problem.probability
        paid, rest = (np.clip(2.0 * settlement.excess - less, 0.0, 1.0) * supply.excess_price * weight for less in (1.0, 0.0))
        commitment = supply.take_or_pay_share[:, None, None] * held * hours
        owed = (supply.minimum_cash - supply.fixed_fee_cash) * self._lots[:, :, None] - supply.eligible_spend_cash
        owed = owed / supply.list_ratio[:, None, None] - supply.price_cash * commitment
        settled = (settlement.short * weight * owed).sum() - (paid * commitment).sum()
        return (paid, rest), float(settled)

    def _ladders(self, paid: Floats, rest: Floats) -> tuple[Ints, Floats, Bools]:
        """Sources of each pool by price, their prices per accelerator-hour used, and whether they are spot, each [P, Z, T, 1, S]."""
        problem, supply = self._problem, self._problem.supply
        shape = (len(problem.periods), 1, len(problem.scenarios))
        charges = (np.concatenate([charge, np.zeros((1, *charge.shape[1:]))]) for charge in (paid, rest))
        contract = [charge[self._contract[self._covers]][:, :, :, None, :] for charge in charges]
        price = np.concatenate([supply.offer_price_cash / (1.0 - supply.offer_loss)[:, None, None], np.zeros((1, shape[0], shape[2]))])
        market = price[self._offers][:, :, :, None, :] * self._weight
        spot = np.append(supply.offer_spot, False)[self._offers]
        each = np.concatenate([*contract, market], axis=1)
        is_spot = np.concatenate([np.zeros((len(each), 2 * self._covers.shape[1]), dtype=np.bool_), spot], axis=1)
        order = np.argsort(each, axis=1, kind="stable")
        by_price = np.take_along_axis(np.broadcast_to(is_spot[:, :, None, None, None], each.shape), order, axis=1)
        return order, np.take_along_axis(each, order, axis=1), by_price

    def add(self, pool: int, periods: Bools | slice, more: Use, sign: float) -> None:
        """Adds (or, sign -1, takes away) use in some periods; arrays of `more` start with the period."""
        for name in ("held", "work", "limit", "worth"):
            getattr(self.use, name)[pool, periods] += sign * getattr(more, name)[periods]
        self._stale.add(int(self._group[pool]))

    def refill(self) -> None:
        """Shares contracts' capacity out to their pools again where use has changed, those named first in the tables first."""
        if not self._stale:
            return
        for group in self._stale:
            self._share_out(self._linked[group])
        changed = np.concatenate([self._linked[group] for group in sorted(self._stale)])
        self._now[changed] = self.cost(changed, self.use.of(changed))
        self._stale.clear()

    def _share_out(self, pools: Ints) -> None:
        supply, works = self._problem.supply, self._problem.availability
        mine = np.flatnonzero(np.isin(supply.cover_pool, pools))
        if not len(mine):
            return
        contracts = np.unique(supply.cover_contract[mine])
        self._left[contracts] = self._held[contracts]
        wanted = {int(p): self.use.held[p] / works[p] for p in pools}
        for j in mine:
            k, p = supply.cover_contract[j], int(supply.cover_pool[j])
            self._drawn[j] = np.clip(wanted[p], 0.0, self._left[k])
            wanted[p] = wanted[p] - self._drawn[j]
            self._left[k] -= self._drawn[j]
        for j in mine:
            k, p = supply.cover_contract[j], int(supply.cover_pool[j])
            if self.use.work[p].any():
                self._draw_work(int(j), int(k), p)
        share = supply.take_or_pay_share[contracts, None, None, None] * self._held[contracts]
        drawn = self._held[contracts] - self._left[contracts]
        spare = np.maximum(0.0, share - drawn)
        covered = np.divide(share, drawn, out=np.ones_like(drawn), where=drawn > share)
        at = np.searchsorted(contracts, supply.cover_contract[mine])
        self._paid[mine] = self._drawn[mine] * covered[at] + spare[at]

    def _draw_work(self, j: int, k: int, p: int) -> None:
        """Flexible work of a pool spread over what a contract has left."""
        room = np.minimum(self._left[k], (self.use.limit[p] / self._problem.availability[p])[:, None, :])
        hours = np.einsum("tb,tbs->ts", self._problem.hours, room)
        work = self.use.work[p] / self._problem.availability[p]
        share = np.minimum(1.0, np.divide(work, hours, out=np.zeros_like(hours), where=hours > 0))
        self._drawn[j] += share[:, None, :] * room
        self._left[k] -= share[:, None, :] * room

    def now(self, pools: Ints) -> Floats:
        """Discounted, expected USD of the use of some pools in each period, [N, T]."""
        self.refill()
        return np.asarray(self._now[pools])

    def total(self) -> float:
        """Discounted, expected USD of all use."""
        self.refill()
        return float(self._now.sum()) + self._settled_usd

    def cost(self, pools: Ints, use: Use) -> Floats:
        """Discounted, expected USD in each period of some use in each of some pools (axis N in place of P), [N, T]."""
        problem, hours = self._problem, self._problem.hours
        works = problem.availability[pools][:, None, None, None]
        covers = self._covers[pools]
        paid = self._paid[covers]
        rest = np.maximum(self._drawn[covers] + self._left[self._contract[covers]] - paid, 0.0)
        market = np.broadcast_to(self._limit[self._offers[pools]][..., None, None], (*self._offers[pools].shape, *problem.shape))
        sources = np.concatenate([paid, rest, market], axis=1)
        order, price, spot = self._order[pools], self._price[pools], self._spot[pools]
        steps = np.take_along_axis(sources, np.broadcast_to(order, sources.shape), axis=1)
        firm = np.where(spot, 0.0, steps) if spot.any() else steps
        wanted = np.maximum(use.held, 0.0) / works
        reached = np.minimum(np.cumsum(firm, axis=1), wanted[:, None])
        taken = np.diff(reached, axis=1, prepend=0.0)
        short = wanted - reached[:, -1]
        spent = (taken * price).sum(axis=1)
        spent += short * works * problem.shortage_price[pools][:, None, None, None] * self._weight
        cost = np.asarray(np.einsum("tb,ntbs->nt", hours, spent))
        flexible = np.flatnonzero((use.work > 0).any(axis=(1, 2)))
        if len(flexible):
            cost[flexible] += self._work_cost(use.of(flexible), (steps - taken)[flexible], price[flexible], works[flexible])
        return cost

    def _work_cost(self, use: Use, free: Floats, price: Floats, works: Floats) -> Floats:
        """Discounted, expected USD of flexible work in what is free of each step, or of missing it, [N, T]."""
        hours, left = self._problem.hours[:, :, None], use.work / works[:, 0]
        room = np.repeat((use.limit / works[:, 0])[:, :, None], hours.shape[1], axis=2)
        missing = np.divide(use.worth, left, out=np.zeros_like(left), where=left > 0)
        total = np.zeros_like(left)
        for z in range(free.shape[1]):
            usable = np.minimum(np.where(np.isfinite(free[:, z]), free[:, z], room), room)
            most = (hours * usable).sum(axis=2)
            done = np.where(price[:, z, :, 0] < missing, np.minimum(left, most), 0.0)
            share = np.divide(done, most, out=np.zeros_like(most), where=most > 0)
            room = room - usable * share[:, :, None]
            left = left - done
            total += done * price[:, z, :, 0]
        return np.asarray((total + left * missing).sum(axis=2))


def _listed(owner: Ints, owners: int, none: int) -> Ints:
    """Numbers of the things that each owner has, in order, filled up with `none`, [owners, most]."""
    count = np.bincount(owner, minlength=owners)
    listed = np.full((owners, int(count.max(initial=0))), none)
    order = np.argsort(owner, kind="stable")
    listed[owner[order], np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)] = order
    return listed


def linked_pools(problem: PlanningProblem) -> list[Ints]:
    """Pools in groups that share contracts."""
    group = np.arange(len(problem.pools))
    for k in range(len(problem.supply.contracts)):
        covered = problem.supply.cover_pool[problem.supply.cover_contract == k]
        if len(covered) > 1:
            group[np.isin(group, group[covered])] = group[covered[0]]
    return [np.flatnonzero(group == g) for g in np.unique(group)]


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
