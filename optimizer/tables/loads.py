"""Names of loads, as the rows of demand and the shares of workloads make them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from optimizer.tables.columns import TableData


def loads_by_workload(tables: Mapping[str, TableData]) -> dict[str, tuple[str, ...]]:
    """Loads of each workload that has demand, forecast or past.

    Example: chat from paris in two shares is (chat@paris#1, chat@paris#2); research without an origin is (research,).
    """
    workloads = tables["workloads"].values
    split = dict(zip(workloads["workload"], workloads["split"], strict=True))
    loads: dict[str, tuple[str, ...]] = {}
    pairs = pd.concat([tables[name].values[["workload", "origin"]] for name in ("demand", "demand_history")]).drop_duplicates()
    for workload, origin, blank in zip(pairs["workload"], pairs["origin"], pairs["origin"].isna(), strict=True):
        names = (workload,) if blank else _shares(f"{workload}@{origin}", int(split[workload]))
        loads[workload] = (*loads.get(workload, ()), *names)
    return loads


def _shares(name: str, split: int) -> tuple[str, ...]:
    return (name,) if split == 1 else tuple(f"{name}#{share}" for share in range(1, split + 1))
