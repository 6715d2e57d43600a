"""Loads re-placed one at a time, each on its cheapest path through pools and periods while all others stay.

Passes over all loads and training runs go on until nothing improves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import cost_terms
from optimizer.solve.merit_order import Pools, Settlement, Use, pair_use
from optimizer.solve.settle import undrawn

PASSES = 4
WORTHWHILE = 1e-9  # share of a load's cost below which a change is not worth making
FIXED_LINES = ("commitment", "fixed fee", "exit fee", "terminal", "other spend")  # that placing changes nothing of


def improve(
    problem: PlanningProblem,
    decisions: Decisions,
    *,
    passes: int = PASSES,
    settlement: Settlement | None = None,
    loads: Ints | None = None,
    over: Callable[[], bool] = lambda: False,
) -> tuple[Decisions, float]:
    """The best decisions met while loads and runs are re-placed until a pass changes nothing; contracts stay.

    Args:
      settlement: what is known of how contracts settle.
      loads: that are re-placed; None: all, and all runs.
      over: asked between loads; where true, what is done so far counts.

    Returns:
      Decisions, and their cost in USD as far as merit order sees it.
    """
    placing = Placing(problem, decisions, settlement)
    best = (decisions, np.inf)
    for _ in range(passes):
        changed = placing.replace_all(loads, over)
        cost = placing.cost()
        if cost < best[1]:
            best = (placing.decisions(), cost)
        if not changed or over():
            break
    return best


class Placing:
    """Where loads and runs are while a search moves them. Axes as in `Decisions`."""

    def __init__(self, problem: PlanningProblem, decisions: Decisions, settlement: Settlement | None = None) -> None:
        needs = problem.needs
        self._problem, self._start = problem, decisions
        self._price = (problem.egress_cash @ problem.probability) * problem.discount
        first = np.searchsorted(needs.pair_load, np.arange(len(needs.loads) + 1))
        self._pairs = [np.arange(start, stop) for start, stop in pairwise(first)]
        self._pools = Pools(problem, decisions, settlement)
        self._placed, self._option = decisions.placed.copy(), decisions.option.copy()
        self._moves = np.stack([moved(problem, load, path) for load, path in enumerate(self._placed)])
        size = needs.need.sum(axis=(1, 2, 3)) + needs.work.sum(axis=(1, 2)) / problem.hours.sum(axis=1).mean()
        largest = np.array([size[pairs].max(initial=0.0) for pairs in self._pairs])
        self._largest_first = np.argsort(-largest, kind="stable")
        fixed = cost_terms(problem, undrawn(problem, decisions))
        self._contracts_usd = float(sum(value.sum() for name, value in fixed.items() if name in FIXED_LINES))
        self._unplaced = (problem.unplaced_cash @ problem.probability) * problem.discount
        self._load_usd = np.zeros(len(needs.loads))  # besides capacity, of loads that have not changed since
        self._changed = set(range(len(needs.loads)))
        for load, path in enumerate(self._placed):
            self._use(load, path, 1.0)
        for g in self._option[self._option >= 0]:
            self._hold(int(g), 1.0)

    def decisions(self) -> Decisions:
        return replace(self._start, placed=self._placed.copy(), option=self._option.copy())

    def cost(self) -> float:
        """Discounted, expected USD as far as merit order sees it."""
        for load in self._changed:
            pairs = self._pairs[load]
            egress = self._price[pairs]
            self._load_usd[load] = path_cost(self._problem, load, pairs, egress, self._unplaced[load], self._placed[load])
        self._changed.clear()
        runs = np.where(self._option >= 0, self._problem.option_usd[self._option] if len(self._problem.option_usd) else 0.0, 0.0)
        missed = self._problem.run_unplaced_usd[self._option < 0]
        return self._pools.total() + self._contracts_usd + float(self._load_usd.sum() + runs.sum() + missed.sum())

    def replace_all(self, loads: Ints | None, over: Callable[[], bool]) -> bool:
        """One pass over loads, largest first, and without a choice of them over all runs; True where something changed."""
        changed = False
        for load in self._largest_first if loads is None else self._largest_first[np.isin(self._largest_first, loads)]:
            if over():
                return changed
            changed |= self._replace_load(int(load))
        for r in range(len(self._option) if loads is None else 0):
            changed |= self._replace_run(r)
        return changed

    def _use(self, load: int, path: Ints, sign: float) -> None:
        problem, needs = self._problem, self._problem.needs
        for n in self._pairs[load]:
            pool = int(needs.pair_pool[n])
            here = path == pool
            if here.any():
                self._pools.add(pool, here, pair_use(problem, np.array([n])).of(0), sign)
                self._pools.traffic[self._problem.pool_site[pool], here] += sign * needs.traffic_gb_per_s[load, here]

    def _hold(self, g: int, sign: float) -> None:
        needs = self._problem.needs
        pool, periods = int(needs.option_pool[g]), slice(needs.option_start[g], needs.option_stop[g])
        gang = Use.none(1, self._problem.shape).of(0)
        gang.held += needs.option_gang[g]
        self._pools.add(pool, periods, gang, sign)

    def _replace_load(self, load: int) -> bool:
        problem, pairs, old = self._problem, self._pairs[load], self._placed[load].copy()
        self._use(load, old, -1.0)
        self._pools.refill()
        costs = self._pair_costs(pairs)
        unplaced = np.where(problem.pair_forced[pairs].any(axis=0), np.inf, self._unplaced[load])
        others = self._moves.sum(axis=0) - self._moves[load]
        path, cost = best_path(problem, load, pairs, costs, unplaced, others + 1 <= problem.limits.most_moves)
        changed = cost < path_cost(problem, load, pairs, costs, unplaced, old) * (1.0 - WORTHWHILE)
        if changed:
            self._placed[load] = path
            self._moves[load] = moved(problem, load, path)
            self._changed.add(load)
        self._use(load, self._placed[load], 1.0)
        return bool(changed)

    def _pair_costs(self, pairs: Ints) -> Floats:
        """Discounted USD of the pairs of a load in each period, [pairs, T]; inf where a pin or a site's bandwidth does not let it in."""
        problem, needs, pools = self._problem, self._problem.needs, self._pools
        at, load = needs.pair_pool[pairs], needs.pair_load[pairs]
        now = pools.use.of(at)
        more = pools.cost(at, now.plus(pair_use(problem, pairs))) - pools.now(at) + self._price[pairs]
        elsewhere = problem.pair_forced[pairs].any(axis=0) & ~problem.pair_forced[pairs]
        site = problem.pool_site[at]
        fits = pools.traffic[site] + needs.traffic_gb_per_s[load] <= problem.site_bandwidth[site][:, None]
        return np.asarray(np.where(pools.open[pairs] & ~elsewhere & fits, more, np.inf))

    def _replace_run(self, r: int) -> bool:
        problem, needs, old = self._problem, self._problem.needs, int(self._option[r])
        if old >= 0:
            self._hold(old, -1.0)
        self._pools.refill()
        mine = np.flatnonzero((needs.option_run == r) & self._pools.run_open)
        cost = problem.option_usd[mine] + np.fromiter(self._holding_costs(mine), dtype=np.float64, count=len(mine))
        none = np.inf if problem.run_forced[r] else float(problem.run_unplaced_usd[r])
        now = none if old < 0 else float(cost[mine == old].sum()) if old in mine else np.inf
        best = int(np.argmin(cost)) if len(mine) else -1
        new, least = (int(mine[best]), float(cost[best])) if best >= 0 and cost[best] < none else (-1, none)
        changed = least < now * (1.0 - WORTHWHILE)
        self._option[r] = new if changed else old
        if self._option[r] >= 0:
            self._hold(int(self._option[r]), 1.0)
        return bool(changed)

    def _holding_costs(self, options: Ints) -> Iterator[float]:
        """USD of the accelerators that each option holds: prefix sums over periods of a gang's cost in a pool."""
        needs, pools = self._problem.needs, self._pools
        sums: dict[tuple[int, int], Floats] = {}
        for g in options:
            pool, gang = int(needs.option_pool[g]), int(needs.option_gang[g])
            if (pool, gang) not in sums:
                at = np.array([pool])
                now = pools.use.of(at)
                held = Use(now.held + gang, now.work, now.limit, now.worth)
                sums[pool, gang] = np.concatenate([[0.0], np.cumsum(pools.cost(at, held) - pools.now(at))])
            yield float(sums[pool, gang][needs.option_stop[g]] - sums[pool, gang][needs.option_start[g]])


def moved(problem: PlanningProblem, load: int, path: Ints) -> Ints:
    """1 where the load enters a pool at the start of the period, [T]; a new load enters the first period free."""
    before = np.concatenate([[problem.placed_before[load]], path[:-1]])
    entered = (before != path) & (path >= 0)
    entered[0] &= problem.placed_before[load] >= 0
    return np.asarray(entered, dtype=np.int64)


def best_path(problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, may_enter: Bools) -> tuple[Ints, float]:
    """Cheapest path of a load through its pools and "not placed", by dynamic programming over periods.

        best[n, t] = cost[n, t] + min(best[n, t-1], min over m of (best[m, t-1] + leave[m]) + enter[n])

    Args:
      costs: [pairs, T] discounted USD of each pair in each period; inf: not allowed.
      unplaced: [T] discounted USD of not placing it.
      may_enter: [T] False where the load may not enter a pool at the start of the period.

    Returns:
      Pools by period, [T] with -1 for not placed, and the cost.
    """
    stay_cost = np.vstack([costs, unplaced])
    enter, leave, pools = _ends(problem, pairs)
    before = problem.placed_before[load]
    outside = pools < 0
    best = np.zeros(len(pools))
    if before >= 0:
        left = float(leave[pools == before].sum())  # leaving a pool that cannot serve the load any more is free
        entered = np.where(outside | may_enter[0], (left + enter) * problem.discount[0], np.inf)
        best = np.where(pools == before, 0.0, entered)
    best = best + stay_cost[:, 0]
    came = [np.arange(len(pools))]
    for t in range(1, stay_cost.shape[1]):
        source = int(np.argmin(best + leave * problem.discount[t]))
        changed = np.where(outside | may_enter[t], best[source] + (leave[source] + enter) * problem.discount[t], np.inf)
        came.append(np.where(changed < best, source, np.arange(len(pools))))
        best = np.minimum(best, changed) + stay_cost[:, t]
    at = int(np.argmin(best))
    cost, states = float(best[at]), []
    for step in reversed(came):
        states.append(at)
        at = int(step[at])
    return pools[states[::-1]], cost


def _ends(problem: PlanningProblem, pairs: Ints) -> tuple[Floats, Floats, Ints]:
    """Cost of entering and of leaving, and the pool, of each pair and, last, of "not placed"."""
    enter = np.append(problem.enter_cash[pairs], 0.0)
    leave = np.append(problem.leave_cash[pairs], 0.0)
    return enter, leave, np.append(problem.needs.pair_pool[pairs], -1)


def path_cost(problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, path: Ints) -> float:
    """Discounted USD of one path, counted as `best_path` does."""
    stay_cost = np.vstack([costs, unplaced])
    enter, leave, pools = _ends(problem, pairs)
    state = np.array([int(np.flatnonzero(pools == pool)[0]) for pool in path])
    before = problem.placed_before[load]
    came = np.concatenate([np.flatnonzero(pools == before)[:1] if before in pools and before >= 0 else [-1], state[:-1]])
    changed = came != state
    changed[0] &= before >= 0
    moving = ((np.append(leave, 0.0)[came] + enter[state]) * problem.discount)[changed].sum()
    return float(stay_cost[state, np.arange(len(path))].sum() + moving)
