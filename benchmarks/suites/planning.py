"""Generated planning problems: the gap proven within the time limit, with solvers alone on the full model beside them.

Small, medium and large are those of benchmarks/generator.py. The first row of a case, `linear bound`, says what 2,400 steps of pricing
alone prove: an instance counts if that lies 0.5 % or more below the best plan known of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.generator import SIZES, generate
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require
from benchmarks.solving import solved_rows
from optimizer.pricing.ascent import price

SUITE = "planning"
LIMITS_S = {"small": 60.0, "medium": 120.0, "large": 900.0}
CASES = ["seed-0", "seed-1", "seed-2"]
ROOT_STEPS = 2_400
STOP_GAP = 1e-4


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    size: str = argument("small", f"size of the problems: {', '.join(SIZES)}")
    root: bool = argument(True, "show what pricing alone proves too")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.size in SIZES, "size", f"must be one of {', '.join(SIZES)}", self.size)


def run(settings: Settings) -> Iterator[ResultRow]:
    """Three seeds, or the chosen ones."""
    size = SIZES[settings.size]
    limited = settings if settings.time_limit_s is not None else replace(settings, time_limit_s=LIMITS_S[settings.size])
    shape = f"{size.loads} x {size.pools} x {size.periods}"
    for case in chosen(settings, CASES):
        problem = generate(size, seed=int(case.partition("-")[2]))
        if settings.root:
            started = time.monotonic()
            bound = price(problem, iterations=ROOT_STEPS).bound_usd
            seconds = time.monotonic() - started
            yield ResultRow(suite=SUITE, case=case, size=shape, solver="linear bound", seconds=seconds, bound=bound)
        yield from solved_rows(limited, SUITE, case, problem, size=shape, relative_gap=STOP_GAP)
