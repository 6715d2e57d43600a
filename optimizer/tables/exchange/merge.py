"""Records put into the tables of a case: a row of the same key is replaced, never added to; price points are never changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optimizer.tables.cells import unescaped
from optimizer.tables.exchange.foreign import NotTaken
from optimizer.tables.exchange.reading import Reading, Record, Whole
from optimizer.tables.files import Cells
from optimizer.tables.schema import Kind, Table

APPEND_ONLY = ("price_points",)
_FORMULA = re.compile(r"'*[=+\-@]")
_NOT_FIGURES = ("source", "source_kind", "as_of")
Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A table with the records in it. Names are keys, joined by /."""

    table: Table
    cells: Cells
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int

    @property
    def changed(self) -> bool:
        return bool(self.added or self.replaced or self.removed)


def merge(table: Table, cells: Cells, reading: Reading, records: Iterable[Record]) -> tuple[Merged, list[NotTaken]]:
    """The table's cells with the records in them, and records that it cannot take."""
    rows = [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]
    places = {_key(table, row): place for place, row in enumerate(rows)}
    added, replaced, not_taken, seen = dict[Key, dict[str, str]](), set[Key](), list[NotTaken](), dict[Key, Record]()
    unchanged = 0
    for record in records:
        stated = {name: harmless(cell, table, name) for name, cell in record.stated.items()}
        key = _key(table, stated)
        if key in seen:
            not_taken += _twice(record, seen[key], reading, key)
            continue
        seen[key] = record
        if key not in places:
            otherwise = {name: harmless(cell, table, name) for name, cell in record.otherwise.items()}
            added[key] = otherwise | stated
            continue
        row = rows[places[key]]
        if _same(table, row, stated):
            unchanged += 1
        elif table.name in APPEND_ONLY:
            words = "the point is there with another price, and price points are never changed"
            not_taken += [reading.file.without(number, "/".join(key), "", "", words) for number in record.rows]
        else:
            row.update(stated)
            replaced.add(key)
    gone = [key for key in places if key not in seen and _covered(table, key, reading.whole.get(table.name))]
    kept = [row for key, place in places.items() if key not in gone for row in [rows[place]]]
    merged = Merged(
        table=table,
        cells=_cells(table, tuple(cells), [*kept, *added.values()]),
        added=tuple("/".join(key) for key in added),
        replaced=tuple("/".join(key) for key in sorted(replaced)),
        removed=tuple("/".join(key) for key in gone),
        unchanged=unchanged,
    )
    return merged, not_taken


def _twice(record: Record, first: Record, reading: Reading, key: Key) -> list[NotTaken]:
    words = f"the same key as row {first.rows[0]}"
    return [reading.file.without(number, "/".join(key), "", "", words) for number in record.rows]


def _covered(table: Table, key: Key, whole: Whole | None) -> bool:
    if whole is None:
        return False
    cells = dict(zip(table.key, key, strict=True))
    return tuple(cells[name] for name in whole.columns) in whole.cells


def _key(table: Table, row: Mapping[str, str]) -> Key:
    return tuple(_figure(table, name, row.get(name, "")) for name in table.key)


def _figure(table: Table, name: str, cell: str) -> str:
    """Numbers that are written differently are the same: 0 and 0.0."""
    column = table.column(name)
    if column.kind in (Kind.NUMBER, Kind.INTEGER, Kind.CLAUSE) and cell:
        try:
            return repr(float(cell) + 0.0)
        except ValueError:
            return cell
    return unescaped(cell)


def _same(table: Table, row: Mapping[str, str], stated: Mapping[str, str]) -> bool:
    """Of an append-only table the source may be told differently. What a column's lack says is the same as that said in it."""
    compared = [name for name in stated if table.name not in APPEND_ONLY or name not in _NOT_FIGURES]
    held = {name: row.get(name, table.column(name).missing) for name in compared}
    return all(_figure(table, name, held[name]) == _figure(table, name, stated[name]) for name in compared)


def harmless(cell: str, table: Table, name: str) -> str:
    """A text that a spreadsheet would run stands behind an apostrophe, as in every table of a case."""
    text = table.column(name).kind in (Kind.TEXT, Kind.LIST)
    return f"'{cell}" if text and _FORMULA.match(cell) else cell


def _cells(table: Table, columns: tuple[str, ...], rows: list[dict[str, str]]) -> Cells:
    """Columns as they were, and those of the table that rows bring with them; other rows say there what the lack of the column said."""
    brought = {name for row in rows for name, cell in row.items() if cell}
    new = {column.name: column.missing for column in table.columns if column.name in brought and column.name not in columns}
    return {name: [row.get(name, new.get(name, "")) for row in rows] for name in (*columns, *new)}
