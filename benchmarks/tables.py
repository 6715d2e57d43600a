"""`python -m benchmarks tables out=FOLDER data=FOLDER`: the runs whose rows stand in benchmarks/results, and the page over them.

Each run is a process of its own. Its rows replace the table of that name once it has ended well; a run that fails leaves the old ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.registry import suites
from benchmarks.rows import SURROUNDINGS, printed
from benchmarks.settings import require

DATA = "DATA"  # stands for the user's folder, in commands and on the page
PAGE = "README.md"
USAGE = "Write tables out=FOLDER [data=FOLDER] [only=NAME,NAME] [repeats=N]."

RUNS: dict[str, str] = {
    "serving_accuracy": "suite=serving_accuracy measured=DATA/performance/serving_measured.csv",
    "queueing_accuracy": "suite=queueing_accuracy reference=DATA/queueing/ggc_reference.csv",
    "network_accuracy": "suite=network_accuracy fit=DATA/latency/aws_rtt_pairs.csv",
    "training_accuracy": "suite=training_accuracy fit=DATA/training/mlperf_llama31_405b.csv",
    "forecast_accuracy": "suite=forecast_accuracy path=DATA/traces",
    "gap": "suite=gap path=DATA/gap time_limit_s=60 peers=false",
    "sscflp": "suite=sscflp path=DATA/sscflp/holmberg time_limit_s=20 peers=false",
    "planning": "suite=planning size=small",
    "clauses": "suite=clauses time_limit_s=30",
    "replan": "suite=replan cases=[small]",
    "risk": "suite=risk cases=[small]",
    "surface_speed": "suite=surface_speed",
    "pricing_speed": "suite=pricing_speed",
    "memory": "suite=memory",
    "search_growth": "suite=search_growth",
    "start_up": "suite=start_up",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    out: Path
    data: Path | None
    names: tuple[str, ...]
    repeats: int


def asked_for(words: Sequence[str]) -> Asked:
    """
    Raises:
      ConfigError: a word is none of out, data, only and repeats, a folder is not there, or a table has no such name.
    """
    given = dict(word.partition("=")[::2] for word in words)
    unknown = sorted(set(given) - {"out", "data", "only", "repeats"})
    require(not unknown, "tables", "must be given out, data, only and repeats alone", ", ".join(unknown), USAGE)
    folders = {key: Path(value).expanduser() for key, value in given.items() if key in ("out", "data")}
    require("out" in folders, "out", "must name a folder", "nothing", USAGE)
    for key, folder in folders.items():
        require(folder.is_dir(), key, "must be a folder that is there", folder, "Make it, or name another.")
    names = tuple(name for name in given.get("only", "").strip("[]").split(",") if name)
    for name in names:
        require(name in RUNS, "only", f"must be among {', '.join(RUNS)}", name, "Choose from them.")
    data = folders.get("data")
    needing = [name for name in names if DATA in RUNS[name] and data is None]
    require(not needing, "data", f"must name the folder of data for {', '.join(needing)}", "nothing", "Add data=FOLDER.")
    repeats = given.get("repeats", "1")
    require(repeats.isdecimal() and int(repeats) >= 1, "repeats", "must be a whole number >= 1", repeats)
    return Asked(out=folders["out"], data=data, names=names, repeats=int(repeats))


def made(asked: Asked) -> list[str]:
    """Runs what is asked for, or all that can be run with what is given, and writes the page; returns the names of the runs that failed."""
    failed = []
    for name in asked.names or [name for name in RUNS if asked.data is not None or DATA not in RUNS[name]]:
        print(f"# {name}: {command(name)}", flush=True)
        if not _kept(name, asked):
            failed.append(name)
    (asked.out / PAGE).write_text(page(asked.out), encoding="utf-8")
    return failed


def command(name: str) -> str:
    return f"python -m benchmarks {RUNS[name]}"


def _kept(name: str, asked: Asked) -> bool:
    """Runs a table's command as often as asked for; True where every run ended well and its rows are kept."""
    words = [word.replace(DATA, str(asked.data)) for word in RUNS[name].split()]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / f"{name}.csv"
        for _ in range(asked.repeats):
            if subprocess.run([sys.executable, "-m", "benchmarks", *words, f"out={rows}"], check=False).returncode != 0:
                return False
        for kept in (rows, rows.with_suffix(".jsonl")):
            shutil.copyfile(kept, asked.out / kept.name)
    return True


def page(folder: Path) -> str:
    """Every table of the folder as Markdown, under the command and the surroundings that made it."""
    parts = ["# Results", "", f"`{DATA}` is the folder of data that ../README.md describes. Cells that are empty throughout are left out."]
    for name in RUNS:
        rows = folder / f"{name}.jsonl"
        if rows.is_file():
            parts += ["", *_section(name, [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()])]
    return "\n".join(parts) + "\n"


def _section(name: str, rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    yield from (f"## {name}", "", suites()[rows[0]["suite"]].summary, "", f"    {command(name)}", "")
    yield from (f"- {line}" for line in _head(rows))
    shown = [key for key in rows[0] if key not in ("suite", *SURROUNDINGS) and any(row[key] not in (None, "") for row in rows)]
    yield from ("", _line(shown), _line("---" for _ in shown))
    yield from (_line(printed(row[key]) for key in shown) for row in rows)


def _head(rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    loads = [float(row["load"]) for row in rows if row["load"]]
    during = f", {min(loads):.2f} to {max(loads):.2f} as rows came" if loads else ""
    for label, key in (("machine", "machine"), ("card", "card"), ("driver", "driver"), ("versions", "versions")):
        if rows[0][key]:
            yield f"{label}: {_all(rows, key)}"
    yield f"commit {_all(rows, 'commit')}, {_all(rows, 'date')}; load average before: {_all(rows, 'load_before')}{during}"


def _all(rows: Sequence[dict[str, Any]], key: str) -> str:
    return ", ".join(dict.fromkeys(str(row[key]) for row in rows))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
