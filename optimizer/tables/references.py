"""Names that one table takes from another."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.errors import Violation
from optimizer.tables.columns import TableData
from optimizer.tables.files import nearest
from optimizer.tables.rows import values_of
from optimizer.tables.schema import Column


def check_references(tables: Mapping[str, TableData]) -> tuple[dict[str, TableData], list[Violation]]:
    """Every name must be a row of the table it refers to; columns that break this are marked as broken."""
    violations: list[Violation] = []
    marked: dict[str, TableData] = {}
    for name, data in tables.items():
        broken = set(data.broken)
        for column in data.table.columns:
            if column.refers_to is None or column.name in broken or _nameless(tables[column.refers_to]):
                continue
            found = _unknown_names(data, column, tables[column.refers_to])
            violations += found
            broken |= {column.name} if found else set()
        marked[name] = TableData(table=data.table, label=data.label, cells=data.cells, values=data.values, broken=frozenset(broken))
    return marked, violations


def _nameless(target: TableData) -> bool:
    """Whether a table could not be read so far that its names are known."""
    key = target.table.key[0]
    return key in target.broken and not target.values[key].notna().any()


def _unknown_names(data: TableData, column: Column, target: TableData) -> list[Violation]:
    known = frozenset(values_of(target, target.table.key[0]))
    named = ((row, _names(value)) for row, value in enumerate(values_of(data, column.name)) if value is not None)
    unknown = {row: next(name for name in names if name not in known) for row, names in named if not known.issuperset(names)}
    if not unknown:
        return []
    first = next(iter(unknown.values()))
    return [
        data.violation(
            f"{column.name} must name a row of {target.table.name}",
            first,
            tuple(unknown),
            f"Add the row to {target.label}, or correct the name{nearest(first, tuple(sorted(known - {None})))}.",
        )
    ]


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
