"""Loads and the places that they can go to, for a search that moves them: tables of pairs, and what one load adds where it goes.

Axes as in `merit`, and `Q` slots of a load (its pairs, then "not placed"), `V` periods of a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.stay import FREE, Stay
from optimizer.domain.surface import Ints
from optimizer.pricing.merit import Use
from optimizer.pricing.work import pair_slots

FORBIDDEN = 1e12  # units: the cost of what is not allowed; sums of it stay finite


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Places:
    """Loads and their pairs; arrays by pair end with rows that no load owns, so that any load's rows are one slice of Q - 1."""

    first: Array  # [L] row of a load's first pair
    count: Array  # [L]
    pool: Array  # [N]
    site: Array  # [N]
    asks: Use  # [N]
    cost: Array  # [N, T] egress; FORBIDDEN where pins or contracts do not let the pair be used
    unplaced: Array  # [L, T]
    enter: Array  # [N] undiscounted
    leave: Array  # [N]
    before: Array  # [L] slot in force; the last one: elsewhere; one more: nowhere, and the first entry is free and no move
    traffic: Array  # [L, T] GB/s
    bandwidth: Array  # [sites]
    discount: Array  # [T]
    most_moves: Array  # [T]
    last: Array | None  # [L, T] slot in the last plan; -1: may be left at no charge; None: no load is charged anything
    charge: Array  # [] of a load that is elsewhere than there in any period
    slots: int = field(metadata={"static": True})  # Q


def places_of(problem: PlanningProblem, allowed: Bools, unit: float, stay: Stay | None = None) -> Places:
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

    def padded(values: np.ndarray) -> np.ndarray:
        return _padded(values, depth)

    def money(values: np.ndarray) -> np.ndarray:
        return np.asarray(values / unit, dtype=np.float32)

    worth = problem.missed_price[needs.pair_load][:, None, None] * needs.work * weight
    unplaced = np.einsum("lts,ts->lt", problem.unplaced_cash, weight)
    need = needs.need.astype(np.uint16) if needs.need.max(initial=0) < 2**16 else needs.need
    arrays: dict[str, Any] = {
        "first": first.astype(np.int32),
        "count": count.astype(np.int32),
        "pool": padded(needs.pair_pool.astype(np.int32)),
        "site": padded(problem.pool_site[needs.pair_pool].astype(np.int32)),
        "asks": {
            "held": padded(np.ascontiguousarray(need.swapaxes(1, 2))),
            "work": padded(needs.work.astype(np.float32)),
            "limit": padded(needs.work_limit.astype(np.float32)),
            "worth": padded(money(worth)),
        },
        "unplaced": np.where(_forced(problem), np.float32(FORBIDDEN), money(unplaced)),
        "enter": padded(money(problem.enter_cash)),
        "leave": padded(money(problem.leave_cash)),
        "before": before.astype(np.int32),
        "traffic": needs.traffic_gb_per_s.astype(np.float32),
        "bandwidth": problem.site_bandwidth.astype(np.float32),
        "discount": problem.discount.astype(np.float32),
        "most_moves": problem.limits.most_moves.astype(np.float32),
        "last": None if stay is None else _last_slots(problem, stay),
        "charge": np.float32(0.0 if stay is None else stay.usd / unit),
    }
    arrays = jax.device_put(arrays)
    return Places(**arrays | {"asks": Use(**arrays["asks"])}, cost=_cost(problem, allowed, unit, depth), slots=depth + 1)


def _last_slots(problem: PlanningProblem, stay: Stay) -> Ints:
    """[L, T]"""
    slots = slots_of(problem, np.maximum(stay.placed, -1))
    return np.where(stay.placed == FREE, -1, slots).astype(np.int32)


def with_allowed(places: Places, problem: PlanningProblem, allowed: Bools, unit: float) -> Places:
    """The same under other contracts."""
    return replace(places, cost=_cost(problem, allowed, unit, places.slots - 1))


def _padded(values: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([values, np.zeros((rows, *values.shape[1:]), dtype=values.dtype)])


def _forced(problem: PlanningProblem) -> Bools:
    """True where a pin forces the load into some pool, [L, T]."""
    forced = np.zeros((len(problem.needs.loads), len(problem.periods)), dtype=np.bool_)
    np.logical_or.at(forced, problem.needs.pair_load, problem.pair_forced)
    return forced


def _cost(problem: PlanningProblem, allowed: Bools, unit: float, rows: int) -> Array:
    """Egress, [N + rows, T]."""
    weight = problem.discount[:, None] * problem.probability
    egress = np.einsum("nts,ts->nt", problem.egress_cash, weight) / unit
    may = allowed & (problem.pair_forced | ~_forced(problem)[problem.needs.pair_load])
    cost: Array = jax.device_put(_padded(np.where(may, egress, FORBIDDEN).astype(np.float32), rows))
    return cost


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


def rows_of(places: Places, load: Array) -> Array:
    return places.first[load] + jnp.arange(places.slots - 1)


def _came_from(places: Places, load: Array, slot: Array) -> Array:
    """Slot one period earlier, [T], of a path [T]."""
    return jnp.concatenate([jnp.minimum(places.before[load], places.slots - 1)[None], slot[:-1]])


def moves_on(places: Places, load: Array, slot: Array) -> Array:
    """1 where a path [T] enters a pool, [T]."""
    entered = (slot != _came_from(places, load, slot)) & (slot < places.slots - 1)
    return entered.at[0].set(entered[0] & (places.before[load] < places.slots)).astype(jnp.float32)


def cost_besides(places: Places, load: Array, slot: Array) -> Array:
    """Egress, moving and not being placed along a path [T], and what it is charged, []."""
    last, row = places.slots - 1, places.first[load] + jnp.minimum(slot, places.slots - 2)
    stay = jnp.where(slot < last, places.cost[row, jnp.arange(len(slot))], places.unplaced[load])
    earlier = _came_from(places, load, slot)
    changed = (slot != earlier).at[0].set((slot[0] != earlier[0]) & (places.before[load] <= last))
    enter, leave = ends_of(places, load)
    moving = jnp.sum(jnp.where(changed, (leave[earlier] + enter[slot]) * places.discount, 0.0))
    charged = 0.0 if places.last is None else jnp.where(jnp.any(elsewhere(places, load, slot)), places.charge, 0.0)
    return jnp.sum(stay) + moving + charged


def elsewhere(places: Places, load: Array, slot: Array) -> Array:
    """Where a path [T] is not that of the last plan, [T]."""
    assert places.last is not None
    return (places.last[load] >= 0) & (slot != places.last[load])


def ends_of(places: Places, load: Array) -> tuple[Array, Array]:
    """Cost of entering and leaving each slot, [Q]."""
    rows = rows_of(places, load)
    return jnp.append(places.enter[rows], 0.0), jnp.append(places.leave[rows], 0.0)


def put(places: Places, use: Use, traffic: Array, load: Array, slot: Array, start: Array, sign: Array | float) -> tuple[Use, Array]:
    """Use and traffic of a window with a load put on a path [V] (or, sign -1, taken off it)."""
    row = places.first[load] + jnp.minimum(slot, places.slots - 2)
    on = jnp.where(slot < places.slots - 1, sign, 0.0)
    pool, at, here = places.pool[row], start + jnp.arange(len(slot)), jnp.arange(len(slot))
    asks = places.asks
    added = Use(
        held=use.held.at[pool, :, here].add(on[:, None, None] * asks.held[row, :, at].astype(jnp.float32)),
        work=use.work.at[pool, here].add(on[:, None] * asks.work[row, at]),
        limit=use.limit.at[pool, here].add(on[:, None] * asks.limit[row, at]),
        worth=use.worth.at[pool, here].add(on[:, None] * asks.worth[row, at]),
    )
    return added, traffic.at[places.site[row], here].add(on * places.traffic[load, at])
