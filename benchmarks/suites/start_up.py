"""Seconds from the command to its end: help, and plans with kernels compiled anew (cold) or kept from the run before (warm).

Each is a process of its own, the way users start it, with caches of its own in an empty folder. `seconds` are the median of `repeats` for
help, one run for a plan; a plan searches for `time_limit_s`, or for as long as the job's own default where none is given.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import row_of, summaries, timed
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require

SUITE = "start_up"
HELPS = {"help": ["--help"], "plan help": ["plan", "--help"], "audit help": ["audit", "--help"]}
PLANS = ("tiny", "frontier_lab")


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    repeats: int = argument(5, "runs of each help, of which the median counts")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.repeats >= 1, "repeats", "must be >= 1", self.repeats)


def run(settings: Settings) -> Iterator[ResultRow]:
    """A row for each help, and two for each case that is planned."""
    wanted = chosen(settings, [*HELPS, *PLANS])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in (name for name in wanted if name in HELPS):
            taken = [timed(HELPS[name], place / "cache") for _ in range(settings.repeats)]
            yield ResultRow(suite=SUITE, case=name, size="", solver="placement", seconds=statistics.median(taken))
        for name in (name for name in wanted if name in PLANS):
            yield from _plans(settings, name, place)


def _plans(settings: Settings, name: str, place: Path) -> Iterator[ResultRow]:
    limit = [] if settings.time_limit_s is None else [f"solver.time_limit_s={settings.time_limit_s}"]
    for state in ("cold", "warm"):
        runs = place / f"{name} {state}"
        seconds = timed(["plan", f"case={name}", f"output.folder='{runs}'", f"seed={settings.seed}", *limit], place / "cache")
        yield row_of(SUITE, f"plan {name}, {state}", summaries(runs)[-1], seconds)
