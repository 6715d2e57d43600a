"""A first placement: loads, dearest first, each into the pool that is cheapest at what is left there.

A contract already paid for costs nothing up to what its take-or-pay share covers and its price beyond; then come market offers
by price, then shortage, in each scenario by itself. The same rule, with nothing re-optimised after it, is the `cheapest_first` baseline.
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

    free: Floats  # [T, B, S] accelerators, reduced as loads are placed
    price: Floats  # [T, S] USD per accelerator-hour, discounted, weighted by probability


def cheapest_first(problem: PlanningProblem, *, contracts: bool = True) -> Decisions:
    """Greedy placement for the whole horizon; lots in force are kept, nothing is signed or left.

    A load stays where it is once the moves that a limit allows are used up.

    Args:
      contracts: False places by market prices alone, as if no contract existed.
    """
    sources = _sources(problem, contracts)
    needs = problem.needs
    placed = np.full((len(needs.loads), len(problem.periods)), -1, dtype=np.int64)
    need = needs.need + (needs.work / problem.hours.sum(axis=1)[:, None])[:, :, None, :]
    running = (problem.egress_cash @ problem.probability) @ problem.discount
    moves_left = problem.limits.most_moves[0] - _forced_moves(problem)
    for load in _dearest_first(problem, need):
        pairs = _candidates(problem, load)
        before = problem.placed_before[load]
        if moves_left < 1 and before in needs.pair_pool[pairs]:
            pairs = pairs[needs.pair_pool[pairs] == before]
        if not len(pairs):
            continue
        costs = [_cost(problem, sources[needs.pair_pool[n]], needs.pair_pool[n], need[n]) for n in pairs]
        best = pairs[int(np.argmin(np.array(costs) + running[pairs] + _moves(problem, pairs)))]
        placed[load] = needs.pair_pool[best]
        moves_left -= int(before >= 0 and before != placed[load, 0])
        _take(problem, sources[needs.pair_pool[best]], needs.pair_pool[best], need[best])
    option = _place_runs(problem, sources)
    lots = problem.supply.least_lots.copy()
    exits = np.zeros((len(lots), len(problem.periods)), dtype=np.int64)
    return Decisions(placed=_pinned(problem, placed), option=option, lots=lots, exits=exits)


def hold(problem: PlanningProblem) -> Decisions:
    """What runs stays where it is, what is signed stays signed; only loads with no placement in force are placed by price."""
    greedy = cheapest_first(problem)
    here = problem.placed_before[problem.needs.pair_load] == problem.needs.pair_pool
    may_stay = np.zeros(len(problem.needs.loads), dtype=np.bool_)
    may_stay[problem.needs.pair_load[here & problem.pair_allowed.all(axis=1)]] = True
    placed = np.where(may_stay[:, None], problem.placed_before[:, None], greedy.placed)
    return Decisions(placed=_pinned(problem, placed), option=greedy.option, lots=greedy.lots, exits=greedy.exits)


def _forced_moves(problem: PlanningProblem) -> int:
    """Loads that pins move at the start of the first period."""
    forced = np.flatnonzero(problem.pair_forced[:, 0])
    before = problem.placed_before[problem.needs.pair_load[forced]]
    return int(((before >= 0) & (before != problem.needs.pair_pool[forced])).sum())


def _candidates(problem: PlanningProblem, load: int) -> Ints:
    """Pairs of a load that no pin forbids in any period, or the one that a pin forces throughout."""
    pairs = np.flatnonzero(problem.needs.pair_load == load)
    forced = pairs[problem.pair_forced[pairs].all(axis=1)]
    return forced if len(forced) else pairs[problem.pair_allowed[pairs].all(axis=1)]


def _pinned(problem: PlanningProblem, placed: Ints) -> Ints:
    """The placement with every forced period as its pin says."""
    pinned = placed.copy()
    pair, period = np.nonzero(problem.pair_forced)
    pinned[problem.needs.pair_load[pair], period] = problem.needs.pair_pool[pair]
    return pinned


def _sources(problem: PlanningProblem, contracts: bool) -> list[list[Source]]:
    """Sources of each pool, cheapest first, [P]."""
    supply = problem.supply
    found: list[list[Source]] = [[] for _ in problem.pools]
    _, blocks, scenarios = problem.shape
    weight = problem.discount[:, None] * problem.probability

    def spread(accelerators: Floats) -> Floats:
        """[T, 1] or [T, S] for every block and scenario."""
        return np.broadcast_to(accelerators[:, None, :], (len(accelerators), blocks, scenarios)).copy()

    for k in np.flatnonzero(supply.least_lots > 0) if contracts else ():
        held = spread(supply.capacity[k] * supply.least_lots[k])
        share = supply.take_or_pay_share[k]
        price = supply.excess_price[k] * weight
        for free, cost in ((held * share, np.zeros_like(price)), (held * (1.0 - share), price)):
            source = Source(free, cost)
            for p in supply.cover_pool[supply.cover_contract == k]:
                found[p].append(source)
    for o, p in enumerate(supply.offer_pool):
        usable = supply.offer_limit[o][:, None]
        if not supply.offer_spot[o]:
            found[p].append(Source(spread(usable), supply.offer_price_cash[o] * weight))
    return [sorted(sources, key=lambda source: float(source.price.mean())) for sources in found]


def _dearest_first(problem: PlanningProblem, need: Floats) -> Ints:
    needs = problem.needs
    hours = np.full(len(needs.loads), np.inf)
    np.minimum.at(hours, needs.pair_load, np.einsum("ntbs,tb,s->n", need, problem.hours, problem.probability, optimize=True))
    return np.asarray(np.argsort(-hours, kind="stable"))


def _moves(problem: PlanningProblem, pairs: Ints) -> Floats:
    before = problem.placed_before[problem.needs.pair_load[pairs]]
    moves = (before >= 0) & (before != problem.needs.pair_pool[pairs])
    return np.asarray(np.where(moves, problem.enter_cash[pairs], 0.0) * problem.discount[0])


def _cost(problem: PlanningProblem, sources: list[Source], pool: int, need: Floats) -> float:
    """Discounted, expected USD of `need` accelerators, [T, B, S], from what is left in a pool."""
    total, rest = 0.0, need / problem.availability[pool]
    for source in sources:
        taken = np.minimum(rest, source.free)
        total += float(np.vdot(np.einsum("tb,tbs->ts", problem.hours, taken), source.price))
        rest = rest - taken
    missing = np.einsum("tb,tbs->ts", problem.hours, rest) @ problem.probability
    return total + float(missing @ problem.discount) * float(problem.shortage_price[pool])


def _take(problem: PlanningProblem, sources: list[Source], pool: int, need: Floats) -> None:
    rest = need / problem.availability[pool]
    for source in sources:
        taken = np.minimum(rest, source.free)
        source.free[...] -= taken
        rest = rest - taken


def _place_runs(problem: PlanningProblem, sources: list[list[Source]]) -> Ints:
    """Cheapest option of each run, the runs with most accelerator-hours first; not run where that is cheaper."""
    needs = problem.needs
    shape = problem.shape
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


def _held(shape: tuple[int, int, int], start: int, stop: int, gang: int) -> Floats:
    need = np.zeros(shape)
    need[start:stop] = gang
    return need
