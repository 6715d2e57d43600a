"""Policies compared over histories: cost, regret against hindsight, and where ours loses.

Every policy is replayed on the same histories, so differences are taken history by history before they are averaged (paired).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.surface import Floats
from optimizer.planning.backtest.history import History, known
from optimizer.planning.backtest.policies import BASELINES
from optimizer.planning.backtest.replay import Hindsight, Outcome, Replay, Report, planner, silent
from optimizer.planning.calibration import Calibration
from optimizer.solve.search import SolveSettings

OURS = "ours"
HINDSIGHT = "hindsight"
COVERAGE = 0.95
RESAMPLES = 10_000

Rows = Sequence[Mapping[str, Any]]

COLUMNS = {
    "policies": ("policy", "cost_usd", "unserved_share", "moves", "regret_usd", "regret_low_usd", "regret_high_usd"),
    "paired": ("policy", "histories", "saving_usd", "saving_low_usd", "saving_high_usd", "saving_share", "lost"),
    "histories": ("history", "policy", "cost_usd", "unserved_share", "moves", "regret_usd", "regret_high_usd", "note"),
    "losses": ("history", "policy", "ours_usd", "cost_usd", "lost_usd"),
    "decisions": ("history", "policy", "period", "contract", "decision", "lots"),
    "bills": ("history", "policy", "period", "line", "cash_usd", "discounted_usd"),
}
"""Columns of the tables of a run's folder, in their order."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a replay was."""

    as_of: date  # first day
    loads: int
    pools: int
    periods: int
    blocks: int
    scenarios: int  # of the first decision
    contracts: int


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One history with what every policy came to on it."""

    history: str
    outcomes: tuple[Outcome, ...]
    hindsight: Hindsight
    size: Size

    def cost(self, policy: str) -> float | None:
        return next(outcome.cost_usd for outcome in self.outcomes if outcome.policy == policy)

    def seconds(self, policy: str) -> float:
        taken = {outcome.policy: outcome.seconds for outcome in self.outcomes} | {HINDSIGHT: self.hindsight.seconds}
        return round(taken[policy], 3)


def replayed(
    history: History,
    *,
    annual_discount_rate: float,
    calibration: Calibration,
    prepare: Callable[[Case], Case],
    ahead: int | None,
    settings: SolveSettings,
    hindsight: SolveSettings,
    report: Report = silent,
) -> Replayed:
    """Every policy replayed on a history, and the plan of hindsight.

    Args:
      prepare: lays scenarios over a case as it was known.
      ahead: periods that each decision looks ahead; None: to the end.
      settings: of each of our plans; `hindsight`: of the one plan that knows it all.

    Raises:
      DataError, InfeasiblePlan, NoPlanInLimit, SolverFailure: as `make_plan`, for any of the decisions.
    """
    replay = Replay(history, annual_discount_rate, calibration, prepare, ahead)
    policies = {**BASELINES, OURS: planner(settings)}
    outcomes = [replay.follow(name, policy, report) for name, policy in policies.items()]
    problem = replay.problem
    return Replayed(
        history=history.name,
        outcomes=tuple(outcomes),
        hindsight=replay.hindsight(outcomes, hindsight, report),
        size=Size(
            as_of=history.case.calendar.start,
            loads=len(problem.needs.loads) + len(problem.needs.runs),
            pools=len(problem.pools),
            periods=len(problem.periods),
            blocks=len(problem.blocks),
            scenarios=len(prepare(known(history, 0, ahead=ahead)).scenarios),
            contracts=len(problem.supply.contracts),
        ),
    )


def tables(found: Sequence[Replayed]) -> dict[str, Rows]:
    """Rows of each table, by name; their keys are `COLUMNS`."""
    names = [outcome.policy for outcome in found[0].outcomes]
    return {
        "policies": [*(_policy(found, name) for name in names), _hindsight(found)],
        "paired": [_paired(found, name) for name in names if name != OURS],
        "histories": [row for each in found for row in _of_history(each)],
        "losses": [row for each in found for row in _losses(each)],
        "decisions": [row for each in found for row in _decisions(each)],
        "bills": [row for each in found for row in _bills(each)],
    }


def mean_interval(values: Floats, *, seed: int = 0) -> tuple[float, float, float]:
    """Mean, and an interval that covers it with `COVERAGE`: percentiles of the means of resamples (a bootstrap); for one value that value.

    Args:
      values: [H] one for each history, H >= 1.
    """
    rng = np.random.default_rng(seed)
    means = rng.choice(values, size=(RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(means, [(1.0 - COVERAGE) / 2, (1.0 + COVERAGE) / 2])
    return math.fsum(values) / len(values), float(low), float(high)


def _policy(found: Sequence[Replayed], name: str) -> dict[str, Any]:
    """Means over histories. Regret is against the plan of hindsight; its interval reaches on to hindsight's bound, and over histories."""
    outcomes = [next(outcome for outcome in each.outcomes if outcome.policy == name) for each in found]
    costs = [outcome.cost_usd for outcome in outcomes]
    row: dict[str, Any] = {"policy": name, "moves": float(np.mean([outcome.moves for outcome in outcomes]))}
    if any(cost is None for cost in costs):
        return row | dict.fromkeys(("cost_usd", "unserved_share", "regret_usd", "regret_low_usd", "regret_high_usd"))
    paid = np.array(costs, dtype=np.float64)
    regret, low, _ = mean_interval(paid - np.array([each.hindsight.cost_usd for each in found]))
    _, _, high = mean_interval(paid - np.array([each.hindsight.bound_usd for each in found]))
    shares = [outcome.unserved_share for outcome in outcomes if outcome.unserved_share is not None]
    return row | {
        "cost_usd": float(paid.mean()),
        "unserved_share": float(np.mean(shares)),
        "regret_usd": regret,
        "regret_low_usd": low,
        "regret_high_usd": high,
    }


def _hindsight(found: Sequence[Replayed]) -> dict[str, Any]:
    plans = [each.hindsight for each in found]
    return {
        "policy": HINDSIGHT,
        "cost_usd": float(np.mean([plan.cost_usd for plan in plans])),
        "unserved_share": float(np.mean([plan.unserved_share for plan in plans])),
        "moves": float(np.mean([plan.moves for plan in plans])),
        "regret_usd": 0.0,
        "regret_low_usd": 0.0,
        "regret_high_usd": mean_interval(np.array([plan.cost_usd - plan.bound_usd for plan in plans]))[2],
    }


def _paired(found: Sequence[Replayed], name: str) -> dict[str, Any]:
    """What ours saves over a policy, on the histories on which both keep every rule."""
    pairs = [(each.cost(OURS), each.cost(name)) for each in found]
    both = [(ours, other) for ours, other in pairs if ours is not None and other is not None]
    row: dict[str, Any] = {"policy": name, "histories": len(both)}
    if not both:
        return row | dict.fromkeys(COLUMNS["paired"][2:])
    ours, other = np.array(both).T
    saving, low, high = mean_interval(other - ours)
    return row | {
        "saving_usd": saving,
        "saving_low_usd": low,
        "saving_high_usd": high,
        "saving_share": saving / float(other.mean()),
        "lost": int((ours > other).sum()),
    }


def _of_history(each: Replayed) -> list[dict[str, Any]]:
    best, bound = each.hindsight.cost_usd, each.hindsight.bound_usd
    rows = []
    for outcome in each.outcomes:
        cost = outcome.cost_usd
        row: dict[str, Any] = {"history": each.history, "policy": outcome.policy, "cost_usd": cost, "moves": outcome.moves}
        row |= {"unserved_share": outcome.unserved_share, "note": outcome.note or None}
        rows.append(row | {"regret_usd": None if cost is None else cost - best, "regret_high_usd": None if cost is None else cost - bound})
    plan = each.hindsight
    row = {"history": each.history, "policy": HINDSIGHT, "cost_usd": best, "unserved_share": plan.unserved_share, "moves": plan.moves}
    return [*rows, row | {"regret_usd": 0.0, "regret_high_usd": best - bound, "note": None}]


def _losses(each: Replayed) -> list[dict[str, Any]]:
    """Policies that cost less than ours did; all of them where ours breaks a rule."""
    ours = each.cost(OURS)
    rows = []
    for outcome in each.outcomes:
        cost = outcome.cost_usd
        if outcome.policy != OURS and cost is not None and (ours is None or cost < ours):
            row = {"history": each.history, "policy": outcome.policy, "ours_usd": ours, "cost_usd": cost}
            rows.append(row | {"lost_usd": None if ours is None else ours - cost})
    return rows


def _decisions(each: Replayed) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for outcome in each.outcomes:
        at: dict[str, Any] = {"history": each.history, "policy": outcome.policy}
        rows += [at | {"period": None, "contract": name, "decision": "sign", "lots": lots} for name, lots in outcome.record.signed.items()]
        for (name, period), lots in outcome.record.exits.items():
            rows.append(at | {"period": period, "contract": name, "decision": "leave", "lots": lots})
    return rows


def _bills(each: Replayed) -> list[dict[str, Any]]:
    """Money by policy, period and line of verification's ledger."""
    found = [(outcome.policy, outcome.verification) for outcome in each.outcomes] + [(HINDSIGHT, each.hindsight.verification)]
    rows = []
    for policy, verification in found:
        sums: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
        for entry in () if verification is None else verification.ledger:
            cash, discounted = sums.setdefault((entry.period, entry.line), ([], []))
            cash.append(entry.cash_usd)
            discounted.append(entry.discounted_usd)
        for (period, line), (cash, discounted) in sums.items():
            row = {"history": each.history, "policy": policy, "period": period, "line": line}
            rows.append(row | {"cash_usd": math.fsum(cash), "discounted_usd": math.fsum(discounted)})
    return rows
