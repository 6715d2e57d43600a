"""Elements per second of the cost kernel, forward and with slopes, against NumPy; memory as periods and scenarios grow.

A row's `objective` is elements/s (rows of speed) or bytes beyond inputs and outputs (rows of memory), its `ratio` the speed over that of
the same in NumPy on one core, with chunks that fit the cache. Rows `g_g_c` add to `m_m_c` the corrections for irregular arrivals and
services and the slopes in them. Arithmetic and transcendental functions per element
stand in `status`, counted before compilation, so that what a compiler repeats does not count, with the share that they reach of the roof
that binds: what the device itself copies, or multiplies as a product of float32 matrices, in a second (benchmarks/roofline.py).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks import numpy_surface, roofline
from benchmarks.devices import one_a_core
from benchmarks.made_surface import chunks_of, made_inputs
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require
from optimizer.surfaces.cost import Expected, Inputs
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sweep import load_mesh, plan_for, sweep_with_slopes, swept

SUITE = "surface_speed"
WAITS = {"m_m_c": QueueingParameters(corrections=None), "g_g_c": QueueingParameters()}
MEMORY = "memory"
GROWTH = 4  # times as many periods, and scenarios, in the rows of memory
LOADS = {"processor": 128, "card": 16_384}  # a card needs many to be busy


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    loads: int | None = argument(None, f"loads, null for {LOADS['processor']} on a processor and {LOADS['card']} on a card")
    pools: int = argument(50, "pools")
    periods: int = argument(6, "periods")
    blocks: int = argument(4, "blocks of hours")
    scenarios: int = argument(64, "scenarios")
    elements: int | None = argument(None, "elements of a chunk, null for what the device wants")
    repeats: int = argument(5, "timings, of which the fastest counts")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("loads", "pools", "periods", "blocks", "scenarios", "elements", "repeats"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, "must be >= 1", value)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        kind = "processor" if jax.default_backend() == "cpu" else "card"
        return (self.loads or LOADS[kind], self.pools, self.periods, self.blocks, self.scenarios)


def run(settings: Settings) -> Iterator[ResultRow]:
    """NumPy and the kernel beside it, with and without corrections; then memory. `cases=[m_m_c]` some of these."""
    devices, wanted = one_a_core(), chosen(settings, [*WAITS, MEMORY])
    roofs = roofline.measured(devices)
    for label in (label for label in WAITS if label in wanted):
        parameters = WAITS[label]
        inputs, reason = made_inputs(settings.shape, parameters, settings.seed)
        how = None if parameters.corrections is None else numpy_surface.irregular(parameters)
        for name, function in (("forward", numpy_surface.forward), ("slopes", numpy_surface.slopes)):
            row = _numpy(settings, inputs, f"{label} {name}", partial(function, how=how))
            yield row
            yield _timed(settings, label, name, inputs, reason, devices, row.objective, roofs)
    if MEMORY in wanted:
        yield from _memory(settings, devices)


def _numpy(settings: Settings, inputs: Inputs, name: str, function: Callable[[numpy_surface.Chunk], Any]) -> ResultRow:
    """NumPy over a few of the chunks, the size of chunk that is fastest."""
    best = 0.0
    for scenarios in sorted({min(settings.scenarios, width) for width in (8, 16, 32, 64)}):
        chunks = chunks_of(inputs, loads=1, scenarios=scenarios, most=20)
        count = sum(chunk.requests_per_s.size * settings.pools for chunk in chunks)
        for _ in range(settings.repeats):
            started = time.perf_counter()
            for chunk in chunks:
                function(chunk)
            best = max(best, count / (time.perf_counter() - started))
    total = float(np.prod(settings.shape))
    return ResultRow(
        suite=SUITE,
        case=name,
        size=_size(settings.shape),
        solver="numpy, 1 core",
        seconds=total / best,
        objective=best,
        ratio=1.0,
    )


def _weights() -> Expected:
    """Of everything that has slopes."""
    ones = {field.name: 1.0 for field in dataclasses.fields(Expected)} | {"hours": 0.0, "hours_served": 0.0, "requests": 0.0}
    return Expected(**{**ones, "ttft_requests": (1.0, 1.0, 1.0)})  # type: ignore[arg-type]


def _lowered(name: str, inputs: Inputs, reason: jax.Array, devices: list[jax.Device], elements: int | None) -> Any:
    mesh = load_mesh(devices) if len(devices) > 1 else None
    plan = plan_for(inputs, whole=name == "forward", mesh=mesh, elements=elements)
    if name == "forward":
        return swept.lower(inputs, reason, plan=plan)
    return sweep_with_slopes.lower(inputs, reason, _weights(), plan=plan)


def _timed(
    settings: Settings,
    label: str,
    name: str,
    inputs: Inputs,
    reason: jax.Array,
    devices: list[jax.Device],
    yardstick: float,
    roofs: roofline.Roofs,
) -> ResultRow:
    started = time.perf_counter()
    compiled = _lowered(name, inputs, reason, devices, settings.elements).compile()
    compile_seconds = time.perf_counter() - started
    arguments = (inputs, reason) if name == "forward" else (inputs, reason, _weights())
    jax.block_until_ready(compiled(*arguments))
    seconds = []
    for _ in range(settings.repeats):
        started = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        seconds.append(time.perf_counter() - started)
    speed = float(np.prod(settings.shape)) / min(seconds)
    return ResultRow(
        suite=SUITE,
        case=f"{label} {name}",
        size=_size(settings.shape),
        solver=f"kernel, {len(devices)} devices",
        device=devices[0].device_kind,
        seconds=min(seconds),
        compile_seconds=compile_seconds,
        objective=speed,
        ratio=speed / yardstick,
        status=_work(name, inputs, settings, compiled, roofs, min(seconds)),
    )


def _work(name: str, inputs: Inputs, settings: Settings, compiled: Any, roofs: roofline.Roofs, seconds: float) -> str:
    """Floating-point operations and transcendental functions per element, of one chunk alone, and the share of the roof that binds."""
    shape = (1, settings.pools, 1, settings.blocks, settings.scenarios)
    count = float(np.prod(shape))
    with jax.default_device(jax.local_devices(backend="cpu")[0]):  # only there can what is not compiled be counted
        one, eligible = made_inputs(shape, inputs.queueing, settings.seed)
        cost = _lowered(name, one, eligible, [], int(count)).cost_analysis()
    each, functions = cost["flops"] / count, cost["transcendentals"] / count
    memory, elements = compiled.memory_analysis(), float(np.prod(settings.shape))
    moved = float(memory.argument_size_in_bytes + memory.output_size_in_bytes)
    share = roofs.share(roofline.Work(operations=(each + functions) * elements, bytes=moved), seconds)
    return f"{each:.0f} flop, {functions:.0f} tr., {share}"


def _memory(settings: Settings, devices: list[jax.Device]) -> Iterator[ResultRow]:
    """What a compiled sweep needs beyond its inputs and outputs, of the size asked for, of more periods, of more scenarios."""
    loads, pools, periods, blocks, scenarios = settings.shape
    for shape in (settings.shape, (loads, pools, periods * GROWTH, blocks, scenarios), (loads, pools, periods, blocks, scenarios * GROWTH)):
        inputs, reason = made_inputs(shape, QueueingParameters(corrections=None), settings.seed)
        for name in ("forward", "slopes"):
            started = time.perf_counter()
            memory = _lowered(name, inputs, reason, devices[:1], settings.elements).compile().memory_analysis()
            yield ResultRow(
                suite=SUITE,
                case=f"memory {name}",
                size=_size(shape),
                solver="kernel, 1 device",
                device=devices[0].device_kind,
                seconds=time.perf_counter() - started,
                objective=float(memory.temp_size_in_bytes),
                status=f"in {memory.argument_size_in_bytes / 2**20:.1f} MiB",
            )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)
