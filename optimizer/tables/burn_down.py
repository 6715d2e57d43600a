"""What contracts have been charged towards the minimum in progress when the calendar starts, from `actuals`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from optimizer.domain.calendar import first_of_next_month
from optimizer.tables.columns import TableData
from optimizer.tables.rows import rows, values_of


def spent_so_far(tables: Mapping[str, TableData]) -> dict[str, float | None]:
    """Charges of the interval in progress by contract, in its currency, all lots together.

    None: the bills of some month of the interval are not there, or state no cost, or one goes on after the calendar's start: what has
    been spent is not known. Contracts without actuals in that interval, or whose interval begins with the calendar, have no entry.
    """
    start = min(values_of(tables["calendar"], "start"))
    charged: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(tables["actuals"]):
        if row["interval_start"] < start < row["interval_end"] and row["billing_period_start"] < start:
            charged[row["ContractCommitmentId"]].append(row)
    return {contract: _spent(found, start) for contract, found in charged.items()}


def _spent(charges: list[dict[str, Any]], start: date) -> float | None:
    billed = {row["billing_period_start"] for row in charges}
    month, needed = charges[0]["interval_start"].replace(day=1), set()
    while month < start:
        needed.add(month)
        month = first_of_next_month(month)
    known = all(row["applied_cost"] is not None and row["charged_until"] <= start for row in charges)
    return sum(row["applied_cost"] for row in charges) if known and needed <= billed else None
