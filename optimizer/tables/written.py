"""Tables of runs, read back as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet

from optimizer.errors import DataError, Violation
from optimizer.tables.files import TableFile, read_cells
from optimizer.tables.schemas import TABLE_BY_NAME


def written_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet table that a run wrote; amounts in USD are decimals.

    Raises:
      DataError: the run has no such table, or it is not as it was written.
    """
    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(file).to_pylist()
    except (OSError, pyarrow.ArrowInvalid) as error:
        rule, remedy = "a run's tables must be as they were written", "Take another run; this one cannot be read."
        raise DataError([Violation(where=str(file), rule=rule, got=str(error).splitlines()[0], remedy=remedy)]) from error
    return rows


def kept_rows(file: Path, name: str) -> dict[tuple[str, ...], dict[str, str]]:
    """The cells of a table that a run kept a copy of, as text, by the row's key; blank cells are empty.

    Args:
      name: the table's file name in the case, "offers.csv".
    """
    table = TABLE_BY_NAME[Path(name).stem]
    cells = read_cells(TableFile(path=file, label=name), table)
    columns = list(cells)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*(cells[column] for column in columns), strict=True)]
    return {tuple(row.get(key, "") for key in table.key): row for row in rows}


def is_table(name: str) -> bool:
    """Whether a kept file is a table of a case."""
    return Path(name).stem in TABLE_BY_NAME and Path(name).parent == Path()
