"""An audit of contracts: one page, and the sections that a terminal shows too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from optimizer.report.audit_charts import audit_charts
from optimizer.report.document import PRICES, SUPPLIERS, Bullets, Facts, Page, Section, with_tables
from optimizer.report.wording import count, day, gap_text, large_money, money, money_unit, percent

Rows = Sequence[Mapping[str, Any]]
RECENT_DAYS = 365  # age from which a price point is old


@dataclass(frozen=True, kw_only=True)
class AuditView:
    """What readers see of an audit."""

    case: str
    as_of: date
    within_days: int
    whole: str  # what tables call all contracts in force together
    totals: Mapping[str, Any]  # the keys of summary.json's `audit`
    gap: float | None  # of the plan that it rests on
    tables: Mapping[str, Rows]  # by name, as written
    alerts: tuple[str, ...]


def headline(view: AuditView) -> dict[str, str]:
    """Sums over contracts in force, undiscounted."""
    told = view.totals
    low, high = told["non_cancellable_low_usd"], told["non_cancellable_high_usd"]
    states = ", ".join(f"{number} {state}" for state, number in told["clauses"].items())
    short = f"{large_money(told['shortfall_mean_usd'])} expected, {large_money(told['shortfall_p90_usd'])} at the 90th percentile"
    return {
        "contract value": f"{large_money(told['total_contract_value_usd'])}, whole terms",
        "cannot be cancelled": large_money(low) if low == high else f"{large_money(low)} to {large_money(high)}",
        "beyond the horizon": f"{large_money(told['beyond_horizon_usd'])} at least, if kept",
        "paid, not taken": short,
        "clauses": states,
        "assumed": f"{percent(told['assumed_share'])} of spend rests on assumed figures",
        "rests on": "a plan without a bound" if view.gap is None else f"a verified plan with a gap of {gap_text(view.gap)}",
    }


def sections(view: AuditView) -> Iterable[Section]:
    """Tables with rows, in the order in which they matter."""
    makers: tuple[Callable[[AuditView], Section], ...] = (
        _decisions,
        _contracts,
        _gaps,
        _legal_review,
        _clause_prices,
        _exits,
        _losses,
        _market,
        _concentration,
        _balances,
        _obligations,
        _unit_costs,
    )
    return (section for section in (make(view) for make in makers) if section.rows)


def audit_page(view: AuditView, summary: Mapping[str, Any], *, names: Mapping[str, str] | None = None) -> Page:
    """The whole page; `names` are those that say who supplies, and what stands for them on a page to share."""
    due, contracts, exits, prices = _decisions(view), _contracts(view), _exits(view), _clause_prices(view)
    near = {"Committed by period": (contracts,), "What leaving costs, by date": (exits,), "What clauses cost": (prices,)}
    under = near | {"": tuple(section for section in sections(view) if section not in (due, contracts, exits, prices))}
    return Page(
        title=f"Audit of contracts of {view.case}, as of {view.as_of}",
        top=(Facts(title="What contracts lock in", values=headline(view)), Bullets(title="Alerts", items=view.alerts), due),
        parts=tuple(with_tables(tuple(audit_charts(view.tables, view.whole)), under)),
        summary=summary,
        names=names or {},
    )


def _between(low: float | None, high: float | None, unit: str) -> str:
    """Example: 1,000.00 to 2,000.00"""
    if low is None or high is None:
        return "-"
    return money(low, unit) if money(low, unit) == money(high, unit) else f"{money(low, unit)} to {money(high, unit)}"


def _unit(rows: Rows, *names: str) -> str:
    return money_unit(max((abs(row[name]) for row in rows for name in names if row[name] is not None), default=0.0))


def _decisions(view: AuditView) -> Section:
    rows = view.tables["decisions"]
    unit = _unit(rows, "doing_nothing_usd")
    return Section(
        title=f"To be decided within {view.within_days} days",
        columns=("by", "contract", "decision", "from", "the plan's", "doing nothing", f"costs, {unit}$"),
        rows=tuple(
            (
                *(day(row["act_by"]), row["contract"], row["decision"], day(row["effective"]), row["recommended"] or "-"),
                *(row["doing_nothing"], money(row["doing_nothing_usd"], unit)),
            )
            for row in rows
        ),
    )


def _contracts(view: AuditView) -> Section:
    rows = view.tables["contracts"]
    unit = _unit(rows, "total_contract_value_usd")
    price = "effective_usd_per_accelerator_hour"
    return Section(
        title="Contracts, whole terms",
        columns=(
            "contract",
            f"value, {unit}$",
            "not cancellable$",
            "first exit",
            "not taken, mean$",
            "90th percentile$",
            "USD / hour used$",
        ),
        rows=tuple(
            (
                *(row["contract"], money(row["total_contract_value_usd"], unit), money(row["non_cancellable_usd"], unit)),
                *(day(row["earliest_exit"]), money(row["shortfall_mean_usd"], unit), money(row["shortfall_p90_usd"], unit)),
                "-" if row[price] is None else f"{row[price]:,.3f}",
            )
            for row in rows
        ),
    )


def _gaps(view: AuditView) -> Section:
    rows = view.tables["gaps"]
    unit = _unit(rows, "non_cancellable_low_usd", "non_cancellable_high_usd")
    return Section(
        title="Clauses that nobody has read",
        columns=("contract", "clause", f"not cancellable, from, {unit}$", "to$", "what to do"),
        rows=tuple(
            (
                *(row["contract"], row["clause"], money(row["non_cancellable_low_usd"], unit)),
                *(money(row["non_cancellable_high_usd"], unit), row["ask"]),
            )
            for row in rows
        ),
    )


def _legal_review(view: AuditView) -> Section:
    return Section(
        title="For legal review",
        gives=(PRICES, SUPPLIERS),
        columns=("contract", "section", "about", "text", "blocks several suppliers", "owner", "reviewed"),
        rows=tuple(
            (
                *(row["contract"], row["section"], row["category"], row["text"], "yes" if row["blocks_multi_supplier"] else "no"),
                *(row["owner"], day(row["reviewed_on"])),
            )
            for row in view.tables["legal_review"]
        ),
    )


def _clause_prices(view: AuditView) -> Section:
    rows = [row for row in view.tables["clauses"] if row["price_high_usd"] is not None]
    unit = _unit(rows, "price_high_usd")
    rows.sort(key=lambda row: (-row["price_low_usd"], -row["price_high_usd"]))
    return Section(
        title="What the plan would save without a clause, discounted",
        gives=(PRICES,),
        folded=True,
        columns=("contract", "clause", f"at least, {unit}$", "at most$"),
        rows=tuple((row["contract"], row["clause"], money(row["price_low_usd"], unit), money(row["price_high_usd"], unit)) for row in rows),
    )


def _exits(view: AuditView) -> Section:
    """The first exit of each contract; the curve is in the run's tables."""
    first: dict[str, Mapping[str, Any]] = {}
    for row in view.tables["exit_curve"]:
        if row["notice_by"] is not None:
            first.setdefault(row["contract"], row)
    found = list(first.values())
    unit = _unit(found, "contractual_cost_usd", "replacement_cost_high_usd")
    return Section(
        title="First exits, undiscounted",
        columns=("contract", "on", "notice by", f"paid until then, fee included, {unit}$", "replacing it$"),
        rows=tuple(
            (
                *(row["contract"], day(row["date"]), day(row["notice_by"]), money(row["contractual_cost_usd"], unit)),
                _between(row["replacement_cost_low_usd"], row["replacement_cost_high_usd"], unit),
            )
            for row in found
        ),
    )


def _losses(view: AuditView) -> Section:
    rows = view.tables["losses"]
    unit = _unit(rows, "low_usd", "high_usd")
    priced = any(row["high_usd"] is not None for row in rows)  # not so where prices were not asked for
    columns = ("event", "name", "from", "accelerators in use>", "loads touched>", "spare elsewhere>")
    return Section(
        title="If a supplier leaves or a site is lost",
        columns=(*columns, f"adds, {unit}, discounted$") if priced else columns,
        rows=tuple(
            (
                *(row["event"], row["name"], day(row["effective"]), count(row["accelerators_in_use"]), str(row["loads_touched"])),
                "no limit" if math.isinf(row["spare_accelerators"]) else count(row["spare_accelerators"]),
                *([_between(row["low_usd"], row["high_usd"], unit)] if priced else []),
            )
            for row in rows
        ),
    )


def _market(view: AuditView) -> Section:
    """The cheapest and the dearest price point of each contract and accelerator that is not old; the newest, where all are."""
    points: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in view.tables["market_comparison"]:
        points.setdefault((row["contract"], row["accelerator"]), []).append(row)
    rows = []
    for found in points.values():
        recent = [row for row in found if row["age_days"] <= RECENT_DAYS] or found[:1]
        least, most = (choose(recent, key=lambda row: row["market_usd"]) for choose in (min, max))
        over = "-" if least["contracted_over_market"] is None else f"{round(100 * least['contracted_over_market']):+d} %"
        prices = tuple(_price(least[name]) for name in ("list_usd", "contracted_usd", "effective_usd", "market_usd"))
        where = (f"{least['supplier']} ({least['kind']})", day(least["observed_on"]))
        rows.append((least["contract"], least["accelerator"], *prices, *where, over, _price(most["market_usd"])))
    return Section(
        title="Beside the market, USD per accelerator-hour",
        gives=(PRICES,),
        columns=(
            *("contract", "accelerator", "list$", "contracted$", "used$", "market, least$", "of", "on"),
            *("over it$", "market, most$"),
        ),
        rows=tuple(rows),
    )


def _price(usd: float | None) -> str:
    return "-" if usd is None else f"{usd:,.3f}"


def _concentration(view: AuditView) -> Section:
    return Section(
        title="Concentration",
        gives=(PRICES,),
        columns=("measure", "supplier", "share>", "Herfindahl>"),
        rows=tuple(
            (row["measure"], row["supplier"], percent(row["share"]), f"{row['herfindahl']:.3f}") for row in view.tables["concentration"]
        ),
    )


def _balances(view: AuditView) -> Section:
    rows = view.tables["balances"]
    unit = _unit(rows, "at_start_usd", "used_usd")
    return Section(
        title="Balances when the calendar begins",
        columns=("contract", "kind", f"at the start, {unit}$", "used up to the horizon$", "left then$"),
        rows=tuple(
            (row["contract"], row["kind"], *(money(row[name], unit) for name in ("at_start_usd", "used_usd", "at_horizon_usd")))
            for row in rows
        ),
    )


def _obligations(view: AuditView) -> Section:
    rows = view.tables["obligations"]
    unit = _unit(rows, "least_usd")
    return Section(
        title="Committed beyond the horizon, undiscounted",
        columns=("contract", "until", f"least payments, {unit}$"),
        rows=tuple((row["contract"], day(row["until"]), money(row["least_usd"], unit)) for row in rows),
    )


def _unit_costs(view: AuditView) -> Section:
    names = ("direct_usd_per_million", "idle_commitment_usd_per_million", "egress_usd_per_million", "total_usd_per_million")
    return Section(
        title="USD per million tokens",
        gives=(PRICES,),
        columns=("model", "tokens", "direct$", "idle commitment$", "egress$", "in all$"),
        rows=tuple(
            (row["model"], row["tokens"], *("-" if row[name] is None else f"{row[name]:,.4f}" for name in names))
            for row in view.tables["unit_costs"]
            if row["tokens"]
        ),
    )
