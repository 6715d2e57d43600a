"""FOCUS files: CSV with the columns of the specification first, texts that no spreadsheet runs."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_FORMULA = re.compile(r"'*[=+\-@]")
_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")


def write_focus(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Path:
    """Writes rows of texts; a cell that a row lacks is blank. Numbers stay as they are."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_harmless(row.get(name, "")) for name in columns] for row in rows)
    return path


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
