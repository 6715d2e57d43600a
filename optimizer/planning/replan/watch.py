"""What somebody should look at: decisions that are due, demand that has drifted, tables that are old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from optimizer.domain.case import Case
from optimizer.domain.demand import Demand
from optimizer.planning.doing_nothing import doing_nothing_usd
from optimizer.planning.outputs import Rows
from optimizer.planning.plan import PlanResult

KINDS = ("decision_due", "price_point", "burn_down", "budget", "forecast_drift", "table_age", "unserved")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """`usd` is what doing nothing costs, discounted, where that is known."""

    kind: str  # one of KINDS
    subject: str
    due: date | None
    usd: float | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Watch:
    """When to raise an alert."""

    days: int = 30  # before a decision is due
    drift_share: float = 0.1  # change of a workload's demand since the last plan
    soft_age_days: int | None = None  # age of a table from which it is told
    unserved_share: float = 0.01  # of accelerator-hours
    shortfall_share: float = 0.01  # of what a contract is paid, or of its minimum until now
    budget_share: float = 0.95  # of a budget that is used


def decisions_due(result: PlanResult, commitments: Rows, watch: Watch) -> Iterator[Alert]:
    """Contracts to sign or to leave by a day within `days`, with what it costs at most not to."""
    last = result.case.as_of + timedelta(days=watch.days)
    decided = [row for row in commitments if row["decision"] in ("sign", "leave") and row["act_by"] is not None]
    due = [row for row in decided if row["act_by"] <= last]
    idle_usd = doing_nothing_usd(result, [(row["contract"], row["decision"]) for row in due])
    for row in due:
        usd = idle_usd[row["contract"], row["decision"]]
        cost = "" if usd is None else f"; doing nothing costs {usd:,.0f} USD at most"
        dated = "" if row["effective"] is None else f" from {row['effective']}"
        lots = "1 lot" if row["lots"] == 1 else f"{row['lots']} lots"
        text = f"{row['decision']} {lots} of {row['contract']}{dated}: act by {row['act_by']}{cost}"
        yield Alert(kind="decision_due", subject=row["contract"], due=row["act_by"], usd=usd, text=text)


def forecast_drift(before: Case, after: Case, watch: Watch) -> Iterator[Alert]:
    """Workloads whose demand, summed over the periods and places that both cases have, changed by more than the share."""
    was, now = ({(row.workload, row.origin, row.period): _middle(row) for row in case.demand} for case in (before, after))
    for workload in after.workloads:
        shared = [key for key in now if key in was and key[0] == workload.name]
        old, new = (sum(side[key] for key in shared) for side in (was, now))
        if old > 0 and abs(new / old - 1) > watch.drift_share:
            text = f"demand for {workload.name} is {new / old - 1:+.0%} against the last plan's forecast"
            yield Alert(kind="forecast_drift", subject=workload.name, due=None, usd=None, text=text)


def _middle(row: Demand) -> float:
    middle = row.mean if row.mean is not None else row.p50
    return 0.0 if middle is None else middle


def old_tables(dates: Mapping[str, date], as_of: date, watch: Watch) -> Iterator[Alert]:
    """Tables whose newest row is older than the soft limit."""
    for table, newest in dates.items():
        age = (as_of - newest).days
        if watch.soft_age_days is not None and age > watch.soft_age_days:
            text = f"the newest row of {table} is {age} days old; the plan uses it as it is"
            yield Alert(kind="table_age", subject=table, due=None, usd=None, text=text)


def unserved(result: PlanResult, watch: Watch) -> Iterator[Alert]:
    """Work that the plan leaves undone, above the share."""
    share = result.verification.unserved_share
    if share > watch.unserved_share:
        usd = result.verification.shortage_usd
        yield Alert(kind="unserved", subject="plan", due=None, usd=usd, text=f"{share:.1%} of accelerator-hours are not served")


def worst_first(alerts: list[Alert]) -> tuple[Alert, ...]:
    """Those that are due, soonest first; then the rest by kind and subject."""
    return tuple(sorted(alerts, key=lambda alert: (alert.due is None, alert.due or date.max, alert.kind, alert.subject)))
