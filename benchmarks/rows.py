"""Rows of results: what every suite reports, how it is printed, and how it is kept."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.settings import require
from benchmarks.surroundings import load_average

NOT_MEASURED = math.nan
LARGE = 1e5  # from which a figure is told in whole numbers
SURROUNDINGS = ("commit", "versions", "machine", "card", "driver", "date", "load_before", "load")  # of every row in the JSON lines


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """One case solved by one solver, or one kernel timed. nan: not measured, or does not apply."""

    suite: str
    case: str
    size: str  # what there is of each axis, or elements
    solver: str
    device: str = "cpu"
    seconds: float  # warm, compilation not included
    compile_seconds: float = NOT_MEASURED
    status: str = "done"
    objective: float = NOT_MEASURED
    bound: float = NOT_MEASURED
    gap: float = NOT_MEASURED
    best_known: float = NOT_MEASURED
    ratio: float = NOT_MEASURED  # to the best known objective; in speed suites, to the yardstick's speed
    commit: str = ""
    versions: str = ""


@dataclass(frozen=True, kw_only=True)
class AccuracyRow:
    """Predictions against measurements that were not fitted. nan: not measured, or does not apply."""

    suite: str
    case: str
    split: str  # what was held out
    quantity: str
    rows: int  # predictions compared
    median_ape: float  # %, absolute error over the measurement
    p90_ape: float  # %
    coverage_90: float = NOT_MEASURED  # share of measurements inside the 90 % interval
    commit: str = ""
    versions: str = ""
    machine: str = ""
    seconds: float = NOT_MEASURED  # of fitting and predicting


Row = ResultRow | AccuracyRow


def columns(row: Row) -> list[str]:
    return [field.name for field in dataclasses.fields(row)]


def cell(value: Any) -> str:
    """A value as the CSV holds it: nothing for nan, numbers with the digits that a reader can use."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.9g}"
    return str(value)


class Output:
    """Where rows go: the terminal, and with `out` a CSV and a JSON-lines file of the same name."""

    def __init__(self, out: str | None, surroundings: dict[str, str]) -> None:
        """
        Args:
          out:          path of the CSV, or None.
          surroundings: what every row is stamped with: commit, versions; in the JSON lines machine, card, driver, date and load too.

        Raises:
          ConfigError: the file cannot be written to, or is not one of rows.
        """
        self._surroundings = surroundings
        self._csv = None if out is None else Path(out).expanduser()
        self._header: list[str] = []
        if self._csv is not None:
            _check_place(self._csv)

    def add(self, row: Row) -> Row:
        """Stamps a row, prints it and keeps it at once, so that a run cut short loses nothing. Returns the stamped row."""
        stamped = self._stamped(row)
        self._print(stamped)
        if self._csv is not None:
            _check_columns(self._csv, columns(stamped))
            _append_csv(self._csv, stamped)
            _append_json(self._csv.with_suffix(".jsonl"), dataclasses.asdict(stamped) | self._surroundings | {"load": load_average()})
        return stamped

    def _stamped(self, row: Row) -> Row:
        commit, versions = self._surroundings["commit"], self._surroundings["versions"]
        if isinstance(row, ResultRow):
            return dataclasses.replace(row, commit=commit, versions=versions)
        return dataclasses.replace(row, commit=commit, versions=versions, machine=self._surroundings["machine"])

    def _print(self, row: Row) -> None:
        shown = [name for name in columns(row) if name not in SURROUNDINGS]
        if shown != self._header:
            self._header = shown
            print(" ".join(name.ljust(_width(name)) for name in shown).rstrip())
        print(" ".join((printed(getattr(row, name)) or "-").ljust(_width(name)) for name in shown).rstrip(), flush=True)


WIDTHS = {"suite": 18, "case": 22, "split": 30, "size": 26, "solver": 22, "quantity": 16, "device": 22, "status": 10}


def _width(name: str) -> int:
    return WIDTHS.get(name, max(12, len(name)))


def printed(value: Any) -> str:
    """A value as people read it; nothing for what was not measured."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:,.0f}" if LARGE <= abs(value) < math.inf else f"{value:.5g}"
    return "" if value is None else str(value)


def _check_place(path: Path) -> None:
    folder = path.parent
    require(path.suffix == ".csv", "out", "must end with .csv", path, "Name a CSV file.")
    require(folder.is_dir(), "out", "must stand in a folder that is there", path, f"Make the folder {folder}, or name another.")
    require(not path.is_dir(), "out", "must be a file", path, "Name a CSV file.")


def _check_columns(path: Path, names: list[str]) -> None:
    """Rows of one kind only share a file."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open(newline="", encoding="utf-8") as file:
        there = next(csv.reader(file), [])
    rule = f"must hold rows of the columns {', '.join(names)}"
    require(there == names, "out", rule, f"{path} with {', '.join(there)}", "Name another file.")


def _append_csv(path: Path, row: Row) -> None:
    new = not path.is_file() or path.stat().st_size == 0
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(columns(row))
        writer.writerow([cell(getattr(row, name)) for name in columns(row)])


def _append_json(path: Path, values: dict[str, Any]) -> None:
    known = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(known) + "\n")
