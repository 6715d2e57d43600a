"""How old a case's tables are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from optimizer.tables.files import read_cells, table_files
from optimizer.tables.schemas import TABLE_BY_NAME


def newest_rows(folder: Path) -> dict[str, date]:
    """Newest `as_of` of each table of a case that has the column filled in, by table; the folder was read as a case before."""
    newest = {}
    for name, file in table_files(folder)[0].items():
        days = [date.fromisoformat(cell[:10]) for cell in read_cells(file, TABLE_BY_NAME[name]).get("as_of", []) if cell]
        if days:
            newest[name] = max(days)
    return newest
