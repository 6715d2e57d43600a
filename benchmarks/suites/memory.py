"""Seconds a step and memory of pricing as loads, pools, periods and scenarios grow, one axis at a time, each size in a process of its own.

`seconds` is one step (an evaluation of the smooth dual and its slopes), `objective` the bytes that a card, or else the process, holds at
most while it steps, beyond what it held with everything imported; what compiling took is not counted where the system tells peaks anew
(Linux). The last rows of an axis have the exponents of time and of memory in `ratio`, their 95 % intervals in `status`; the last two rows
of all have formulas fitted to all sizes in `status`, their largest relative error in `ratio`. A share of 0.35 of the L P pairs is eligible.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.generator import Size, generate
from benchmarks.growth import formula, growth_row
from benchmarks.rows import NOT_MEASURED, ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require

SUITE = "memory"
AXES = ("loads", "pools", "periods", "scenarios")
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
WARM_UP = 50


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    factors: list[int] = argument((1, 2, 4, 8, 16), "times the smallest size")  # noqa: RUF009 - a field with a factory
    loads: int = argument(2000, "loads of the smallest size")
    pools: int = argument(40, "pools of the smallest size")
    periods: int = argument(12, "periods of the smallest size")
    scenarios: int = argument(4, "scenarios of the smallest size")
    steps: int = argument(100, "steps that are timed")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(min(self.factors, default=0) >= 1, "factors", "must be whole numbers, each >= 1", self.factors)
        for name in (*AXES, "steps"):
            require(getattr(self, name) >= 1, name, "must be >= 1", getattr(self, name))


def run(settings: Settings) -> Iterator[ResultRow]:
    """For each axis a row a size, then the exponents. `cases=[loads]` one axis."""
    smallest = Size(loads=settings.loads, pools=settings.pools, periods=settings.periods, scenarios=settings.scenarios)
    measured: list[Measured] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as alone:
        for axis in chosen(settings, list(AXES)):
            along = [replace(smallest, **{axis: factor * getattr(smallest, axis)}) for factor in settings.factors]
            found = []
            for size in along:
                found.append(alone.submit(priced, size, settings.seed, settings.steps).result())
                yield _row(axis, found[-1])
            measured += found
            if len(found) > 1:
                device = found[0].device
                yield growth_row(SUITE, f"{axis}: exponent of time", device, settings.factors, [one.seconds for one in found])
                yield growth_row(SUITE, f"{axis}: exponent of bytes", device, settings.factors, [one.held for one in found])
    if len(measured) > len(_terms(measured)):
        yield _formula("formula of time", "s", measured, [one.seconds for one in measured])
        yield _formula("formula of bytes", "bytes", measured, [one.held for one in measured])


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What pricing a problem took."""

    size: Size
    device: str
    compiled: float  # seconds
    seconds: float  # a step
    held: float  # bytes


def _row(axis: str, found: Measured) -> ResultRow:
    size = found.size
    shape = f"{size.loads} x {size.pools} x {size.periods} x {size.blocks} x {size.scenarios}"
    took = {"seconds": found.seconds, "compile_seconds": found.compiled}
    return ResultRow(suite=SUITE, case=axis, size=shape, solver="price", device=found.device, objective=found.held, **took)


def _terms(measured: Sequence[Measured]) -> dict[str, list[float]]:
    """What time and memory are made of: needs, costs of pairs, and what does not grow."""
    pairs = [float(one.size.loads * one.size.pools * one.size.periods) for one in measured]
    needs = [count * one.size.blocks * one.size.scenarios for count, one in zip(pairs, measured, strict=True)]
    return {"L P T B S": needs, "L P T": pairs, "": [1.0] * len(measured)}


def _formula(case: str, unit: str, measured: Sequence[Measured], values: Sequence[float]) -> ResultRow:
    words, error = formula(_terms(measured), values)
    status, device = f"{words} {unit}", measured[0].device
    return ResultRow(suite=SUITE, case=case, size="", solver="price", device=device, seconds=NOT_MEASURED, status=status, ratio=error)


def priced(size: Size, seed: int, steps: int) -> Measured:
    """A problem made and priced in this process."""
    import jax

    from optimizer.pricing.arrays import prepare
    from optimizer.pricing.ascent import price_prepared

    device = jax.devices()[0]
    before = _peak()
    prepared = prepare(generate(size, seed=seed))
    began = time.perf_counter()
    price_prepared(prepared, iterations=WARM_UP)
    first = time.perf_counter() - began
    _forget_peak()
    began = time.perf_counter()
    found = price_prepared(prepared, iterations=steps)
    step = (time.perf_counter() - began) / found.evaluations
    of_card = (device.memory_stats() or {}).get("peak_bytes_in_use")
    compiled, held = max(0.0, first - WARM_UP * step), float(of_card) if of_card else _peak() - before
    return Measured(size=size, device=device.device_kind, compiled=compiled, seconds=step, held=held)


def _peak() -> float:
    """Bytes that this process has held at most, or at most since the peak was forgotten."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    told = [float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return told[0] if told else float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT)


def _forget_peak() -> None:
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
