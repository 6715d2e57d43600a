"""Values of a checked table as plain Python values: None where a cell is blank."""

from __future__ import annotations

from typing import Any

from optimizer.tables.columns import TableData
from optimizer.tables.schema import Kind


def values_of(data: TableData, column: str) -> list[Any]:
    """One column: str, float, int, bool, date, a tuple for lists, or a clause (None, UNKNOWN, float)."""
    kind, values = data.table.column(column).kind, data.values[column]
    if kind is Kind.CLAUSE:
        return values.tolist()
    if kind is Kind.DATE:
        return [None if missing else value for value, missing in zip(values.dt.date, values.isna(), strict=True)]
    if kind is Kind.INTEGER:
        return [None if value != value else int(value) for value in values.tolist()]
    if kind is Kind.NUMBER:
        return [None if value != value else value for value in values.tolist()]
    return [None if missing else value for value, missing in zip(values.tolist(), values.isna(), strict=True)]


def rows(data: TableData) -> list[dict[str, Any]]:
    """All rows, a value for each column of the schema."""
    names = [column.name for column in data.table.columns]
    columns = [values_of(data, name) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
