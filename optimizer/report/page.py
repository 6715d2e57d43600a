"""One page about one plan: a single file, no scripts, nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from optimizer.report.headline import headline
from optimizer.report.overview import Overview
from optimizer.report.wording import BASELINES, count, day, money, money_unit, percent

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


def plan_page(view: Overview, summary: dict[str, Any]) -> str:
    """The whole page. Names come from the user's tables and are escaped."""
    unit = money_unit(view.objective_usd)
    sections = [
        _headline(view, summary),
        _list("Alerts", view.alerts),
        _suppliers(view, unit),
        _contracts(view),
        _baselines(view, unit),
        _obligations(view),
        _costs(view, unit),
        _movers(view),
        _placements(view),
        f"<h2>Where it comes from</h2>\n<pre>{escape(json.dumps(summary, indent=2))}</pre>",
    ]
    title = escape(f"Plan of {view.case}, as of {summary['as_of']}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    body = "\n".join(section for section in sections if section)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n'


def _headline(view: Overview, summary: dict[str, Any]) -> str:
    facts = headline(view) | {
        "size": f"{summary['loads']} loads, {summary['pools']} pools, {summary['contracts']} contracts, {summary['periods']} periods, "
        f"{summary['blocks']} blocks, {summary['scenarios']} scenarios",
        "run": str(summary["run_id"]),
    }
    return "<dl>\n" + "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items()) + "\n</dl>"


def _suppliers(view: Overview, unit: str) -> str:
    rows = (
        (s.supplier, money(s.spend_usd, unit), percent(s.spend_share), count(s.accelerator_hours), percent(s.hours_share))
        for s in view.suppliers
    )
    return _table("By supplier", ("supplier", f"expected spend, {unit}>", "share>", "accelerator-hours>", "share>"), rows)


def _contracts(view: Overview) -> str:
    rows = ((c.contract, c.supplier, c.decision, str(c.lots), day(c.starts), day(c.act_by), day(c.ends)) for c in view.contracts)
    return _table("Contracts", ("contract", "supplier", "decision", "lots>", "from", "act by", "ends"), rows)


def _baselines(view: Overview, unit: str) -> str:
    rows = ((BASELINES.get(b.name, b.name), money(b.cost_usd, unit), money(b.saving_usd, unit), b.note) for b in view.baselines)
    return _table("Beside what planners do without it", ("policy", f"cost, {unit}>", f"plan saves, {unit}>", "note"), rows)


def _obligations(view: Overview) -> str:
    unit = money_unit(max((line.remaining_usd for line in view.obligations), default=0.0))
    rows = ((o.contract, str(o.lots), day(o.until), money(o.remaining_usd, unit)) for o in view.obligations)
    columns = ("contract", "lots>", "until", f"least payments, {unit}>")
    return _table("Committed beyond the horizon, undiscounted", columns, rows)


def _costs(view: Overview, unit: str) -> str:
    rows = [(line.line, money(line.usd, unit)) for line in view.costs]
    return _table("Cost by line, expected and discounted", ("line", f"{unit}>"), [*rows, ("total", money(view.objective_usd, unit))])


def _movers(view: Overview) -> str:
    unit = money_unit(max((abs(line.usd) for line in view.movers), default=0.0))
    rows = ((line.table, line.row, line.column, f"{line.value:,.6g}", money(line.usd, unit)) for line in view.movers)
    return _table("What moves the cost", ("table", "row", "column", "value>", f"1 % more of it moves the bound by, {unit}>"), rows)


def _placements(view: Overview) -> str:
    rows = ((line.load, line.pool or "not placed", line.first, line.last) for line in view.placements)
    return _table("Placements", ("load or run", "pool", "from", "to"), rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns whose name ends in > hold numbers; no rows, no table."""
    classes = [' class="number"' if column.endswith(">") else "" for column in columns]
    head = "".join(f"<th{kind}>{escape(column.rstrip('>'))}</th>" for column, kind in zip(columns, classes, strict=True))
    body = ["".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, classes, strict=True)) for row in rows]
    if not body:
        return ""
    lines = "\n".join(f"<tr>{row}</tr>" for row in body)
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"
    return f'<h2>{escape(title)}</h2>\n<div class="scroll">{table}</div>'


def _list(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f"<h2>{escape(title)}</h2>\n<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"
