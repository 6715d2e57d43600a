"""What is different from the last plan, as one table: money by its cause, contracts, placements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optimizer.planning.compare.decisions import contract_changes, placement_changes
from optimizer.planning.outputs import Rows
from optimizer.planning.replan.bridge import Step
from optimizer.planning.replan.last import LastPlan

COLUMNS = {
    "changes": ("kind", "subject", "first_period", "last_period", "first", "second", "change_usd"),
    "alerts": ("kind", "subject", "due", "usd", "text"),
}
"""Columns of the tables of a nightly run that other plans do not have, in their order."""


def changes(steps: tuple[Step, ...], last: LastPlan | None, tables: Mapping[str, Rows]) -> Rows:
    """Rows of kind bridge (sum to the change of the cost), contract and placement."""
    blank = dict.fromkeys(COLUMNS["changes"])
    rows = [blank | {"kind": "bridge", "subject": step.name, "change_usd": step.change_usd} for step in steps]
    if last is None:
        return rows
    commitments, placements = ([dict(row) for row in tables[name]] for name in ("commitments", "placements"))
    now = replace(last.tables, run_id="", commitments=commitments, placements=placements)
    for row in contract_changes(last.tables, now):
        rows.append(blank | {"kind": "contract", "subject": row["contract"], "first": row["first"], "second": row["second"]})
    for row in placement_changes(last.tables, now):
        when = {"first_period": row["first_period"], "last_period": row["last_period"]}
        where = {"first": row["first_pool"], "second": row["second_pool"]}
        rows.append(blank | {"kind": "placement", "subject": row["load"]} | when | where)
    return rows
