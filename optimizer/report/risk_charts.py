"""How far a plan's scenarios lie apart: capacity asked for over time, and cost."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import numpy as np

from optimizer.domain.risk import tail
from optimizer.report.charts import HEIGHT, LOWER, WIDTH, data, in_unit, page_chart
from optimizer.report.document import PRICES, Chart
from optimizer.report.drawing import COLOURS, Picture
from optimizer.report.series import PlanSeries
from optimizer.report.wording import money_unit, percent

_FAN = (
    "Accelerators asked for, drawn or missing, in each scenario: mean over the hours. Band: from least to most. Hover tells the scenario."
)
_COST = "Discounted cost if the scenario happens; as wide as it is probable. Line: expected. Dashed: mean of the dearest {tail}."


def risk_charts(series: PlanSeries) -> Iterator[Chart]:
    """Charts of plans for more than one scenario."""
    if len(series.scenarios) > 1:
        yield page_chart("What scenarios ask for", _FAN, _fan(series))
        tail = percent(1.0 - series.alpha, 0)
        yield page_chart("What scenarios cost", _COST.format(tail=tail), _cost(series), gives=(PRICES,))


def _fan(series: PlanSeries) -> Picture:
    periods = [str(row["period"]) for row in series.asked]
    x = alt.X("period:O", sort=periods, axis=alt.Axis(title=None, labelAngle=-60))
    y = alt.Y("accelerators:Q", title="accelerators", scale=alt.Scale(zero=False), axis=alt.Axis(format="~s"))
    band = (
        alt.Chart(data(series.asked))
        .mark_area(opacity=0.15, color=COLOURS[0])
        .encode(x, alt.Y("low:Q", title="accelerators"), alt.Y2("high:Q"))
    )
    chance = {row["scenario"]: row["probability"] for row in series.scenarios}
    shown = [dict(row) | {"probability": chance[row["scenario"]]} for row in series.asked_by_scenario]
    tips = ["scenario:N", alt.Tooltip("probability:Q", format=".1%"), "period:O", alt.Tooltip("accelerators:Q", format=",.0f")]
    lines = (
        alt.Chart(data(shown))
        .mark_line(point=True, color=COLOURS[0])
        .encode(x, y, alt.Detail("scenario:N"), alt.Opacity("probability:Q", legend=None, scale=alt.Scale(range=[0.35, 1.0])), tooltip=tips)
    )
    return alt.layer(band, lines).properties(width=WIDTH, height=HEIGHT)


def _cost(series: PlanSeries) -> Picture:
    unit = money_unit(max(abs(float(row["usd"])) for row in series.scenarios))
    shown, at = [], 0.0
    for row in sorted(series.scenarios, key=lambda row: float(row["usd"])):
        chance = float(row["probability"])
        shown.append(
            {"scenario": row["scenario"], "from": at, "to": at + chance, "probability": chance, "amount": in_unit(float(row["usd"]), unit)}
        )
        at += chance
    tips = ["scenario:N", alt.Tooltip("probability:Q", format=".1%"), alt.Tooltip("amount:Q", format=",.2f", title=unit)]
    x = alt.X("from:Q", title="probability, cheapest first", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1]))
    bars = alt.Chart(data(shown)).mark_bar(stroke="white").encode(x, alt.X2("to:Q"), alt.Y("amount:Q", title=unit), tooltip=tips)
    expected = sum(row["probability"] * row["amount"] for row in shown)
    chances, amounts = (np.array([row[name] for row in shown]) for name in ("probability", "amount"))
    dearest = float(tail(chances, amounts, series.alpha) @ amounts)
    rules = [{"line": "expected", "amount": expected}, {"line": "dearest", "amount": dearest}]
    tip = ["line:N", alt.Tooltip("amount:Q", format=",.2f", title=unit)]
    lines = (
        alt.Chart(data(rules))
        .mark_rule(strokeWidth=2, color=COLOURS[1])
        .encode(
            alt.Y("amount:Q"),
            alt.StrokeDash("line:N", legend=None, scale=alt.Scale(domain=["expected", "dearest"], range=[[1, 0], [5, 3]])),
            tooltip=tip,
        )
    )
    return alt.layer(bars, lines).properties(width=WIDTH, height=LOWER * 1.3)
