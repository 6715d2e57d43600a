"""The charts of a study of quotes: break-even prices beside what is offered, volume against price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from optimizer.report.charts import HEIGHT, ROW, WIDTH, Rows, data, is_known, one_of, page_chart
from optimizer.report.document import PRICES, Chart
from optimizer.report.drawing import COLOURS, Picture

VERDICTS = {"take": COLOURS[2], "refuse": COLOURS[4], "undecided": COLOURS[9]}
OPEN_END = 1.15  # of the largest figure known, where no price is proven too high

_BREAK_EVEN = (
    "USD per accelerator-hour. Bar: the break-even price is proven to lie within it; faded where no price is proven too high. "
    "Mark: what is offered; left of the bar the quote pays."
)
_VOLUME = (
    "Accelerators that any optimal plan may take at a price (band) and that the best plan known takes (line). "
    "Upright line: the price offered."
)


def quote_charts(quotes: Rows, volume_curve: Rows) -> Iterator[Chart]:
    """The charts that have something to show; tables as the run has them."""
    known = [row for row in quotes if is_known(row["break_even_low"])]
    if known:
        yield page_chart("Break-even prices", _BREAK_EVEN, _break_even(known), margin=240, gives=(PRICES,))
    if volume_curve:
        yield page_chart("Volume against price", _VOLUME, _volume(volume_curve, quotes), gives=(PRICES,))


def _break_even(rows: Rows) -> Picture:
    figures = [float(row[name]) for row in rows for name in ("offered", "break_even_low", "break_even_high") if is_known(row[name])]
    end = OPEN_END * max(figures)
    shown = [_interval(row, end) for row in rows]
    scale = alt.Scale(domain=list(VERDICTS), range=list(VERDICTS.values()))
    colour = alt.Color("verdict:N", scale=scale, legend=alt.Legend(title=None, orient="bottom"))
    tips = ["quote:N", "verdict:N", *(alt.Tooltip(f"{name}:Q", format=",.4f") for name in ("offered", "low", "high"))]
    y = alt.Y("quote:N", title=None, sort=None, axis=alt.Axis(labelLimit=220))
    opacity = alt.condition("datum.open", alt.value(0.3), alt.value(0.8))
    x = alt.X("low:Q", title="USD per accelerator-hour", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=8))
    base = alt.Chart(data(shown))
    bars = base.mark_bar(height=10).encode(x, alt.X2("drawn_high:Q"), y, colour, opacity=opacity, tooltip=tips)
    ends = base.mark_tick(thickness=2, size=12).encode(x, y, colour, tooltip=tips)
    mark: dict[str, Any] = {"shape": "diamond", "filled": True, "size": 110, "opacity": 1.0, "stroke": "white", "strokeWidth": 1}
    offered = base.mark_point(color=COLOURS[0], **mark).encode(alt.X("offered:Q"), y, tooltip=tips)
    return alt.layer(bars, ends, offered).properties(width=WIDTH, height=max(90, ROW * 2.4 * len(shown)))


def _interval(row: Mapping[str, Any], end: float) -> dict[str, Any]:
    closed = is_known(row["break_even_high"])
    high = float(row["break_even_high"]) if closed else None
    told = {"quote": row["contract"], "verdict": str(row["verdict"]), "offered": float(row["offered"])}
    return told | {"low": float(row["break_even_low"]), "high": high, "drawn_high": high if closed else end, "open": not closed}


def _volume(rows: Rows, quotes: Rows) -> Picture:
    names = list(dict.fromkeys(str(row["contract"]) for row in rows))
    shown = [
        {"quote": row["contract"], "price": float(row["usd_per_accelerator_hour"])}
        | {"least": row["accelerators_low"], "best": row["accelerators"], "most": row["accelerators_high"]}
        for row in rows
    ]
    chosen = one_of("quote", names)
    x = alt.X("price:Q", title="USD per accelerator-hour", scale=alt.Scale(zero=False))
    y = alt.Y("least:Q", title="accelerators", axis=alt.Axis(format="~s"))
    tips = [
        "quote:N",
        alt.Tooltip("price:Q", format=",.4f"),
        *(alt.Tooltip(f"{name}:Q", format=",.0f") for name in ("least", "best", "most")),
    ]
    base = alt.Chart(data(shown)).transform_filter(chosen)
    band = base.mark_area(opacity=0.25, color=COLOURS[0]).encode(x, y, alt.Y2("most:Q"))
    line = base.mark_line(color=COLOURS[0], point=True).encode(x, alt.Y("best:Q", title="accelerators"), tooltip=tips)
    prices = [{"quote": row["contract"], "price": float(row["offered"])} for row in quotes if is_known(row["offered"])]
    offered = alt.Chart(data(prices)).transform_filter(chosen).mark_rule(strokeDash=[5, 3]).encode(x)
    return alt.layer(band, line, offered).add_params(chosen).properties(width=WIDTH, height=HEIGHT)
