"""How a plan is run when something else happens than it was made for: contracts, placements and training stay, draws follow a merit order.

In every period, block and scenario by itself, work takes

    1. contracts: all of those that cost less than the market beyond their commitment, of others as much as is paid for anyway
    2. offers by price, spot only for work that may use it
    3. what is left of contracts
    4. shortage, or, for flexible work, being missed; either as soon as it costs less

What is paid for anyway is the larger of commitment and minimum spend of each fulfilment interval: the share of their capacity that dear
contracts give is halved into until their spend comes to it. A contract over several pools serves those with the dearest market first. Every
rule of capacity is kept; limits on budgets and on suppliers' shares of hours are not asked for, and burst is not used. So the cost is one
that can be reached, and somewhat above the least.

Axes as in `PlanningProblem`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.solve.cost import active_lots, placed_pairs
from optimizer.solve.settle import undrawn, used_accelerators

HALVINGS = 12


@dataclass(frozen=True)
class _Work:
    """What asks for capacity."""

    firm: Floats  # [P, T, B, S] working accelerators that may not be spot
    any_kind: Floats  # [P, T, B, S] that may
    closed: Bools  # [P, T]
    flexible: tuple[tuple[int, int, Bools], ...]  # (load, pool, [T] periods in which it is there)
    wanted: Floats  # [L, T, S] accelerator-hours of flexible work
    limit: Floats  # [L, T, S] accelerators at once


def operate(problem: PlanningProblem, decisions: Decisions, closed: Bools | None = None) -> Plan:
    """The plan with its draws in every scenario of the problem.

    Args:
      closed: [P, T] where nothing can be drawn; None: nowhere.
    """
    work = _work(problem, decisions, np.zeros((len(problem.pools), len(problem.periods)), dtype=np.bool_) if closed is None else closed)
    market = _cheapest_offer(problem)
    held = (problem.supply.capacity * active_lots(problem, decisions)[:, :, None])[:, :, None, :]
    dear = _dear(problem, market)
    low, high = np.zeros((2, *problem.supply.interval.shape, len(problem.scenarios)))
    high[:] = 1.0
    drawn = _Draws(problem, work, held, np.where(dear, high, 1.0), market)
    if dear.any():
        free = _paid_anyway(problem, held[:, :, 0])
        for _ in range(HALVINGS):
            share = 0.5 * (low + high)
            drawn = _Draws(problem, work, held, np.where(dear, share, 1.0), market)
            over = _by_interval(problem, drawn.first_spend()) > free
            low, high = np.where(over, low, share), np.where(over, share, high)
        drawn = _Draws(problem, work, held, np.where(dear, low, 1.0), market)
    drawn.rest()
    served = np.asarray(drawn.served)
    plan = replace(undrawn(problem, decisions), contract_draw=drawn.contract, offer_draw=drawn.offer, served=served)
    return replace(plan, shortage=np.maximum(drawn.firm, 0.0) + np.maximum(drawn.any_kind, 0.0))


def _work(problem: PlanningProblem, decisions: Decisions, closed: Bools) -> _Work:
    needs, none = problem.needs, np.zeros((len(problem.needs.loads), *problem.shape))
    everything = used_accelerators(problem, decisions, none)
    firm = used_accelerators(problem, decisions, none, spot=False)
    placed = placed_pairs(problem, decisions)
    pairs = np.flatnonzero(needs.flexible[needs.pair_load] & placed.any(axis=1))
    wanted, limit = np.zeros((2, len(needs.loads), len(problem.periods), len(problem.scenarios)))
    for n in pairs:
        wanted[needs.pair_load[n]] += needs.work[n] * placed[n][:, None]
        limit[needs.pair_load[n]] += needs.work_limit[n] * placed[n][:, None]
    flexible = tuple((int(needs.pair_load[n]), int(needs.pair_pool[n]), placed[n]) for n in pairs)
    return _Work(firm, everything - firm, closed, flexible, wanted, limit)


def _cheapest_offer(problem: PlanningProblem) -> Floats:
    """Price of a working accelerator-hour in each pool beyond its contracts, [P, T, S]: its cheapest firm offer, or shortage."""
    supply = problem.supply
    price = np.repeat(np.repeat(problem.shortage_price[:, None, None], len(problem.periods), axis=1), len(problem.scenarios), axis=2)
    for o in np.flatnonzero(~supply.offer_spot):
        p = supply.offer_pool[o]
        offered = np.where(supply.offer_limit[o][:, None] > 0, supply.offer_price_cash[o] / problem.availability[p], np.inf)
        price[p] = np.minimum(price[p], offered)
    return price


def _dear(problem: PlanningProblem, market: Floats) -> Bools:
    """Where drawing beyond what is paid for anyway costs more than the market of every pool covered, [K, T, S]."""
    supply = problem.supply
    best = np.zeros(supply.price_cash.shape)
    np.maximum.at(best, supply.cover_contract, (market * problem.availability[:, None, None])[supply.cover_pool])
    return np.asarray((supply.excess_price > best) & (supply.take_or_pay_share < 1.0)[:, None, None])


def _paid_anyway(problem: PlanningProblem, held: Floats) -> Floats:
    """Spend of each fulfilment interval up to which draws cost nothing more, for each of its periods, [K, T, S] USD.

    Args:
      held: [K, T, S] accelerators.
    """
    supply, hours = problem.supply, problem.hours.sum(axis=1)[:, None]
    lots = np.divide(held, supply.capacity, out=np.zeros_like(held), where=supply.capacity > 0)
    committed = supply.take_or_pay_share[:, None, None] * supply.excess_price * held * hours
    owed = (supply.minimum_cash - supply.fixed_fee_cash) * lots - supply.eligible_spend_cash
    return np.maximum(_by_interval(problem, committed), _by_interval(problem, owed) / supply.list_ratio[:, None, None])


def _by_interval(problem: PlanningProblem, cash: Floats) -> Floats:
    """The sum over its fulfilment interval in place of each period's, [K, T, S]."""
    total = np.zeros_like(cash)
    for k, interval in enumerate(problem.supply.interval):
        for w in np.unique(interval[interval >= 0]):
            within = interval == w
            total[k, within] = cash[k, within].sum(axis=0)
    return total


class _Draws:
    """Capacity shared out: first the contracts, as far as `share` lets them, then (`rest`) everything else."""

    def __init__(self, problem: PlanningProblem, work: _Work, held: Floats, share: Floats, market: Floats) -> None:
        supply, shape = problem.supply, problem.shape
        self.problem, self.work, self.held = problem, work, held
        self.firm, self.any_kind = work.firm.copy(), work.any_kind.copy()
        self.left = work.wanted.copy()  # [L, T, S]
        self.contract = np.zeros((len(supply.cover_pool), *shape))
        self.offer = np.zeros((len(supply.offers), *shape))
        self.served = np.zeros((len(work.wanted), *shape))
        self.drawn = np.zeros((len(supply.contracts), *shape))
        self.order = np.argsort(-market.mean(axis=(1, 2))[supply.cover_pool], kind="stable")
        self.take_contracts(np.broadcast_to(held * share[:, :, None, :], (len(held), *shape)))

    def first_spend(self) -> Floats:
        """USD at the price beyond the commitment, [K, T, S]."""
        return np.asarray(self.problem.supply.excess_price * np.einsum("tb,ktbs->kts", self.problem.hours, self.drawn))

    def rest(self) -> None:
        """Offers by price, then what is left of contracts."""
        supply, problem = self.problem.supply, self.problem
        usable = problem.availability[supply.offer_pool] * (1.0 - supply.offer_loss)
        price = supply.offer_price_cash / usable[:, None, None]
        for o in np.argsort(price.mean(axis=(1, 2)), kind="stable"):
            pays = (price[o] < problem.shortage_price[supply.offer_pool[o]]) & ~self.work.closed[supply.offer_pool[o]][:, None]
            limit = np.where(pays, supply.offer_limit[o][:, None], 0.0)[:, None, :]
            room = np.broadcast_to(limit, problem.shape)
            self.offer[o] = self._take(int(supply.offer_pool[o]), room, float(usable[o]), spot=bool(supply.offer_spot[o]), price=price[o])
        self.take_contracts(np.broadcast_to(self.held, self.drawn.shape))

    def take_contracts(self, most: Floats) -> None:
        """Draws up to [K, T, B, S] accelerators in all, rigid work before flexible work."""
        supply = self.problem.supply
        for flexible in (False, True):
            for j in self.order:
                k, p = supply.cover_contract[j], int(supply.cover_pool[j])
                room = np.where(self.work.closed[p][:, None, None], 0.0, np.maximum(most[k] - self.drawn[k], 0.0))
                if not room.any():
                    continue
                works = float(self.problem.availability[p])
                taken = self._do(p, room, works, None, spot=False) if flexible else self._hold(p, room, works, spot=False)
                self.contract[j] += taken
                self.drawn[k] += taken

    def _take(self, pool: int, room: Floats, works: float, *, spot: bool, price: Floats) -> Floats:
        taken = self._hold(pool, room, works, spot=spot)
        left = np.where(np.isfinite(room), room - taken, np.inf)
        return taken + self._do(pool, left, works, price, spot=spot)

    def _hold(self, pool: int, room: Floats, works: float, *, spot: bool) -> Floats:
        """Accelerators drawn for rigid work, [T, B, S]."""
        taken = np.zeros(room.shape)
        for wanted in (self.any_kind,) if spot else (self.firm, self.any_kind):
            more = np.minimum(wanted[pool] / works, room - taken)
            wanted[pool] -= more * works
            taken += more
        return taken

    def _do(self, pool: int, room: Floats, works: float, price: Floats | None, *, spot: bool) -> Floats:
        """Accelerators drawn for flexible work, spread evenly over what is free, [T, B, S].

        Args:
          price: [T, S] per working accelerator-hour, of what is bought for it; None: it is paid for.
        """
        problem, taken = self.problem, np.zeros(room.shape)
        for load, at, there in self.work.flexible:
            if at != pool or (spot and not problem.load_spot[load]):
                continue
            pays = there[:, None] if price is None else there[:, None] & (price < problem.missed_price[load])
            most = np.minimum((room - taken) * works, np.maximum(self.work.limit[load][:, None] - self.served[load], 0.0))
            hours = np.einsum("tb,tbs->ts", problem.hours, most)
            part = np.minimum(1.0, np.divide(self.left[load], hours, out=np.zeros_like(hours), where=hours > 0)) * pays
            given = most * part[:, None, :]
            self.served[load] += given
            self.left[load] = np.maximum(self.left[load] - part * hours, 0.0)
            taken = taken + given / works
        return taken
