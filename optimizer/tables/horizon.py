"""A shorter horizon: the first periods of a case, and what still has a meaning within them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import compress

import pandas as pd

from optimizer.tables.columns import TableData
from optimizer.tables.loads import loads_by_workload


def first_periods(tables: Mapping[str, TableData], periods: int) -> dict[str, TableData]:
    """Checked tables without the rows of later periods, and without offers and training runs that begin after them."""
    calendar = tables["calendar"].values.sort_values("start")
    later = set(calendar["period"].iloc[periods:])
    end = calendar["end"].iloc[periods - 1]
    kept = dict(tables)
    for name, data in tables.items():
        if name == "calendar" or any(column.refers_to == "calendar" for column in data.table.columns):
            kept[name] = _keep(data, ~data.values["period"].isin(later))
    offers, runs = tables["offers"], tables["training_runs"]
    kept["offers"] = _keep(offers, ~(offers.values["valid_from"] >= end))
    kept["training_runs"] = _keep(runs, ~(runs.values["window_start"] >= end))
    gone = _work(tables) - _work(kept)
    kept["pins"] = _keep(kept["pins"], ~kept["pins"].values["subject"].isin(gone))
    kept["placements"] = _keep(kept["placements"], ~kept["placements"].values["load"].isin(gone))
    return kept


def _work(tables: Mapping[str, TableData]) -> set[str]:
    """Names of loads and training runs."""
    return {name for names in loads_by_workload(tables).values() for name in names} | set(tables["training_runs"].values["run"])


def _keep(data: TableData, rows: pd.Series[bool]) -> TableData:
    if rows.all():
        return data
    cells = {name: list(compress(column, rows)) for name, column in data.cells.items()}
    return replace(data, cells=cells, values=data.values[rows].reset_index(drop=True))
