"""A planning problem as device arrays, laid out for pricing.

Axes beside those of docs/problem.md: `X` = B x S (a block in a scenario), `C` chunks of `W` pairs each, `Q` the most pairs that one load
has, `M` the most training options that one run has, `F` pairs of flexible loads, `D` the most pools that one contract covers, `I`
fulfilment intervals.

Rigid pairs are sorted by the price that they pay and cut into chunks, so that the product of need and price reads each need once, in
order, and no price is looked up for each pair. Need keeps its small integers. Money is counted in units of `unit` USD, a power of two, so
that single precision holds it.

Several devices share the loads: L is filled to a multiple of their number with loads that cost nothing anywhere, the arrays of loads are
cut along L, needs along W, and all else is held by each. XLA then adds what the devices find, so that prices are the same up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from optimizer.domain.problem import Bools, PlanningProblem, option_places, pair_slots
from optimizer.domain.surface import Ints
from optimizer.pricing.supply import BARRED, SupplyArrays, supply_arrays
from optimizer.pricing.work import CHUNK, LoadArrays, RiskArrays, RunArrays, load_arrays, risk_arrays, run_arrays

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
Tree = TypeVar("Tree")


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
    option_run: Ints  # [G]
    option_place: Ints  # [G] among the options of its run


def prepare(problem: PlanningProblem, *, mesh: Mesh | None = None) -> Prepared:
    """Lays a problem out on the device, or on all devices of a mesh with the one axis `LOADS` (`devices_mesh`)."""
    with jax.enable_x64(True):
        unit = money_unit(problem)
        host = _host_arrays(problem, unit, 1 if mesh is None else mesh.size)
        double = _on_devices(host, mesh)
        (slot, _), (place, _) = pair_slots(problem), option_places(problem)
        return Prepared(
            single=_in_single(host, double),
            double=double,
            unit=unit,
            loads=len(problem.needs.loads),
            pair_load=problem.needs.pair_load,
            pair_slot=slot,
            option_run=problem.needs.option_run,
            option_place=place,
        )


def on_host(tree: Any) -> Any:
    """Arrays of the host with the values of device arrays, those that lie on other processes' devices too."""

    def fetched(leaf: Any) -> NDArray[Any]:
        if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
            leaf = multihost_utils.process_allgather(leaf, tiled=True)
        return np.asarray(leaf)

    return jax.tree.map(fetched, tree)


def with_lots(prepared: Prepared, least: Ints, most: Ints) -> Prepared:
    """The same problem with other limits on the lots of each contract, [K]."""

    def limited(arrays: Arrays) -> Arrays:
        dtype = arrays.weight.dtype
        contracts = replace(arrays.supply.contracts, least=jnp.asarray(least, dtype=dtype), most=jnp.asarray(most, dtype=dtype))
        return replace(arrays, supply=replace(arrays.supply, contracts=contracts))

    with jax.enable_x64(True):
        return replace(prepared, single=limited(prepared.single), double=limited(prepared.double))


def with_pairs(prepared: Prepared, allowed: Bools) -> Prepared:
    """The same problem where pairs may be used that are allowed in it and here, [N, T]."""

    def limited(arrays: Arrays) -> Arrays:
        there = arrays.loads.cost
        cost = np.array(on_host(there))
        cost[:, prepared.pair_slot, prepared.pair_load] = np.where(allowed.T, cost[:, prepared.pair_slot, prepared.pair_load], BARRED)
        return replace(arrays, loads=replace(arrays.loads, cost=jax.device_put(cost, there.sharding if there.committed else None)))

    with jax.enable_x64(True):
        return replace(prepared, single=limited(prepared.single), double=limited(prepared.double))


def with_supply(prepared: Prepared, problem: PlanningProblem) -> Prepared:
    """The contracts, offers and rules of a problem with the same loads, runs and axes: its prices, lots and terms are others."""
    with jax.enable_x64(True):
        host = host_supply(prepared, problem)
        double = jax.tree.map(jax.device_put, host)
        return replace(
            prepared,
            single=replace(prepared.single, supply=_in_single(host, double)),
            double=replace(prepared.double, supply=double),
        )


def host_supply(prepared: Prepared, problem: PlanningProblem) -> SupplyArrays:
    """The contracts, offers and rules of such a problem on the host, typed as on the device."""
    spot_pools = np.asarray(prepared.double.supply.spot_pool)
    found: SupplyArrays = jax.tree.map(_typed, supply_arrays(problem, spot_pools, prepared.unit))
    return found


def _in_single(host: Tree, double: Tree) -> Tree:
    """Doubles in single precision, where they lie on the devices; what else there is is shared."""

    def single(leaf: NDArray[Any], there: Array) -> Array:
        return jax.device_put(leaf.astype(np.float32), there.sharding if there.committed else None) if leaf.dtype == np.float64 else there

    found: Tree = jax.tree.map(single, host, double)
    return found


def singles(tree: Any) -> Any:
    """The values of a tree on the host in single precision: kernels take them as they are, and nothing is compiled to convert them."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float32), on_host(tree))


def doubles(tree: Any) -> Any:
    """Likewise in double precision."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), on_host(tree))


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
    return _on_devices(_host_arrays(problem, unit, 1 if mesh is None else mesh.size), mesh)


def _host_arrays(problem: PlanningProblem, unit: float, devices: int) -> Arrays:
    """The same on the host."""
    spot_pools = np.unique(problem.supply.offer_pool[problem.supply.offer_spot])
    fields: dict[str, Any] = {
        "loads": load_arrays(problem, spot_pools, unit, devices),
        "runs": run_arrays(problem, spot_pools, unit),
        "supply": supply_arrays(problem, spot_pools, unit),
        "hours": problem.hours,
        "discount": problem.discount,
        "weight": problem.discount[:, None] * problem.probability,
        "constant": np.asarray((problem.other_spend_cash * problem.discount).sum() / unit),
    }
    limits = problem.limits
    rules = len(limits.budget_cash) + len(limits.share) + int((problem.supply.share_of_wallet > 0).sum())
    fields["risk"] = None if problem.risk_neutral else risk_arrays(problem, unit, devices)
    cash_rules = rules > 0 or fields["risk"] is not None
    return Arrays(**jax.tree.map(_typed, fields), cash_rules=cash_rules)


def _on_devices(host: Arrays, mesh: Mesh | None) -> Arrays:
    """Arrays of the host on the device, or on those of a mesh."""
    if mesh is None:
        arrays: Arrays = jax.tree.map(jax.device_put, host)
        return arrays
    everywhere = _sharding(mesh, ())
    loads = {name: jax.device_put(leaf, _cut(name, mesh)) for name, leaf in vars(host.loads).items()}
    others = ("runs", "supply", "hours", "discount", "weight", "constant", "risk")
    rest = {name: jax.tree.map(lambda leaf: jax.device_put(leaf, everywhere), getattr(host, name)) for name in others}
    return replace(host, loads=LoadArrays(**loads), **rest)


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
