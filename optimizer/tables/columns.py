"""One table, checked on its own: its columns, types, bounds, allowed values and keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from optimizer.errors import Violation
from optimizer.tables.cells import Fault, Parsed, parse
from optimizer.tables.files import Cells, nearest
from optimizer.tables.schema import Bounds, Column, Kind, Table

STRANGE_SHOWN = 20  # columns that no table has, each told with the nearest name; the others are counted


@dataclass(frozen=True, kw_only=True)
class TableData:
    """One table as read. `values` has a column for every column of the schema, `cells` the texts of the file's columns.

    `broken` names the columns in which something is wrong: rules that need them do not run.
    """

    table: Table
    label: str
    cells: Cells
    values: pd.DataFrame
    broken: frozenset[str] = frozenset()

    def row_names(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Keys of rows, joined by /; a row without a key is named by its number."""
        keys = [self.cells[name] for name in self.table.key if name in self.cells]
        named = ("/".join(part for key in keys if (part := key[row])) for row in rows)
        return tuple(name or f"row {row + 1}" for name, row in zip(named, rows, strict=True))

    def violation(self, rule: str, got: str, rows: Sequence[int], remedy: str) -> Violation:
        return Violation(where=self.label, rule=rule, got=got, rows=self.row_names(rows), remedy=remedy)


def from_cells(table: Table, label: str, cells: Cells, broken: frozenset[str] = frozenset()) -> TableData:
    """Data of cells that are known to be right, or of which nothing is known."""
    parsed = _parse(table, cells)
    values = pd.DataFrame({name: result.values for name, result in parsed.items()})
    return TableData(table=table, label=label, cells=cells, values=values, broken=broken)


@cache
def without_rows(table: Table, *, unread: bool) -> TableData:
    """Data of a table that is not there; `unread`: it should be, so nothing that needs it can be checked."""
    names = [column.name for column in table.columns]
    return from_cells(table, f"{table.name}.csv", {name: [] for name in names}, frozenset(names) if unread else frozenset())


def _parse(table: Table, cells: Cells) -> dict[str, Parsed]:
    """Values by column; an optional column that the file lacks is blank in every row, or says what it says where it is missing."""
    rows = len(next(iter(cells.values())))
    return {column.name: parse(cells.get(column.name, [column.missing] * rows), column) for column in table.columns}


def check_columns(table: Table, label: str, cells: Cells) -> tuple[TableData, list[Violation]]:
    """Values of a table's cells, and every violation that the table shows without looking at others."""
    violations = _check_header(table, label, tuple(cells))
    parsed = _parse(table, cells)
    values = pd.DataFrame({name: result.values for name, result in parsed.items()})
    data = TableData(table=table, label=label, cells=cells, values=values)
    broken = {column.name for column in table.columns if column.required and column.name not in cells}
    out_of_range = _out_of_range(table, values)
    for column in table.columns:
        if column.name in broken:
            continue
        for fault in (*parsed[column.name].faults, *out_of_range.get(column.name, ())):
            violations.append(_fault(data, column, fault))
            broken.add(column.name)
    if table.key and not broken & set(table.key):
        twice = _duplicates(data)
        violations += twice
        broken |= set(table.key) if twice else set()  # rows of one key say several things: rules that look them up wait
    if values.empty and not table.may_be_empty:
        broken |= {column.name for column in table.columns}  # what the rows would say is not known
        violations.append(Violation(where=label, rule="must have at least one row", got="none", remedy="Write the rows."))
    return TableData(table=table, label=label, cells=cells, values=values, broken=frozenset(broken)), violations


def _check_header(table: Table, label: str, names: tuple[str, ...]) -> list[Violation]:
    known = {column.name: column for column in table.columns}
    lacking = {column.name for column in table.columns if column.name not in names}
    violations = []
    strange = [name for name in names if name not in known]
    for name in strange[:STRANGE_SHOWN]:
        meant = _meant(name, lacking)
        if meant is None:
            violations.append(_unknown_column(table, label, name))
        else:
            lacking.discard(meant)
            violations.append(_wrong_name(label, known[meant], name))
    if len(strange) > STRANGE_SHOWN:
        violations.append(_unknown_column(table, label, f"{len(strange) - STRANGE_SHOWN:,} columns more"))
    violations += [_missing_column(label, known[name], names) for name in known if name in lacking and known[name].required]
    return violations


def _meant(name: str, lacking: set[str]) -> str | None:
    """The lacking column that a strange name stands for, such as usd_per_accelerator_hour for usd_per_gpu_hour."""
    close = get_close_matches(name, sorted(lacking), n=1, cutoff=0.6)
    return close[0] if close else None


def _wrong_name(label: str, column: Column, name: str) -> Violation:
    unit = f" and convert its figures to {column.unit}" if column.unit else ""
    return Violation(
        where=label,
        rule=f"column {column.name} must be {column.form}",
        got=f"column {name} in its place",
        remedy=f"Rename the column to {column.name}{unit}.",
    )


def _missing_column(label: str, column: Column, names: tuple[str, ...]) -> Violation:
    return Violation(
        where=label,
        rule=f"column {column.name} must be there: {column.form}",
        got=f"columns {', '.join(names)}",
        remedy="Add the column.",
    )


def _unknown_column(table: Table, label: str, name: str) -> Violation:
    names = tuple(column.name for column in table.columns)
    return Violation(
        where=label,
        rule=f"columns must be those of the table {table.name}",
        got=name or "a blank name",
        remedy=f"Correct the name{nearest(name, names)} or remove the column.",
    )


def _fault(data: TableData, column: Column, fault: Fault) -> Violation:
    cell = data.cells[column.name][fault.rows[0]]
    remedy = fault.remedy
    if column.kind is Kind.TEXT and column.allowed and cell:
        remedy = f"Write one of them{nearest(cell, column.allowed)}."
    return data.violation(fault.rule, cell or "a blank cell", fault.rows, remedy)


def _duplicates(data: TableData) -> list[Violation]:
    key = list(data.table.key)
    twice = data.values.duplicated(key, keep=False)
    rows = [int(row) for row in twice.to_numpy().nonzero()[0]]
    if not rows:
        return []
    names = data.row_names(rows)
    words = key[0] if len(key) == 1 else f"({', '.join(key)})"
    return [
        Violation(
            where=data.label,
            rule=f"{words} must be unique",
            got=f"{names[0]} more than once",
            rows=tuple(f"{name} in row {row + 1}" for name, row in zip(names, rows, strict=True)),
            remedy="Keep one row of each.",
        )
    ]


def _out_of_range(table: Table, values: pd.DataFrame) -> dict[str, list[Fault]]:
    """Cells outside the bounds or the allowed values of their column, by column."""
    numbers = {column.name: pd.to_numeric(values[column.name], errors="coerce") for column in table.columns if column.kind is Kind.CLAUSE}
    try:
        _schema(table).validate(values.assign(**numbers), lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return {}
    faults: dict[str, list[Fault]] = {}
    for name, found in cases.groupby("column", sort=False):
        column = table.column(str(name))
        rows = tuple(sorted({int(row) for row in found["index"]}))
        faults[column.name] = [Fault(rule=_range_rule(column), remedy="Correct the value or remove the row.", rows=rows)]
    return faults


def _range_rule(column: Column) -> str:
    if column.allowed and column.kind is Kind.TEXT:
        return f"{column.name} must be {column.form}"
    if column.without:
        return f"{column.name} must not contain any of {' '.join(column.without)}"
    each = "each number of " if column.kind is Kind.INTEGER_LIST else ""
    unit = f" {column.unit}" if column.unit else ""
    return f"{each}{column.name} must be {column.bounds}{unit}"


@cache
def _schema(table: Table) -> pa.DataFrameSchema:
    columns = {column.name: pa.Column(None, _checks(column), nullable=True) for column in table.columns}
    return pa.DataFrameSchema({name: column for name, column in columns.items() if column.checks})


def _checks(column: Column) -> list[pa.Check]:
    if column.kind is Kind.INTEGER_LIST:
        bounds = column.bounds
        return [pa.Check(lambda items: all(_inside(item, bounds) for item in items), element_wise=True)]
    if column.allowed and column.kind is Kind.TEXT:
        return [pa.Check.isin(column.allowed)]
    if column.without:
        return [pa.Check.str_matches(rf"^[^{column.without}]*$")]
    makers = (
        (pa.Check.gt, column.bounds.above),
        (pa.Check.ge, column.bounds.at_least),
        (pa.Check.lt, column.bounds.below),
        (pa.Check.le, column.bounds.at_most),
    )
    return [maker(limit) for maker, limit in makers if limit is not None]


def _inside(value: float, bounds: Bounds) -> bool:
    return (
        (bounds.above is None or value > bounds.above)
        and (bounds.at_least is None or value >= bounds.at_least)
        and (bounds.below is None or value < bounds.below)
        and (bounds.at_most is None or value <= bounds.at_most)
    )
