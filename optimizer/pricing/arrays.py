"""A planning problem as device arrays, laid out for pricing.

Axes beside those of docs/problem.md: `X` = B x S (a block in a scenario), `C` chunks of `W` pairs each, `Q` the most pairs that one load
has, `F` pairs of flexible loads, `D` the most pools that one contract covers, `I` fulfilment intervals.

Rigid pairs are sorted by the price that they pay and cut into chunks, so that the product of need and price reads each need once, in
order, and no price is looked up for each pair. Need keeps its small integers. Money is counted in units of `unit` USD, a power of two, so
that single precision holds it.

Several devices share the loads: L is filled to a multiple of their number with loads that cost nothing anywhere, the arrays of loads are
cut along L, needs along W, and all else is held by each. XLA then adds what the devices find, so that prices are the same up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.supply import BARRED, SupplyArrays, supply_arrays

CHUNK = 128  # pairs
LOADS = "loads"  # the axis of a mesh over which loads are spread
CUT = {  # axes of the arrays of loads that are cut; the others are held whole by every device
    "cost": (None, None, LOADS),
    "unplaced": (None, LOADS),
    "enter": (None, LOADS),
    "leave": (None, LOADS),
    "at_start": (None, LOADS),
    "new": (LOADS,),
    "egress": (None, LOADS),
    "pool": (None, LOADS),
    "supplier": (None, LOADS),
    "site": (None, LOADS),
}


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
    """Training options, sorted by run."""

    run: Array  # [G]
    price: Array  # [G] row of the stacked prices
    start: Array  # [G]
    stop: Array  # [G]
    gang: Array  # [G]
    cost: Array  # [G]
    not_run: Array  # [R] BARRED where a pin forces the run
    egress: Array  # [G] undiscounted cash in its first period; 0 where nobody bills it
    data_supplier: Array  # [G] who bills it


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


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Arrays:
    """Everything that the dual reads. Money in units."""

    loads: LoadArrays
    runs: RunArrays
    supply: SupplyArrays
    hours: Array  # [T, B]
    discount: Array  # [T]
    weight: Array  # [T, S] probability x discount
    constant: Array  # [] what no decision changes
    risk: RiskArrays | None  # None: scenarios weigh what is probable
    cash_rules: bool = field(metadata={"static": True})  # whether any price of a rule, or weight of a scenario, changes what offers cost


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A problem on the device in both precisions: single to find prices, double to certify them. Needs are held once."""

    single: Arrays
    double: Arrays
    unit: float  # of money, USD
    loads: int  # L of the problem; arrays may be filled beyond it
    pair_load: Ints  # [N]
    pair_slot: Ints  # [N] among the pairs of its load


def prepare(problem: PlanningProblem, *, mesh: Mesh | None = None) -> Prepared:
    """Lays a problem out on the device, or on all devices of a mesh with the one axis `LOADS` (`devices_mesh`)."""
    with jax.enable_x64(True):
        unit = money_unit(problem)
        double = device_arrays(problem, unit, mesh)
        slot, _ = pair_slots(problem)
        return Prepared(
            single=jax.tree.map(_in_single, double),
            double=double,
            unit=unit,
            loads=len(problem.needs.loads),
            pair_load=problem.needs.pair_load,
            pair_slot=slot,
        )


def on_host(tree: Any) -> Any:
    """Arrays of the host with the values of device arrays, those that lie on other processes' devices too."""

    def fetched(leaf: Any) -> NDArray[Any]:
        if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
            leaf = multihost_utils.process_allgather(leaf, tiled=True)
        return np.asarray(leaf)

    return jax.tree.map(fetched, tree)


def with_lots(prepared: Prepared, least: Floats, most: Floats) -> Prepared:
    """The same problem with other limits on the lots of each contract, [K]: a node of a search over contracts."""

    def limited(arrays: Arrays) -> Arrays:
        dtype = arrays.weight.dtype
        contracts = replace(arrays.supply.contracts, least=jnp.asarray(least, dtype=dtype), most=jnp.asarray(most, dtype=dtype))
        return replace(arrays, supply=replace(arrays.supply, contracts=contracts))

    with jax.enable_x64(True):
        return replace(prepared, single=limited(prepared.single), double=limited(prepared.double))


def with_supply(prepared: Prepared, problem: PlanningProblem) -> Prepared:
    """The contracts, offers and rules of a problem with the same loads, runs and axes: its prices, lots and terms are others."""
    with jax.enable_x64(True):
        double = jax.tree.map(jnp.asarray, host_supply(prepared, problem))
        return replace(
            prepared,
            single=replace(prepared.single, supply=jax.tree.map(_in_single, double)),
            double=replace(prepared.double, supply=double),
        )


def host_supply(prepared: Prepared, problem: PlanningProblem) -> SupplyArrays:
    """The contracts, offers and rules of such a problem on the host, typed as on the device."""
    spot_pools = np.asarray(prepared.double.supply.spot_pool)
    found: SupplyArrays = jax.tree.map(_typed, supply_arrays(problem, spot_pools, prepared.unit))
    return found


def _in_single(leaf: Array) -> Array:
    return leaf.astype(jnp.float32) if leaf.dtype == jnp.float64 else leaf


def devices_mesh() -> Mesh | None:
    """All devices of JAX, those of other processes with them; None where there is but one."""
    many = jax.device_count()
    return None if many == 1 else jax.make_mesh((many,), (LOADS,), axis_types=(AxisType.Auto,))


def _cut(name: str, mesh: Mesh) -> NamedSharding:
    """How an array of `LoadArrays` lies on the devices."""
    if name == "need":
        return _sharding(mesh, (None, None, None, LOADS) if CHUNK % mesh.size == 0 else ())
    return _sharding(mesh, CUT.get(name, ()))


def _sharding(mesh: Mesh, axes: tuple[str | None, ...]) -> NamedSharding:
    """Axes that are named are cut; without any, each device holds all."""
    return NamedSharding(mesh, PartitionSpec(*axes))  # type: ignore[no-untyped-call]


def device_arrays(problem: PlanningProblem, unit: float, mesh: Mesh | None = None) -> Arrays:
    """The problem on the device in double precision, money in units of `unit` USD; asks for `jax.enable_x64`."""
    spot_pools, devices = np.unique(problem.supply.offer_pool[problem.supply.offer_spot]), 1 if mesh is None else mesh.size
    fields: dict[str, Any] = {
        "loads": _loads(problem, spot_pools, unit, devices),
        "runs": _runs(problem, spot_pools, unit),
        "supply": supply_arrays(problem, spot_pools, unit),
        "hours": problem.hours,
        "discount": problem.discount,
        "weight": problem.discount[:, None] * problem.probability,
        "constant": np.asarray((problem.other_spend_cash * problem.discount).sum() / unit),
    }
    limits = problem.limits
    rules = len(limits.budget_cash) + len(limits.share) + int((problem.supply.share_of_wallet > 0).sum())
    fields["risk"] = None if problem.risk_neutral else RiskArrays(**_risk(problem, unit, devices))
    cash_rules = rules > 0 or fields["risk"] is not None
    if mesh is None:
        return Arrays(**jax.tree.map(_on_device, fields), cash_rules=cash_rules)
    loads = {name: jax.device_put(_typed(leaf), _cut(name, mesh)) for name, leaf in vars(fields.pop("loads")).items()}
    everywhere = _sharding(mesh, ())
    rest = jax.tree.map(lambda leaf: jax.device_put(_typed(leaf), everywhere), fields)
    return Arrays(loads=LoadArrays(**loads), **rest, cash_rules=cash_rules)


def _on_device(leaf: Any) -> Array:
    return jnp.asarray(_typed(leaf))


def _typed(leaf: Any) -> NDArray[Any]:
    """Floats and needs as they are, indices as 32-bit integers."""
    host = np.asarray(leaf)
    return host if host.dtype in (np.float64, np.uint16) else host.astype(np.int32)


def money_unit(problem: PlanningProblem) -> float:
    """A power of two near the price of one accelerator's hours in a block, USD: sums then stay far inside single precision.

    Where no capacity has a price but shortage's, one near what a pair costs.
    """
    paid = np.concatenate([problem.supply.price_cash.ravel(), problem.supply.offer_price_cash.ravel()])
    prices = np.concatenate([problem.shortage_price, paid]) * problem.hours.mean() if (paid > 0).any() else problem.egress_cash.ravel()
    positive = prices[prices > 0]
    return float(2.0 ** np.round(np.log2(np.median(positive)))) if len(positive) else 1.0


def paying_spot(problem: PlanningProblem, spot_pools: Ints, pool: Ints, may_use: NDArray[np.bool_]) -> Ints:
    """Row of the stacked prices that each piece of work pays: the spot price where it may use spot and the pool has any."""
    return pool + len(problem.pools) * (may_use & np.isin(pool, spot_pools))


def pair_slots(problem: PlanningProblem) -> tuple[Ints, int]:
    """Slot of each pair among its load's pairs, [N], and Q."""
    count = np.bincount(problem.needs.pair_load, minlength=len(problem.needs.loads))
    first = np.cumsum(count) - count
    return np.arange(len(problem.needs.pair_load)) - first[problem.needs.pair_load], int(count.max(initial=1))


def _filled(loads: int, devices: int) -> int:
    """Loads filled to a multiple of the devices."""
    return -(-loads // devices) * devices


def _loads(problem: PlanningProblem, spot_pools: Ints, unit: float, devices: int) -> LoadArrays:
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
        "at_start": _at_start(problem, slot, (depth, loads)),
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


def _risk(problem: PlanningProblem, unit: float, devices: int) -> dict[str, Any]:
    """Fields of `RiskArrays` on the host."""
    needs, risk, chance = problem.needs, problem.risk, problem.probability
    slot, depth = pair_slots(problem)
    low, later = (1.0 - risk.omega) * chance, problem.discount[:, None] / unit
    loads = _filled(len(needs.loads), devices)
    egress = _by_slot(problem.egress_cash * later, needs.pair_load, slot, (depth, loads))
    return {
        "low": low,
        "high": low + risk.omega * np.minimum(chance / (1.0 - risk.alpha), 1.0),
        "probability": chance,
        "egress": egress.transpose(2, 0, 1, 3),
        "unplaced": np.pad((problem.unplaced_cash * later).swapaxes(0, 1), ((0, 0), (0, loads - len(needs.loads)), (0, 0))),
        "missed": problem.missed_price[needs.pair_load[needs.flexible[needs.pair_load]]][:, None] * problem.discount / unit,
    }


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
    need = np.zeros((int(chunks.sum()) * CHUNK, periods, blocks * scenarios), dtype=np.uint16 if small else np.int32)
    need[position[order]] = needs.need[order].reshape(len(order), periods, blocks * scenarios)
    stacked = need.reshape(-1, CHUNK, periods, blocks * scenarios).transpose(2, 0, 3, 1)
    return position, np.repeat(rows, chunks), np.ascontiguousarray(stacked)


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


def _at_start(problem: PlanningProblem, slot: Ints, shape: tuple[int, int]) -> Floats:
    """[Q + 1, L]: a load whose pool in force is none of its pairs comes from nowhere, and pays to enter."""
    needs, depth = problem.needs, shape[0]
    start = np.full((depth + 1, shape[1]), BARRED)
    here = problem.placed_before[needs.pair_load] == needs.pair_pool
    start[slot[here], needs.pair_load[here]] = 0.0
    start[depth, (start[:depth] > 0).all(axis=0)] = 0.0
    return start


def _runs(problem: PlanningProblem, spot_pools: Ints, unit: float) -> RunArrays:
    needs = problem.needs
    biller = problem.run_data_supplier[needs.option_run]
    fields: dict[str, Any] = {
        "run": needs.option_run,
        "price": paying_spot(problem, spot_pools, needs.option_pool, problem.run_spot[needs.option_run]),
        "start": needs.option_start,
        "stop": needs.option_stop,
        "gang": needs.option_gang.astype(np.float64),
        "cost": problem.option_usd / unit,
        "not_run": np.where(problem.run_forced, BARRED, problem.run_unplaced_usd / unit),
        "egress": np.where(biller >= 0, problem.option_egress_cash, 0.0) / unit,
        "data_supplier": np.maximum(biller, 0),
    }
    return RunArrays(**fields)
