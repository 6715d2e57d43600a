"""Where work runs and how far that is from users: a map of flows, and latency against its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import altair as alt

from optimizer.report.charts import ROW, WIDTH, Rows, data, page_chart
from optimizer.report.document import SUPPLIERS, Chart
from optimizer.report.drawing import COLOURS, Picture, inline
from optimizer.report.series import PlanSeries

MAP_HEIGHT = 276
LEAST = 0.5  # share of a limit at the beginning of the colours
GREATEST = 1.0  # share of a limit at the end of the colours: at it, not above, as plans keep their limits

_LATENCY = (
    "Largest share of its limit that a service's time to first token (95th percentile, network included) or time per token comes to, "
    "worst over the periods, by origin of users. Hover tells both."
)
_MAP = (
    "Lines: services from users' origins (dots) to sites (squares, the larger the more accelerators), the wider the more accelerators; "
    "the redder, the closer to the tightest limit on latency (grey: none). Sites and origins by their coordinates; land from Natural Earth."
)


def place_charts(series: PlanSeries) -> Iterator[Chart]:
    """The charts that have something to show; the map gives sites away."""
    if series.flows:
        yield page_chart("Users and sites", _MAP, _map(series), margin=24, aspect=0.46, gives=(SUPPLIERS,))
    if series.latency:
        yield page_chart("Latency against limits", _LATENCY, _latency(series.latency), margin=220)


def _share(title: str) -> Any:
    scale = alt.Scale(domain=[LEAST, GREATEST], scheme="yelloworangered", clamp=True)
    return alt.Color("share:Q", scale=scale, legend=alt.Legend(title=title, orient="bottom", gradientLength=160, format=".0%"))


def _latency(rows: Rows) -> Picture:
    services, origins = (sorted({str(row[name]) for row in rows}) for name in ("workload", "origin"))
    told = [alt.Tooltip(f"{name}:N", title=title) for name, title in (("ttft", "TTFT p95"), ("tpot", "time per token"))]
    tips = ["workload:N", "origin:N", "sites:N", *told, alt.Tooltip("share:Q", format=".0%", title="of the limit")]
    return (
        alt.Chart(data(rows))
        .mark_rect()
        .encode(
            alt.X("origin:N", sort=origins, axis=alt.Axis(title=None, labelAngle=-60)),
            alt.Y("workload:N", sort=services, title=None, axis=alt.Axis(labelLimit=210)),
            _share("share of the limit"),
            tooltip=tips,
        )
        .properties(width=WIDTH, height=max(3 * ROW, 1.3 * ROW * len(services)))
    )


def _map(series: PlanSeries) -> Picture:
    land: dict[str, Any] = json.loads(files("optimizer.report").joinpath("land.json").read_text(encoding="utf-8"))
    ground = alt.Chart(inline([{"type": "Feature", "geometry": {name: land[name] for name in ("type", "coordinates")}}]))
    periods = list(dict.fromkeys(str(row["period"]) for row in sorted(series.flows, key=lambda row: row["order"])))
    bind = alt.binding_select(options=periods, name="period: ")
    when = alt.selection_point(name="period", fields=["period"], bind=bind, value=[{"period": periods[0]}])
    tips = ["origin:N", "site:N", "services:N", alt.Tooltip("accelerators:Q", format=",.0f")]
    tips += [
        alt.Tooltip("round_trip_ms:Q", format=".0f", title="round trip, ms"),
        alt.Tooltip("share:Q", format=".0%", title="of the limit"),
    ]
    ends = {"longitude": "longitude:Q", "latitude": "latitude:Q"}
    lines = (
        alt.Chart(data(series.flows))
        .transform_filter(when)
        .mark_rule(opacity=0.7, invalid="show")  # services without limits too, in the grey that the page has for them
        .encode(
            **ends,
            longitude2="longitude2:Q",
            latitude2="latitude2:Q",
            color=_share("of the tightest limit"),
            size=alt.Size("accelerators:Q", scale=alt.Scale(type="sqrt", range=[0.5, 5]), legend=None),
            tooltip=tips,
        )
        .add_params(when)
    )
    size = alt.Size("accelerators:Q", scale=alt.Scale(type="sqrt", range=[20, 160]), legend=None)
    site_tips = ["site:N", "supplier:N", alt.Tooltip("accelerators:Q", format=",.0f", title="accelerators, most")]
    sites = alt.Chart(data(series.sites)).mark_point(
        shape="square", filled=True, opacity=0.9, color=COLOURS[0], stroke="white", strokeWidth=0.6
    )
    origins = alt.Chart(data(series.origins)).mark_circle(size=22, color=COLOURS[4], stroke="white", strokeWidth=0.5)
    return (
        alt.layer(
            alt.Chart(alt.graticule(step=[30, 30])).mark_geoshape(filled=False, stroke="#8a939c", strokeWidth=0.3, opacity=0.5),
            ground.mark_geoshape(fill="#9aa4af", stroke=None, opacity=0.35),
            lines,
            sites.encode(**ends, size=size, tooltip=site_tips),
            origins.encode(**ends, tooltip=["origin:N"]),
        )
        .resolve_scale(size="independent")
        .project("naturalEarth1")
        .properties(width=WIDTH, height=MAP_HEIGHT)
    )
