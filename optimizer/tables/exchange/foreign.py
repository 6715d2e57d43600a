"""Files that other programs write: rows of texts by column, and the rows that give none."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from optimizer.errors import DataError, Violation
from optimizer.tables.cells import unescaped
from optimizer.tables.files import SUFFIXES

Row = Mapping[str, str]
_LONGEST_CELL = 2**24  # characters; a longer one is no table's


@dataclass(frozen=True, kw_only=True)
class NotTaken:
    """A row, or part of one, that an import leaves out. `row` counts from 1 below the header."""

    file: str
    row: int
    name: str  # what the row speaks of
    column: str
    got: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """One file as read. Blank cells are empty texts; spaces around a cell are dropped, and the apostrophe before = + - @."""

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Row], ...]  # number and cells
    ragged: tuple[NotTaken, ...] = ()

    @property
    def count(self) -> int:
        """Rows of the file, whether they can be read or not."""
        return len(self.rows) + len(self.ragged)

    def without(self, row: int, name: str, column: str, got: str, reason: str) -> NotTaken:
        return NotTaken(file=self.label, row=row, name=name, column=column, got=got, reason=reason)

    def require(self, *columns: str, kind: str) -> None:
        """Raises DataError where columns are missing that every file of its kind has."""
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise _unreadable(
                self.label,
                f"{kind} must have columns {', '.join(missing)}",
                f"columns {', '.join(self.columns)}",
                "Name another source, or export the file again.",
            )

    def refuse(self, column: str, *, kind: str) -> None:
        """Raises DataError where there is a column by which the file is of another kind."""
        if column in self.columns:
            raise _unreadable(self.label, f"{kind} must have no column {column}", "a file with that column", "Name another source.")


def read_foreign(path: Path, only: frozenset[str] | None = None) -> Foreign:
    """Rows of a CSV or Parquet file; with `only` no more of them than cells of these columns.

    Raises:
      DataError: the file gives no rows at all: it cannot be read, is no table, or is not text in UTF-8 or UTF-16.
    """
    if not path.is_file():
        raise _unreadable(str(path), "must be a file", "no such file", "Correct the path.")
    if path.suffix.lower() not in SUFFIXES:
        raise _unreadable(path.name, "must be a .csv or .parquet file", path.suffix or "no suffix", "Export it as one of them.")
    found = _csv(path, only) if path.suffix.lower() == ".csv" else _parquet(path, only)
    twice = sorted({name for name in found.columns if found.columns.count(name) > 1})
    if twice:
        got = ", ".join(name or "a blank name" for name in twice)
        raise _unreadable(found.label, "column names must differ", f"{got} more than once", "Export the file again.")
    return found


def _csv(path: Path, only: frozenset[str] | None) -> Foreign:
    reader = csv.reader(StringIO(_text(path), newline=""), strict=True)
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        return _lines(path.name, reader, only)
    except csv.Error as error:
        got = f"{error} in line {reader.line_num}"
        raise _unreadable(path.name, "must be a CSV file with commas between cells", got, "Export it as CSV (UTF-8).") from None
    finally:
        csv.field_size_limit(limit)


def _lines(label: str, reader: Iterator[list[str]], only: frozenset[str] | None) -> Foreign:
    """Blank lines are no rows."""
    lines = (line for line in reader if line)
    header = next(lines, None)
    if header is None:
        raise _unreadable(label, "must have a header line", "an empty file", "Export the file again.")
    columns = tuple(name.strip() for name in header)
    places = [(place, name) for place, name in enumerate(columns) if only is None or name in only]
    rows, ragged = [], []
    for number, line in enumerate(lines, start=1):
        if len(line) == len(columns):
            rows.append((number, {name: unescaped(line[place].strip()) for place, name in places}))
        else:
            words = f"a row must have {len(columns)} cells, as the header has"
            ragged.append(NotTaken(file=label, row=number, name=line[0], column="", got=f"{len(line)} cells", reason=words))
    return Foreign(label=label, columns=columns, rows=tuple(rows), ragged=tuple(ragged))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name, "must be a readable file", error.strerror or str(error), "Make it readable.") from None
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"byte 0x{content[error.start]:02x} at position {error.start}"
        raise _unreadable(path.name, "must be text in UTF-8 or UTF-16", got, "Export it as CSV (UTF-8).") from None


def _parquet(path: Path, only: frozenset[str] | None) -> Foreign:
    try:
        cells = pa.parquet.read_table(path, partitioning=None)
        kept = cells if only is None else cells.select([name for name in cells.column_names if name in only])
        rows = tuple(_texts(kept))
    except (OSError, ValueError, pa.ArrowException) as error:
        got = str(error).splitlines()[0].rstrip(".")
        raise _unreadable(path.name, "must be a Parquet file", got, "Export it again, or as CSV.") from None
    return Foreign(label=path.name, columns=tuple(cells.column_names), rows=rows)


def _texts(cells: pa.Table) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(cells.to_pylist(), start=1):
        yield number, {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    """A typed cell as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str)
    return str(value).strip()


def _unreadable(where: str, rule: str, got: str, remedy: str) -> DataError:
    return DataError([Violation(where=where, rule=rule, got=got, remedy=remedy)])
