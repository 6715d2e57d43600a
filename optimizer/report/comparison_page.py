"""Two plans side by side: one page, and the lines that a terminal shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.report.document import PRICES, SUPPLIERS, Facts, Page, Section
from optimizer.report.news_charts import comparison_charts
from optimizer.report.wording import count, counted, money, money_unit, signed

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """What readers see of a comparison: from `first` to `second`, money in discounted USD."""

    first: str
    second: str
    first_usd: float
    second_usd: float
    costs: Rows  # payee, supplier, line, change_usd; largest first
    contracts: Rows  # contract, first, second
    placements: Rows  # load, first_period, last_period, first_pool, second_pool, first_accelerators, second_accelerators
    inputs: Rows  # table, row, column, first, second


def headline(view: ComparisonView) -> dict[str, str]:
    unit = money_unit(max(abs(view.first_usd), abs(view.second_usd)))
    change = view.second_usd - view.first_usd
    share = f" ({change / view.first_usd:+.2%})" if view.first_usd else ""
    contracts = counted(len(view.contracts), "contract", "contracts")
    return {
        "from": f"{view.first}: {money(view.first_usd, unit)} {unit}",
        "to": f"{view.second}: {money(view.second_usd, unit)} {unit}",
        "change": f"{signed(change, unit)} {unit}{share}",
        "decisions": " and ".join((contracts, counted(_loads(view), "load or run", "loads or runs"))) + " differ",
        "inputs": "one cell, row or setting differs" if len(view.inputs) == 1 else f"{len(view.inputs)} cells, rows or settings differ",
    }


def sections(view: ComparisonView) -> Iterable[Section]:
    """The tables of the comparison, those without rows left out."""
    unit = money_unit(max((abs(row["change_usd"]) for row in view.costs), default=0.0))
    costs = [(row["payee"] or "-", row["supplier"] or "-", row["line"], signed(row["change_usd"], unit)) for row in view.costs]
    total = ("total", "", "", signed(view.second_usd - view.first_usd, unit))
    found = (
        Section(title="Where the cost differs", columns=("payee", "supplier", "line", f"change, {unit}$"), rows=tuple(costs), total=total),
        Section(title="Contracts", columns=("contract", "from", "to"), rows=tuple(map(_contract, view.contracts))),
        Section(
            title="Where work runs",
            columns=("load or run", "first period", "last period", "from", "to", "accelerators, from>", "to>"),
            rows=tuple(map(_placement, view.placements)),
        ),
        Section(
            title="What went in",
            columns=("table", "row", "column", "from", "to"),
            rows=tuple(map(_input, view.inputs)),
            gives=(PRICES, SUPPLIERS),
        ),
    )
    return (section for section in found if section.rows)


def comparison_page(view: ComparisonView, summary: Mapping[str, Any], *, names: Mapping[str, str] | None = None) -> Page:
    """The whole page; `names` are those that say who supplies, and what stands for them on a page to share."""
    return Page(
        title="Two plans side by side",
        top=(Facts(title="What differs", values=headline(view)),),
        parts=(*comparison_charts(view), *sections(view)),
        summary=summary,
        names=names or {},
    )


def _loads(view: ComparisonView) -> int:
    return len({row["load"] for row in view.placements})


def _contract(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["contract"], row["first"] or "not known", row["second"] or "not known"


def _placement(row: Mapping[str, Any]) -> tuple[str, ...]:
    where = (row["first_pool"] or "not placed", row["second_pool"] or "not placed")
    return row["load"], row["first_period"], row["last_period"], *where, count(row["first_accelerators"]), count(row["second_accelerators"])


def _input(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["table"], row["row"] or "-", row["column"] or "-", row["first"] or "-", row["second"] or "-"
