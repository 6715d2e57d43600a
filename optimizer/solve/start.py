"""A first placement: loads, dearest first, each into the pool that is cheapest at what is left there.

A contract already paid for costs nothing up to what its take-or-pay share covers and its price beyond; then come market offers
by price, then shortage, in each scenario by itself. The same rule, with nothing re-optimised after it, is the `cheapest_first` baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import active_lots
from optimizer.solve.settle import used_accelerators

TINY = 1e-6  # accelerators


@dataclass(frozen=True)
class Source:
    """Capacity still free, shared by the pools it serves."""

    free: Floats  # [T, B, S] accelerators, reduced as loads are placed
    price: Floats  # [T, S] USD per accelerator-hour, discounted, weighted by probability


def cheapest_first(problem: PlanningProblem, *, contracts: bool = True) -> Decisions:
    """Greedy placement for the whole horizon; lots in force are kept, nothing is signed or left.

    A load stays where it is once the moves that a limit allows are used up, and goes where a site's bandwidth still takes its traffic.

    Args:
      contracts: False places by market prices alone, as if no contract existed.
    """
    needs, periods = problem.needs, len(problem.periods)
    lots = problem.supply.least_lots if contracts else np.zeros(len(problem.supply.contracts))
    sources = _sources(problem, np.repeat(lots[:, None], periods, axis=1).astype(np.float64))
    placed = np.full((len(needs.loads), len(problem.periods)), -1, dtype=np.int64)
    need = _need(problem)
    running = (problem.egress_cash @ problem.probability) @ problem.discount
    moves_left = problem.limits.most_moves[0] - _forced_moves(problem)
    bandwidth = np.repeat(problem.site_bandwidth[:, None], periods, axis=1)
    for load in _dearest_first(problem, need):
        pairs, traffic = _candidates(problem, load), needs.traffic_gb_per_s[load]
        pairs = pairs[(traffic <= bandwidth[problem.pool_site[needs.pair_pool[pairs]]]).all(axis=1)]
        before = problem.placed_before[load]
        if moves_left < 1 and before in needs.pair_pool[pairs]:
            pairs = pairs[needs.pair_pool[pairs] == before]
        if not len(pairs):
            continue
        costs = [_cost(problem, sources[needs.pair_pool[n]], needs.pair_pool[n], need[n]) for n in pairs]
        best = pairs[int(np.argmin(np.array(costs) + running[pairs] + _moves(problem, pairs)))]
        placed[load] = needs.pair_pool[best]
        bandwidth[problem.pool_site[placed[load, 0]]] -= traffic
        moves_left -= int(before >= 0 and before != placed[load, 0])
        _take(problem, sources[needs.pair_pool[best]], needs.pair_pool[best], need[best])
    option = _place_runs(problem, sources)
    lots = problem.supply.least_lots.copy()
    exits = np.zeros((len(lots), len(problem.periods)), dtype=np.int64)
    return Decisions(placed=_pinned(problem, placed), option=option, lots=lots, exits=exits)


def elsewhere(problem: PlanningProblem, decisions: Decisions) -> Decisions | None:
    """The decisions with what stands in pools that have too little placed anew, each where it is cheapest beside what stays.

    None where no pool has too little. Loads move from the first period in which theirs does, as long as the limit on moves allows
    it, and else stay; what finds no place is not placed.
    """
    needs, active = problem.needs, active_lots(problem, decisions)
    full = _too_little(problem, decisions, active)
    there = np.logical_or.accumulate((decisions.placed >= 0) & full[decisions.placed, np.arange(len(problem.periods))], axis=1)
    option = decisions.option.copy()
    crowded = [r for r, g in enumerate(option) if g >= 0 and full[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]].any()]
    if not there.any() and not crowded:
        return None
    sources, placed = _sources(problem, active), np.where(there, -1, decisions.placed)
    need = _need(problem)
    stays = placed[needs.pair_load] == needs.pair_pool[:, None]
    for n in np.flatnonzero(stays.any(axis=1)):
        _take(problem, sources[needs.pair_pool[n]], needs.pair_pool[n], need[n] * stays[n][:, None, None])
    for g in (int(g) for r, g in enumerate(option) if g >= 0 and r not in crowded):
        _take(problem, sources[needs.option_pool[g]], needs.option_pool[g], _of_option(problem, g))
    room = problem.limits.most_moves - _moving(decisions.placed, problem.placed_before).sum(axis=0)
    for load in (load for load in _dearest_first(problem, need) if there[load].any()):
        before, was = problem.placed_before[[load]], decisions.placed[load]
        first, room = int(np.argmax(there[load])), room + _moving(was[None], before)[0]
        if room[first] >= 1:
            placed[load, there[load]] = _place_from(problem, sources, need, load, first, was)
        else:
            placed[load] = was
        room = room - _moving(placed[[load]], before)[0]
    for r in crowded:
        option[r] = _best_option(problem, sources, r)
    return replace(decisions, placed=_pinned(problem, placed), option=option)


def as_is_and_elsewhere(problem: PlanningProblem, decisions: Decisions) -> tuple[Decisions, ...]:
    """The decisions and, where a pool has too little, these `elsewhere`."""
    moved = elsewhere(problem, decisions)
    return (decisions,) if moved is None else (decisions, moved)


def _moving(placed: Ints, before: Ints) -> Bools:
    """Loads that change pool at the start of a period, [L, T].

    Args:
      placed: [L, T]
      before: [L] where they are now.
    """
    last = np.concatenate([before[:, None], placed[:, :-1]], axis=1)
    return np.asarray((last >= 0) & (placed >= 0) & (last != placed))


def _place_from(problem: PlanningProblem, sources: list[list[Source]], need: Floats, load: int, first: int, placed: Ints) -> int:
    """The cheapest pool for a load from a period on, whose capacity it takes; -1 where none is cheaper than not placing it.

    Args:
      placed: [T] where it was.
    """
    needs, later = problem.needs, np.arange(len(problem.periods)) >= first
    best, best_cost = -1, float(((problem.unplaced_cash[load] @ problem.probability) * problem.discount)[later].sum())
    for n in _candidates(problem, load):
        pool, asked = int(needs.pair_pool[n]), need[n] * later[:, None, None]
        egress = ((problem.egress_cash[n] @ problem.probability) * problem.discount)[later].sum()
        moving = problem.enter_cash[n] * problem.discount[first] if pool != placed[first] else 0.0
        cost = _cost(problem, sources[pool], pool, asked) + float(egress + moving)
        if cost < best_cost:
            best, best_cost = int(n), cost
    if best < 0:
        return -1
    pool = int(needs.pair_pool[best])
    _take(problem, sources[pool], pool, need[best] * later[:, None, None])
    return pool


def _too_little(problem: PlanningProblem, decisions: Decisions, active: Floats) -> Bools:
    """Pools in which more is held around the clock than contracts in force and offers have for them, [P, T]."""
    supply, capacity = problem.supply, np.zeros((len(problem.pools), len(problem.periods), len(problem.scenarios)))
    np.add.at(capacity, supply.cover_pool, (supply.drawable * active[:, :, None])[supply.cover_contract])
    np.add.at(capacity, supply.offer_pool, ((1.0 - supply.offer_loss)[:, None] * supply.offer_limit)[:, :, None])
    nothing = np.zeros((len(problem.needs.loads), *problem.shape))
    held = used_accelerators(problem, decisions, nothing)
    return np.asarray((held > problem.availability[:, None, None, None] * capacity[:, :, None, :] + TINY).any(axis=(2, 3)))


def hold(problem: PlanningProblem, greedy: Decisions | None = None) -> Decisions:
    """What runs stays where it is, what is signed stays signed; only loads with no placement in force are placed by price.

    Args:
      greedy: `cheapest_first` of the problem, where it is known.
    """
    greedy = greedy or cheapest_first(problem)
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


def _sources(problem: PlanningProblem, lots: Floats) -> list[list[Source]]:
    """Sources of each pool, cheapest first, [P].

    Args:
      lots: [K, T] in force.
    """
    supply = problem.supply
    found: list[list[Source]] = [[] for _ in problem.pools]
    _, blocks, scenarios = problem.shape
    weight = problem.discount[:, None] * problem.probability

    def spread(accelerators: Floats) -> Floats:
        """[T, 1] or [T, S] for every block and scenario."""
        return np.broadcast_to(accelerators[:, None, :], (len(accelerators), blocks, scenarios)).copy()

    for k in np.flatnonzero(lots.any(axis=1)):
        held = spread(supply.capacity[k] * lots[k][:, None])
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
    option = np.full(len(needs.runs), -1, dtype=np.int64)
    work = needs.option_gang * needs.option_hours
    for r in sorted(range(len(needs.runs)), key=lambda r: -float(work[needs.option_run == r].min(initial=np.inf))):
        option[r] = _best_option(problem, sources, r)
    return option


def _best_option(problem: PlanningProblem, sources: list[list[Source]], r: int) -> int:
    """The cheapest option of a run, which takes what it holds; -1 where not running is cheaper."""
    pools = problem.needs.option_pool
    best, best_cost = -1, np.inf if problem.run_forced[r] else float(problem.run_unplaced_usd[r])
    for g in np.flatnonzero(problem.needs.option_run == r).tolist():
        cost = float(problem.option_usd[g]) + _cost(problem, sources[pools[g]], pools[g], _of_option(problem, g))
        if cost < best_cost:
            best, best_cost = int(g), cost
    if best >= 0:
        _take(problem, sources[pools[best]], pools[best], _of_option(problem, best))
    return best


def _need(problem: PlanningProblem) -> Floats:
    """Accelerators of each pair, flexible work spread evenly over its period, [N, T, B, S]."""
    needs = problem.needs
    return np.asarray(needs.need + (needs.work / problem.hours.sum(axis=1)[:, None])[:, :, None, :])


def _of_option(problem: PlanningProblem, option: int) -> Floats:
    """Accelerators that it holds, [T, B, S]."""
    needs, held = problem.needs, np.zeros(problem.shape)
    held[needs.option_start[option] : needs.option_stop[option]] = needs.option_gang[option]
    return held
