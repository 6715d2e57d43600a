"""Parts of pages: a document that asks nothing of any host, tables, lists, charts. Every text is escaped here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

FILES = files("optimizer.report")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Vega-Lite specification with its data inside, and what to see in it."""

    title: str
    caption: str
    specification: Mapping[str, Any]


def document(title: str, sections: Iterable[str], *, viewer: str = "") -> str:
    """A whole page: a single file that asks nothing of any host. Sections are HTML; empty ones are left out.

    Args:
      viewer: the script that draws charts, where there are any (see `viewer_script`).
    """
    style, script = (FILES.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
    body = "\n".join(section for section in sections if section)
    scripts = "".join(f"<script>{_inside(text)}</script>\n" for text in (viewer, script) if text)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}<style>{style}</style></head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n{scripts}</body>\n</html>\n"
    )


def chart(shown: Chart) -> str:
    """A chart; its data cannot end the element that it lies in."""
    name = "chart-" + re.sub(r"[^a-z0-9]+", "-", shown.title.lower()).strip("-")
    data = json.dumps(shown.specification, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        f'<h2>{escape(shown.title)}</h2>\n<p class="caption">{escape(shown.caption)}</p>\n'
        f'<div class="chart" role="img" aria-label="{escape(shown.title)}" data-spec="{name}"></div>\n'
        f'<script type="application/json" id="{name}">{data}</script>'
    )


def _inside(script: str) -> str:
    """A script that does not end the element that it lies in."""
    return script.replace("</script", "<\\/script")


def facts(values: Mapping[str, str]) -> str:
    """Names with a text each."""
    return "<dl>\n" + "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in values.items()) + "\n</dl>"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns whose name ends in > hold numbers; no rows, no table."""
    classes = [' class="number"' if column.endswith(">") else "" for column in columns]
    head = "".join(f"<th{kind}>{escape(column.rstrip('>'))}</th>" for column, kind in zip(columns, classes, strict=True))
    body = ["".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, classes, strict=True)) for row in rows]
    if not body:
        return ""
    lines = "\n".join(f"<tr>{row}</tr>" for row in body)
    whole = f'<table aria-label="{escape(title)}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>'
    return f'<h2>{escape(title)}</h2>\n<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">{whole}</div>'


def bullets(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<h2>{escape(title)}</h2>\n<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"


def preformatted(title: str, text: str) -> str:
    """Text as it is, such as JSON."""
    return f"<h2>{escape(title)}</h2>\n<pre>{escape(text)}</pre>"
