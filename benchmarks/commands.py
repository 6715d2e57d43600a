"""Commands of the planner as users start them: processes of their own, with caches of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import NOT_MEASURED, ResultRow
from benchmarks.settings import require


def timed(words: list[str], cache: Path) -> float:
    """Seconds that a command takes, start and end of its process included.

    Args:
      cache: folder that stands for the user's cache; kernels compiled once are kept there.

    Raises:
      ConfigError: the command did not end with exit code 0.
    """
    began = time.perf_counter()
    known = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_COMPILATION_CACHE", "NUMBA_CACHE"))}
    own = known | {"XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-m", "optimizer", *words], env=own, check=False, capture_output=True, text=True)
    told = f"{' '.join(words)}: {done.stderr.strip()}"
    require(done.returncode == 0, "placement", "a command must end with exit code 0", told, "Run it alone.")
    return time.perf_counter() - began


def summaries(runs: Path) -> list[dict[str, Any]]:
    """summary.json of every run in a folder, oldest first."""
    return [json.loads(written.read_text(encoding="utf-8")) for written in sorted(runs.glob("*/summary.json"))]


def row_of(suite: str, case: str, found: dict[str, Any], seconds: float) -> ResultRow:
    """The row of a run that made a plan."""
    axes = "loads", "pools", "periods", "blocks", "scenarios"
    return ResultRow(
        suite=suite,
        case=case,
        size=" x ".join(str(found[axis]) for axis in axes),
        solver=str(found["solver"]),
        device=str(found["device"]),
        seconds=seconds,
        status=str(found["status"]),
        objective=_number(found["objective_usd"]),
        bound=_number(found["bound_usd"]),
        gap=_number(found["gap"]),
    )


def _number(value: Any) -> float:
    return NOT_MEASURED if value is None else float(value)
