"""Loads and training runs as arrays, laid out for pricing; axes and layout as in `arrays`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from optimizer.domain.problem import PlanningProblem, option_places, pair_slots
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.supply import BARRED

CHUNK = 128  # pairs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class LoadArrays:
    """Loads, their pairs, and what each costs besides capacity. Pairs of a load stand in the problem's order, from slot 0 of Q.

    Flat positions: pairs in chunks [C W], then flexible pairs [F], then one for slots without a pair.
    """

    need: Array  # [T, C, X, W] accelerators, small integers
    chunk_price: Array  # [C] row of the stacked prices [2 P]: firm prices, then spot prices
    slot: Array  # [Q L] flat position of each slot
    slot_of: Array  # [C W + F] slot of each flat position; Q L for filling
    cost: Array  # [T, Q, L] expected, discounted egress; BARRED where not allowed
    unplaced: Array  # [T, L]
    enter: Array  # [Q, L] undiscounted
    leave: Array  # [Q, L] undiscounted
    at_start: Array  # [Q + 1, L] 0 where the load is before the first period (the last row: nowhere), else BARRED
    new: Array  # [L] 1.0 where nothing is in force, so that the first entry is free
    flexible_price: Array  # [F] row of the stacked prices
    work: Array  # [F, T, S] accelerator-hours
    work_limit: Array  # [F, T, S] accelerators
    missed: Array  # [F, T, S] expected, discounted, per accelerator-hour
    egress: Array  # [Q, L, T, S] undiscounted; no slots where no budget counts it
    pool: Array  # [Q, L] of the slot's pair
    supplier: Array  # [Q, L]
    site: Array  # [Q, L]
    traffic: Array  # [T, L] GB/s; no loads where no site has a limit


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class RunArrays:
    """Training options of each run, in the problem's order from place 0 of M; places without one hold nothing and cost BARRED."""

    price: Array  # [R, M] row of the stacked prices
    start: Array  # [R, M]
    stop: Array  # [R, M]
    gang: Array  # [R, M]
    cost: Array  # [R, M]
    not_run: Array  # [R] BARRED where a pin forces the run
    egress: Array  # [R, M] undiscounted cash in the first period, 0 where nobody bills it; no places where no budget counts it
    data_supplier: Array  # [R, M] who bills it


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class RiskArrays:
    """Where CVaR is part of the objective: the limits of what scenarios may weigh, and costs of loads in each of them, discounted."""

    low: Array  # [S]
    high: Array  # [S]
    probability: Array  # [S]
    egress: Array  # [T, Q, L, S]
    unplaced: Array  # [T, L, S]
    missed: Array  # [F, T] per accelerator-hour


def paying_spot(problem: PlanningProblem, spot_pools: Ints, pool: Ints, may_use: NDArray[np.bool_]) -> Ints:
    """Row of the stacked prices that each piece of work pays: the spot price where it may use spot and the pool has any."""
    return pool + len(problem.pools) * (may_use & np.isin(pool, spot_pools))


def _filled(loads: int, devices: int) -> int:
    """Loads filled to a multiple of the devices."""
    return -(-loads // devices) * devices


def load_arrays(problem: PlanningProblem, spot_pools: Ints, unit: float, devices: int) -> LoadArrays:
    """Loads and their pairs on the host, filled to a multiple of the devices; money in units of `unit` USD."""
    needs = problem.needs
    loads = _filled(len(needs.loads), devices)
    filling = loads - len(needs.loads)
    periods, scenarios = len(problem.periods), len(problem.scenarios)
    row = paying_spot(problem, spot_pools, needs.pair_pool, problem.load_spot[needs.pair_load])
    flexible = np.flatnonzero(needs.flexible[needs.pair_load])
    position, chunk_price, need = _chunks(problem, row)
    position[flexible] = need.shape[1] * CHUNK + np.arange(len(flexible))
    slot, depth = pair_slots(problem)
    here = slot * loads + needs.pair_load
    weight = problem.discount[:, None] * problem.probability
    budgeted, uncounted = len(problem.limits.budget_cash) > 0, np.zeros((0, 0, periods, scenarios))
    limited = np.isfinite(problem.site_bandwidth).any()
    fields: dict[str, Any] = {
        "need": need,
        "chunk_price": chunk_price,
        **_positions(position, here, need.shape[1] * CHUNK + len(flexible), depth * loads),
        "cost": _pair_costs(problem, weight / unit, slot, (depth, loads)),
        "unplaced": np.pad(_unplaced_costs(problem, weight / unit), ((0, 0), (0, filling))),
        "enter": _by_slot(problem.enter_cash / unit, needs.pair_load, slot, (depth, loads)),
        "leave": _by_slot(problem.leave_cash / unit, needs.pair_load, slot, (depth, loads)),
        "at_start": at_start(problem, slot, (depth, loads)),
        "new": np.pad((problem.placed_before < 0).astype(np.float64), (0, filling)),
        "flexible_price": row[flexible],
        "work": needs.work[flexible],
        "work_limit": needs.work_limit[flexible],
        "missed": problem.missed_price[needs.pair_load[flexible]][:, None, None] * weight / unit,
        "egress": _by_slot(problem.egress_cash / unit, needs.pair_load, slot, (depth, loads)) if budgeted else uncounted,
        "pool": _by_slot(needs.pair_pool, needs.pair_load, slot, (depth, loads)),
        "supplier": _by_slot(problem.pool_supplier[needs.pair_pool], needs.pair_load, slot, (depth, loads)),
        "site": _by_slot(problem.pool_site[needs.pair_pool], needs.pair_load, slot, (depth, loads)),
        "traffic": np.pad(needs.traffic_gb_per_s.T, ((0, 0), (0, filling))) if limited else np.zeros((periods, 0)),
    }
    return LoadArrays(**fields)


def risk_arrays(problem: PlanningProblem, unit: float, devices: int) -> RiskArrays:
    """What CVaR asks for on the host; loads filled as those of `load_arrays`."""
    needs, risk, chance = problem.needs, problem.risk, problem.probability
    slot, depth = pair_slots(problem)
    low, later = (1.0 - risk.omega) * chance, problem.discount[:, None] / unit
    loads = _filled(len(needs.loads), devices)
    egress = _by_slot(problem.egress_cash * later, needs.pair_load, slot, (depth, loads))
    fields: dict[str, Any] = {
        "low": low,
        "high": low + risk.omega * np.minimum(chance / (1.0 - risk.alpha), 1.0),
        "probability": chance,
        "egress": egress.transpose(2, 0, 1, 3),
        "unplaced": np.pad((problem.unplaced_cash * later).swapaxes(0, 1), ((0, 0), (0, loads - len(needs.loads)), (0, 0))),
        "missed": problem.missed_price[needs.pair_load[needs.flexible[needs.pair_load]]][:, None] * problem.discount / unit,
    }
    return RiskArrays(**fields)


def _chunks(problem: PlanningProblem, row: Ints) -> tuple[Ints, Ints, NDArray[Any]]:
    """Flat position of each rigid pair [N], price row of each chunk [C] and need [T, C, X, W]; a chunk never mixes prices."""
    needs = problem.needs
    periods, blocks, scenarios = problem.shape
    rigid = np.flatnonzero(~needs.flexible[needs.pair_load])
    order = rigid[np.argsort(row[rigid], kind="stable")]
    rows, count = np.unique(row[order], return_counts=True)
    chunks = -(-count // CHUNK)
    first_chunk, first_pair = np.cumsum(chunks) - chunks, np.cumsum(count) - count
    within = np.arange(len(order)) - np.repeat(first_pair, count)
    position = np.full(len(row), -1)
    position[order] = np.repeat(first_chunk, count) * CHUNK + within
    small = needs.need.max(initial=0) < 2**16
    need = np.zeros((periods, int(chunks.sum()), blocks * scenarios, CHUNK), dtype=np.uint16 if small else np.int32)
    begin = first_pair.repeat(chunks) + CHUNK * (np.arange(need.shape[1]) - first_chunk.repeat(chunks))
    for chunk, (first, last) in enumerate(zip(begin, np.minimum(begin + CHUNK, (first_pair + count).repeat(chunks)), strict=True)):
        some = needs.need[order[first:last]].reshape(last - first, periods, blocks * scenarios)
        need[:, chunk, :, : last - first] = some.transpose(1, 2, 0)
    return position, np.repeat(rows, chunks), need


def _positions(position: Ints, here: Ints, count: int, slots: int) -> dict[str, Ints]:
    """Flat positions of slots and slots of flat positions."""
    slot, slot_of = np.full(slots, count), np.full(count, slots)
    slot[here], slot_of[position] = position, here
    return {"slot": slot, "slot_of": slot_of}


def _by_slot(values: NDArray[Any], load: Ints, slot: Ints, shape: tuple[int, int]) -> NDArray[Any]:
    spread = np.zeros((*shape, *values.shape[1:]), dtype=values.dtype)
    spread[slot, load] = values
    return spread


def _pair_costs(problem: PlanningProblem, weight: Floats, slot: Ints, shape: tuple[int, int]) -> Floats:
    """Expected egress in units; BARRED where a pin forbids the pair or forces another, and in slots without a pair, [T, Q, L]."""
    needs = problem.needs
    forced = _forced(problem)
    allowed = problem.pair_allowed & (problem.pair_forced | ~forced[needs.pair_load])
    egress = np.einsum("nts,ts->nt", problem.egress_cash, weight)
    cost = np.full((len(problem.periods), *shape), BARRED)
    cost[:, slot, needs.pair_load] = np.where(allowed, egress, BARRED).T
    return cost


def _unplaced_costs(problem: PlanningProblem, weight: Floats) -> Floats:
    """[T, L]; BARRED where a pin forces the load somewhere."""
    return np.where(_forced(problem).T, BARRED, np.einsum("lts,ts->tl", problem.unplaced_cash, weight))


def _forced(problem: PlanningProblem) -> NDArray[np.bool_]:
    """True where a pin forces the load into some pool, [L, T]."""
    forced = np.zeros((len(problem.needs.loads), len(problem.periods)), dtype=np.bool_)
    np.logical_or.at(forced, problem.needs.pair_load, problem.pair_forced)
    return forced


def at_start(problem: PlanningProblem, slot: Ints, shape: tuple[int, int]) -> Floats:
    """0 where each load is before the first period, the last row: nowhere, else `BARRED`, [Q + 1, L].

    A load whose pool in force is none of its pairs comes from nowhere, and pays to enter.
    """
    needs, depth = problem.needs, shape[0]
    start = np.full((depth + 1, shape[1]), BARRED)
    here = problem.placed_before[needs.pair_load] == needs.pair_pool
    start[slot[here], needs.pair_load[here]] = 0.0
    start[depth, (start[:depth] > 0).all(axis=0)] = 0.0
    return start


def run_arrays(problem: PlanningProblem, spot_pools: Ints, unit: float) -> RunArrays:
    """Training runs and their options on the host; money in units of `unit` USD."""
    needs = problem.needs
    biller = problem.run_data_supplier[needs.option_run]
    place, most = option_places(problem)
    shape = (len(needs.runs), most)

    def by_run(values: NDArray[Any], nothing: float = 0.0) -> NDArray[Any]:
        spread = np.full(shape, nothing, dtype=values.dtype)
        spread[needs.option_run, place] = values
        return spread

    egress = by_run(np.where(biller >= 0, problem.option_egress_cash, 0.0) / unit)
    fields: dict[str, Any] = {
        "price": by_run(paying_spot(problem, spot_pools, needs.option_pool, problem.run_spot[needs.option_run])),
        "start": by_run(needs.option_start),
        "stop": by_run(needs.option_stop),
        "gang": by_run(needs.option_gang.astype(np.float64)),
        "cost": by_run(problem.option_usd / unit, BARRED),
        "not_run": np.where(problem.run_forced, BARRED, problem.run_unplaced_usd / unit),
        "egress": egress if len(problem.limits.budget_cash) else np.zeros((shape[0], 0)),
        "data_supplier": by_run(np.maximum(biller, 0)),
    }
    return RunArrays(**fields)
