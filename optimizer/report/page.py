"""One page about one plan: a single file that asks nothing of any host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from optimizer.report.headline import headline
from optimizer.report.html import bullets, chart, document, facts, preformatted, table
from optimizer.report.overview import Overview
from optimizer.report.plan_charts import plan_charts
from optimizer.report.series import PlanSeries
from optimizer.report.wording import BASELINES, count, day, money, money_unit, percent


def plan_page(
    view: Overview, summary: dict[str, Any], *, series: PlanSeries | None = None, viewer: str = "", news: Sequence[str] = ()
) -> str:
    """The whole page. Names come from the user's tables and are escaped.

    Args:
      series: what charts show; None: no charts.
      viewer: the script that draws them.
      news: sections on what changed since the last plan.
    """
    unit = money_unit(view.objective_usd)
    sections = [
        _headline(view, summary),
        *news,
        bullets("Alerts", view.alerts),
        _contracts(view),
        *(chart(shown) for shown in (plan_charts(series) if series is not None else ())),
        _suppliers(view, unit),
        _baselines(view, unit),
        _obligations(view),
        _costs(view, unit),
        _movers(view),
        _placements(view),
        preformatted("Where it comes from", json.dumps(summary, indent=2)),
    ]
    return document(f"Plan of {view.case}, as of {summary['as_of']}", sections, viewer=viewer)


def _headline(view: Overview, summary: dict[str, Any]) -> str:
    told = headline(view) | {
        "size": f"{summary['loads']} loads, {summary['pools']} pools, {summary['contracts']} contracts, {summary['periods']} periods, "
        f"{summary['blocks']} blocks, {summary['scenarios']} scenarios",
        "run": str(summary["run_id"]),
    }
    return facts(told)


def _suppliers(view: Overview, unit: str) -> str:
    rows = (
        (s.supplier, money(s.spend_usd, unit), percent(s.spend_share), count(s.accelerator_hours), percent(s.hours_share))
        for s in view.suppliers
    )
    return table("By supplier", ("supplier", f"expected spend, {unit}>", "share>", "accelerator-hours>", "share>"), rows)


def _contracts(view: Overview) -> str:
    rows = ((c.contract, c.supplier, c.decision, str(c.lots), day(c.starts), day(c.act_by), day(c.ends)) for c in view.contracts)
    return table("Contracts", ("contract", "supplier", "decision", "lots>", "from", "act by", "ends"), rows)


def _baselines(view: Overview, unit: str) -> str:
    rows = ((BASELINES.get(b.name, b.name), money(b.cost_usd, unit), money(b.saving_usd, unit), b.note) for b in view.baselines)
    return table("Beside what planners do without it", ("policy", f"cost, {unit}>", f"plan saves, {unit}>", "note"), rows)


def _obligations(view: Overview) -> str:
    unit = money_unit(max((line.remaining_usd for line in view.obligations), default=0.0))
    rows = ((o.contract, str(o.lots), day(o.until), money(o.remaining_usd, unit)) for o in view.obligations)
    columns = ("contract", "lots>", "until", f"least payments, {unit}>")
    return table("Committed beyond the horizon, undiscounted", columns, rows)


def _costs(view: Overview, unit: str) -> str:
    rows = [(line.line, money(line.usd, unit)) for line in view.costs]
    return table("Cost by line, expected and discounted", ("line", f"{unit}>"), [*rows, ("total", money(view.objective_usd, unit))])


def _movers(view: Overview) -> str:
    unit = money_unit(max((abs(line.usd) for line in view.movers), default=0.0))
    rows = ((line.table, line.row, line.column, f"{line.value:,.6g}", money(line.usd, unit)) for line in view.movers)
    return table("What moves the cost", ("table", "row", "column", "value>", f"1 % more of it moves the bound by, {unit}>"), rows)


def _placements(view: Overview) -> str:
    rows = ((line.load, line.pool or "not placed", line.first, line.last) for line in view.placements)
    return table("Placements", ("load or run", "pool", "from", "to"), rows)
