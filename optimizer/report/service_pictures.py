"""Pictures of a plan's services: latency against utilisation, and what a million tokens cost over price and load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from optimizer.domain.surface import Floats
from optimizer.report.drawing import COLOURS, INK, Picture, as_svg, rows
from optimizer.report.service_view import ServiceView

WIDTH, HEIGHT, COLUMNS = 330, 230, 2
SHOWN = 6  # services in one picture
HIGHEST = 1.35  # top of an axis over what must be seen in it
HALO: dict[str, Any] = {"stroke": "white", "strokeWidth": 3, "strokeJoin": "round"}  # around a text that crosses lines
LINES = 8  # of equal cost in a panel, at most
LOWEST_LINE = 0.1  # least height of a line of equal cost at the largest load, of the axis
UNKNOWN_PRICE = 4.0  # USD per accelerator-hour in the middle of the axis where a pool has no offer


def service_pictures(views: Sequence[ServiceView]) -> dict[str, str]:
    """Both pictures of the first services, SVG by name."""
    return {"latency": as_svg(latency_picture(views)), "cost": as_svg(cost_picture(views))}


def latency_picture(views: Sequence[ServiceView]) -> Picture:
    """Percentiles of TTFT against the load per replica, a panel for each of the first services."""
    told = "At the replicas of the busiest minute, network included. Shaded: above the utilisation that planning trusts. Dot: planned."
    return _together("Time to first token against utilisation", told, [_latency(view) for view in views[:SHOWN]])


def cost_picture(views: Sequence[ServiceView]) -> Picture:
    """USD per million tokens over load and price, a panel for each of the first services."""
    told = "Of prompt and output together, at a steady load in whole replicas. Blue: equal cost. Red: market prices. Dashed: planned load."
    return _together("USD per million tokens over price and load", told, [_cost(view) for view in views[:SHOWN]])


def _together(title: str, told: str, charts: Sequence[Picture]) -> Picture:
    alone = alt.Resolve(scale=alt.ScaleResolveMap(x="independent", y="independent", color="independent"))
    return alt.concat(*charts, columns=min(COLUMNS, len(charts)), resolve=alone, title=alt.TitleParams(title, subtitle=told, offset=14))


def _latency(view: ServiceView) -> Picture:
    top = HIGHEST * max(view.ttft_limit_ms or 0.0, float(np.interp(view.trusted_utilisation, view.loads, view.ttft_p95_ms)))
    x = alt.X("load:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="load per replica", format="%"))
    scale = alt.Scale(domain=[0, top], nice=False)
    y = alt.Y("ttft:Q", scale=scale, axis=alt.Axis(title="time to first token (ms)", format="~s" if top >= 1e5 else ",d"))
    names, both = ("95th percentile", "50th percentile"), (view.ttft_p95_ms, view.ttft_p50_ms)
    data = rows(load=np.tile(view.loads, 2), ttft=np.concatenate(both), percentile=np.repeat(names, len(view.loads)))
    colours = alt.Scale(domain=list(names), range=list(COLOURS[:2]))
    colour = alt.Color("percentile:N", scale=colours, legend=alt.Legend(title=None, orient="top-left"))
    lines = alt.Chart(data).mark_line(strokeWidth=2, clip=True).encode(x, y, colour)
    beyond = rows(load=[view.trusted_utilisation], end=[1.0])
    shade = alt.Chart(beyond).mark_rect(color=INK, opacity=0.08).encode(x, alt.X2("end:Q"))
    edge = alt.Chart(beyond).mark_rule(color=INK, strokeDash=[4, 3]).encode(x)
    planned = rows(load=[view.utilisation], ttft=[float(np.interp(view.utilisation, view.loads, view.ttft_p95_ms))])
    dot = alt.Chart(planned).mark_circle(size=70, color=INK, opacity=1.0).encode(x, y)
    layers = [shade, edge, lines, dot]
    if view.ttft_limit_ms is not None:
        limit = rows(load=[0.01], ttft=[view.ttft_limit_ms], text=[f"limit {view.ttft_limit_ms:,.0f} ms (95th percentile)"])
        layers.append(alt.Chart(limit).mark_rule(color=COLOURS[4]).encode(y))
        layers.append(alt.Chart(limit).mark_text(align="left", dy=9, color=COLOURS[4], fontSize=10).encode(x, y, alt.Text("text:N")))
    shares = f"planned at {100 * view.utilisation:.0f} %, trusted to {100 * view.trusted_utilisation:.0f} %"
    told = [view.place, f"{view.replicas:,} replicas, {shares}"]
    return alt.layer(*layers, width=WIDTH, height=HEIGHT, title=alt.TitleParams(view.title, subtitle=told))


def _cost(view: ServiceView) -> Picture:
    dearest = max((price for _, price in view.prices), default=UNKNOWN_PRICE)
    top = dearest * HIGHEST
    ends = (float(view.arrivals[0]), float(view.arrivals[-1]))
    x = alt.X("load:Q", scale=alt.Scale(type="log", domain=list(ends), nice=False), axis=_load_axis(*ends))
    scale = alt.Scale(domain=[0, top], nice=False)
    y = alt.Y("price:Q", scale=scale, axis=alt.Axis(title="price (USD per accelerator-hour)"))
    layers = _contours(view, cost_levels(view.million_tokens_per_hour, top), top, x, y)
    layers.append(alt.Chart(rows(load=[view.arrivals_per_s])).mark_rule(color=INK, strokeDash=[4, 3]).encode(x))
    planned = float(np.interp(view.arrivals_per_s, view.arrivals, view.million_tokens_per_hour))
    told_of = [(price, f"{kind.replace('_', ' ')} {price:,.2f}, {price / planned:,.3g}") for kind, price in view.prices]
    texts = [f"{text} USD per million tokens as planned" for _, text in told_of]
    market = rows(load=[ends[0] * 1.1] * len(texts), price=[price for price, _ in told_of], text=texts)
    layers.append(alt.Chart(market).mark_rule(color=COLOURS[4]).encode(y))
    layers += [_written(market, COLOURS[4], "left", 0, -6, **HALO).encode(x, y), _written(market, COLOURS[4], "left", 0, -6).encode(x, y)]
    told = [view.place, f"planned: {view.arrivals_per_s:,.4g} requests/s at the busiest minute"]
    return alt.layer(*layers, width=WIDTH, height=HEIGHT, title=alt.TitleParams(view.title, subtitle=told))


def cost_levels(million_tokens_per_hour: Floats, top: float) -> list[float]:
    """Costs whose lines are drawn, USD per million tokens: 1, 3, 10 ... or powers of ten, from the largest load to the smallest."""
    least, most = LOWEST_LINE * top / million_tokens_per_hour.max(), top / million_tokens_per_hour.min()
    for steps in ((1.0, 3.0), (1.0,)):
        powers = range(int(np.floor(np.log10(least))), int(np.ceil(np.log10(most))) + 1)
        levels = [level for power in powers for step in steps if least <= (level := float(f"{step}e{power}")) <= most]
        if len(levels) <= LINES:
            break
    return levels


def _contours(view: ServiceView, levels: Sequence[float], top: float, x: alt.X, y: alt.Y) -> list[Picture]:
    """Price at which each load costs each level, with the level's name where the line leaves the picture, on the right or at the top."""
    loads, prices = view.arrivals, np.outer(levels, view.million_tokens_per_hour)
    drawn = rows(level=np.repeat(levels, len(loads)), load=np.tile(loads, len(levels)), price=prices.ravel())
    line = alt.Chart(drawn).mark_line(color=COLOURS[0], strokeWidth=1.3, clip=True).encode(x, y, alt.Detail("level:N"))
    last = np.array([np.flatnonzero(price <= top).max(initial=0) for price in prices], dtype=np.int64)
    right = last == len(loads) - 1
    texts, layers = np.array([f"{level:g} USD" for level in levels]), [line]
    for there, align, dx, dy in ((right, "left", 4, 0), (~right, "center", 0, -6)):
        height = np.where(right, prices[np.arange(len(levels)), last], top)[there]
        layers.append(_written(rows(load=loads[last[there]], price=height, text=texts[there]), COLOURS[0], align, dx, dy).encode(x, y))
    return layers


def _written(data: alt.Data, colour: str, align: Any, dx: int, dy: int, **style: Any) -> Picture:
    return alt.Chart(data).mark_text(align=align, dx=dx, dy=dy, color=colour, fontSize=10, **style).encode(alt.Text("text:N"))


def _load_axis(low: float, high: float) -> alt.Axis:
    powers = range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    return alt.Axis(title="load (requests/s)", values=[float(f"1e{power}") for power in powers], format="~g")
