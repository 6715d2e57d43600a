"""A backtest: one page, and the sections that a terminal shows too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.report.charts import intervals, is_known, page_chart
from optimizer.report.document import PRICES, Bullets, Chart, Facts, Page, Section
from optimizer.report.wording import BASELINES, count, counted, money, money_unit, percent

Rows = Sequence[Mapping[str, Any]]
_REGRET = "Mean over the histories, discounted. Bar: from the best that hindsight may have come to to the worst, and over histories."
NAMES = BASELINES | {"look_back": "look-back commitments", "ours": "this planner", "hindsight": "hindsight"}


@dataclass(frozen=True, kw_only=True)
class BacktestView:
    """What readers see of a backtest; money in USD discounted to the first day, means over histories."""

    case: str
    first: str  # first and last period replayed
    last: str
    histories: int
    source: str  # where the histories come from
    tables: Mapping[str, Rows]  # by name, as written
    alerts: tuple[str, ...]


def headline(view: BacktestView) -> dict[str, str]:
    ours = next(row for row in view.tables["policies"] if row["policy"] == "ours")
    unit = _unit(view)
    histories = counted(view.histories, "history", "histories")
    told = {"replayed": f"{view.first} to {view.last}, {histories}: {view.source}"}
    if ours["cost_usd"] is None:
        return told | {"cost": "breaks a rule; see the note below"}
    between = f"{money(ours['regret_low_usd'], unit)} to {money(ours['regret_high_usd'], unit)} {unit}"
    lost = len(view.tables["losses"])
    return told | {
        "cost": f"{money(ours['cost_usd'], unit)} {unit}, {percent(ours['unserved_share'], 2)} of the work unserved",
        "regret": f"{money(ours['regret_usd'], unit)} {unit} more than hindsight, {between} with its bound and over histories",
        "lost": "never dearer than another policy" if not lost else f"dearer than another policy {lost} times",
    }


def sections(view: BacktestView) -> Iterable[Section]:
    """Tables with rows."""
    makers = (_policies, _paired, _losses, _notes, _decisions)
    return (section for section in (make(view) for make in makers) if section.rows)


def backtest_page(view: BacktestView, summary: Mapping[str, Any], *, names: Mapping[str, str] | None = None) -> Page:
    """The whole page; `names` are those that say who supplies, and what stands for them on a page to share."""
    policies = _policies(view)
    return Page(
        title=f"Backtest of {view.case}",
        top=(Facts(title="What following it came to", values=headline(view)), Bullets(title="Alerts", items=view.alerts), policies),
        parts=(*_regret(view), *(section for section in sections(view) if section != policies)),
        summary=summary,
        names=names or {},
    )


def _regret(view: BacktestView) -> Iterable[Chart]:
    """What following each policy costs over hindsight, with its interval."""
    known = [row for row in view.tables["policies"] if row["policy"] != "hindsight" and is_known(row["regret_usd"])]
    rows = [
        {"name": NAMES[row["policy"]], "low": row["regret_low_usd"], "at": row["regret_usd"], "high": row["regret_high_usd"]}
        for row in sorted(known, key=lambda row: float(row["regret_usd"]))
    ]
    if rows:
        yield page_chart(
            "What each policy costs over hindsight", _REGRET, intervals(rows, "more than hindsight"), margin=220, gives=(PRICES,)
        )


def _unit(view: BacktestView) -> str:
    return money_unit(max((abs(row["cost_usd"] or 0.0) for row in view.tables["policies"]), default=0.0))


def _policies(view: BacktestView) -> Section:
    unit = _unit(view)
    columns = ("policy", f"cost, {unit}$", "unserved>", "moves>", "regret$", "from$", "to$")
    return Section(
        title="Policies",
        columns=columns,
        rows=tuple(
            (
                *(NAMES[row["policy"]], money(row["cost_usd"], unit)),
                "-" if row["unserved_share"] is None else percent(row["unserved_share"], 2),
                count(row["moves"]),
                *(money(row[name], unit) for name in ("regret_usd", "regret_low_usd", "regret_high_usd")),
            )
            for row in view.tables["policies"]
        ),
    )


def _paired(view: BacktestView) -> Section:
    unit = _unit(view)
    return Section(
        title="What this planner saves, history by history",
        columns=("over", "histories>", f"saving, {unit}$", "from$", "to$", "share>", "dearer>"),
        rows=tuple(
            (
                *(NAMES[row["policy"]], count(row["histories"])),
                *(money(row[name], unit) for name in ("saving_usd", "saving_low_usd", "saving_high_usd")),
                "-" if row["saving_share"] is None else percent(row["saving_share"]),
                "-" if row["lost"] is None else count(row["lost"]),
            )
            for row in view.tables["paired"]
        ),
    )


def _losses(view: BacktestView) -> Section:
    unit = _unit(view)
    return Section(
        title="Where this planner loses",
        columns=("history", "to", f"ours, {unit}$", "theirs$", "more$"),
        rows=tuple(
            (row["history"], NAMES[row["policy"]], *(money(row[name], unit) for name in ("ours_usd", "cost_usd", "lost_usd")))
            for row in view.tables["losses"]
        ),
    )


def _notes(view: BacktestView) -> Section:
    rows = [row for row in view.tables["histories"] if row["note"]]
    return Section(
        title="Policies that broke a rule",
        columns=("history", "policy", "rule"),
        rows=tuple((row["history"], NAMES[row["policy"]], row["note"]) for row in rows),
    )


def _decisions(view: BacktestView) -> Section:
    rows = [row for row in view.tables["decisions"] if row["policy"] == "ours"]
    return Section(
        title="What this planner signed and left",
        columns=("history", "contract", "decision", "lots>", "from"),
        rows=tuple((row["history"], row["contract"], row["decision"], count(row["lots"]), row["period"] or "-") for row in rows),
    )
