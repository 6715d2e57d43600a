"""Seconds of the whole search to a gap, as loads grow at fixed pools and periods, with the exponent.

Problems are those of benchmarks/generator.py with three contracts a pool; the search stops at `gap`, or after `time_limit_s` (600 s where
none is given). The last row has the exponent of time in the number of loads in `ratio`, its interval in `status`, of those at the gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.generator import Size, generate
from benchmarks.growth import growth_row
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, require
from benchmarks.solving import solved_rows

SUITE = "search_growth"
LOADS = (1_000, 2_000, 4_000, 8_000, 16_000)
LIMIT_S = 600.0


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    loads: list[int] = argument(LOADS, "numbers of loads")  # noqa: RUF009 - a field with a factory
    pools: int = argument(40, "pools")
    periods: int = argument(12, "periods")
    gap: float = argument(0.01, "gap between plan and bound at which the search stops, a share of the cost")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(min(self.loads, default=0) >= 1, "loads", "must be numbers of loads, each >= 1", self.loads)
        require(self.pools >= 1, "pools", "must be >= 1", self.pools)
        require(self.periods >= 1, "periods", "must be >= 1", self.periods)
        require(0 < self.gap < 1, "gap", "must be a share in (0, 1)", self.gap)


def run(settings: Settings) -> Iterator[ResultRow]:
    """One row for each number of loads, then the exponent."""
    limited = replace(settings, time_limit_s=settings.time_limit_s or LIMIT_S, peers=False)
    reached: dict[int, float] = {}
    for loads in settings.loads:
        problem = generate(Size(loads=loads, pools=settings.pools, periods=settings.periods), seed=settings.seed)
        size = f"{loads} x {settings.pools} x {settings.periods}"
        for row in solved_rows(limited, SUITE, "search", problem, size=size, relative_gap=settings.gap):
            yield row
            if row.gap <= settings.gap:
                reached[loads] = row.seconds
    if len(reached) > 1:
        yield growth_row(SUITE, "exponent of time", row.device, list(reached), list(reached.values()), solver=row.solver)
