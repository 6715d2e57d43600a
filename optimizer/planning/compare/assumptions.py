"""What went into the two plans that differs: cells of tables, and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.planning.compare.run_tables import Rows, RunTables
from optimizer.tables.written import is_table, kept_rows

NOT_ASSUMPTIONS = ("source", "source_kind", "as_of")  # say where a figure is from, not what it is
NOT_DECIDING = ("output", "from_run", "executor", "watch", "last")  # settings that say where and how, not what is planned


def input_changes(first: RunTables, second: RunTables) -> Rows:
    """Every cell that differs between the tables that the runs kept, by table, row and column; rows that only one has are named whole."""
    rows: Rows = []
    for name in sorted(first.inputs.keys() | second.inputs.keys()):
        was, now = first.inputs.get(name), second.inputs.get(name)
        if was is None or now is None or was.name != now.name:  # copies are named by their content
            rows += _changes(name, was, now)
    return rows


def _changes(name: str, was: Path | None, now: Path | None) -> Rows:
    if not is_table(name):
        return [_row(name, None, None, *("-" if file is None else "another file" for file in (was, now)))]
    before, after = ({} if file is None else kept_rows(file, name) for file in (was, now))
    rows: Rows = []
    for key in [*before, *(key for key in after if key not in before)]:
        label = " ".join(part for part in key if part)
        if key not in before or key not in after:
            rows.append(_row(name, label, None, *("a row" if key in side else None for side in (before, after))))
            continue
        columns = [column for column in {**before[key], **after[key]} if column not in NOT_ASSUMPTIONS]
        cells = [(column, before[key].get(column, ""), after[key].get(column, "")) for column in columns]
        rows += [_row(name, label, column, one, other) for column, one, other in cells if one != other]
    return rows


def setting_changes(first: RunTables, second: RunTables) -> Rows:
    """Settings of both that differ and that a plan may follow from, as rows of the same table, under the name "settings"."""
    keys = [key for key in first.settings if key in second.settings and key.split(".")[0] not in NOT_DECIDING]
    pairs = [(key, first.settings[key], second.settings[key]) for key in keys]
    return [_row("settings", None, key, str(one), str(other)) for key, one, other in pairs if one != other]


def _row(table: str, row: str | None, column: str | None, first: Any, second: Any) -> dict[str, Any]:
    return {"table": Path(table).stem, "row": row, "column": column, "first": first, "second": second}
