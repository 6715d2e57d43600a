"""What is different from the last plan, as one table: money by its cause, contracts, placements."""

from __future__ import annotations

import math
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


def changes(steps: tuple[Step, ...], last: LastPlan | None, tables: Mapping[str, Rows], saved_usd: Mapping[str, float]) -> Rows:
    """Rows of kind bridge (sum to the change of the cost), contract and placement.

    Placements are compared in periods that both plans have. The first row of a load or run says by what the cost would be higher with that
    one alone where it was, as a change below zero, where that is known.

    Args:
      saved_usd: that, by load or run; inf: it cannot go back alone.
    """
    blank = dict.fromkeys(COLUMNS["changes"])
    rows = [blank | {"kind": "bridge", "subject": step.name, "change_usd": step.change_usd} for step in steps]
    if last is None:
        return rows
    commitments, placements = ([dict(row) for row in tables[name]] for name in ("commitments", "placements"))
    periods = {row["period"] for row in placements} & {row["period"] for row in last.tables.placements}
    before = replace(last.tables, placements=[row for row in last.tables.placements if row["period"] in periods])
    now = replace(before, run_id="", commitments=commitments, placements=[row for row in placements if row["period"] in periods])
    for row in contract_changes(before, now):
        rows.append(blank | {"kind": "contract", "subject": row["contract"], "first": row["first"], "second": row["second"]})
    told: set[str] = set()
    for row in placement_changes(before, now):
        when = {"first_period": row["first_period"], "last_period": row["last_period"]}
        where = {"first": row["first_pool"], "second": row["second_pool"]}
        saved = saved_usd.get(row["load"], math.inf) if row["load"] not in told else math.inf
        told.add(row["load"])
        change = {"change_usd": -saved if math.isfinite(saved) else None}
        rows.append(blank | {"kind": "placement", "subject": row["load"]} | when | where | change)
    return rows
