"""A document as a browser page: a single file that asks nothing of any host. Every text is escaped here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from optimizer.report.document import Bullets, Chart, Facts, Page, Part, Section, heading, is_number

FILES = files("optimizer.report")
FEW = 8  # lines of a list shown at once
NARROW = 5  # most columns of a table beside others on the first screen


def render(page: Page, *, viewer: str = "") -> str:
    """The whole page.

    Args:
      viewer: the script that draws charts, where there are any (see `viewer_script`).
    """
    style, script = (FILES.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(page.title)}</title>'
    scripts = "".join(f"<script>{_inside(text)}</script>\n" for text in (viewer, script) if text)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}<style>{style}</style></head>\n'
        f"<body>\n<main>\n<h1>{escape(page.title)}</h1>\n{_body(page)}\n</main>\n{scripts}</body>\n</html>\n"
    )


def _body(page: Page) -> str:
    top = [part for part in page.top if _shown(part)]
    parts = [part for part in page.parts if _shown(part)]
    cards = f'<div class="top">\n{"".join(map(_card, top))}</div>' if top else ""
    about = f"<h2>Where it comes from</h2>\n<pre>{escape(json.dumps(page.summary, indent=2))}</pre>"
    return "\n".join([cards, _contents(parts), *map(_part, parts), about])


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


def _card(part: Part) -> str:
    wide = " wide" if isinstance(part, Section) and len(part.columns) > NARROW else ""
    return f'<section class="card{wide}">{_part(part)}</section>\n'


def _part(part: Part) -> str:
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
    links = "".join(f'<a href="#{_id(part)}">{escape(part.title)}</a> ' for part in parts if part.title)
    return f'<nav aria-label="Contents">{links}</nav>' if links else ""


def _facts(values: Mapping[str, str]) -> str:
    return "<dl>\n" + "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in values.items()) + "\n</dl>"


def _table(section: Section) -> str:
    classes = [' class="number"' if is_number(column) else "" for column in section.columns]
    head = "".join(f'<th scope="col"{kind}>{escape(heading(name))}</th>' for name, kind in zip(section.columns, classes, strict=True))
    body = ["".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, classes, strict=True)) for row in section.rows]
    lines = "\n".join(f"<tr>{row}</tr>" for row in body)
    label = escape(section.title)
    whole = f'<table aria-label="{label}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{whole}</div>'


def _chart(shown: Chart) -> str:
    """Its data cannot end the element that it lies in."""
    data = json.dumps(shown.specification, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    name, label = f"{_id(shown)}-data", escape(shown.title)
    return (
        f'<p class="caption">{escape(shown.caption)}</p>\n'
        f'<div class="chart" role="group" aria-label="{label}" data-spec="{name}"></div>\n'
        f'<script type="application/json" id="{name}">{data}</script>'
    )


def _inside(script: str) -> str:
    """A script that does not end the element that it lies in."""
    return script.replace("</script", "<\\/script")
