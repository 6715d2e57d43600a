"""CVaR in the objective: the level that dear scenarios exceed, and by how much each does.

    omega (v + sum_s pi_s / (1 - alpha) e_s),   e_s >= c_s - v,   e_s >= 0

c_s is what scenario s costs beyond what all scenarios cost alike, which needs no row: it adds to CVaR as it is. v and e have the finite
boxes that the boxes of all payments imply.

Reference: Rockafellar and Uryasev, Conditional value-at-risk for general loss distributions, 2002.
"""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.integer.columns import Columns
from optimizer.integer.objective import Payments
from optimizer.integer.rows import RowGroup, row_group


def dear_scenarios(
    problem: PlanningProblem, payments: tuple[Payments, ...], columns: Columns, unit: float
) -> tuple[list[RowGroup], Floats]:
    """The rows of CVaR, and the objective's USD per unit of all columns that it adds, [n]; no rows where risk does not count."""
    if problem.risk_neutral:
        return [], np.zeros(columns.count)
    lower, upper, _ = columns.boxes()
    scenarios = len(problem.scenarios)
    each_part = (_by_scenario(problem, part, unit) for part in payments)
    column, scenario, cost = (np.concatenate(parts) for parts in zip(*each_part, strict=True))
    least, most = (
        np.bincount(scenario, side(cost * lower[column], cost * upper[column]), scenarios) for side in (np.minimum, np.maximum)
    )
    each = np.ones(scenarios, dtype=np.bool_)
    level = columns.take(np.ones(1, dtype=np.bool_), lower=least.min(), upper=most.max())
    beyond = columns.take(each, upper=np.maximum(0.0, most - least.min()))
    rows = row_group(
        "dear scenarios",
        {"scenario": np.arange(scenarios)},
        (scenario, column, cost),
        (np.arange(scenarios), level, -1.0),
        (np.arange(scenarios), beyond, -1.0),
        upper=0.0,
        measure="USD",
        scale=unit,
    )
    usd = np.zeros(columns.count)
    usd[level] = problem.risk.omega * unit
    usd[beyond] = problem.risk.omega * unit * problem.probability / (1.0 - problem.risk.alpha)
    return [rows], usd


def _by_scenario(problem: PlanningProblem, part: Payments, unit: float) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Columns, scenarios and discounted units of money of payments that differ by scenario."""
    mine = part.scenario >= 0
    return part.column[mine], part.scenario[mine], part.cash[mine] * problem.discount[part.period[mine]] / unit
