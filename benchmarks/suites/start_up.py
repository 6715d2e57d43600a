"""Seconds from the command to its end: help, and plans with kernels compiled anew (cold) or kept from the run before (warm).

Each is a process of its own, the way users start it, with caches of its own in an empty folder. `seconds` are the median of `repeats` for
help, one run for a plan; a plan searches for `time_limit_s`, or for as long as the job's own default where none is given.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import NOT_MEASURED, ResultRow
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
            taken = [_timed(HELPS[name], place) for _ in range(settings.repeats)]
            yield ResultRow(suite=SUITE, case=name, size="", solver="placement", seconds=statistics.median(taken))
        for name in (name for name in wanted if name in PLANS):
            yield from _plans(settings, name, place)


def _plans(settings: Settings, name: str, place: Path) -> Iterator[ResultRow]:
    limit = [] if settings.time_limit_s is None else [f"solver.time_limit_s={settings.time_limit_s}"]
    for state in ("cold", "warm"):
        runs = place / f"{name} {state}"
        seconds = _timed(["plan", f"case={name}", f"output.folder='{runs}'", f"seed={settings.seed}", *limit], place)
        found = _summary(runs)
        axes = "loads", "pools", "periods", "blocks", "scenarios"
        yield ResultRow(
            suite=SUITE,
            case=f"plan {name}, {state}",
            size=" x ".join(str(found[axis]) for axis in axes),
            solver=str(found["solver"]),
            seconds=seconds,
            status=str(found["status"]),
            objective=_number(found["objective_usd"]),
            bound=_number(found["bound_usd"]),
            gap=_number(found["gap"]),
        )


def _timed(words: list[str], place: Path) -> float:
    began = time.perf_counter()
    known = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION_CACHE")}
    own = known | {"XDG_CACHE_HOME": str(place / "cache")}
    done = subprocess.run([sys.executable, "-m", "optimizer", *words], env=own, check=False, capture_output=True, text=True)
    told = f"{' '.join(words)}: {done.stderr.strip()}"
    require(done.returncode == 0, SUITE, "a command must end with exit code 0", told, "Run it alone.")
    return time.perf_counter() - began


def _summary(runs: Path) -> dict[str, Any]:
    (written,) = runs.glob("**/summary.json")
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return found


def _number(value: Any) -> float:
    return NOT_MEASURED if value is None else float(value)
