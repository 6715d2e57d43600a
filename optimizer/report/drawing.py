"""How all pictures look, and how they become SVG: no browser, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt
import vl_convert

Picture = Any  # a chart: Altair's own types name neither what its methods give nor what they take
INK, QUIET, GRID = "#1b1f24", "#5b6570", "#e6e9ed"
COLOURS = (
    *("#1f6fb4", "#d1662b", "#2b8a57", "#8a4fb0", "#b03a48", "#6b6f2a", "#3f8f9c", "#7a5a3c"),
    *("#d48fc0", "#b8960b", "#7d8fe0", "#8fbf6a"),
)
FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
TEXTS = {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 12}
STYLE: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "padding": 16,
    "view": {"stroke": "#c4cad1"},
    "axis": {"gridColor": GRID} | TEXTS,
    "legend": TEXTS,
    "title": {"color": INK, "subtitleColor": QUIET, "fontSize": 13, "subtitleFontSize": 11, "anchor": "start", "offset": 8},
    "concat": {"spacing": 28},
}


def rows(**columns: Any) -> Any:
    """Columns of one length as the rows of a chart."""
    names = list(columns)
    return inline(dict(zip(names, row, strict=True)) for row in zip(*(_plain(columns[name]) for name in names), strict=True))


def inline(values: Iterable[dict[str, Any]]) -> Any:
    """Rows of a chart; a tuple, which Altair does not copy with every layer, nor looks into again at each."""
    given = alt.InlineData(values=[])
    given.values = tuple(values)
    return given


def _plain(column: Any) -> Any:
    return column.tolist() if hasattr(column, "tolist") else column


def as_svg(chart: Picture) -> str:
    """A chart in the style of all pictures. Until it is drawn no other thread of the process goes on."""
    specification = chart.to_dict(validate=False, format="vega-lite")
    specification["config"] = STYLE
    return str(vl_convert.vegalite_to_svg(specification, allowed_base_urls=[]))
