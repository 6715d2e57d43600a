"""A first placement: loads, dearest first, each into the pool that is cheapest at what is left there.

A contract already paid for costs nothing up to what its take-or-pay share covers and its price beyond; then come market offers by price, then shortage. Need
counts as its mean over scenarios. The same rule, with nothing re-optimised after it, is the `cheapest_first` baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints


@dataclass(frozen=True)
class Source:
    """Capacity still free, shared by the pools it serves."""

    free: Floats  # [T, B] accelerators, reduced as loads are placed
    price: Floats  # [T] USD per accelerator-hour, discounted


def cheapest_first(problem: PlanningProblem, *, contracts: bool = True) -> Decisions:
    """Greedy placement for the whole horizon; lots in force are kept, nothing is signed or left.

    Args:
      contracts: False places by market prices alone, as if no contract existed.
    """
    sources = _sources(problem, contracts)
    needs = problem.needs
    T = len(problem.periods)
    placed = np.full((len(needs.loads), T), -1, dtype=np.int64)
    mean_need = needs.need @ problem.probability
    mean_need += ((needs.work @ problem.probability) / problem.hours.sum(axis=1))[:, :, None]
    running = (problem.egress_cash @ problem.probability) @ problem.discount
    for load in _dearest_first(problem, mean_need):
        pairs = np.flatnonzero(needs.pair_load == load)
        pairs = pairs[problem.pair_allowed[pairs].all(axis=1)]
        forced = pairs[problem.pair_forced[pairs].any(axis=1)]
        pairs = forced if len(forced) else pairs
        costs = [_cost(problem, sources[needs.pair_pool[n]], needs.pair_pool[n], mean_need[n]) for n in pairs]
        if not costs:
            continue
        best = pairs[int(np.argmin(np.array(costs) + running[pairs] + _moves(problem, pairs)))]
        placed[load] = needs.pair_pool[best]
        _take(problem, sources[needs.pair_pool[best]], needs.pair_pool[best], mean_need[best])
    option = _place_runs(problem, sources)
    supply = problem.supply
    return Decisions(placed=placed, option=option, lots=supply.least_lots.copy(), exits=np.zeros((len(supply.contracts), T), dtype=np.int64))


def hold(problem: PlanningProblem) -> Decisions:
    """What runs stays where it is, what is signed stays signed; only loads with no placement in force are placed by price."""
    greedy = cheapest_first(problem)
    here = problem.placed_before[problem.needs.pair_load] == problem.needs.pair_pool
    may_stay = np.zeros(len(problem.needs.loads), dtype=np.bool_)
    may_stay[problem.needs.pair_load[here & problem.pair_allowed.all(axis=1)]] = True
    placed = np.where(may_stay[:, None], problem.placed_before[:, None], greedy.placed)
    return Decisions(placed=placed, option=greedy.option, lots=greedy.lots, exits=greedy.exits)


def _sources(problem: PlanningProblem, contracts: bool) -> list[list[Source]]:
    """Sources of each pool, cheapest first, [P]."""
    supply = problem.supply
    found: list[list[Source]] = [[] for _ in problem.pools]
    B = len(problem.blocks)
    for k in np.flatnonzero(supply.least_lots > 0) if contracts else ():
        held = np.repeat((supply.capacity[k] * supply.least_lots[k])[:, None], B, axis=1)
        share = supply.take_or_pay_share[k]
        price = supply.price_cash[k] * problem.discount
        for free, cost in ((held * share, np.zeros_like(price)), (held * (1.0 - share), price)):
            source = Source(free, cost)
            for p in supply.cover_pool[supply.cover_contract == k]:
                found[p].append(source)
    for o, p in enumerate(supply.offer_pool):
        usable = supply.offer_limit[o] * (1.0 - supply.offer_loss[o])
        price = supply.offer_price_cash[o] @ problem.probability * problem.discount / (1.0 - supply.offer_loss[o])
        if not supply.offer_spot[o]:
            found[p].append(Source(np.repeat(usable[:, None], B, axis=1), price))
    return [sorted(sources, key=lambda source: float(source.price.mean())) for sources in found]


def _dearest_first(problem: PlanningProblem, mean_need: Floats) -> Ints:
    needs = problem.needs
    hours = np.full(len(needs.loads), np.inf)
    np.minimum.at(hours, needs.pair_load, (mean_need * problem.hours).sum(axis=(1, 2)))
    return np.argsort(-hours, kind="stable")


def _moves(problem: PlanningProblem, pairs: Ints) -> Floats:
    before = problem.placed_before[problem.needs.pair_load[pairs]]
    moves = (before >= 0) & (before != problem.needs.pair_pool[pairs])
    return np.where(moves, problem.enter_cash[pairs], 0.0) * problem.discount[0]


def _cost(problem: PlanningProblem, sources: list[Source], pool: int, need: Floats) -> float:
    """Discounted USD of `need` accelerators, [T, B], from what is left in a pool."""
    total, rest = 0.0, need / problem.availability[pool]
    for source in sources:
        taken = np.minimum(rest, source.free)
        total += float(((taken * problem.hours).sum(axis=1) * source.price).sum())
        rest = rest - taken
    missing = (rest * problem.hours).sum(axis=1) * problem.discount
    return total + float(missing.sum()) * problem.shortage_price[pool]


def _take(problem: PlanningProblem, sources: list[Source], pool: int, need: Floats) -> None:
    rest = need / problem.availability[pool]
    for source in sources:
        taken = np.minimum(rest, source.free)
        source.free[...] -= taken
        rest = rest - taken


def _place_runs(problem: PlanningProblem, sources: list[list[Source]]) -> Ints:
    """Cheapest option of each run, the runs with most accelerator-hours first; not run where that is cheaper."""
    needs = problem.needs
    shape = problem.hours.shape
    option = np.full(len(needs.runs), -1, dtype=np.int64)
    work = needs.option_gang * needs.option_hours
    order = sorted(range(len(needs.runs)), key=lambda r: -float(work[needs.option_run == r].min(initial=np.inf)))
    for r in order:
        best, best_cost = -1, np.inf if problem.run_forced[r] else float(problem.run_unplaced_usd[r])
        for g in np.flatnonzero(needs.option_run == r):
            need = _held(shape, needs.option_start[g], needs.option_stop[g], needs.option_gang[g])
            pool = needs.option_pool[g]
            cost = float(problem.option_usd[g]) + _cost(problem, sources[pool], pool, need)
            if cost < best_cost:
                best, best_cost = int(g), cost
        if best >= 0:
            option[r] = best
            pool = needs.option_pool[best]
            need = _held(shape, needs.option_start[best], needs.option_stop[best], needs.option_gang[best])
            _take(problem, sources[pool], pool, need)
    return option


def _held(shape: tuple[int, ...], start: int, stop: int, gang: int) -> Floats:
    need = np.zeros(shape)
    need[start:stop] = gang
    return need
