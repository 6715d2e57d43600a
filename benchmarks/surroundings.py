"""What a figure was measured with: commit, versions, machine, card and driver, and what else the machine was doing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "benchmarks/results"  # kept there while a suite runs: no change of what is measured
PACKAGES = ("jax", "jaxlib", "numba", "numpy", "optax", "ortools", "pandas")


def surroundings() -> dict[str, str]:
    """Texts by name: commit, versions, machine, card and driver (empty where there is no card), date, and load before measuring."""
    card, driver = _card()
    known = {"commit": _commit(), "versions": _versions(), "machine": _machine(), "card": card, "driver": driver}
    return known | {"date": datetime.now(UTC).date().isoformat(), "load_before": load_average()}


def load_average() -> str:
    """Mean number of processes that wanted a core in the last minute; empty where the system does not tell."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""


def _commit() -> str:
    """Short name of the commit, with a + where the tree differs from it; empty outside a repository."""
    name = _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    return name + ("+" if name and _output("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", f":!{RESULTS}") else "")


def _versions() -> str:
    found = [f"python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return "; ".join(found)


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {_processor()}"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "processor not named"


def _card() -> tuple[str, str]:
    found = _output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    name, _, driver = found.partition("\n")[0].partition(", ")
    return name, driver


def _output(*command: str) -> str:
    """What a command prints; empty where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
