"""Predicted against measured: a panel for each thing held out, on logarithmic axes, with the diagonal and the 90 % band."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np

from optimizer.domain.comparison import Comparison
from optimizer.domain.surface import Floats
from optimizer.report.drawing import COLOURS, INK, Picture, rows

SIZE, COLUMNS = 300, 2
TOLD = "Every point was predicted by a fit that did not see it. Diagonal: no error. Grey: 90 % interval."
BAND_ROWS = 60  # with fewer rows each has its own interval drawn; with more, a band shows the median one
BAND_POINTS = 12
ROOM = 1.15  # factor beyond the outermost points


def comparison_picture(title: str, unit: str, panels: Sequence[tuple[str, Comparison]]) -> Picture:
    """The picture of one quantity.

    Args:
      unit:   of the quantity, in its axes' titles; empty: none.
      panels: what was held out, and how it came out.
    """
    values = np.concatenate([np.concatenate([each.measured, each.predicted]) for _, each in panels])
    ends = [float(values.min()) / ROOM, float(values.max()) * ROOM]
    labels = sorted({name for _, each in panels for name in each.label})
    charts = [_panel(split, unit, each, ends, labels) for split, each in panels]
    whole = alt.concat(*charts, columns=min(COLUMNS, len(charts))).resolve_scale(color="shared", x="independent", y="independent")
    return whole.properties(title=alt.TitleParams(title, subtitle=TOLD, offset=14))


def _panel(split: str, unit: str, compared: Comparison, ends: list[float], labels: Sequence[str]) -> Picture:
    scale = alt.Scale(type="log", domain=ends, nice=False)
    suffix = f" ({unit})" if unit else ""
    ticks = _ticks(*ends)
    axis: dict[str, Any] = {"values": ticks, "format": "~g"}
    x = alt.X("predicted:Q", scale=scale, axis=alt.Axis(title=f"predicted{suffix}", **axis))
    y = alt.Y("measured:Q", scale=scale, axis=alt.Axis(title=f"measured{suffix}", **axis))
    diagonal = alt.Chart(rows(predicted=ends, measured=ends)).mark_line(color=INK, strokeWidth=1, clip=True).encode(x, y)
    points = _points(compared, labels).encode(x, y)
    inside = "" if compared.coverage_90 is None else f"; {100 * compared.coverage_90:.0f} % inside the 90 % interval"
    told = [
        f"{len(compared):,} rows; absolute error: median {compared.median_ape:.1f} %,",
        f"90th percentile {compared.p90_ape:.1f} %{inside}",
    ]
    layers = [*_interval(compared, x, scale), diagonal, points]
    return alt.layer(*layers).properties(width=SIZE, height=SIZE, title=alt.TitleParams(split, subtitle=told))


def _points(compared: Comparison, labels: Sequence[str]) -> Picture:
    few = len(compared) < BAND_ROWS
    mark: dict[str, Any] = {"filled": True, "size": 45 if few else 14, "opacity": 0.9 if few else 0.5, "clip": True}
    if not labels:
        return alt.Chart(rows(predicted=compared.predicted, measured=compared.measured)).mark_circle(color=COLOURS[0], **mark)
    data = rows(predicted=compared.predicted, measured=compared.measured, label=compared.label)
    scale = alt.Scale(domain=list(labels), range=[COLOURS[i % len(COLOURS)] for i in range(len(labels))])
    legend = alt.Legend(title="accelerator", orient="bottom", symbolOpacity=1.0, symbolSize=60)
    return alt.Chart(data).mark_circle(**mark).encode(color=alt.Color("label:N", scale=scale, legend=legend))


def _interval(compared: Comparison, x: alt.X, scale: alt.Scale) -> list[Picture]:
    if compared.interval is None:
        return []
    low, high = compared.interval
    if len(compared) < BAND_ROWS:
        data = rows(predicted=compared.predicted, low=low, high=high)
        return [alt.Chart(data).mark_rule(color=INK, opacity=0.35, clip=True).encode(x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"))]
    middle, down, up = band(compared)
    data = rows(predicted=middle, low=down, high=up)
    area = alt.Chart(data).mark_area(color=INK, opacity=0.14, clip=True)
    return [area.encode(x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"))]


def band(compared: Comparison) -> tuple[Floats, Floats, Floats]:
    """Predictions along the axis and the ends of the median 90 % interval there, [K] each.

    Rows are sorted by prediction and cut into `BAND_POINTS` parts of one size; the first and the last interval go on to the outermost rows.
    """
    assert compared.interval is not None
    order = np.argsort(compared.predicted)
    cuts = np.linspace(0, len(order), BAND_POINTS + 1).astype(int)
    parts = [order[a:b] for a, b in pairwise(cuts)]
    low, high = (np.array([np.median(end[part] / compared.predicted[part]) for part in parts]) for end in compared.interval)
    middle = np.array([np.median(compared.predicted[part]) for part in parts])
    least, most = compared.predicted[order[0]], compared.predicted[order[-1]]
    at = np.concatenate([[least], middle, [most]])
    low, high = (np.concatenate([each[:1], each, each[-1:]]) for each in (low, high))
    return at, at * low, at * high


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where there are few."""
    steps = (1.0,) if high / low > 1e3 else (1.0, 2.0, 5.0) if high / low > 6.0 else tuple(float(n) for n in range(1, 10))
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [float(f"{step * 10.0**power:.6g}") for power in powers for step in steps]
    return [tick for tick in found if low <= tick <= high]
