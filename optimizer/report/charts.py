"""What the charts of pages have in common: size, data, a waterfall, a choice of one name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from optimizer.report.document import Chart
from optimizer.report.drawing import COLOURS, Picture, inline
from optimizer.report.wording import MILLION, money_unit

HEIGHT, LOWER, ROW = 260, 150, 14
WIDTH = 600  # before the page fits it to the reader's screen
MORE, LESS, TOTAL = COLOURS[1], COLOURS[2], COLOURS[0]

Rows = Sequence[Mapping[str, Any]]


def page_chart(
    title: str, caption: str, drawn: Picture, *, margin: int = 150, aspect: float | None = None, gives: tuple[str, ...] = ()
) -> Chart:
    """`margin` is what labels beside the plot take of the page's width; `aspect` its height over its width, where that is fixed."""
    specification: dict[str, Any] = drawn.to_dict(validate=False, format="vega-lite")
    for name in ("config", "$schema"):  # how it looks is the page's; a schema is an address
        specification.pop(name, None)
    fit = specification.get("usermeta", {}) | {"margin": margin} | ({} if aspect is None else {"aspect": aspect})
    specification |= {"description": f"{title}. {caption}", "usermeta": fit}
    return Chart(title=title, caption=caption, specification=specification, gives=gives)


def of_all(shown: int, there_are: int) -> str:
    """What a caption adds where a chart leaves some out, which the table below it has."""
    return f" The {shown} largest of {there_are}; the table below has all." if there_are > shown else ""


def data(rows: Rows) -> Any:
    return inline(dict(row) for row in rows)


def is_known(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def in_unit(usd: float, unit: str) -> float:
    return usd / (MILLION if unit == "M USD" else 1)


def one_of(field: str, names: Sequence[str]) -> Any:
    """A list below a chart from which one name is chosen, the first at the beginning."""
    bind = alt.binding_select(options=list(names), name=f"{field}: ")
    return alt.selection_point(name="one", fields=[field], bind=bind, value=[{field: names[0]}])


def axis_unit(usd: Iterable[float]) -> str:
    """The unit of an axis of money: millions from one million on, so that its labels stay short."""
    return money_unit(10 * max((abs(amount) for amount in usd), default=0.0))


def waterfall(rows: Rows) -> Picture:
    """Bars from top to bottom that begin where the one before ends, each with its amount; the last is the total.

    Args:
      rows: line, start_usd, end_usd, usd.
    """
    unit = axis_unit(float(row[name]) for row in rows for name in ("start_usd", "end_usd"))
    shown = [
        {"line": row["line"], "kind": "total" if i == len(rows) - 1 else "more" if row["usd"] > 0 else "less"}
        | {name: in_unit(float(row[f"{name}_usd"]), unit) for name in ("start", "end")}
        | {"amount": in_unit(float(row["usd"]), unit), "right": in_unit(max(float(row["start_usd"]), float(row["end_usd"])), unit)}
        for i, row in enumerate(rows)
    ]
    kinds = alt.Scale(domain=["more", "less", "total"], range=[MORE, LESS, TOTAL])
    base = alt.Chart(data(shown)).encode(
        alt.Y("line:N", sort=[row["line"] for row in shown], axis=alt.Axis(title=None, labelLimit=270)),
        tooltip=["line:N", alt.Tooltip("amount:Q", format=",.2f", title=unit)],
    )
    x = alt.X("start:Q", title=unit, scale=alt.Scale(nice=False))
    bars = base.mark_bar().encode(x, alt.X2("end:Q"), alt.Color("kind:N", scale=kinds, legend=None))
    amounts = base.mark_text(align="left", dx=4).encode(alt.X("right:Q"), alt.Text("amount:Q", format=",.1f"))
    ends = [0.0, *(row[name] for row in shown for name in ("start", "end"))]
    room = {"ends": [min(ends), max(ends)]}  # the page leaves room for amounts beyond them
    return alt.layer(bars, amounts).properties(width=WIDTH, height=1.6 * ROW * len(shown), usermeta=room)


def steps(lines: Sequence[tuple[str, float]], total: str) -> list[dict[str, Any]]:
    """Rows of a waterfall from names and amounts in USD, with their sum last."""
    rows, end = [], 0.0
    for line, usd in lines:
        rows.append({"line": line, "start_usd": end, "end_usd": end + usd, "usd": usd})
        end += usd
    return [*rows, {"line": total, "start_usd": 0.0, "end_usd": end, "usd": end}] if rows else []


def intervals(rows: Rows, title: str) -> Picture:
    """Bars from low to high with a mark between, one for each name, from top to bottom.

    Args:
      rows: name, low, at, high in USD; low and high may be None.
      title: of the axis, before the unit.
    """
    unit = axis_unit(float(row[name]) for row in rows for name in ("low", "at", "high") if is_known(row[name]))
    shown = [
        {"line": row["name"]}
        | {name: in_unit(float(row[name] if is_known(row[name]) else row["at"]), unit) for name in ("low", "at", "high")}
        for row in rows
    ]
    tips = ["line:N", *(alt.Tooltip(f"{name}:Q", format=",.2f") for name in ("low", "at", "high"))]
    y = alt.Y("line:N", title=None, sort=None, axis=alt.Axis(labelLimit=200))
    base = alt.Chart(data(shown))
    bars = base.mark_bar(height=6, color=TOTAL, opacity=0.5).encode(
        alt.X("low:Q", title=f"{title}, {unit}"), alt.X2("high:Q"), y, tooltip=tips
    )
    marks = base.mark_tick(thickness=2, color=TOTAL).encode(alt.X("at:Q"), y, tooltip=tips)
    return alt.layer(bars, marks).properties(width=WIDTH, height=ROW * 2 * len(shown))
