"""Steps of pricing per second, and memory, as loads grow at fixed pools and periods; on the device that JAX has.

`seconds` is one step (an evaluation of the smooth dual and its slopes), `objective` the bytes that the device held most, where it says so.
The row `exponent` has in `ratio` the exponent of time in the number of loads, in `status` its 95 % interval. With `peers=true` parts of
a step stand beside the same in NumPy and BLAS, value and slopes, at each size: `ratio` is the speed over NumPy's. `rest` is paths, starts
and responses together. `evaluation` is one evaluation with its slopes alone, and `status` says of it and of its parts what share they reach
of the roof that binds: what the device copies, or multiplies as a product of float32 matrices, in a second (benchmarks/roofline.py).
With `processor=true` and a card a row says what the same evaluation takes on the host's processor, on as many cores as the variable NPROC
says.

Loads are cut over all devices. With `coordinator` the suite runs in several processes, on one host or on many, each with its number; all of
them price together and say the same rows, of steps only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from benchmarks import numpy_pricing, roofline
from benchmarks.devices import join
from benchmarks.generator import Size, generate
from benchmarks.growth import growth_row
from benchmarks.rows import NOT_MEASURED, ResultRow
from benchmarks.settings import SuiteSettings, argument, require
from optimizer.pricing.arrays import Arrays, Prepared, devices_mesh, prepare
from optimizer.pricing.ascent import BLOCK, price_prepared
from optimizer.pricing.contraction import rigid_cost
from optimizer.pricing.coordinates import coordinates, first_point, multipliers_at
from optimizer.pricing.dual import dual_value, moves, reference_scales, supply_terms
from optimizer.pricing.multipliers import stacked_prices
from optimizer.pricing.paths import smooth_path_costs
from optimizer.pricing.starts import option_costs, run_costs
from optimizer.pricing.work import RunArrays

SUITE = "pricing_speed"
LOADS = (1_000, 2_000, 4_000, 8_000, 16_000)
TEMPERATURE = 0.01  # of the typical cost
LOADS_A_RUN = 10
OPTIONS_A_RUN = 60


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    loads: list[int] = argument(LOADS, "numbers of loads")  # noqa: RUF009 - a field with a factory
    pools: int = argument(40, "pools")
    periods: int = argument(12, "periods")
    blocks: int = argument(2, "blocks of hours")
    scenarios: int = argument(4, "scenarios")
    steps: int = argument(4 * BLOCK, "steps that are timed; 0: evaluations alone")
    processor: bool = argument(False, "an evaluation on the host's processor beside the card's, on as many cores as NPROC says")
    coordinator: str | None = argument(None, "HOST:PORT of process 0, where several processes price together; null: one alone")
    processes: int = argument(1, "how many there are")
    process: int = argument(0, "which of them this is")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(min(self.loads, default=0) >= 1, "loads", "must be numbers of loads, each >= 1", self.loads)
        for name in ("pools", "periods", "blocks", "scenarios", "processes"):
            require(getattr(self, name) >= 1, name, "must be >= 1", getattr(self, name))
        require(self.steps >= 0, "steps", "must be >= 0", self.steps)
        require(0 <= self.process < self.processes, "process", "must be >= 0 and below processes", self.process)
        alone = self.coordinator is None
        require(alone == (self.processes == 1), "processes", "must be above 1 with a coordinator, and with one only", self.processes)


def run(settings: Settings) -> Iterator[ResultRow]:
    """One row for each number of loads, then the exponent."""
    if settings.coordinator is not None:
        join(settings.coordinator, settings.processes, settings.process)
    device, mesh = jax.local_devices()[0], devices_mesh()
    roofs = roofline.measured_apart() if settings.coordinator is None else roofline.measured(jax.local_devices())
    each = []
    for loads in settings.loads:
        shape = {name: getattr(settings, name) for name in ("pools", "periods", "blocks", "scenarios")}
        size = " x ".join(map(str, (loads, *shape.values())))
        prepared = prepare(generate(Size(loads=loads, **shape), seed=settings.seed), mesh=mesh)
        if settings.steps:
            row = _step(prepared, settings.steps, size, device, mesh)
            each.append(row.seconds)
            yield row
        if settings.coordinator is None:
            on_device = _evaluation(prepared.single, size, device.device_kind, roofs)
            yield on_device
        if settings.coordinator is None and settings.processor:
            yield _on_processor(prepared.single, on_device)
        if settings.coordinator is None and settings.peers:
            yield from _parts(settings, prepared.single, size, device.device_kind, roofs)
    if len(each) > 1:
        yield growth_row(SUITE, "exponent", device.device_kind, settings.loads, each)


def _step(prepared: Prepared, steps: int, size: str, device: jax.Device, mesh: Mesh | None) -> ResultRow:
    """One step of a climb, and what the device held most."""
    began = time.perf_counter()
    price_prepared(prepared, iterations=BLOCK)
    compiled = time.perf_counter() - began
    began = time.perf_counter()
    found = price_prepared(prepared, iterations=steps)
    step = (time.perf_counter() - began) / found.evaluations
    return ResultRow(
        suite=SUITE,
        case="step",
        size=size,
        solver="price" if mesh is None else f"price, {mesh.size} devices",
        device=device.device_kind,
        seconds=step,
        compile_seconds=max(0.0, compiled - BLOCK * step),
        objective=float((device.memory_stats() or {}).get("peak_bytes_in_use", NOT_MEASURED)),
        bound=found.bound_usd,
    )


def _evaluation(arrays: Arrays, size: str, device: str, roofs: roofline.Roofs, repeats: int = roofline.REPEATS) -> ResultRow:
    """One evaluation of the smooth dual and its slopes at list prices."""
    box = jax.jit(coordinates)(arrays)

    def smooth(point: Array, arrays: Arrays) -> Array:
        return dual_value(arrays, multipliers_at(arrays, box, point), (box.scales, jnp.float32(TEMPERATURE)))

    point, both = first_point(arrays, box), jax.jit(jax.value_and_grad(smooth))
    began = time.perf_counter()
    jax.block_until_ready(both(point, arrays))
    compiled = time.perf_counter() - began
    seconds = roofline.fastest(lambda: jax.block_until_ready(both(point, arrays)), repeats)
    share = roofs.share(roofline.Work(operations=roofline.operations(both, point, arrays), bytes=evaluation_bytes(arrays)), seconds)
    row = ResultRow(suite=SUITE, case="evaluation", size=size, solver="price", device=device, seconds=seconds, status=share)
    return replace(row, compile_seconds=max(0.0, compiled - seconds))


def _on_processor(arrays: Arrays, on_card: ResultRow) -> ResultRow:
    """The same on the processor; its ratio is its speed over the card's."""
    processor = jax.devices("cpu")[0]
    cores = os.environ.get("NPROC", str(os.cpu_count()))
    with jax.default_device(processor):
        roofs = roofline.measured([processor])
        row = _evaluation(jax.device_put(arrays, processor), on_card.size, f"cpu, {cores} cores", roofs, repeats=1)
    return replace(row, ratio=on_card.seconds / row.seconds)


def evaluation_bytes(arrays: Arrays) -> float:
    """Bytes that one evaluation with its slopes must move: the matrix part and the paths, and the order of pairs changed between them."""
    return matrix_bytes(arrays) + paths_bytes(arrays) + 2.0 * (_of_pairs(arrays) + _of_slots(arrays))


def matrix_bytes(arrays: Arrays) -> float:
    """Needs are read for costs and again for accelerators wanted; a cost is written and a share is read for each pair and period."""
    return 2.0 * arrays.loads.need.nbytes + 2.0 * _of_pairs(arrays)


def paths_bytes(arrays: Arrays) -> float:
    """A cost is read, the cost so far written and read again, a share written, for each slot and period."""
    return 4.0 * _of_slots(arrays)


def _of_pairs(arrays: Arrays) -> float:
    periods, chunks, _, width = arrays.loads.need.shape
    return 4.0 * periods * chunks * width


def _of_slots(arrays: Arrays) -> float:
    return float(arrays.loads.cost.nbytes)


def _parts(settings: Settings, arrays: Arrays, size: str, device: str, roofs: roofline.Roofs) -> Iterator[ResultRow]:
    rng = np.random.default_rng(settings.seed)
    made = {
        "matrix": matrix_part(arrays, rng),
        "paths": paths_part(arrays, rng),
        "starts": starts_part(arrays, rng, settings.pools),
        "responses": responses_part(arrays, rng),
    }
    moved = {"matrix": matrix_bytes(arrays), "paths": paths_bytes(arrays)}
    products = {"matrix": 4.0 * arrays.loads.need.size}  # each need times a price, and times a share, added up
    rest, rest_yardstick = 0.0, 0.0  # all but the matrix part
    for name, (ours, plain) in made.items():
        began = time.perf_counter()
        jax.block_until_ready(ours())
        compiled = time.perf_counter() - began
        seconds, yardstick = roofline.fastest(lambda ours=ours: jax.block_until_ready(ours())), roofline.fastest(plain)
        yield ResultRow(suite=SUITE, case=name, size=size, solver="NumPy", seconds=yardstick, ratio=1.0)
        row = ResultRow(suite=SUITE, case=name, size=size, solver="price", device=device, seconds=seconds, ratio=yardstick / seconds)
        work = roofline.Work(operations=products.get(name) or roofline.operations(ours), bytes=moved.get(name, 0.0))
        yield replace(row, compile_seconds=max(0.0, compiled - seconds), status=roofs.share(work, seconds))
        if name != "matrix":
            rest, rest_yardstick = rest + seconds, rest_yardstick + yardstick
    yield ResultRow(suite=SUITE, case="rest", size=size, solver="NumPy", seconds=rest_yardstick, ratio=1.0)
    yield ResultRow(suite=SUITE, case="rest", size=size, solver="price", device=device, seconds=rest, ratio=rest_yardstick / rest)


Part = tuple[Callable[[], Any], Callable[[], Any]]  # value and slopes by this project, and by NumPy


def matrix_part(arrays: Arrays, rng: np.random.Generator) -> Part:
    """Need times price, and shares times need."""
    need = arrays.loads.need
    price = rng.uniform(1.0, 3.0, need.shape[:3]).astype(np.float32)
    share = rng.uniform(0.0, 1.0, (*need.shape[:2], need.shape[3])).astype(np.float32)
    ours = jax.jit(lambda need, price, share: (rigid_cost(need, price), jax.vjp(lambda at: rigid_cost(need, at), price)[1](share)[0]))
    on_device, plain = (jnp.asarray(price), jnp.asarray(share)), np.asarray(need).astype(np.float32)
    return lambda: ours(need, *on_device), lambda: numpy_pricing.contraction(plain, price, share)


def paths_part(arrays: Arrays, rng: np.random.Generator) -> Part:
    """Cheapest paths of all loads, and where they are."""
    scales = reference_scales(arrays)
    shape = arrays.loads.cost.shape
    spread = jnp.asarray(rng.uniform(0.5, 1.5, shape).astype(np.float32))
    cost, charge = arrays.loads.cost + spread * scales.load[None, None], jnp.zeros(shape[0], jnp.float32)
    own, temperature = replace(moves(arrays), new=jnp.ones_like(arrays.loads.new)), TEMPERATURE * scales.load

    @jax.jit
    def ours(cost: Array) -> tuple[Array, Array]:
        total, back = jax.vjp(lambda at: smooth_path_costs(at, charge, own, temperature), cost)
        return total, back(jnp.ones_like(total))[0]

    known = {field.name: np.asarray(getattr(own, field.name)) for field in fields(numpy_pricing.Moves)}
    plain = np.asarray(cost), np.asarray(charge), numpy_pricing.Moves(**known), np.asarray(temperature)
    return lambda: ours(cost), lambda: numpy_pricing.paths(*plain)


def starts_part(arrays: Arrays, rng: np.random.Generator, pools: int) -> Part:
    """Best options of runs that are made up, and their slopes in prices."""
    periods, runs = arrays.hours.shape[0], max(1, arrays.loads.cost.shape[2] // LOADS_A_RUN)
    many = runs * OPTIONS_A_RUN
    start = rng.integers(0, periods, many)
    options = numpy_pricing.Options(
        run=np.repeat(np.arange(runs), OPTIONS_A_RUN),
        price=rng.integers(0, pools, many),
        start=start,
        stop=rng.integers(start + 1, periods + 1),
        gang=rng.uniform(8.0, 512.0, many).astype(np.float32),
        cost=rng.uniform(0.0, 100.0, many).astype(np.float32),
        not_run=np.full(runs, 1e6, np.float32),
    )
    stacked = rng.uniform(1.0, 3.0, (pools, periods, arrays.loads.need.shape[2])).astype(np.float32)
    temperature = np.full(runs, 10.0, np.float32)
    held = {name: jnp.asarray(_narrow(getattr(options, name)).reshape(runs, -1)) for name in ("price", "start", "stop", "gang", "cost")}
    not_run, nobody = jnp.asarray(options.not_run), jnp.zeros((runs, OPTIONS_A_RUN), jnp.int32)
    own = RunArrays(**held, not_run=not_run, egress=jnp.zeros((runs, 0), jnp.float32), data_supplier=nobody)
    cash, discount = jnp.zeros((1, periods, 1), jnp.float32), jnp.zeros(periods, jnp.float32)

    @jax.jit
    def ours(stacked: Array, temperature: Array) -> tuple[Array, Array]:
        total, back = jax.vjp(lambda at: run_costs(own, option_costs(own, at, cash, discount), temperature), stacked)
        return total, back(jnp.ones_like(total))[0]

    on_device = jnp.asarray(stacked), jnp.asarray(temperature)
    return lambda: ours(*on_device), lambda: numpy_pricing.starts(options, stacked, temperature)


def responses_part(arrays: Arrays, rng: np.random.Generator) -> Part:
    """Best responses of the contracts at random prices, and their slopes in prices and in weights of spend."""
    contracts, box = arrays.supply.contracts, coordinates(arrays)
    listed = multipliers_at(arrays, box, first_point(arrays, box))
    warm = jax.tree.map(lambda scale: TEMPERATURE * scale, box.scales)
    firm = listed.firm * jnp.asarray(rng.uniform(0.2, 1.0, listed.firm.shape).astype(np.float32))
    excess = contracts.has_excess[:, :, None] * jnp.asarray(rng.uniform(0.0, 1.0, listed.excess.shape).astype(np.float32))

    @jax.jit
    def ours(firm: Array, excess: Array) -> tuple[Array, Array, Array]:
        def cost(firm: Array, excess: Array) -> Array:
            return supply_terms(arrays, replace(listed, firm=firm, excess=excess), stacked, warm)["groups"]

        stacked = stacked_prices(arrays, listed)
        groups, back = jax.vjp(cost, firm, excess)
        return groups, *back(jnp.ones_like(groups))

    weight, barred = np.asarray(arrays.weight)[None], np.asarray(contracts.exit_fee).sum(axis=2)
    plain = numpy_pricing.Contracts(
        pool=np.asarray(contracts.cover[:, 0]),
        works=np.asarray(contracts.works[:, 0]),
        capacity=np.asarray(contracts.capacity),
        price=weight * np.asarray(contracts.price),
        committed=weight * np.asarray(contracts.committed),
        leaving=np.concatenate([barred, np.asarray(contracts.terminal)[:, None]], axis=1),
        most=np.asarray(contracts.most),
    )
    by_block = (*firm.shape[:2], arrays.hours.shape[1], -1)
    given = tuple(np.asarray(of).reshape(by_block) for of in (firm, warm.firm))
    temperatures = given[1], np.asarray(warm.contract), np.asarray(warm.group)
    hours, weights = np.asarray(arrays.hours), np.asarray(excess)

    def yardstick() -> tuple[np.ndarray, ...]:
        cost, in_price, in_weight = numpy_pricing.responses(plain, hours, given[0], weights, temperatures)
        return cost, in_price.reshape(firm.shape), in_weight

    return lambda: ours(firm, excess), yardstick


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32) if values.dtype.kind == "i" else values
