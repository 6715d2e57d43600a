"""The charts of a plan's page.

Hover shows figures, a click on the legend picks suppliers, a drag over the periods picks a stretch of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from optimizer.report.charts import HEIGHT, LESS, LOWER, MORE, ROW, WIDTH, axis_unit, data, in_unit, of_all, page_chart, waterfall
from optimizer.report.document import PRICES, SUPPLIERS, Chart
from optimizer.report.drawing import COLOURS, Picture
from optimizer.report.place_charts import place_charts
from optimizer.report.risk_charts import risk_charts
from optimizer.report.series import PlanSeries, Rows

MOST_ROWS = 60  # loads shown in one chart, those with most accelerators


def plan_charts(series: PlanSeries) -> Iterator[Chart]:
    """The charts that have something to show, in the order of the page."""
    if series.spend:
        yield page_chart("Spend over time", _SPEND, _spend(series), gives=(PRICES,))
    if series.capacity:
        yield page_chart("Capacity over time", _CAPACITY, _capacity(series))
    yield from risk_charts(series)
    yield from place_charts(series)
    if series.costs:
        yield page_chart("What the cost is made of", _COSTS, waterfall(series.costs), gives=(PRICES,))
    if series.movers:
        yield page_chart("What moves the cost", _MOVERS, _tornado(series.movers), margin=280, gives=(PRICES, SUPPLIERS))
    if series.contract_use:
        yield page_chart("Use of contracts", _USE, _contracts(series.contract_use), margin=200)
    committed = [row for row in series.pools if row["held"] + row["idle"] > 0]
    if committed:
        yield page_chart("Use of pools", _POOLS, _pools(committed), margin=200)
    short = {row["pool"] for row in series.pools if row["usd_per_accelerator_hour"] > 0 or row["missing"] > 0}
    if short:
        rows = [row for row in series.pools if row["pool"] in short]
        yield page_chart("Price of capacity and shortage", _PRICE, _prices(rows), margin=200, gives=(PRICES,))
    if series.placements:
        loads = len({row["load"] for row in series.placements})
        yield page_chart("Where work runs", _PLACED + of_all(MOST_ROWS, loads), _placements(series), margin=260)


_SPEND = (
    "Cash a period, expected. Click a supplier in the legend to see it alone; "
    "drag over the bars to sum a stretch of periods in the lower chart."
)
_CAPACITY = "Accelerators drawn, mean over the hours. Line: held under contract. Grey band: asked for in the scenarios with least and most."
_COSTS = "Discounted and expected; each line begins where the one before it ends."
_MOVERS = "What 1 % more of a figure adds to the bound on every plan's cost, discounted."
_USE = "Share of the capacity held that is drawn, mean over hours and scenarios."
_POOLS = (
    "Share that is drawn of what contracts hold for a pool and no other pool of theirs draws, mean over hours and scenarios. "
    "Hover tells what is bought on the market and what is missing."
)
_PRICE = "Worth of one more accelerator-hour at this plan, in USD. A mark shows where accelerators are missing."
_PLACED = "Pool of each load and training run; the colour is the supplier's. Largest loads first."


def _period(rows: Rows) -> Any:
    """Periods from left to right in their order, not that of their names."""
    names = [str(row["period"]) for row in sorted(rows, key=lambda row: row["order"])]
    return alt.X("period:O", sort=list(dict.fromkeys(names)), axis=alt.Axis(title=None, labelAngle=-60))


def _suppliers(names: Sequence[str]) -> Any:
    """One colour for each supplier, the same in every chart of a page."""
    scale = alt.Scale(domain=list(names), range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
    return alt.Color("supplier:N", scale=scale, legend=alt.Legend(title=None, orient="bottom"))


def _spend(series: PlanSeries) -> Picture:
    rows, colour = series.spend, _suppliers(series.suppliers)
    unit = axis_unit(float(row["cash_usd"]) for row in rows)
    shown = [dict(row) | {"amount": in_unit(float(row["cash_usd"]), unit)} for row in rows]
    chosen = alt.selection_point(name="supplier", fields=["supplier"], bind="legend")
    brush = alt.selection_interval(name="periods", encodings=["x"])
    tips = ["period:O", "supplier:N", alt.Tooltip("sum(amount):Q", format=",.2f", title=unit)]
    bars = alt.Chart(data(shown)).mark_bar()
    over_time = (
        bars.encode(
            _period(rows),
            alt.Y("sum(amount):Q", title=unit),
            colour,
            opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
            tooltip=tips,
        )
        .add_params(chosen, brush)
        .properties(width=WIDTH, height=HEIGHT)
    )
    by_line = (
        bars.transform_filter(brush)
        .transform_filter(chosen)
        .encode(
            alt.X("sum(amount):Q", title=f"{unit} in the periods chosen"),
            alt.Y("line:N", title=None, sort="-x"),
            colour,
            tooltip=["line:N", *tips[1:]],
        )
        .properties(width=WIDTH, height=LOWER)
    )
    return alt.vconcat(over_time, by_line)


def _capacity(series: PlanSeries) -> Picture:
    chosen = alt.selection_point(name="supplier", fields=["supplier"], bind="legend")
    tips = ["period:O", "supplier:N", alt.Tooltip("accelerators:Q", format=",.0f")]
    y = alt.Y("accelerators:Q", title="accelerators", axis=alt.Axis(format="~s"))
    drawn = (
        alt.Chart(data(series.capacity))
        .mark_bar()
        .encode(
            _period(series.committed),
            y,
            _suppliers(series.suppliers),
            opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
            tooltip=tips,
        )
        .add_params(chosen)
    )
    band = [alt.Tooltip("low:Q", format=",.0f", title="least asked for"), alt.Tooltip("high:Q", format=",.0f", title="most asked for")]
    asked = (
        alt.Chart(data(series.asked))
        .mark_rule(strokeWidth=9, opacity=0.3)
        .encode(_period(series.committed), alt.Y("low:Q"), alt.Y2("high:Q"), tooltip=["period:O", *band])
    )
    held = (
        alt.Chart(data(series.committed))
        .mark_line(point=True, strokeDash=[5, 3])
        .encode(_period(series.committed), y, tooltip=["period:O", alt.Tooltip("accelerators:Q", format=",.0f", title="under contract")])
    )
    return alt.layer(drawn, asked, held).properties(width=WIDTH, height=HEIGHT)


def _tornado(rows: Rows) -> Picture:
    unit = axis_unit(float(row["usd"]) for row in rows)
    shown = [{"figure": row["figure"], "table": row["table"], "amount": in_unit(float(row["usd"]), unit)} for row in rows]
    colour = alt.condition("datum.amount > 0", alt.value(MORE), alt.value(LESS))
    return (
        alt.Chart(data(shown))
        .mark_bar()
        .encode(
            alt.X("amount:Q", title=unit),
            alt.Y("figure:N", title=None, sort=None, axis=alt.Axis(labelLimit=260)),
            color=colour,
            tooltip=["table:N", "figure:N", alt.Tooltip("amount:Q", format=",.3f", title=unit)],
        )
        .properties(width=WIDTH, height=ROW * 1.6 * len(shown))
    )


def _contracts(rows: Rows) -> Picture:
    tips = ["contract:N", "supplier:N", "period:O", alt.Tooltip("share:Q", format=".1%")]
    tips += [alt.Tooltip("drawn:Q", format=",.0f"), alt.Tooltip("capacity:Q", format=",.0f")]
    return _heat(
        rows, "contract", alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"), legend=_legend("share drawn", "%")), tips
    )


def _pools(rows: Rows) -> Picture:
    told = ("order", "period", "pool", "held", "bought", "missing", "idle")  # and no price: a page without prices keeps this chart
    shown = [{name: row[name] for name in told} | {"share": round(row["held"] / (row["held"] + row["idle"]), 4)} for row in rows]
    tips = ["pool:N", "period:O", alt.Tooltip("share:Q", format=".1%"), *_of_pools()]
    tips.append(alt.Tooltip("idle:Q", format=",.0f", title="held and not drawn"))
    share = alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"), legend=_legend("share drawn", "%"))
    return _heat(shown, "pool", share, tips)


def _of_pools() -> list[Any]:
    titles = {"held": "from contracts", "bought": "on the market", "missing": "missing"}
    return [alt.Tooltip(f"{name}:Q", format=",.0f", title=title) for name, title in titles.items()]


def _prices(rows: Rows) -> Picture:
    price = alt.Color("usd_per_accelerator_hour:Q", scale=alt.Scale(scheme="oranges"), legend=_legend("USD an hour", ",.1f"))
    tips = ["pool:N", "period:O", alt.Tooltip("usd_per_accelerator_hour:Q", format=",.2f", title="USD an hour"), *_of_pools()]
    heat = _heat(rows, "pool", price, tips)
    missing = [row for row in rows if row["missing"] >= 0.5]
    if not missing:
        return heat
    marks = (
        alt.Chart(data(missing))
        .mark_point(shape="cross", filled=True, size=30, color="#111")
        .encode(_period(rows), alt.Y("pool:N"), tooltip=tips)
    )
    return alt.layer(heat, marks)


def _legend(title: str, form: str) -> Any:
    return alt.Legend(title=title, orient="bottom", gradientLength=160, format=form)


def _heat(rows: Rows, name: str, colour: Any, tips: list[Any]) -> Picture:
    count = len({row[name] for row in rows})
    return (
        alt.Chart(data(rows))
        .mark_rect()
        .encode(_period(rows), alt.Y(f"{name}:N", title=None, axis=alt.Axis(labelLimit=190)), colour, tooltip=tips)
        .properties(width=WIDTH, height=max(3 * ROW, ROW * count))
    )


def _placements(series: PlanSeries) -> Picture:
    rows, colour = series.placements, _suppliers(series.suppliers)
    most: dict[str, float] = {}
    for row in rows:
        most[row["load"]] = max(most.get(row["load"], 0.0), float(row["accelerators"]))
    largest = sorted(most, key=lambda load: (-most[load], load))[:MOST_ROWS]
    shown = [row for row in rows if row["load"] in set(largest)]
    chosen = alt.selection_point(name="supplier", fields=["supplier"], bind="legend")
    tips = ["load:N", "period:O", "pool:N", "supplier:N", alt.Tooltip("accelerators:Q", format=",.0f")]
    return (
        alt.Chart(data(shown))
        .mark_rect(stroke="white", strokeWidth=0.3)
        .encode(
            _period(rows),
            alt.Y("load:N", title=None, sort=largest, axis=alt.Axis(labelLimit=250)),
            colour,
            opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
            tooltip=tips,
        )
        .add_params(chosen)
        .properties(width=WIDTH, height=ROW * len(largest))
    )
