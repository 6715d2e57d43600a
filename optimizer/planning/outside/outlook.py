"""How a plan stands up outside the scenarios that it was made for, as figures and as rows of the run's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.planning.calibration import Calibration
from optimizer.planning.outside.information import Information, worth_of_information
from optimizer.planning.outside.samples import Outside, outside
from optimizer.planning.outside.stress import Stress, stress_cases
from optimizer.planning.plan import PlanResult
from optimizer.scenarios.deviates import Correlation
from optimizer.solve.executor import Executor
from optimizer.solve.search import SolveSettings

Rows = Sequence[Mapping[str, Any]]
COLUMNS = {
    "risk": ("measure", "scenarios", "usd", "low_usd", "high_usd"),
    "stress": ("case", "what", "cost_usd", "more_usd", "more_unserved_accelerator_hours"),
}
"""Columns of the tables, in their order."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What was asked for; None or nothing else."""

    outside: Outside | None = None
    stress: tuple[Stress, ...] = ()
    information: Information | None = None


def outlook(
    result: PlanResult,
    calibration: Calibration,
    *,
    samples: int,
    correlation: Correlation,
    seed: int,
    stress: bool,
    information: SolveSettings | None,
    executor: Executor,
) -> Outlook:
    """
    Args:
      samples: scenarios outside the sample; 0: none.
      seed: of the scenarios planned for.
      information: how to solve each scenario alone; None: not at all.
    """
    case, problem, plan, verified = result.case, result.problem, result.plan, result.verification
    found = outside(case, problem, plan, calibration, count=samples, correlation=correlation, seed=seed) if samples else None
    worth = None
    if information is not None:
        worth = worth_of_information(
            problem,
            objective_usd=verified.expected_cost_usd,
            bound_usd=result.bound_usd if problem.risk_neutral else verified.sunk_usd,
            settings=information,
            executor=executor,
            decisions=plan.decisions,
        )
    return Outlook(outside=found, stress=stress_cases(problem, plan) if stress else (), information=worth)


def risk_rows(found: Outlook) -> Rows:
    """The table `risk`: estimates with their 95 % interval, and intervals that hold for sure, which have no estimate."""
    rows: list[dict[str, Any]] = []
    if found.outside is not None:
        for measure in ("mean", "p90", "cvar"):
            figure = getattr(found.outside, measure)
            told = {"usd": figure.usd, "low_usd": figure.low_usd, "high_usd": figure.high_usd}
            rows.append({"measure": measure, "scenarios": found.outside.scenarios, **told})
        running = {"usd": found.outside.running_usd, "low_usd": None, "high_usd": None}
        rows.append({"measure": "running_by_merit_order", "scenarios": None, **running})
    if found.information is not None:
        for measure in ("perfect_information", "stochastic_solution"):
            interval = getattr(found.information, measure)
            rows.append({"measure": measure, "scenarios": None, "usd": None, "low_usd": interval.low_usd, "high_usd": interval.high_usd})
    return rows


def stress_rows(found: Outlook) -> Rows:
    """The table `stress`."""
    return [
        {
            "case": each.name,
            "what": each.what,
            "cost_usd": each.cost_usd,
            "more_usd": each.more_usd,
            "more_unserved_accelerator_hours": each.more_unserved_hours,
        }
        for each in found.stress
    ]
