"""From a folder of tables to a case. Nothing is guessed; everything that is wrong is reported at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import compress
from pathlib import Path

import pandas as pd

from optimizer.domain.case import Case
from optimizer.domain.history import Vintage
from optimizer.errors import ConfigError, DataError, Violation
from optimizer.tables.catalog import reference_folder
from optimizer.tables.check import check_rules
from optimizer.tables.columns import TableData, check_columns, from_cells, without_rows
from optimizer.tables.files import Cells, TableFile, Unreadable, read_cells, table_files
from optimizer.tables.horizon import first_periods
from optimizer.tables.nouns import build_case, build_vintages
from optimizer.tables.references import check_references
from optimizer.tables.rows import values_of
from optimizer.tables.schema import Table
from optimizer.tables.schemas import TABLES


def read_case(folder: Path, *, periods: int | None = None, as_of: date | None = None) -> Case:
    """The case in a folder of CSV or Parquet tables.

    Args:
      periods: only the first so many of its calendar.
      as_of: day by which forecasts must have been issued; None: the case's date.

    All rows are checked before later periods are dropped.

    Raises:
      DataError: with every violation of every table.
      ConfigError: the calendar does not have so many periods.
    """
    return case_of(folder, read_tables(folder), periods=periods, as_of=as_of)


def case_of(folder: Path, tables: dict[str, TableData], *, periods: int | None = None, as_of: date | None = None) -> Case:
    """The case that a folder's tables make, or its first periods.

    Raises:
      ConfigError: the calendar does not have so many periods.
    """
    if periods is not None:
        there = len(tables["calendar"].values)
        if not 1 <= periods <= there:
            raise ConfigError("horizon.periods", f"must be between 1 and the {there} periods of the calendar", periods, "Correct it.")
        tables = first_periods(tables, periods)
    return build_case(folder.resolve().name, tables, as_of)


def vintages_of(tables: dict[str, TableData]) -> tuple[Vintage, ...]:
    """All forecasts of demand, by the day on which they were issued."""
    return build_vintages(tables)


def quoted_on(tables: dict[str, TableData]) -> dict[str, date]:
    """Day on which each Proposed contract was quoted: its row's as_of."""
    contracts = tables["contracts"]
    columns = (values_of(contracts, name) for name in ("ContractCommitmentId", "ContractCommitmentLifecycleStatus", "as_of"))
    return {name: day for name, status, day in zip(*columns, strict=True) if status == "Proposed"}


def source_kinds(tables: dict[str, TableData], table: str) -> dict[str, str]:
    """source_kind of each row of a table with a single key, by its key. Example: {"core": "reported"}."""
    (key,) = tables[table].table.key
    values = tables[table].values
    return dict(zip(values[key], values["source_kind"], strict=True))


def read_tables(folder: Path) -> dict[str, TableData]:
    """All tables of a case by name, checked; tables that are not there have no rows.

    Raises:
      DataError: with every violation of every table.
    """
    tables, violations = look_at_tables(folder)
    if violations:
        raise DataError(violations)
    return tables


def look_at_tables(folder: Path, instead: Mapping[str, Cells] | None = None) -> tuple[dict[str, TableData], list[Violation]]:
    """All tables of a case by name and everything that is wrong with them; `instead`: cells that stand for those of the folder's file.

    Raises:
      DataError: there is no such folder.
    """
    files, violations = table_files(folder)
    if not folder.is_dir():
        raise DataError(violations)
    tables = {}
    for table in TABLES:
        if instead is not None and table.name in instead:
            label = files[table.name].label if table.name in files else f"{table.name}.csv"
            tables[table.name], found = check_columns(table, label, instead[table.name])
        else:
            tables[table.name], found = _read_table(table, files.get(table.name))
        violations += found
    tables, found = check_references(_with_defaults(tables))
    violations += [*found, *check_rules(tables)]
    return tables, violations


def input_files(folder: Path) -> tuple[Path, ...]:
    """Files that make up a case: its tables and the reference tables."""
    files = {name: file.path for name, file in table_files(folder)[0].items()}
    references = [file.path for table in TABLES if table.reference for file in _reference_file(table)]
    return (*(files[table.name] for table in TABLES if table.name in files), *references)


def _reference_file(table: Table) -> list[TableFile]:
    path = reference_folder() / f"{table.name}.csv"
    return [TableFile(path=path, label=f"reference/{path.name}")] if path.is_file() else []


def _read_table(table: Table, own: TableFile | None) -> tuple[TableData, list[Violation]]:
    if not table.reference:
        return _read_file(table, own)
    shipped = [_read_file(table, file) for file in _reference_file(table)]
    if own is not None:
        shipped.append(_read_file(table, own))
    if not shipped:
        return _read_file(table, None)
    merged, *_ = shipped[-1]
    if len(shipped) == 2:
        merged = _merge(shipped[0][0], shipped[1][0])
    return merged, [violation for _, violations in shipped for violation in violations]


def _read_file(table: Table, file: TableFile | None) -> tuple[TableData, list[Violation]]:
    if file is None:
        return without_rows(table, unread=table.required), [_missing(table)] if table.required else []
    try:
        content = hashlib.sha256(file.path.read_bytes()).hexdigest()
    except OSError:
        data, violations = _read_content.__wrapped__(table, file, "")  # which says why it cannot be read
    else:
        data, violations = _read_content(table, file, content)
    return data, list(violations)


@lru_cache(maxsize=4 * len(TABLES))
def _read_content(table: Table, file: TableFile, content: str) -> tuple[TableData, tuple[Violation, ...]]:
    """One file; of the same content it is read and checked once, as a job may look at a folder several times."""
    try:
        cells = read_cells(file, table)
    except Unreadable as unreadable:
        return without_rows(table, unread=True), unreadable.violations
    data, violations = check_columns(table, file.label, cells)
    return data, tuple(violations)


def _missing(table: Table) -> Violation:
    return Violation(
        where=f"{table.name}.csv",
        rule="a case must have this table, as CSV or Parquet",
        got="no such file",
        remedy="Add it; `placement init` writes templates of all tables.",
    )


def _merge(shipped: TableData, own: TableData) -> TableData:
    """The shipped rows whose names the case does not take, then the case's own."""
    key = shipped.table.key[0]
    kept = ~shipped.values[key].isin(own.values[key])
    blank = [[""] * len(data.values) for data in (shipped, own)]
    return replace(
        own,
        cells={
            column.name: [*compress(shipped.cells.get(column.name, blank[0]), kept), *own.cells.get(column.name, blank[1])]
            for column in own.table.columns
        },
        values=pd.concat([shipped.values[kept], own.values], ignore_index=True),
        broken=own.broken | shipped.broken,
    )


_BASE_SCENARIO = {"scenario": "base", "probability": "1", "demand_quantile": "0.5"}


def _with_defaults(tables: dict[str, TableData]) -> dict[str, TableData]:
    """Without scenarios there is one, base."""
    scenarios = tables["scenarios"]
    if len(scenarios.values) or scenarios.broken:
        return tables
    cells = {name: [cell] for name, cell in _BASE_SCENARIO.items()}
    return tables | {"scenarios": from_cells(scenarios.table, scenarios.label, cells)}
