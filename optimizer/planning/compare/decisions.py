"""What the two plans decide differently: contracts, and where work runs."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from optimizer.planning.compare.run_tables import Rows, RunTables


def contract_changes(first: RunTables, second: RunTables) -> Rows:
    """Contracts on which the plans decide differently, by name; a contract that one plan does not know has no decision there."""
    before, after = _decisions(first.commitments), _decisions(second.commitments)
    names = sorted(before.keys() | after.keys())
    return [
        {"contract": name, "first": before.get(name), "second": after.get(name)} for name in names if before.get(name) != after.get(name)
    ]


def _decisions(commitments: Rows) -> dict[str, str]:
    """Example: {"cloud_h200": "keep 3; leave 1 from 2027-02-01"}"""
    told: dict[str, list[str]] = {}
    for row in commitments:
        dated = "" if row["effective"] is None else f" from {row['effective']}"
        lots = "" if row["decision"] == "decline" else f" {row['lots']}"
        told.setdefault(row["contract"], []).append(f"{row['decision']}{lots}{dated}")
    return {name: "; ".join(parts) for name, parts in told.items()}


def placement_changes(first: RunTables, second: RunTables) -> Rows:
    """Loads and runs that are elsewhere in the other plan, each over the periods in a row in which both pools stay the same."""
    periods = dict.fromkeys(row["period"] for run in (first, second) for row in run.placements)
    before, after = _places(first.placements), _places(second.placements)
    rows = []
    for load in sorted(before.keys() | after.keys()):
        pairs = [(period, before.get(load, {}).get(period), after.get(load, {}).get(period)) for period in periods]
        for (was, now), stretch in groupby(pairs, key=lambda pair: (_pool(pair[1]), _pool(pair[2]))):
            if was != now:
                rows.append(_change(load, was, now, list(stretch)))
    return rows


def _change(load: str, was: str | None, now: str | None, stretch: list[tuple[str, Any, Any]]) -> dict[str, Any]:
    sides = zip(*(pair[1:] for pair in stretch), strict=True)
    most = [max((place["accelerators"] for place in places if place), default=0.0) for places in sides]
    where = {"load": load, "first_period": stretch[0][0], "last_period": stretch[-1][0], "first_pool": was, "second_pool": now}
    return where | {"first_accelerators": most[0], "second_accelerators": most[1]}


def _places(placements: Rows) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in placements:
        found.setdefault(row["load"], {})[row["period"]] = row
    return found


def _pool(place: dict[str, Any] | None) -> str | None:
    return None if place is None else place["pool"]
