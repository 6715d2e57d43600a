"""What a plan risks outside the scenarios that it was made for, the same on a page and on a terminal."""

from __future__ import annotations

import math

from optimizer.report.document import PRICES, SUPPLIERS, Section
from optimizer.report.overview import Overview
from optimizer.report.wording import count, money, money_unit

MEASURES = {
    "mean": "mean cost",
    "p90": "cost not exceeded in 90 %",
    "cvar": "mean of the dearest (CVaR)",
    "running_by_merit_order": "of it by the merit order that runs it",
    "perfect_information": "value of perfect information",
    "stochastic_solution": "value of planning for several scenarios",
}


def risk_section(view: Overview) -> Section:
    """Estimates are of samples, with a 95 % interval; values of information are intervals that hold for sure."""
    unit = money_unit(view.objective_usd)
    rows = tuple((MEASURES.get(r.measure, r.measure), *(_figure(usd, unit) for usd in (r.usd, r.low_usd, r.high_usd))) for r in view.risks)
    columns = ("the plan as it stands, in scenarios outside its sample", f"{unit}$", "from$", "to$")
    return Section(title="Risk", columns=columns, rows=rows, gives=(PRICES,))


def stress_section(view: Overview) -> Section:
    unit = money_unit(max((abs(line.more_usd) for line in view.stress), default=0.0))
    rows = tuple((s.case, s.what, money(s.more_usd, unit), count(s.more_unserved_hours)) for s in view.stress)
    columns = ("case", "what", f"costs more, {unit}$", "accelerator-hours unserved more>")
    return Section(title="Stress cases, contracts and placements as they are", columns=columns, rows=rows, gives=(PRICES, SUPPLIERS))


def _figure(usd: float | None, unit: str) -> str:
    return "-" if usd is None or not math.isfinite(usd) else money(usd, unit)
