"""What the schemas say, for people: docs/tables.md and the templates of a new case.

`python -m optimizer.tables.document` writes docs/tables.md again.
"""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.tables.schema import Column, Kind, Table
from optimizer.tables.schemas import TABLES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tables.md"

_OPENING = """# Tables of a case

A case is a folder of tables, one file each, `<table>.csv` or `<table>.parquet`. This page is written by
`python -m optimizer.tables.document` from the schemas that also check the tables.

- CSV is UTF-8 with commas between cells. Lines that begin with `#` above the header are comments.
- Dates are `YYYY-MM-DD`, an end is the first day after. Booleans are `true` or `false`. Lists are separated by `;`.
- A clause is `none`, `unknown` or a number; a blank clause is unknown.
- A blank cell or a missing column means what "if absent" says; where that says "required", it is an error.
- In Parquet, texts, lists and clauses are text columns; numbers may be integers, floats or decimals.
- A text that begins with an apostrophe and one of `= + - @` is read without the apostrophe, which keeps spreadsheets from running it.
- Tables marked as shipped come with the planner; the rows of a case are added to them, or replace those of the same key.
"""


def tables_markdown() -> str:
    """All tables with their columns, as Markdown."""
    return "\n".join([_OPENING, *(_table_markdown(table) for table in TABLES)])


def _table_markdown(table: Table) -> str:
    state = "Shipped." if table.reference else "Required." if table.absent is None else f"If absent: {table.absent}."
    lines = [
        f"## {table.name}",
        "",
        f"{table.meaning} {state}",
        "",
        "| column | type | unit | values | meaning | if absent |",
        "|---|---|---|---|---|---|",
        *(_column_markdown(column) for column in table.columns),
        "",
    ]
    return "\n".join(lines)


def _column_markdown(column: Column) -> str:
    name = f"`{column.name}`" + (" (key)" if column.key else "")
    cells = (name, column.kind.value, column.unit, _values(column), column.meaning, column.absent or "required")
    return "| " + " | ".join(cells) + " |"


def _values(column: Column) -> str:
    """Bounds, allowed values, the table referred to, and characters that are not allowed."""
    parts = [", ".join(column.allowed) if column.allowed else "", str(column.bounds)]
    if column.refers_to:
        parts.append(f"a row of [{column.refers_to}](#{column.refers_to})")
    if column.without:
        parts.append("without " + " ".join(column.without))
    return "; ".join(part for part in parts if part)


def write_templates(folder: Path) -> list[Path]:
    """Writes one CSV per table into a folder: comments on its columns, and the header. Returns the files written.

    Raises:
      ConfigError: the folder holds something already; nothing is overwritten.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(str(folder), "must be a new or an empty folder", "one that holds files", "Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for table in TABLES:
        path = folder / f"{table.name}.csv"
        path.write_text(_template(table), encoding="utf-8", newline="\n")
        files.append(path)
    return files


def _template(table: Table) -> str:
    absent = "Rows are added to the shipped table." if table.reference else f"If absent: {table.absent}." if table.absent else "Required."
    comments = [f"# {table.name}: {table.meaning} {absent}", *(_comment(column) for column in table.columns)]
    return "\n".join([*comments, ",".join(column.name for column in table.columns), ""])


def _comment(column: Column) -> str:
    bounds = f", {column.bounds}" if str(column.bounds) else ""
    key = ", key" if column.key else ""
    refers = f", a row of {column.refers_to}" if column.refers_to else ""
    form = f"clause, {column.form}" if column.kind is Kind.CLAUSE else column.form
    absent = f" If absent: {column.absent}." if column.absent else ""
    return f"# {column.name} ({form}{bounds}{refers}{key}): {column.meaning}{absent}"


if __name__ == "__main__":
    DOCUMENT.write_text(tables_markdown(), encoding="utf-8", newline="\n")
