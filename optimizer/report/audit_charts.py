"""The charts of an audit: what is committed when, what leaving costs by date, what clauses cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from optimizer.report.charts import HEIGHT, WIDTH, Rows, data, in_unit, intervals, is_known, of_all, one_of, page_chart
from optimizer.report.document import PRICES, Chart
from optimizer.report.drawing import COLOURS, Picture
from optimizer.report.wording import money_unit

MOST_CLAUSES = 25
OVER = "before "  # a row of what has been paid before the calendar begins

_COMMITTED = (
    "Least payments that no notice avoids any more, by contract; of proposed ones, if they are signed. "
    "Mark: what all contracts in force come to if they are kept."
)
_EXITS = (
    "Undiscounted, by the day of the exit. Line: all that is paid to the supplier until then, fee included. "
    "Band: that and what replacing the capacity to the contract's end costs at market prices, from least to most."
)
_CLAUSES = "What the plan would save without the clause, discounted: proven to lie between the ends of the bar."


def audit_charts(tables: Mapping[str, Rows], whole: str) -> Iterator[Chart]:
    """The charts that have something to show; tables as the run has them, `whole` is what they call all contracts in force together."""
    periods = [
        row for row in tables["contract_periods"] if is_known(row["non_cancellable_usd"]) and not str(row["period"]).startswith(OVER)
    ]
    parts, together = ([row for row in periods if (row["contract"] == whole) is held] for held in (False, True))
    if together:
        yield page_chart("Committed by period", _COMMITTED, _committed(parts, together), gives=(PRICES,))
    exits = [row for row in tables["exit_curve"] if is_known(row["contractual_cost_usd"])]
    if exits:
        yield page_chart("What leaving costs, by date", _EXITS, _exits(exits), gives=(PRICES,))
    clauses = [row for row in tables["clauses"] if is_known(row["price_low_usd"]) and is_known(row["price_high_usd"])]
    if clauses:
        told = _CLAUSES + of_all(MOST_CLAUSES, len(clauses))
        yield page_chart("What clauses cost", told, _clauses(clauses), margin=280, gives=(PRICES,))


def _committed(parts: Rows, together: Rows) -> Picture:
    names = list(dict.fromkeys(str(row["contract"]) for row in parts))
    periods = list(dict.fromkeys(str(row["period"]) for row in together))
    unit = money_unit(max(float(row["contract_value_usd"]) for row in together))
    shown = [
        {
            "contract": row["contract"],
            "period": row["period"],
            "amount": in_unit(float(row["non_cancellable_usd"]), unit),
            "value": in_unit(float(row["contract_value_usd"]), unit),
        }
        for row in (*parts, *together)
    ]
    x = alt.X("period:O", sort=periods, axis=alt.Axis(title=None, labelAngle=-60))
    scale = alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
    chosen = alt.selection_point(name="contract", fields=["contract"], bind="legend")
    tips = ["contract:N", "period:O", alt.Tooltip("amount:Q", format=",.2f", title=f"not cancellable, {unit}")]
    tips.append(alt.Tooltip("value:Q", format=",.2f", title=f"if kept, {unit}"))
    bars = (
        alt.Chart(data(shown[: len(parts)]))
        .mark_bar()
        .encode(
            x,
            alt.Y("amount:Q", title=unit),
            alt.Color("contract:N", scale=scale, legend=alt.Legend(title=None, orient="bottom")),
            opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
            tooltip=tips,
        )
        .add_params(chosen)
    )
    marks = alt.Chart(data(shown[len(parts) :])).mark_tick(thickness=2).encode(x, alt.Y("value:Q"), tooltip=tips)
    return alt.layer(bars, marks).properties(width=WIDTH, height=HEIGHT)


def _exits(rows: Rows) -> Picture:
    names = list(dict.fromkeys(str(row["contract"]) for row in rows))
    unit = money_unit(max(float(row["contractual_cost_usd"]) for row in rows))
    shown = [_exit(row, unit) for row in rows]
    chosen = one_of("contract", names)
    x = alt.X("utcyearmonthdate(date):T", title=None, axis=alt.Axis(format="%b %Y", labelAngle=-40))
    tips: list[Any] = ["contract:N", alt.Tooltip("utcyearmonthdate(date):T", format="%Y-%m-%d", title="exit on"), "notice_by:N"]
    tips += [
        alt.Tooltip("paid:Q", format=",.2f", title=f"paid, {unit}"),
        alt.Tooltip("least:Q", format=",.2f", title="with replacement, least"),
    ]
    tips.append(alt.Tooltip("most:Q", format=",.2f", title="most"))
    base = alt.Chart(data(shown)).transform_filter(chosen)
    band = base.mark_area(opacity=0.25, color=COLOURS[1], line=False).encode(x, alt.Y("low:Q", title=unit), alt.Y2("high:Q"))
    line = base.mark_line(color=COLOURS[0], point=True, interpolate="linear").encode(x, alt.Y("paid:Q", title=unit), tooltip=tips)
    return alt.layer(band, line).add_params(chosen).properties(width=WIDTH, height=HEIGHT)


def _exit(row: Mapping[str, Any], unit: str) -> dict[str, Any]:
    paid, low, high = (row[f"{name}_usd"] for name in ("contractual_cost", "replacement_cost_low", "replacement_cost_high"))
    both = is_known(low) and is_known(high)
    ends = [in_unit(float(paid) + (float(usd) if both else 0.0), unit) for usd in (low, high)]
    told = ends if both else [None, None]  # nothing is said of replacing it where no market price is known
    return {
        "contract": row["contract"],
        "date": str(row["date"]),
        "notice_by": str(row["notice_by"] or "-"),
        "paid": in_unit(float(paid), unit),
        **dict(zip(("low", "high", "least", "most"), (*ends, *told), strict=True)),
    }


def _clauses(rows: Rows) -> Picture:
    largest = sorted(rows, key=lambda row: -float(row["price_high_usd"]))[:MOST_CLAUSES]
    rows = [
        {
            "name": f"{row['contract']} {row['clause']}",
            "low": row["price_low_usd"],
            "at": row["price_low_usd"],
            "high": row["price_high_usd"],
        }
        for row in largest
    ]
    return intervals(rows, "saved without it")
