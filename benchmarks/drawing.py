"""`python -m benchmarks report A.csv [B.csv ...] out=FILE.html`: time against size, gap against time, peers beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt

from benchmarks.comparison import rows_of
from benchmarks.settings import file_named, require

WIDTH, HEIGHT = 420, 280


def report(paths: Sequence[str], out: str) -> Path:
    """Draws the rows of files into one page that needs nothing else.

    Raises:
      ConfigError: a file that is not there or holds other rows; nothing to draw; no place for the page.
    """
    rows = [_numbers(row) for path in paths for row in rows_of(file_named("report", path))]
    charts = [chart for suite in dict.fromkeys(row["suite"] for row in rows) for chart in _charts(suite, rows)]
    require(bool(charts), "report", "must be given rows with times and sizes, or times and gaps", ", ".join(paths), "Name other files.")
    page = Path(out).expanduser()
    require(page.suffix == ".html", "out", "must end with .html", out, "Name a page.")
    require(page.parent.is_dir(), "out", "must stand in a folder that is there", out, f"Make the folder {page.parent}, or name another.")
    page.write_text(alt.vconcat(*charts).to_html(inline=True), encoding="utf-8")
    return page


def _numbers(row: dict[str, str]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("suite", "case", "size", "solver", "device")},
        "elements": elements(row["size"]),
        "seconds": float(row["seconds"] or "nan"),
        "gap": float(row["gap"] or "nan"),
    }


def elements(size: str) -> float:
    """Product of the numbers of a size, such as 1000 x 40 x 12; nan where it names none."""
    found = [float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e\+?\d+)?", size.replace(",", ""))]
    return math.prod(found) if found else math.nan


def _charts(suite: str, rows: Iterable[dict[str, Any]]) -> Iterable[alt.Chart]:
    """Time against size: a chart for each case that was measured at several sizes, one for the others together; then gap against time."""
    own = [row for row in rows if row["suite"] == suite]
    by_size = [row for row in own if row["elements"] > 0 and row["seconds"] > 0]
    sizes = {case: {row["elements"] for row in by_size if row["case"] == case} for case in dict.fromkeys(row["case"] for row in by_size)}
    growing = [case for case, found in sizes.items() if len(found) > 1]
    for case in growing:
        yield _against_size(f"{suite}, {case}", [row for row in by_size if row["case"] == case]).mark_line(point=True)
    others = [row for row in by_size if row["case"] not in growing]
    if len({row["elements"] for row in others}) > 1:
        yield _against_size(suite, others)
    by_time = [row for row in own if row["seconds"] > 0 and not math.isnan(row["gap"])]
    if by_time:
        yield _scatter(f"{suite}: gap against time", by_time, ("seconds", "seconds"), ("gap", "gap, share"), "linear")


def _against_size(what: str, rows: list[dict[str, Any]]) -> alt.Chart:
    return _scatter(f"{what}: time against size", rows, ("elements", "size, elements"), ("seconds", "seconds"), "log")


def _scatter(title: str, rows: list[dict[str, Any]], across: tuple[str, str], up: tuple[str, str], scale: str) -> alt.Chart:
    """
    Args:
      across, up: name and title of what the axes show.
      scale: of the axis that goes up.
    """
    return (
        alt.Chart(alt.Data(values=rows), title=title, width=WIDTH, height=HEIGHT)
        .mark_point(filled=True, size=60)
        .encode(
            x=alt.X(across[0], type="quantitative", title=across[1], scale=alt.Scale(type="log")),
            y=alt.Y(up[0], type="quantitative", title=up[1], scale=alt.Scale(type=scale)),  # type: ignore[arg-type]
            color=alt.Color("solver", type="nominal", title="solver"),
            shape=alt.Shape("device", type="nominal", title="device"),
            tooltip=[alt.Tooltip(name, type="nominal") for name in ("case", "size", "solver", "device", "seconds", "gap")],
        )
    )
