"""Files of measurements made up, as the suites read them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.suites.queueing_accuracy import exact_erlang_c
from benchmarks.traces import ARRIVALS, JOBS
from tests.surfaces.serving_world import ACCELERATORS, MODELS, measured

CITIES = {
    "london": (51.5, -0.1),
    "paris": (48.9, 2.3),
    "madrid": (40.4, -3.7),
    "milan": (45.5, 9.2),
    "ashburn": (39.0, -77.5),
    "dallas": (32.8, -96.8),
    "tokyo": (35.7, 139.7),
    "singapore": (1.35, 103.8),
    "sydney": (-33.9, 151.2),
}


def trips(path: Path, names: list[str], other: list[str] | None = None, **tampered: float) -> str:
    """Round trips of 1 ms for 60 km between cities, in a file; `tampered` multiplies those of a city."""
    lines = ["from_region,to_region,from_latitude,from_longitude,to_latitude,to_longitude,rtt_ms"]
    for i, a in enumerate(names):
        for b in names[:i] if other is None else other:
            (p, q), (r, s) = np.deg2rad(CITIES[a]), np.deg2rad(CITIES[b])
            km = 6371 * np.arccos(np.sin(p) * np.sin(r) + np.cos(p) * np.cos(r) * np.cos(q - s))
            ms = (2 + km / 60) * tampered.get(a, 1.0) * tampered.get(b, 1.0)
            lines.append(",".join(map(str, (a, b, *CITIES[a], *CITIES[b], ms))))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def gangs(path: Path, **mfu: float) -> str:
    lines = ["platform,accelerator,accelerators,minutes_to_train,mfu_of_bf16_peak"]
    for platform, accelerator, peak in (("one", "h100", 989.0), ("two", "h100", 989.0), ("three", "b200", 2250.0)):
        for gang in (256, 512, 2048):
            level = mfu.get(platform, 0.7) * (gang / 512) ** -0.05
            lines.append(f"{platform},{accelerator},{gang},{1e8 / (gang * peak * level)},{level}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


QUEUES = "ca2,cs2,kind,c,rho,p90,p95,p99"


def queues(path: Path, stretch: float = 1.0) -> Path:
    """Percentiles of M/M/c in two groups by name, the second ones longer by a factor."""
    lines = [QUEUES]
    for kind, factor in (("mm", 1.0), ("longer", stretch)):
        for c, rho in ((1, 0.5), (2, 0.7), (8, 0.9), (40, 0.95)):
            chance = float(exact_erlang_c(np.array([float(c)]), np.array([rho]))[0])
            waits = [max(0.0, math.log(chance / (1.0 - p))) / (c * (1.0 - rho)) * factor for p in (0.9, 0.95, 0.99)]
            lines.append(",".join(map(str, (1.0, 1.0, kind, c, rho, *waits))))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def traces(folder: Path) -> Path:
    """Two hours of arrivals, denser in the second, and jobs that overlap."""
    first = datetime(2023, 11, 16, 18, 0, 0)
    for name in ARRIVALS.values():
        gaps = [2.0] * 1800 + [1.0] * 3600
        at = np.cumsum(gaps) - gaps[0]
        rows = [f"{(first + timedelta(seconds=float(s))).isoformat(sep=' ')}.5000000,{100 + i % 3},{10 + i % 2}" for i, s in enumerate(at)]
        (folder / name).write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n")
    jobs = [(i * 3600 * 6, 3600 * 9, 1 + i % 4) for i in range(120)]
    (folder / JOBS).write_text("submit_time,duration,num_gpu\n" + "".join(f"{a},{b},{c}\n" for a, b, c in jobs))
    return folder


def serving(folder: Path) -> Path:
    """Runs of accelerators and models that are made up, which stand beside them; returns their file."""
    runs = measured()
    setups = runs.setups
    columns = {
        "accelerator": setups.accelerator,
        "model": setups.model,
        "precision": setups.precision,
        "framework": setups.framework,
        "input_tokens": setups.input_tokens.astype(int),
        "output_tokens": setups.output_tokens.astype(int),
        "concurrency": setups.concurrency,
        "accelerators": setups.parallel,
        "expert_parallel": setups.expert_parallel,
        "tpot_s": runs.tpot_s,
        "ttft_s": runs.ttft_s,
    }
    _table(folder / "accelerators.csv", "accelerator", ACCELERATORS.values())
    _table(folder / "models.csv", "model", MODELS.values())
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return _csv(folder / "runs.csv", rows)


def _table(path: Path, key: str, nouns: Iterable[object]) -> None:
    rows = [asdict(noun) for noun in nouns]  # type: ignore[call-overload]
    _csv(path, ({key: row.pop("name"), **row} for row in rows))


def _csv(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, listed[0])
        writer.writeheader()
        writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in listed)
    return path


AGENTS = "2 3\n 1 5 2\n 4 1 7\n 3 2 2\n 1 3 4\n 4 4\n"  # optimum 7
FACILITIES = "2 3\n5 9\n10.0 4.0\n2 3 1\n1.0 8.0\n2.0 7.0\n3.0 6.0\n"  # optimum 23


def assignments(folder: Path) -> Path:
    """One instance of each kind, with the lists that name their optima."""
    (folder / "one").write_text(AGENTS)
    (folder / "best_known.csv").write_text("instance,published_best\none,7\n")
    (folder / "p1").write_text(FACILITIES)
    (folder / "os").write_text("23\n")
    return folder
