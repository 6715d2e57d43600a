"""What readers see of a study of quotes: the lines of a terminal and one page, from the rows of the run's tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from optimizer.report.document import PRICES, Bullets, Facts, Page, Section, with_tables
from optimizer.report.quote_charts import quote_charts
from optimizer.report.wording import count, day, figure, gap_text, large_money, money, money_unit, percent

Row = Mapping[str, Any]
Rows = Sequence[Row]

FEW = 20  # entry prices shown: suppliers not used at all first


@dataclass(frozen=True, kw_only=True)
class QuoteView:
    """Rows of the tables of the same names; money in discounted USD."""

    case: str
    as_of: str
    objective_usd: float  # of the joint plan
    gap: float | None  # None: it has no bound
    act_by: Mapping[str, date]  # last day to sign, by quote
    quotes: Rows
    quote_values: Rows
    volume_curve: Rows
    levers: Rows
    counter_offers: Rows
    options: Rows
    entry_prices: Rows
    alerts: tuple[str, ...]


def sections(view: QuoteView) -> Iterator[Section]:
    """The tables, those without rows left out."""
    found = (
        _due(view),
        _verdicts(view),
        _worth(view),
        _options(view),
        _levers(view),
        _counter_offers(view),
        _curve(view),
        _entry(view),
    )
    return (section for section in found if section.rows)


def quote_page(view: QuoteView, summary: Mapping[str, Any], *, names: Mapping[str, str] | None = None) -> Page:
    """The whole page; `names` are those that say who supplies, and what stands for them on a page to share."""
    charts, due, told, curve = tuple(quote_charts(view.quotes, view.volume_curve)), _due(view), _verdicts(view), _curve(view)
    others = tuple(section for section in sections(view) if section.title not in (due.title, told.title, curve.title))
    under = {"Break-even prices": (told,), "Volume against price": (curve,), "": others}
    return Page(
        title=f"Quotes of {view.case}, as of {view.as_of}",
        top=(
            due,
            Facts(title="Verdicts", values=verdicts(view)),
            Bullets(title="Alerts", items=view.alerts),
        ),
        parts=tuple(with_tables(charts, under)),
        summary=summary,
        names=names or {},
    )


def verdicts(view: QuoteView) -> dict[str, str]:
    """By quote. Example: take at 2.500: breaks even between 3.000 and 3.015 USD an accelerator-hour

    Where that does not decide, what the cheapest plans known and the bounds say too.
    """
    values = {row["contract"]: row for row in view.quote_values}
    gap = "without a bound" if view.gap is None else f"with a gap of {gap_text(view.gap)}"
    told = {row["contract"]: _told(row, values[row["contract"]]) for row in view.quotes}
    return told | {"rests on": f"a verified plan of {large_money(view.objective_usd)} {gap}, free to sign any of them"}


def _told(row: Row, values: Row) -> str:
    low, high = row["break_even_low"], row["break_even_high"]
    if math.isinf(high):
        even = f"at {low:,.3f} or more"
    else:
        even = f"between {low:,.3f} and {high:,.3f}" if low > 0.0 else f"at {high:,.3f} or less"
    proven = f"{row['verdict']} at {row['offered']:,.3f}: breaks even {even} USD an accelerator-hour"
    said = {"the cheapest plans known": values["break_even_found"], "the bounds": values["break_even_relaxed"]}
    known = [f"{what} with and without it meet at {at:,.3f}" for what, at in said.items() if at is not None]
    if row["verdict"] != "undecided" or not known:
        return proven
    return f"{proven}; {' and '.join(known)}, which is not proven"


def price(usd: float | None) -> str:
    """USD per accelerator-hour or per million tokens."""
    if usd is None or math.isnan(usd):
        return "-"
    return "no price proven too high" if math.isinf(usd) else f"{usd:,.4f}"


def _ends(low: float, high: float, unit: str) -> str:
    return f"{_money(low, unit)} to {_money(high, unit)}"


def _money(usd: float, unit: str) -> str:
    return money(usd, unit) if math.isfinite(usd) else "unknown"


def _due(view: QuoteView) -> Section:
    """By when a quote must be signed or not, and what signing all of it saves, soonest first."""
    values = {row["contract"]: row for row in view.quote_values}
    unit = _saving_unit(view)
    rows = tuple(
        (
            day(view.act_by[row["contract"]]),
            row["contract"],
            row["verdict"],
            *(price(row[name]) for name in ("offered", "break_even_low", "break_even_high")),
            _ends(values[row["contract"]]["saving_low_usd"], values[row["contract"]]["saving_high_usd"], unit),
        )
        for row in sorted(view.quotes, key=lambda row: (view.act_by[row["contract"]], row["contract"]))
    )
    columns = ("by", "quote", "verdict", "offered, USD/h$", "pays up to, at least$", "at most$", f"all of it saves, {unit}$")
    return Section(title="To be decided", columns=columns, rows=rows)


def _saving_unit(view: QuoteView) -> str:
    ends = [row[name] for row in view.quote_values for name in ("saving_low_usd", "saving_high_usd")]
    return money_unit(max((abs(end) for end in ends if math.isfinite(end)), default=0.0))


def _verdicts(view: QuoteView) -> Section:
    values = {row["contract"]: row for row in view.quote_values}
    rows = tuple(
        (
            row["contract"],
            row["verdict"],
            price(row["offered"]),
            price(row["break_even_low"]),
            price(row["break_even_high"]),
            price(values[row["contract"]]["break_even_found"]),
            price(values[row["contract"]]["break_even_relaxed"]),
            percent(values[row["contract"]]["width_share"]) if math.isfinite(values[row["contract"]]["width_share"]) else "-",
            count(row["break_even_quantity"]),
            count(values[row["contract"]]["break_even_quantity_high"]),
        )
        for row in view.quotes
    )
    columns = (
        "quote",
        "verdict",
        "offered, USD/h$",
        "pays up to, at least$",
        "at most$",
        "by the plans known, not proven$",
        "by the bounds, not proven$",
        "width of offered>",
        "accelerators that pay, at least>",
    )
    return Section(title="Break-even prices, all of each quote signed", columns=(*columns, "at most>"), rows=rows)


def _worth(view: QuoteView) -> Section:
    unit = _saving_unit(view)
    rows = tuple(
        (
            f"{row['rank']}{'' if row['rank_certain'] else '?'}",
            row["contract"],
            _ends(row["saving_low_usd"], row["saving_high_usd"], unit),
            f"{row['lots_in_joint_plan']} of {row['lots']}",
            price(row["effective_usd_per_accelerator_hour"]),
            price(row["usd_per_accelerator_hour_with"]),
            price(row["usd_per_accelerator_hour_without"]),
            price(row["usd_per_million_tokens_with"]),
            price(row["usd_per_million_tokens_without"]),
        )
        for row in view.quote_values
    )
    columns = ("rank", "quote", f"saves, {unit}$", "lots in the joint plan", "quote, USD per hour used$", "all supply with it$", "without$")
    return Section(title="Side by side", columns=(*columns, "USD per million tokens with it$", "without$"), rows=rows)


def _options(view: QuoteView) -> Section:
    unit = money_unit(max((row["cost_high_usd"] for row in view.options if math.isfinite(row["cost_high_usd"])), default=0.0))
    rows = tuple(
        (
            row["option_group"],
            row["contract"],
            ("best" if row["certain"] else "best known") if row["best"] else "",
            _ends(row["cost_low_usd"], row["cost_high_usd"], unit),
            row["verdict"],
        )
        for row in view.options
    )
    return Section(title="Exclusive options", columns=("group", "quote", "choice", f"least cost with it, {unit}$", "verdict"), rows=rows)


def _levers(view: QuoteView) -> Section:
    unit = money_unit(max((abs(row["elasticity_usd"]) for row in view.levers), default=0.0))
    rows = tuple(
        (
            row["contract"],
            row["term"],
            figure(row["value"]),
            money(row["elasticity_usd"], unit),
            price(row["elasticity_usd_per_accelerator_hour"]),
        )
        for row in view.levers
    )
    columns = ("quote", "term", "value$", f"1 % more of it costs, {unit}$", "as USD per accelerator-hour$")
    return Section(title="What to negotiate first", columns=columns, rows=rows, gives=(PRICES,))


def _counter_offers(view: QuoteView) -> Section:
    rows = tuple(
        (
            row["contract"],
            row["term"],
            "-" if row["offered"] is None else figure(row["offered"]),
            "-" if row["asked"] is None else figure(row["asked"]),
            percent(1.0 - row["asked_share"]),
            "any plan" if row["certain"] else "the cheapest plan known",
        )
        for row in view.counter_offers
    )
    columns = ("quote", "term", "offered$", "asked$", "less$", "no dearer, without the quote, than")
    return Section(title="Counter-offers: what makes all of the quote pay, each alone", columns=columns, rows=rows, gives=(PRICES,))


def _curve(view: QuoteView) -> Section:
    rows = tuple(
        (
            row["contract"],
            price(row["usd_per_accelerator_hour"]),
            count(row["accelerators_low"]),
            count(row["accelerators"]),
            count(row["accelerators_high"]),
        )
        for row in view.volume_curve
    )
    columns = ("quote", "USD per accelerator-hour$", "accelerators taken, at least>", "by the best plan known>", "at most>")
    return Section(title="Volume taken against price", columns=columns, rows=rows, gives=(PRICES,), folded=True)


def _entry(view: QuoteView) -> Section:
    order = sorted(view.entry_prices, key=lambda row: (row["supplier_used"], row["entry_high"] / row["offered"] * -1.0, row["offer"]))
    rows = tuple(
        (row["supplier"], row["offer"], price(row["offered"]), price(row["entry_low"]), price(row["entry_high"])) for row in order[:FEW]
    )
    columns = ("supplier", "offer", "offered, USD/h$", "used for certain below$", "hardly used from$")
    return Section(
        title="Offers that the joint plan does not use, and the price at which they enter", columns=columns, rows=rows, gives=(PRICES,)
    )
