"""Tables of a case written back: all of them or none, and each file whole at any moment."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from optimizer.errors import ConfigError
from optimizer.tables.cells import parse, unescaped
from optimizer.tables.files import Cells, table_files
from optimizer.tables.schema import Column, Kind, Table
from optimizer.tables.schemas import TABLE_BY_NAME


def write_tables(folder: Path, tables: Mapping[str, Cells]) -> tuple[Path, ...]:
    """Replaces the files of these tables; each keeps its form, CSV or Parquet, and a new one is CSV. Returns the files.

    Every new file is written beside the old one first. If one cannot be put in its place, those that were are taken back.

    Raises:
      ConfigError: the folder cannot be written; it is as it was.
    """
    files, _ = table_files(folder)
    targets = {name: files[name].path if name in files else folder / f"{name}.csv" for name in tables}
    try:
        for name, path in targets.items():
            _write(TABLE_BY_NAME[name], tables[name], path)
        _swap(tuple(targets.values()))
    except OSError as error:
        rule = "must be a folder whose tables can be written"
        raise ConfigError("case.path", rule, f"{folder} ({error.strerror})", "Make it writable; nothing was changed.") from None
    finally:
        for path in targets.values():
            _draft(path).unlink(missing_ok=True)
    return tuple(targets.values())


def _draft(path: Path) -> Path:
    """Beside the file, and not named as a table is: nobody reads it as one."""
    return path.with_name(path.name + ".importing")


def _swap(paths: tuple[Path, ...]) -> None:
    """Puts every draft in its place, or none."""
    kept = {path: path.read_bytes() if path.exists() else None for path in paths}
    done: list[Path] = []
    try:
        for path in paths:
            os.replace(_draft(path), path)
            done.append(path)
    except OSError:
        for path in done:
            _take_back(path, kept[path])
        raise


def _take_back(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    _draft(path).write_bytes(content)
    os.replace(_draft(path), path)


def _write(table: Table, cells: Cells, path: Path) -> None:
    draft = _draft(path)
    if path.suffix.lower() == ".parquet":
        pa.parquet.write_table(_typed(table, cells), draft)
    else:
        draft.write_text(_comments(path) + _csv(cells), encoding="utf-8", newline="")
    if path.exists():
        os.chmod(draft, path.stat().st_mode & 0o777)
    with draft.open("rb") as written:
        os.fsync(written.fileno())


def _comments(path: Path) -> str:
    """Lines above the header, as templates have them."""
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    count = next((number for number, line in enumerate(lines) if not line.startswith(("#", '"#'))), len(lines))
    return "".join(lines[:count])


def _csv(cells: Cells) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(cells)
    writer.writerows(zip(*cells.values(), strict=True))
    return text.getvalue()


def _typed(table: Table, cells: Cells) -> pa.Table:
    """Numbers, days and booleans in their types, texts and clauses as texts."""
    known = {column.name: column for column in table.columns}
    return pa.table({name: _column(known[name], column) for name, column in cells.items() if name in known})


def _column(column: Column, cells: list[str]) -> pa.Array:
    if column.kind in (Kind.NUMBER, Kind.INTEGER, Kind.DATE, Kind.BOOLEAN):
        parsed = parse(cells, column)
        if not parsed.faults:
            types = {Kind.NUMBER: pa.float64(), Kind.INTEGER: pa.int64(), Kind.DATE: pa.date32(), Kind.BOOLEAN: pa.bool_()}
            return pa.array([None if pd.isna(value) else value for value in parsed.values.tolist()]).cast(types[column.kind])
    return pa.array([unescaped(cell) or None for cell in cells], type=pa.string())
