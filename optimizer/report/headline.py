"""The first lines about a plan, the same on the terminal and on the page."""

from __future__ import annotations

from optimizer.report.overview import Overview
from optimizer.report.wording import gap_text, money, money_unit, percent

STATUS = {
    "optimal": "optimal, proven",
    "within_gap": "within the gap asked for, proven",
    "limit": "best found before the limit",
}


def headline(view: Overview) -> dict[str, str]:
    """What the plan costs, how sure that is, and what it leaves undone; names and texts in their order."""
    unit = money_unit(view.objective_usd)
    return {
        "status": f"{STATUS.get(view.status, view.status)}; verified",
        "expected cost": f"{money(view.objective_usd, unit)} {unit}, discounted",
        "lower bound": "none found before the search stopped" if view.bound_usd is None else f"{money(view.bound_usd, unit)} {unit}",
        "gap": _gap(view, unit),
        "not served": f"{percent(view.unserved_share, 2)} of accelerator-hours; penalties {money(view.shortage_usd, unit)} {unit}",
    }


def _gap(view: Overview, unit: str) -> str:
    if view.gap is None:
        return "unknown without a bound"
    return f"{gap_text(view.gap)} of the cost that decisions can change ({money(view.gap_usd, unit)} {unit})"
