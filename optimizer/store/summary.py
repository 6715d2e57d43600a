"""summary.json: the few numbers of a run that other programs read."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("placement-optimizer", "jax", "jaxlib", "numba", "numpy", "ortools", "pandas", "pyarrow")
KEYS = (
    "schema_version",
    "run_id",
    "job",
    "case",
    "as_of",
    "previous_run",
    "status",
    "objective_usd",
    "bound_usd",
    "sunk_usd",
    "gap_usd",
    "gap",
    "expected_cost_usd",
    "cvar_usd",
    "unserved_share",
    "seconds",
    "phases",
    "loads",
    "pools",
    "periods",
    "blocks",
    "scenarios",
    "contracts",
    "solver",
    "device",
    "seed",
    "versions",
    "alerts",
    "verified",
    "verify_error_usd",
)


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Writes the keys of the interface, in its order, and any others after them.

    Raises:
      ValueError: a key of the interface is missing, or a number is not finite.
    """
    missing = [key for key in KEYS if key not in summary]
    if missing:
        raise ValueError(f"summary.json must have {', '.join(missing)}")
    ordered = {key: summary[key] for key in (*KEYS, *(key for key in summary if key not in KEYS))}
    path.write_text(json.dumps(ordered, indent=2, allow_nan=False) + "\n")


def read_summary(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return summary


def versions() -> dict[str, str]:
    """What made the run: Python and the libraries whose arithmetic it rests on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
