"""Loads re-placed one at a time, each on its cheapest path through pools and periods while all others stay: passes until nothing improves.

What a pool charges for more use follows merit order, in each period, block and scenario: what is paid for under take-or-pay
costs nothing, then come the rest of the contracts and the market by price, then shortage. A contract that covers several pools
offers each what it uses now and what is left over.
Fulfilment intervals are left to the linear program that settles the plan; here each period stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import active_lots, cost_terms
from optimizer.solve.settle import undrawn

PASSES = 6
WORTHWHILE = 1e-9  # share of a load's cost below which a change is not worth a pass


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


def open_pairs(problem: PlanningProblem, decisions: Decisions) -> np.ndarray:
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


def open_options(problem: PlanningProblem, decisions: Decisions) -> np.ndarray:
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


def improve(problem: PlanningProblem, decisions: Decisions, *, passes: int = PASSES) -> tuple[Decisions, float]:
    """The best decisions met while loads and runs are re-placed until a pass changes nothing; contracts stay.

    Returns:
      Decisions, and their cost in USD as far as merit order sees it.
    """
    needs = problem.needs
    pools = Pools(problem, decisions)
    need = needs.need + (needs.work / problem.hours.sum(axis=1)[:, None])[:, :, None, :]
    placed, option = decisions.placed.copy(), decisions.option.copy()
    for load in range(len(needs.loads)):
        _use(problem, pools, need, load, placed[load], 1.0)
    for g in option[option >= 0]:
        _hold(problem, pools, g, 1.0)
    size = np.zeros(len(needs.loads))
    np.maximum.at(size, needs.pair_load, need.sum(axis=(1, 2, 3)))
    moves = np.stack([_moved(problem, load, placed[load]) for load in range(len(placed))])
    best = (decisions, np.inf)
    for _ in range(passes):
        changed = 0
        for load in np.argsort(-size, kind="stable"):
            changed += _replace_load(problem, pools, need, load, placed, moves)
        for r in range(len(needs.runs)):
            changed += _replace_run(problem, pools, r, option)
        now = replace(decisions, placed=placed.copy(), option=option.copy())
        cost = pools.total() + _fixed_cost(problem, now)
        if cost < best[1]:
            best = (now, cost)
        if not changed:
            break
    return best


def _fixed_cost(problem: PlanningProblem, decisions: Decisions) -> float:
    """Discounted, expected USD that does not depend on draws."""
    drawn = ("market", "shortage", "missed work", "excess", "minimum shortfall")
    terms = cost_terms(problem, undrawn(problem, decisions))
    return float(sum(value.sum() for name, value in terms.items() if name not in drawn))


def _use(problem: PlanningProblem, pools: Pools, need: Floats, load: int, path: Ints, sign: float) -> None:
    needs = problem.needs
    for n in np.flatnonzero(needs.pair_load == load):
        here = path == needs.pair_pool[n]
        if here.any():
            pools.use[needs.pair_pool[n], here] += sign * need[n, here]
            pools.traffic[problem.pool_site[needs.pair_pool[n]], here] += sign * needs.traffic_gb_per_s[load, here]


def _hold(problem: PlanningProblem, pools: Pools, g: int, sign: float) -> None:
    needs = problem.needs
    pools.use[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]] += sign * needs.option_gang[g]


def _moved(problem: PlanningProblem, load: int, path: Ints) -> Ints:
    """1 where the load changes pool at the start of the period, [T]; a new load enters the first period free."""
    before = np.concatenate([[problem.placed_before[load]], path[:-1]])
    moved = before != path
    moved[0] &= problem.placed_before[load] >= 0
    return np.asarray(moved, dtype=np.int64)


def _replace_load(problem: PlanningProblem, pools: Pools, need: Floats, load: int, placed: Ints, moves: Ints) -> bool:
    needs = problem.needs
    pairs = np.flatnonzero(needs.pair_load == load)
    old = placed[load].copy()
    _use(problem, pools, need, load, old, -1.0)
    pools.refill()
    costs = np.stack([_pair_cost(problem, pools, n, need[n]) for n in pairs.tolist()])
    unplaced = (problem.unplaced_cash[load] @ problem.probability) * problem.discount
    unplaced = np.where(problem.pair_forced[pairs].any(axis=0), np.inf, unplaced)
    others = moves.sum(axis=0) - moves[load]
    may_move = others + 1 <= problem.limits.most_moves
    path, cost = best_path(problem, load, pairs, costs, unplaced, may_move)
    changed = cost < path_cost(problem, load, pairs, costs, unplaced, old) * (1.0 - WORTHWHILE)
    if changed:
        placed[load] = path
        moves[load] = _moved(problem, load, path)
    _use(problem, pools, need, load, placed[load], 1.0)
    return bool(changed)


def _pair_cost(problem: PlanningProblem, pools: Pools, n: int, need: Floats) -> Floats:
    """Discounted USD of the pair in each period, [T]; inf where a pin or the site's bandwidth does not let the load in."""
    pool, load = problem.needs.pair_pool[n], problem.needs.pair_load[n]
    more = pools.cost(pool, pools.use[pool] + need) - pools.cost(pool, pools.use[pool])
    more = more + (problem.egress_cash[n] @ problem.probability) * problem.discount
    forced_elsewhere = problem.pair_forced[problem.needs.pair_load == load].any(axis=0) & ~problem.pair_forced[n]
    site = problem.pool_site[pool]
    fits = pools.traffic[site] + problem.needs.traffic_gb_per_s[load] <= problem.site_bandwidth[site]
    return np.where(pools.open[n] & ~forced_elsewhere & fits, more, np.inf)


def best_path(
    problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, may_move: np.ndarray
) -> tuple[Ints, float]:
    """Cheapest path of a load through its pools and "not placed", by dynamic programming over periods.

        best[n, t] = cost[n, t] + min(best[n, t-1], min over m of (best[m, t-1] + leave[m]) + enter[n])

    Args:
      costs: [pairs, T] discounted USD of each pair in each period; inf: not allowed.
      unplaced: [T] discounted USD of not placing it.
      may_move: [T] False where the load may not change pool at the start of the period.

    Returns:
      Pools by period, [T] with -1 for not placed, and the cost.
    """
    stay_cost = np.vstack([costs, unplaced])
    enter = np.append(problem.enter_cash[pairs], 0.0)
    leave = np.append(problem.leave_cash[pairs], 0.0)
    pools = np.append(problem.needs.pair_pool[pairs], -1)
    before = problem.placed_before[load]
    best = np.zeros(len(pools))
    if before >= 0:
        from_leave = float(leave[pools == before].sum())
        best = np.where(pools == before, 0.0, (from_leave + enter) * problem.discount[0] if may_move[0] else np.inf)
    best = best + stay_cost[:, 0]
    came = [np.arange(len(pools))]
    for t in range(1, stay_cost.shape[1]):
        source = int(np.argmin(best + leave * problem.discount[t]))
        moved = best[source] + (leave[source] + enter) * problem.discount[t] if may_move[t] else np.full(len(pools), np.inf)
        came.append(np.where(moved < best, source, np.arange(len(pools))))
        best = np.minimum(best, moved) + stay_cost[:, t]
    at = int(np.argmin(best))
    cost, states = float(best[at]), []
    for step in reversed(came):
        states.append(at)
        at = int(step[at])
    return pools[states[::-1]], cost


def path_cost(problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, path: Ints) -> float:
    """Discounted USD of one path, counted as `best_path` does."""
    pools = np.append(problem.needs.pair_pool[pairs], -1)
    state = np.array([int(np.flatnonzero(pools == pool)[0]) for pool in path])
    stay_cost = np.vstack([costs, unplaced])
    enter = np.append(problem.enter_cash[pairs], 0.0)
    leave = np.append(problem.leave_cash[pairs], 0.0)
    moved = _moved(problem, load, path).astype(np.bool_)
    first = int(state[0])
    if moved[0]:
        before = np.flatnonzero(pools == problem.placed_before[load])
        first = int(before[0]) if len(before) else len(pools) - 1  # leaving a pool that cannot serve the load any more is free
    came = np.concatenate([[first], state[:-1]])
    moving = ((leave[came] + enter[state]) * problem.discount)[moved].sum()
    return float(stay_cost[state, np.arange(len(path))].sum() + moving)


def _replace_run(problem: PlanningProblem, pools: Pools, r: int, option: Ints) -> bool:
    needs = problem.needs
    old = int(option[r])
    if old >= 0:
        _hold(problem, pools, old, -1.0)
    pools.refill()
    mine = np.flatnonzero((needs.option_run == r) & pools.run_open)
    cost = problem.option_usd[mine] + np.fromiter(_holding_costs(problem, pools, mine), dtype=np.float64, count=len(mine))
    none = np.inf if problem.run_forced[r] else float(problem.run_unplaced_usd[r])
    best = int(np.argmin(cost)) if len(mine) else -1
    new = int(mine[best]) if best >= 0 and cost[best] < none else -1
    now = none if old < 0 else float(cost[mine == old].sum()) if old in mine else np.inf
    least = float(cost[best]) if new >= 0 else none
    changed = least < now * (1.0 - WORTHWHILE)
    option[r] = new if changed else old
    if option[r] >= 0:
        _hold(problem, pools, int(option[r]), 1.0)
    return bool(changed)


def _holding_costs(problem: PlanningProblem, pools: Pools, options: Ints) -> Iterator[float]:
    """USD of the accelerators that each option holds: prefix sums over periods of a gang's cost in a pool."""
    needs = problem.needs
    sums: dict[tuple[int, int], Floats] = {}
    for g in options:
        key = int(needs.option_pool[g]), int(needs.option_gang[g])
        if key not in sums:
            used = pools.use[key[0]]
            more = pools.cost(key[0], used + key[1]) - pools.cost(key[0], used)
            sums[key] = np.concatenate([[0.0], np.cumsum(more)])
        yield float(sums[key][needs.option_stop[g]] - sums[key][needs.option_start[g]])
