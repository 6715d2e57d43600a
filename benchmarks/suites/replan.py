"""Nights after a plan: seconds of search to the gap that the plan reached, what unchanged tables change, and how much nights move.

A plan searches for `time_limit_s` (60 s where none is given). The night after starts from it, with its prices, and stops as soon as its own
gap is no larger. `seconds` are those of the search (`phases.solve`), kernels compiled before; `ratio` is the plan's over the night's. The
nights that follow search as long, or where no time is given as the nightly job does by itself, until so much work is done.
The next night finds the same tables: the plan's tables have the same bytes, or the suite fails. Of the `nights` that follow each is a day
later, and from the second on every figure of demand differs by `noise` (a standard deviation) from the day before; in none may more than
`most_moves` loads change pool at the start of a period, counted again here from the tables.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.commands import row_of, summaries, timed
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require
from optimizer.tables.catalog import case_folder
from optimizer.tables.written import written_rows

SUITE = "replan"
CASES = ["tiny", "small", "frontier_lab"]
ROUNDED = 1e-6  # of a gap that is written into a command
CLOCK = "solver.deterministic_limit=null"  # the limit is one of time
PLAN = ("placements", "commitments", "supply", "costs")  # tables that are the plan
FORECAST = ("mean", "p10", "p50", "p90")


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    nights: int = argument(3, "nights, each a day later, and with other demand from the second on")
    noise: float = argument(0.001, "share by which a night's demand differs from the night's before, one standard deviation")
    most_moves: int = argument(20, "loads that may change pool at the start of any one period of these nights")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.nights >= 0, "nights", "must be >= 0", self.nights)
        require(self.noise >= 0, "noise", "must be >= 0", self.noise)
        require(self.most_moves >= 0, "most_moves", "must be >= 0 loads", self.most_moves)


@dataclass(frozen=True)
class _Lab:
    """A copy of a case that nights change, its runs, and kernels compiled for them."""

    folder: Path
    words: tuple[str, ...]

    def job(self, name: str, *words: str, runs: str = "runs") -> dict[str, Any]:
        """summary.json of a run."""
        lab, home = (f"'{self.folder / part}'" for part in ("lab", runs))
        timed([name, f"case.path={lab}", f"output.folder={home}", *self.words, *words], self.folder / "cache")
        return summaries(self.folder / runs)[-1]

    def edit(self, table: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Writes a table with each row changed."""
        path = self.folder / "lab" / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or ()), [change(row) for row in reader]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def run(settings: Settings) -> Iterator[ResultRow]:
    """Rows of the plan, the night after, the same night again, and each night that follows."""
    limit = 60.0 if settings.time_limit_s is None else settings.time_limit_s
    for case in chosen(settings, CASES):
        with tempfile.TemporaryDirectory() as folder:
            lab = _Lab(Path(folder), (f"seed={settings.seed}", "output.pictures=false"))
            shutil.copytree(case_folder(case), lab.folder / "lab")
            lab.job("plan", "solver.time_limit_s=1", runs="warm-up")
            lab.job("replan", CLOCK, "solver.time_limit_s=1", runs="warm-up")
            first = lab.job("plan", f"solver.time_limit_s={limit}")
            reached = f"{first['gap_usd'] / first['objective_usd'] * (1.0 + ROUNDED) + ROUNDED**2:.17f}"
            asked = CLOCK, f"solver.time_limit_s={limit}", f"solver.relative_gap={reached}"
            night = lab.job("replan", *asked)
            cold, warm = (float(found["phases"]["solve"]) for found in (first, night))
            yield row_of(SUITE, f"{case}, plan", first, cold)
            yield replace(row_of(SUITE, f"{case}, night after", night, warm), ratio=cold / warm)
            again = lab.job("replan", *asked)
            same = all(_bytes(lab, night, table) == _bytes(lab, again, table) for table in PLAN)
            require(same, "replan", "unchanged tables must give the same plan", "another one", "Compare the two nights.")
            yield row_of(SUITE, f"{case}, same night again: same bytes", again, float(again["phases"]["solve"]))
            yield from _nights(lab, case, settings, () if settings.time_limit_s is None else (CLOCK, f"solver.time_limit_s={limit}"))


def _nights(lab: _Lab, case: str, settings: Settings, limits: tuple[str, ...]) -> Iterator[ResultRow]:
    """Rows of nights a day apart."""
    rng = np.random.default_rng(settings.seed)
    for number in range(1, settings.nights + 1):
        lab.edit("calendar", _a_day_later)
        if number > 1:
            lab.edit("demand", lambda row: row | _noisy(row, float(1.0 + settings.noise * rng.standard_normal())))
        night = lab.job("replan", *limits, f"steadiness.most_moves={settings.most_moves}")
        changes = written_rows(lab.folder / "runs" / night["run_id"] / "changes.parquet")
        elsewhere = {row["subject"] for row in changes if row["kind"] == "placement"}
        moved = _most_moves(lab, night)
        require(moved <= settings.most_moves, "most_moves", f"must hold in night {number}", moved, "Look at its placements.")
        saved = -night["bridge"].get("decisions", 0.0) / night["objective_usd"]
        told = f"{len(elsewhere)} of {night['loads']} elsewhere than the night before, saving {saved:.2e} of the cost, most moves {moved}"
        yield row_of(SUITE, f"{case}, night {number}: {told}", night, float(night["phases"]["solve"]))


def _a_day_later(row: dict[str, str]) -> dict[str, str]:
    return row | {"as_of": str(date.fromisoformat(row["as_of"]) + timedelta(days=1))}


def _noisy(row: dict[str, str], factor: float) -> dict[str, str]:
    return {column: repr(float(row[column]) * factor) for column in FORECAST if row.get(column)}


def _bytes(lab: _Lab, found: dict[str, Any], table: str) -> bytes:
    return (lab.folder / "runs" / found["run_id"] / f"{table}.parquet").read_bytes()


def _most_moves(lab: _Lab, night: dict[str, Any]) -> int:
    """Most loads that change pool at the start of any period, by the run's table and the placements in force; runs are no loads."""
    with (lab.folder / "lab" / "placements.csv").open(newline="", encoding="utf-8") as file:
        before = {row["load"]: row["pool"] for row in csv.DictReader(file)}
    moves: Counter[str] = Counter()
    for row in written_rows(lab.folder / "runs" / night["run_id"] / "placements.parquet"):
        if row["kind"] != "training" and row["pool"]:
            moves[row["period"]] += before.get(row["load"], row["pool"]) != row["pool"]
        before[row["load"]] = row["pool"]
    return max(moves.values(), default=0)
