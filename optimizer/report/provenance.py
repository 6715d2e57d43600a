"""Where a page comes from: the run, its inputs and what made it, from summary.json and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.report.document import Facts, Section

SIZES = ("loads", "pools", "periods", "blocks", "scenarios", "contracts")
PLANNER = "placement-optimizer"
CENT_USD = 0.005  # an error below it changes no cent


def provenance(summary: Mapping[str, Any]) -> tuple[Facts, Section]:
    """What is known of the run, and the files that it read with their SHA-256."""
    known = {name: value for name, value in summary.items() if value is not None}
    versions = dict(known.get("versions") or {}) if isinstance(known.get("versions"), Mapping) else {}
    told = {
        "run": _joined(known.get("run_id"), _prefixed("after ", known.get("previous_run"))),
        "job": _joined(known.get("job"), _prefixed("version ", versions.pop(PLANNER, None))),
        "case": _joined(known.get("case"), _prefixed("as of ", known.get("as_of"))),
        "solver": _joined(known.get("solver"), _prefixed("on ", known.get("device")), _prefixed("seed ", known.get("seed"))),
        "calibration": known.get("calibration"),
        "size": _joined(*(f"{known[name]:,} {name}" for name in SIZES if isinstance(known.get(name), int))),
        "time": _time(known),
        "verified": _verified(known),
        "left out": _joined(*known.get("left_out", ())),
        "programs": _joined(*(f"{name} {version}" for name, version in versions.items())),
    }
    inputs = known.get("inputs") or {}
    rows = tuple((name, str(kept).split(".")[0]) for name, kept in sorted(inputs.items()))
    values = {name: str(text) for name, text in told.items() if text}
    return Facts(values=values), Section(title="Files that it read", columns=("file", "SHA-256"), rows=rows, folded=True)


def _joined(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part is not None)


def _prefixed(words: str, value: Any) -> str | None:
    return None if value is None else f"{words}{value}"


def _time(known: Mapping[str, Any]) -> str | None:
    """Example: 72 s: solve 58.1, baselines 2.5, surfaces 1.9"""
    if not isinstance(known.get("seconds"), int | float):
        return None
    phases = known.get("phases")
    parts = sorted(phases.items(), key=lambda item: -item[1]) if isinstance(phases, Mapping) else []
    return f"{known['seconds']:,.0f} s" + (": " + ", ".join(f"{name} {seconds:,.1f}" for name, seconds in parts) if parts else "")


def _verified(known: Mapping[str, Any]) -> str | None:
    if "verified" not in known:
        return None
    error = known.get("verify_error_usd")
    exact = "to the cent" if isinstance(error, float) and error < CENT_USD else f"within {error} USD"
    return ("yes" if known["verified"] else "no") + (f", cost recomputed {exact}" if isinstance(error, float) else "")
