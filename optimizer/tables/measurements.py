"""Files of measurements: one table each, named by its path, checked as the tables of a case are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from optimizer.errors import DataError
from optimizer.tables.columns import TableData, check_columns
from optimizer.tables.files import TableFile, Unreadable, read_cells
from optimizer.tables.schema import PROVENANCE, Column, Table

# Measurements come from other people's files, which seldom say these; where they do, the cells are checked.
OPTIONAL_PROVENANCE = tuple(replace(column, absent="not recorded") for column in PROVENANCE)


def measurement_table(name: str, meaning: str, *columns: Column) -> Table:
    """A table of measurements; it has at least one row, and provenance is optional."""
    return Table(name=name, meaning=meaning, columns=(*columns, *OPTIONAL_PROVENANCE), may_be_empty=False)


def read_measurements(table: Table, path: Path) -> TableData:
    """The checked table in a CSV or Parquet file.

    Raises:
      DataError: with every violation of the table.
    """
    try:
        cells = read_cells(TableFile(path=path, label=str(path)), table)
    except Unreadable as unreadable:
        raise DataError(unreadable.violations) from None
    data, violations = check_columns(table, str(path), cells)
    if violations:
        raise DataError(violations)
    return data
