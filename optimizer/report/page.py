"""One page about one plan: what to do and what it costs on the first screen, charts and tables below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.report.document import PRICES, SUPPLIERS, Bullets, Chart, Facts, Page, Section, with_tables
from optimizer.report.headline import due_section, headline, news_facts
from optimizer.report.news_charts import news_charts
from optimizer.report.overview import ContractLine, Overview
from optimizer.report.plan_charts import plan_charts
from optimizer.report.plan_tables import baselines_section, contracts_section, obligations_section, suppliers_section
from optimizer.report.risk import risk_section, stress_section
from optimizer.report.series import PlanSeries
from optimizer.report.wording import day, figure, money, money_unit, percent

ORDER = ("sign", "leave", "keep", "decline")


def plan_page(
    view: Overview, summary: Mapping[str, Any], *, series: PlanSeries | None = None, names: Mapping[str, str] | None = None
) -> Page:
    """The whole page.

    Args:
      series: what charts show; None: no charts.
      names: those that say who supplies, and what stands for them on a page to share.
    """
    unit = money_unit(view.objective_usd)
    charts: tuple[Chart, ...] = () if series is None else (*news_charts(view.news), *plan_charts(series))
    under = {
        "Spend over time": (suppliers_section(view, unit), baselines_section(view, unit)),
        "What scenarios cost": (_scenarios(view, unit), risk_section(view), stress_section(view)),
        "What the cost is made of": (_costs(view, unit),),
        "What moves the cost": (_movers(view),),
        "Use of contracts": (contracts_section(view), obligations_section(view)),
        "Where work runs": (_placements(view),),
    }
    return Page(
        title=f"Plan of {view.case}, as of {summary['as_of']}",
        top=(
            Facts(title="What it costs", values=headline(view)),
            due_section(view),
            Facts(title="Since the last plan", values=news_facts(view.news)),
            _decisions(view),
            Bullets(title="Alerts", items=view.alerts),
        ),
        parts=tuple(with_tables(charts, under)),
        summary=summary,
        names=names or {},
    )


def _decisions(view: Overview) -> Section:
    """Contracts by what the plan does with them, in few words."""
    lines = sorted(view.contracts, key=lambda line: ORDER.index(line.decision))
    rows = tuple((line.decision, line.contract, str(line.lots) if line.lots else "-", _when(line)) for line in lines)
    return Section(title="Sign, leave, keep", columns=("do", "contract", "lots>", "when"), rows=rows)


def _when(line: ContractLine) -> str:
    if line.decision in ("sign", "leave") and line.starts:
        return f"from {day(line.starts)}"
    return "-" if line.decision == "decline" else f"to {day(line.ends)}"


def _scenarios(view: Overview, unit: str) -> Section:
    rows = tuple((line.scenario, percent(line.probability), money(line.usd, unit)) for line in view.scenarios)
    return Section(
        title="Cost by scenario, discounted", columns=("scenario", "probability>", f"{unit}$"), rows=rows, gives=(PRICES,), folded=True
    )


def _costs(view: Overview, unit: str) -> Section:
    return Section(
        title="Cost by line, expected and discounted",
        columns=("line", f"{unit}$"),
        rows=tuple((line.line, money(line.usd, unit)) for line in view.costs),
        total=("total", money(view.expected_usd, unit)),
        gives=(PRICES,),
        folded=True,
    )


def _movers(view: Overview) -> Section:
    unit = money_unit(max((abs(line.usd) for line in view.movers), default=0.0))
    rows = ((line.table, line.row, line.column, figure(line.value), money(line.usd, unit)) for line in view.movers)
    columns = ("table", "row", "column", "value$", f"1 % more of it moves the bound by, {unit}$")
    return Section(title="What 1 % more of a figure adds", columns=columns, rows=tuple(rows), gives=(PRICES, SUPPLIERS), folded=True)


def _placements(view: Overview) -> Section:
    rows = ((line.load, line.pool or "not placed", line.first, line.last) for line in view.placements)
    return Section(title="Placements", columns=("load or run", "pool", "from", "to"), rows=tuple(rows), folded=True)
