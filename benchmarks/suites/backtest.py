"""Policies replayed over public traces of arrivals and jobs: what following the planner costs beside others and hindsight.

A row for each policy and history: objective is its cost, best_known that of hindsight's plan, bound what no decisions undercut, ratio
cost over hindsight's, status the share of work unserved. A policy without a cost broke a rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, folder_named, require
from benchmarks.trace_history import KNOWN, PARTS, trace_history
from optimizer.domain.case import Case
from optimizer.planning.backtest.study import HINDSIGHT, Replayed, replayed, tables
from optimizer.planning.calibration import shipped_calibration
from optimizer.planning.plan import DISCOUNT_RATE
from optimizer.solve.search import SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case

SUITE = "backtest"
PLAN_S = 8.0  # for each of our plans, without time_limit_s
HINDSIGHT_S = 60.0


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    path: str | None = argument(None, "folder of the traces: Azure LLM inference arrivals (code, conv) and Philly training jobs")
    months: int = argument(18, "months replayed; twelve more are known before the first")
    windows: int = argument(3, "parts of the traces that are replayed, evenly spread; they overlap")
    lab: str = argument("small", "case that is shipped and serves the demand")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(2 <= self.months <= PARTS - KNOWN, "months", f"must be between 2 and {PARTS - KNOWN}", self.months)
        require(self.windows >= 1, "windows", "must be >= 1", self.windows)


def run(settings: Settings) -> Iterator[ResultRow]:
    """Rows of every policy on every window, then where ours loses."""
    folder = folder_named(settings.path)
    case = read_case(case_folder(settings.lab))
    spare = PARTS - KNOWN - settings.months
    found = []
    for window in range(settings.windows):
        first = round(spare * window / max(1, settings.windows - 1))
        history = trace_history(case, folder, months=settings.months, first_part=first)
        solving = SolveSettings(time_limit_s=settings.time_limit_s or PLAN_S, relative_gap=1e-3, seed=settings.seed)
        found.append(
            replayed(
                history,
                annual_discount_rate=DISCOUNT_RATE,
                calibration=shipped_calibration(),
                prepare=_as_it_is,
                ahead=None,
                settings=solving,
                hindsight=replace(solving, time_limit_s=HINDSIGHT_S),
            )
        )
        yield from _rows(found[-1])
    for row in tables(found)["paired"]:
        between = f"{row['saving_low_usd']} to {row['saving_high_usd']}"
        print(f"saving over {row['policy']}: {row['saving_usd']} USD, {between}, dearer {row['lost']} times", flush=True)


def _as_it_is(case: Case) -> Case:
    return case


def _rows(found: Replayed) -> Iterator[ResultRow]:
    best, size = found.hindsight, found.size
    costs = [(each.policy, each.cost_usd, each.unserved_share, each.seconds) for each in found.outcomes]
    for policy, cost, unserved, seconds in [*costs, (HINDSIGHT, best.cost_usd, best.unserved_share, best.seconds)]:
        yield ResultRow(
            suite=SUITE,
            case=found.history,
            size=f"{size.loads} x {size.pools} x {size.periods} x {size.blocks}",
            solver=policy,
            seconds=seconds,
            status="breaks a rule" if unserved is None else f"{100 * unserved:.2f} %",
            objective=math.nan if cost is None else cost,
            bound=best.bound_usd,
            best_known=best.cost_usd,
            ratio=math.nan if cost is None else cost / best.cost_usd,
        )
