"""Public traces of arrivals and of training jobs as series.

An arrival trace has TIMESTAMP, ContextTokens, GeneratedTokens, a row for each request. A trace of jobs has submit_time and duration (s) and
num_gpu, a row for each job.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.settings import require

Floats = NDArray[np.float64]
ARRIVALS = {"code": "AzureLLMInferenceTrace_code.csv", "conv": "AzureLLMInferenceTrace_conv.csv"}
JOBS = "philly_training_jobs.csv"


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Requests in the order of their arrival, [N] each."""

    seconds: Floats  # since the first
    prompt_tokens: Floats
    output_tokens: Floats

    def rates(self, bins: int) -> Floats:
        """Requests per second in equal parts of the trace, [bins]; the last, which the trace's end cuts, is left out before."""
        counts, edges = np.histogram(self.seconds, bins=bins, range=(0.0, float(self.seconds[-1])))
        return np.asarray(counts / np.diff(edges))


def read_arrivals(folder: Path, name: str) -> Arrivals:
    """
    Raises:
      ConfigError: the file is not there, or has other columns.
    """
    rows = _rows(folder / ARRIVALS[name], ("TIMESTAMP", "ContextTokens", "GeneratedTokens"))
    at = [datetime.fromisoformat(row["TIMESTAMP"][:26]).timestamp() for row in rows]
    seconds = np.array(at) - at[0]
    return Arrivals(
        seconds=seconds,
        prompt_tokens=np.array([float(row["ContextTokens"]) for row in rows]),
        output_tokens=np.array([float(row["GeneratedTokens"]) for row in rows]),
    )


def accelerators_in_use(folder: Path, step_s: float) -> Floats:
    """Mean accelerators that jobs hold in each step, from the first submission to the last, as if each began when it was submitted.

    Raises:
      ConfigError: the file is not there, or has other columns.
    """
    rows = _rows(folder / JOBS, ("submit_time", "duration", "num_gpu"))
    start, hold, size = (np.array([float(row[name]) for row in rows]) for name in ("submit_time", "duration", "num_gpu"))
    edges = np.arange(0.0, start.max() + step_s, step_s)
    shared = np.minimum(edges[1:, None], start + hold) - np.maximum(edges[:-1, None], start)
    return np.asarray(np.maximum(shared, 0.0) @ size / step_s)


def _rows(path: Path, names: tuple[str, ...]) -> list[dict[str, str]]:
    require(path.is_file(), "path", f"must hold {path.name}", path.parent, "benchmarks/README.md says where it comes from.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    there = set(rows[0]) if rows else set()
    rule = f"must have the columns {', '.join(names)} in {path.name}"
    require(there.issuperset(names), "path", rule, ", ".join(sorted(there)) or "no rows")
    return rows
