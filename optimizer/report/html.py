"""A document as a browser page: a single file that asks nothing of any host. Every text is escaped here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from optimizer.report.document import Bullets, Chart, Facts, Page, Part, Section, heading, is_number
from optimizer.report.provenance import provenance

FILES = files("optimizer.report")
FEW = 8  # lines of a list shown at once
NARROW = 5  # most columns of a table beside others on the first screen
ABREAST = 3  # cards
SHORT = 24  # letters of a cell that stay on one line
UNITS = re.compile(r"(?<=\d) (?:%|USD|M USD|bn USD)")
AROUND = 90  # pixels of a chart around its plot
ALLOWED = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:"  # no host at all


def render(page: Page, *, viewer: str = "") -> str:
    """The whole page.

    Args:
      viewer: the script that draws charts, where there are any (see `viewer_script`); it is text until the page is there and can be used.
    """
    style, script = (FILES.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}"><title>{escape(page.title)}</title>'
    )
    drawing = f'<script type="text/plain" id="viewer">{_inside(viewer)}</script>\n' if viewer else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}<style>{style}</style></head>\n'
        f"<body>\n<main>\n<h1>{_title(page)}</h1>\n{_body(page)}\n</main>\n"
        f"{drawing}<script>{_inside(script)}</script>\n</body>\n</html>\n"
    )


def _title(page: Page) -> str:
    """Its last word, a day, stays whole on a narrow screen."""
    *words, last = escape(page.title).split(" ")
    return " ".join([*words, f'<span class="whole">{last}</span>'])


def _body(page: Page) -> str:
    top = [part for part in page.top if _shown(part)]
    parts = [part for part in page.parts if _shown(part)]
    abreast = min(ABREAST, sum(not _is_wide(part) for part in top))
    cards = f'<div class="top of{abreast}">\n{"".join(map(_card, top))}</div>' if top else ""
    return "\n".join([cards, _contents(parts), *map(_part, parts), _about(page.summary)])


def _about(summary: Mapping[str, Any]) -> str:
    facts, inputs = provenance(summary)
    read = _part(inputs) if inputs.rows else ""
    whole = f'<details class="folded"><summary>summary.json</summary><pre>{escape(json.dumps(summary, indent=2))}</pre></details>'
    return f'<h2 id="about">Where it comes from</h2>\n{_facts(facts.values)}\n{read}\n{whole}'


def _shown(part: Part) -> bool:
    match part:
        case Facts():
            return bool(part.values)
        case Section():
            return bool(part.rows)
        case Bullets():
            return bool(part.items)
        case Chart():
            return True


def _is_wide(part: Part) -> bool:
    return isinstance(part, Section) and len(part.columns) > NARROW


def _card(part: Part) -> str:
    return f'<section class="card{" wide" if _is_wide(part) else ""}">{_part(part)}</section>\n'


def _part(part: Part) -> str:
    if isinstance(part, Section) and part.folded:
        return f'<details class="folded" id="{_id(part)}"><summary>{escape(part.title)}</summary>\n{_table(part)}</details>'
    title = f'<h2 id="{_id(part)}">{escape(part.title)}</h2>\n' if part.title else ""
    match part:
        case Facts():
            return title + _facts(part.values)
        case Section():
            return title + _table(part)
        case Bullets():
            return title + _bullets(part.items)
        case Chart():
            return title + _chart(part)


def _bullets(items: Sequence[str]) -> str:
    """The first of them, the others behind a line to open."""
    first, others = ("\n".join(f"<li>{escape(item)}</li>" for item in some) for some in (items[:FEW], items[FEW:]))
    more = f"<details><summary>{len(items) - FEW} more</summary>\n<ul>\n{others}\n</ul></details>" if others else ""
    return f"<ul>\n{first}\n</ul>{more}"


def _id(part: Part) -> str:
    kind = "chart" if isinstance(part, Chart) else "part"
    return f"{kind}-" + re.sub(r"[^a-z0-9]+", "-", part.title.lower()).strip("-")


def _contents(parts: Sequence[Part]) -> str:
    listed = [part for part in parts if part.title and not (isinstance(part, Section) and part.folded)]
    links = "".join(f'<a href="#{_id(part)}">{escape(part.title)}</a> ' for part in listed)
    return f'<nav aria-label="Contents">{links}<a href="#about">Where it comes from</a></nav>' if links else ""


def _facts(values: Mapping[str, str]) -> str:
    return "<dl>\n" + "\n".join(f"<dt>{escape(name)}</dt><dd>{_together(text)}</dd>" for name, text in values.items()) + "\n</dl>"


def _together(text: str) -> str:
    """A figure and its unit stay on one line."""
    return escape(UNITS.sub(lambda unit: unit.group().replace(" ", "\u00a0"), text))


def _table(section: Section) -> str:
    columns = range(len(section.columns))
    classes = [_class(section.columns[i], [row[i] for row in section.lines]) for i in columns]

    def row(cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(cells, classes, strict=True)) + "</tr>"

    head = "".join(f'<th scope="col"{kind}>{escape(heading(name))}</th>' for name, kind in zip(section.columns, classes, strict=True))
    body, foot, label = "\n".join(map(row, section.rows)), row(section.total) if section.total else "", escape(section.title)
    foot = f"\n<tfoot>{foot}</tfoot>" if foot else ""
    whole = f'<table aria-label="{label}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{foot}</table>'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{whole}</div>'


def _class(column: str, cells: Iterable[str]) -> str:
    if is_number(column):
        return ' class="number"'
    return ' class="short"' if max(map(len, cells), default=0) <= SHORT else ""


def _chart(shown: Chart) -> str:
    """Its data cannot end the element that it lies in; it keeps its place until it is drawn."""
    data = json.dumps(shown.specification, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    name, label = f"{_id(shown)}-data", escape(shown.title)
    height = AROUND + sum(part.get("height", 0) for part in (*shown.specification.get("vconcat", ()), shown.specification))
    return (
        f'<p class="caption">{escape(shown.caption)}</p>\n'
        f'<div class="chart" role="group" tabindex="0" aria-label="{label}" data-spec="{name}" style="min-height:{height:.0f}px"></div>\n'
        f'<script type="application/json" id="{name}">{data}</script>'
    )


def _inside(script: str) -> str:
    """A script that does not end the element that it lies in."""
    return script.replace("</script", "<\\/script")
