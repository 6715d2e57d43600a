"""The nightly job against a plan from nothing: seconds of search to the gap that the plan reached.

A plan searches for `time_limit_s` (60 s where none is given). The night after starts from it, with its prices, and stops as soon as its own
gap is no larger. `seconds` are those of the search (`phases.solve`), kernels compiled before; `ratio` is the plan's over the night's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.commands import row_of, summaries, timed
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, chosen

SUITE = "replan"
CASES = ["small", "frontier_lab"]
ROUNDED = 1e-6  # of a gap that is written into a command


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""


def run(settings: Settings) -> Iterator[ResultRow]:
    """Two rows a case."""
    limit = 60.0 if settings.time_limit_s is None else settings.time_limit_s
    for case in chosen(settings, CASES):
        with tempfile.TemporaryDirectory() as folder:
            cache, warm_up, runs = (Path(folder) / name for name in ("cache", "warm-up", "runs"))
            words = [f"case={case}", f"seed={settings.seed}", "output.pictures=false"]
            timed(["plan", *words, f"output.folder='{warm_up}'", "solver.time_limit_s=1"], cache)
            timed(["plan", *words, f"output.folder='{runs}'", f"solver.time_limit_s={limit}"], cache)
            first = summaries(runs)[-1]
            reached = f"{first['gap_usd'] / first['objective_usd'] * (1.0 + ROUNDED) + ROUNDED**2:.17f}"
            timed(["replan", *words, f"output.folder='{runs}'", f"solver.time_limit_s={limit}", f"solver.relative_gap={reached}"], cache)
            night = summaries(runs)[-1]
        cold, warm = (float(found["phases"]["solve"]) for found in (first, night))
        yield row_of(SUITE, f"{case}, plan", first, cold)
        yield replace(row_of(SUITE, f"{case}, night after", night, warm), ratio=cold / warm)
