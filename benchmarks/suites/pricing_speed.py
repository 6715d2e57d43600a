"""Steps of pricing per second, and memory, as loads grow at fixed pools and periods; on the device that JAX has.

`seconds` is one step (an evaluation of the smooth dual and its slopes), `objective` the bytes that the device held most, where it says so.
The last row's `ratio` is the exponent of time in the number of loads, by least squares in logarithms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np

from benchmarks.generator import Size, generate
from benchmarks.rows import NOT_MEASURED, ResultRow
from benchmarks.settings import SuiteSettings, argument, require
from optimizer.pricing.arrays import prepare
from optimizer.pricing.ascent import BLOCK, price_prepared

SUITE = "pricing_speed"
LOADS = (1_000, 2_000, 4_000, 8_000, 16_000)


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    loads: list[int] = argument(LOADS, "numbers of loads")  # noqa: RUF009 - a field with a factory
    pools: int = argument(40, "pools")
    periods: int = argument(12, "periods")
    steps: int = argument(4 * BLOCK, "steps that are timed")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(min(self.loads, default=0) >= 1, "loads", "must be numbers of loads, each >= 1", self.loads)
        require(self.pools >= 1, "pools", "must be >= 1", self.pools)
        require(self.periods >= 1, "periods", "must be >= 1", self.periods)
        require(self.steps >= 1, "steps", "must be >= 1", self.steps)


def run(settings: Settings) -> Iterator[ResultRow]:
    """One row for each number of loads, then the exponent."""
    device = jax.devices()[0]
    each = []
    for loads in settings.loads:
        problem = generate(Size(loads=loads, pools=settings.pools, periods=settings.periods), seed=settings.seed)
        prepared = prepare(problem)
        began = time.perf_counter()
        price_prepared(prepared, iterations=BLOCK)
        compiled = time.perf_counter() - began
        began = time.perf_counter()
        found = price_prepared(prepared, iterations=settings.steps)
        step = (time.perf_counter() - began) / found.evaluations
        each.append(step)
        memory = (device.memory_stats() or {}).get("peak_bytes_in_use", NOT_MEASURED)
        yield ResultRow(
            suite=SUITE,
            case="step",
            size=f"{loads} x {settings.pools} x {settings.periods}",
            solver="price",
            device=device.device_kind,
            seconds=step,
            compile_seconds=max(0.0, compiled - BLOCK * step),
            objective=float(memory),
            bound=found.bound_usd,
        )
    if len(each) > 1:
        exponent = float(np.polyfit(np.log(settings.loads), np.log(each), 1)[0])
        kind = device.device_kind
        yield ResultRow(suite=SUITE, case="exponent", size="", solver="price", device=kind, seconds=NOT_MEASURED, ratio=exponent)
