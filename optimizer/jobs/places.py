"""From placements to where users and sites are, what flows between them, and how latency stands against its limits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from optimizer.domain.case import Case
from optimizer.planning.outputs import Rows

MEASURES = ("ttft_p95_ms", "tpot_ms")  # columns of placements, and of the limits in workloads


def latency(case: Case, placements: Rows) -> list[dict[str, Any]]:
    """The worst of each service and origin over the periods, where a limit is set and a model says what latency is."""
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for row, share in _served(case, placements):
        key = (row["workload"], row["origin"])
        if share is not None and share >= worst.get(key, {"share": -1.0})["share"]:
            worst[key] = {"share": round(share, 4), "sites": row["site"]} | _told(case, row)
    return [{"workload": workload, "origin": origin} | found for (workload, origin), found in worst.items()]


def _told(case: Case, row: Mapping[str, Any]) -> dict[str, str]:
    """Example: {"ttft": "412 of 800 ms", "tpot": "21.3 of 50 ms"}"""
    limits = next(workload for workload in case.workloads if workload.name == row["workload"])
    told = {}
    for name in MEASURES:
        limit = getattr(limits, name)
        told[name.split("_")[0]] = f"{row[name]:,.3g} ms" if limit is None else f"{row[name]:,.3g} of {limit:,.6g} ms"
    return told


def _served(case: Case, placements: Rows) -> Iterator[tuple[Mapping[str, Any], float | None]]:
    """Placed loads of users, each with the largest share of a limit that its latency comes to; None: no limit, or no model."""
    limits = {workload.name: workload for workload in case.workloads}
    for row in placements:
        if row["site"] is not None and row["origin"] is not None:
            of = [(row[name], getattr(limits[row["workload"]], name)) for name in MEASURES]
            shares = [float(value) / limit for value, limit in of if limit is not None and math.isfinite(value)]
            yield row, max(shares, default=None)


def flows(case: Case, placements: Rows, order: Mapping[str, int]) -> list[dict[str, Any]]:
    """From origins to sites by period: accelerators, services, round trip, and the largest share of a limit."""
    rows: dict[tuple[str, str, str], list[tuple[Mapping[str, Any], float | None]]] = defaultdict(list)
    for row, share in _served(case, placements):
        if row["period"] in order:
            rows[row["period"], row["origin"], row["site"]].append((row, share))
    site, origin = ({each.name: each for each in nouns} for nouns in (case.sites, case.origins))
    return [
        {
            "period": period,
            "order": order[period],
            "origin": start,
            "site": end,
            "latitude": origin[start].latitude,
            "longitude": origin[start].longitude,
            "latitude2": site[end].latitude,
            "longitude2": site[end].longitude,
            "accelerators": round(math.fsum(row["accelerators"] for row, _ in found), 1),
            "services": ", ".join(sorted({row["workload"] for row, _ in found})),
            "round_trip_ms": _known(found[0][0]["round_trip_ms"]),
            "share": max((round(share, 4) for _, share in found if share is not None), default=None),
        }
        for (period, start, end), found in rows.items()
    ]


def _known(value: float) -> float | None:
    return round(float(value), 1) if math.isfinite(value) else None


def sites(case: Case, placements: Rows) -> list[dict[str, Any]]:
    """Where accelerators are used, with the most in any period."""
    used: dict[tuple[str, str], float] = defaultdict(float)
    for row in placements:
        if row["site"] is not None:
            used[row["site"], row["period"]] += row["accelerators"]
    most: dict[str, float] = {}
    for (name, _), amount in used.items():
        most[name] = max(most.get(name, 0.0), amount)
    return [
        {"site": each.name, "supplier": each.supplier, "accelerators": round(most[each.name], 1)} | _at(each)
        for each in case.sites
        if each.name in most
    ]


def origins(case: Case, placements: Rows) -> list[dict[str, Any]]:
    """Where the users of loads are."""
    used = {row["origin"] for row in placements}
    return [{"origin": each.name} | _at(each) for each in case.origins if each.name in used]


def _at(place: Any) -> dict[str, float]:
    return {"latitude": place.latitude, "longitude": place.longitude}
