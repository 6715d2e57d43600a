"""Parts of pages: a document that loads nothing, tables, lists. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d4d9df; --quiet: #5b6570; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #15181c; --line: #363c44; --quiet: #9aa4af; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1.5rem; } dt { color: var(--quiet); } dd { margin: 0; }
pre { font-size: 0.8rem; color: var(--quiet); white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def document(title: str, sections: Iterable[str]) -> str:
    """A whole page: a single file, no scripts, nothing fetched. Sections are HTML; empty ones are left out."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>'
    body = "\n".join(section for section in sections if section)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n'


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
    whole = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"
    return f'<h2>{escape(title)}</h2>\n<div class="scroll">{whole}</div>'


def bullets(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<h2>{escape(title)}</h2>\n<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"


def preformatted(title: str, text: str) -> str:
    """Text as it is, such as JSON."""
    return f"<h2>{escape(title)}</h2>\n<pre>{escape(text)}</pre>"
