"""From a folder to cells: which files are tables, and what their cells say as text, before any meaning."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from difflib import get_close_matches
from io import BytesIO, StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from optimizer.errors import Violation
from optimizer.tables.schema import Kind, Table
from optimizer.tables.schemas import TABLE_BY_NAME

SUFFIXES = (".csv", ".parquet")
Cells = dict[str, list[str]]
_UTF8_MARK = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """A file that gives no cells, with the violations that say why."""

    def __init__(self, *violations: Violation) -> None:
        self.violations = violations
        super().__init__("; ".join(map(str, violations)))


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """The file of one table; `label` names it in messages."""

    path: Path
    label: str


def table_files(folder: Path) -> tuple[dict[str, TableFile], list[Violation]]:
    """Files of a case by table name, and what is wrong with the folder."""
    if not folder.is_dir():
        return {}, [
            Violation(where=str(folder), rule="must be a folder of tables", got="no such folder", remedy="Correct the path of the case.")
        ]
    found: dict[str, TableFile] = {}
    violations = []
    for path in sorted(folder.iterdir()):
        name = path.stem
        if path.suffix.lower() not in SUFFIXES:
            continue
        if name not in TABLE_BY_NAME:
            violations.append(_unknown_table(path))
        elif name in found:
            violations.append(_twice(found[name].label, path))
        else:
            found[name] = TableFile(path=path, label=path.name)
    return found, violations


def _unknown_table(path: Path) -> Violation:
    return Violation(
        where=path.name,
        rule="a .csv or .parquet file must carry the name of a table",
        got=path.stem,
        remedy=f"Rename it{nearest(path.stem, tuple(TABLE_BY_NAME))} or move it out of the folder.",
    )


def _twice(first: str, path: Path) -> Violation:
    return Violation(
        where=path.name,
        rule="a table must stand in one file",
        got=f"{first} and {path.name}",
        remedy="Remove one of them.",
    )


def nearest(word: str, words: tuple[str, ...]) -> str:
    """` (nearest: ...)` where some word is close, else nothing."""
    close = get_close_matches(word, words, n=3, cutoff=0.6)
    return f" (nearest: {', '.join(close)})" if close else ""


def read_cells(file: TableFile, table: Table) -> Cells:
    """All cells as text, by column; blank cells are empty texts.

    Raises:
      Unreadable: the file gives no cells.
    """
    cells = _read_csv(file) if file.path.suffix.lower() == ".csv" else _read_parquet(file, table)
    return {name: cells[name].to_pylist() for name in cells.column_names}


def _read_csv(file: TableFile) -> pa.Table:
    content = _without_comments(_text_bytes(file))
    if not content.strip():
        raise _unreadable(file, "must have a header line", "an empty file", "Write the table, or remove the file if it is optional.")
    ragged: list[pa.csv.InvalidRow] = []

    def note(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    header = _header(content, file)
    try:
        cells = pa.csv.read_csv(
            BytesIO(content),
            read_options=pa.csv.ReadOptions(use_threads=False),  # keeps the row numbers of bad rows
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(file, "must be a CSV file with commas between cells", _first_line(error), "Save it as CSV (UTF-8).") from None
    if ragged:
        raise Unreadable(_ragged(file, ragged))
    return cells


def _text_bytes(file: TableFile) -> bytes:
    try:
        content = file.path.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise _unreadable(file, "must be a readable file", error.strerror or str(error), "Make it readable.") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{content[error.start]:02x} in line {line}"
        raise _unreadable(file, "must be text in UTF-8", got, "Save it as CSV (UTF-8).") from None
    return content.removeprefix(_UTF8_MARK)


def _without_comments(content: bytes) -> bytes:
    """Drops the lines above the header that begin with #, as templates have them."""
    while content.startswith((b"#", b'"#')):
        content = content.partition(b"\n")[2]
    return content


def _header(content: bytes, file: TableFile) -> list[str]:
    """Column names; each must be there once."""
    try:
        names = next(row for row in csv.reader(StringIO(content.decode("utf-8"))) if row)
    except csv.Error as error:
        raise _unreadable(file, "must have a header line", str(error), "Write one column name per cell in it.") from None
    _check_names(file, names)
    return names


def _check_names(file: TableFile, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        got = ", ".join(name or "a blank name" for name in twice)
        raise _unreadable(file, "column names must differ", f"{got} more than once", "Keep one column of each name.")


def _ragged(file: TableFile, rows: list[pa.csv.InvalidRow]) -> Violation:
    # the reader counts the header as line 1
    return Violation(
        where=file.label,
        rule=f"every row must have {rows[0].expected_columns} cells, as the header has",
        got=f"{rows[0].actual_columns} cells",
        rows=tuple(f"row {row.number - 1}" for row in rows),
        remedy="Put cells that contain commas in double quotes, and write blank cells too.",
    )


def _read_parquet(file: TableFile, table: Table) -> pa.Table:
    try:
        cells = pa.parquet.read_table(file.path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(file, "must be a Parquet file", _first_line(error), "Write it again, or give the table as CSV.") from None
    _check_names(file, cells.column_names)
    kinds = {column.name: column.kind for column in table.columns}
    violations: list[Violation] = []
    texts = {name: _column_text(file, name, cells[name], kinds.get(name), violations) for name in cells.column_names}
    if violations:
        raise Unreadable(*violations)
    return pa.table(texts)


_TEXT_KINDS = (Kind.TEXT, Kind.LIST, Kind.INTEGER_LIST)


def _column_text(file: TableFile, name: str, cells: pa.ChunkedArray, kind: Kind | None, violations: list[Violation]) -> pa.ChunkedArray:
    """Cells of a typed column as `write_table` would write them to CSV; null is blank."""
    if kind is None:
        return pa.chunked_array([pa.array([""] * len(cells))])  # no column of the table: its cells mean nothing
    stored = cells.type
    if pa.types.is_dictionary(stored):
        cells, stored = cells.cast(stored.value_type), stored.value_type
    is_text = pa.types.is_string(stored) or pa.types.is_large_string(stored) or pa.types.is_null(stored)
    if pa.types.is_nested(stored) or pa.types.is_binary(stored) or (kind in _TEXT_KINDS and not is_text):
        violations.append(
            Violation(where=file.label, rule=f"{name} must be a column of texts", got=f"a column of {stored}", remedy="Store it as text.")
        )
        return cells
    if pa.types.is_timestamp(stored):
        cells = _days(cells)
    elif pa.types.is_floating(stored) and kind is Kind.INTEGER:
        cells = _whole(cells)
    texts = pc.fill_null(cells.cast(pa.string()), "")
    return pc.replace_substring_regex(texts, r"^('*[=+\-@])", r"'\1") if kind in (Kind.TEXT, Kind.LIST) else texts


def _days(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps at midnight as dates; others stay, and are refused as dates later."""
    midnight = pc.equal(pc.floor_temporal(cells, unit="day"), cells)
    return cells.cast(pa.date32()) if pc.all(midnight).as_py() in (True, None) else cells


def _whole(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole floats as integers: a column of whole numbers with blanks is often stored as floats."""
    try:
        return cells.cast(pa.int64())
    except pa.ArrowInvalid:
        return cells


def _unreadable(file: TableFile, rule: str, got: str, remedy: str) -> Unreadable:
    return Unreadable(Violation(where=file.label, rule=rule, got=got, remedy=remedy))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
