"""Loads and the places that they can go to, as arrays for `steps`.

Axes as in the problem, and `Q` slots of a load: its pairs, then "not placed"; `F` pairs of flexible loads. Money in USD.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem, pair_slots
from optimizer.domain.stay import FREE, Stay
from optimizer.domain.surface import Floats, Ints, SmallInts
from optimizer.walk.native import laid_out

ROUNDING = 1e-9  # of a site's bandwidth, that sums may seem to go beyond
FORBIDDEN = 1e15  # USD: the cost of what is not allowed; sums of it keep their cents


class Asks(NamedTuple):
    """What pairs ask of their pools."""

    first: Ints  # [L] row of a load's first pair
    pool: Ints  # [N]
    site: Ints  # [N]
    need: SmallInts  # [T, N, C] accelerators held around the clock, in blocks and scenarios; a load's pairs lie side by side
    row: Ints  # [N] of the pair's flexible work; -1: it has none
    flexible: Floats  # [F, T, 3, S] accelerator-hours, accelerators that they can keep busy at once, and what missing all of them costs
    traffic: Floats  # [L, T] GB/s


class Paths(NamedTuple):
    """What being somewhere costs a load besides capacity, and how it may move."""

    first: Ints  # [L] as in `Asks`
    pairs: Ints  # [L] how many it has
    cost: Floats  # [T, N] egress; FORBIDDEN where pins or contracts do not let the pair be used
    unplaced: Floats  # [L, T]
    enter: Floats  # [N] undiscounted
    leave: Floats  # [N] undiscounted
    before: Ints  # [L] slot in force; Q - 1: elsewhere; Q: nowhere, and the first entry is free and no move
    last: Ints  # [L, T] slot in the last plan; -1: may be left at no charge
    discount: Floats  # [T]
    most_moves: Floats  # [T]
    slots: int  # Q
    charge: float  # of a load that is elsewhere than in the last plan in any period


class Places(NamedTuple):
    """Loads and their pairs."""

    asks: Asks
    paths: Paths
    bandwidth: Floats  # [sites]


def places_of(problem: PlanningProblem, allowed: Bools, stay: Stay | None = None) -> Places:
    """
    Args:
      allowed: [N, T] pairs that may be used.
      stay: where loads are charged for not being.
    """
    needs, weight = problem.needs, problem.discount[:, None] * problem.probability
    slot, depth = pair_slots(problem)
    count = np.bincount(needs.pair_load, minlength=len(needs.loads))
    first = np.cumsum(count) - count
    here = np.flatnonzero(problem.placed_before[needs.pair_load] == needs.pair_pool)
    before = np.where(problem.placed_before < 0, depth + 1, depth)
    before[needs.pair_load[here]] = slot[here]
    flexible = needs.flexible[needs.pair_load]
    work, limit = needs.work[flexible], needs.work_limit[flexible]
    worth = problem.missed_price[needs.pair_load[flexible]][:, None, None] * work * weight
    asks = Asks(
        first=first,
        pool=needs.pair_pool,
        site=problem.pool_site[needs.pair_pool],
        need=np.ascontiguousarray(needs.need.swapaxes(0, 1), dtype=np.int32).reshape(*needs.need.shape[1::-1], -1),
        row=np.where(flexible, np.cumsum(flexible) - 1, -1),
        flexible=np.stack([work, limit, worth], axis=2),
        traffic=needs.traffic_gb_per_s,
    )
    paths = Paths(
        first=first,
        pairs=count,
        cost=_cost(problem, allowed),
        unplaced=np.where(_forced(problem), FORBIDDEN, np.einsum("lts,ts->lt", problem.unplaced_cash, weight)),
        enter=problem.enter_cash,
        leave=problem.leave_cash,
        before=before,
        last=np.full((len(needs.loads), len(problem.periods)), -1) if stay is None else _last_slots(problem, stay),
        discount=problem.discount,
        most_moves=problem.limits.most_moves,
        slots=depth + 1,
        charge=0.0 if stay is None else float(stay.usd),
    )
    return Places(laid_out(asks), laid_out(paths), problem.site_bandwidth * (1.0 + ROUNDING))


def with_allowed(places: Places, problem: PlanningProblem, allowed: Bools) -> Places:
    """The same under other contracts."""
    return places._replace(paths=laid_out(places.paths._replace(cost=_cost(problem, allowed))))


def slots_of(problem: PlanningProblem, placed: Ints) -> Ints:
    """Slots [L, T] of pools [L, T]."""
    slot, depth = pair_slots(problem)
    of_pool = np.full((len(placed), len(problem.pools) + 1), depth)
    of_pool[problem.needs.pair_load, problem.needs.pair_pool] = slot
    return np.asarray(np.take_along_axis(of_pool, placed, axis=1))


def pools_of(problem: PlanningProblem, slot: Ints) -> Ints:
    """Pools [L, T] of slots [L, T]; -1: not placed."""
    number, depth = pair_slots(problem)
    pool = np.full((len(slot), depth + 1), -1)
    pool[problem.needs.pair_load, number] = problem.needs.pair_pool
    return np.asarray(np.take_along_axis(pool, slot, axis=1))


def _last_slots(problem: PlanningProblem, stay: Stay) -> Ints:
    """[L, T]"""
    slots = slots_of(problem, np.maximum(stay.placed, -1))
    return np.where(stay.placed == FREE, -1, slots)


def _forced(problem: PlanningProblem) -> Bools:
    """True where a pin forces the load into some pool, [L, T]."""
    forced = np.zeros((len(problem.needs.loads), len(problem.periods)), dtype=np.bool_)
    np.logical_or.at(forced, problem.needs.pair_load, problem.pair_forced)
    return forced


def _cost(problem: PlanningProblem, allowed: Bools) -> Floats:
    """Egress, [T, N]."""
    weight = problem.discount[:, None] * problem.probability
    may = allowed & (problem.pair_forced | ~_forced(problem)[problem.needs.pair_load])
    return np.where(may, np.einsum("nts,ts->nt", problem.egress_cash, weight), FORBIDDEN).T
