"""The cheapest path of one load through its pools at given costs, with limits on when it may move."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints


def best_path(problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, may_enter: Bools) -> tuple[Ints, float]:
    """Cheapest path of a load through its pools and "not placed", by dynamic programming over periods.

        best[n, t] = cost[n, t] + min(best[n, t-1], min over m of (best[m, t-1] + leave[m]) + enter[n])

    Args:
      costs: [pairs, T] discounted USD of each pair in each period; inf: not allowed.
      unplaced: [T] discounted USD of not placing it.
      may_enter: [T] False where the load may not enter a pool at the start of the period.

    Returns:
      Pools by period, [T] with -1 for not placed, and the cost.
    """
    stay_cost = np.vstack([costs, unplaced])
    enter, leave, pools = _ends(problem, pairs)
    before = problem.placed_before[load]
    outside = pools < 0
    best = np.zeros(len(pools))
    if before >= 0:
        left = float(leave[pools == before].sum())  # leaving a pool that cannot serve the load any more is free
        entered = np.where(outside | may_enter[0], (left + enter) * problem.discount[0], np.inf)
        best = np.where(pools == before, 0.0, entered)
    best = best + stay_cost[:, 0]
    came = [np.arange(len(pools))]
    for t in range(1, stay_cost.shape[1]):
        source = int(np.argmin(best + leave * problem.discount[t]))
        changed = np.where(outside | may_enter[t], best[source] + (leave[source] + enter) * problem.discount[t], np.inf)
        came.append(np.where(changed < best, source, np.arange(len(pools))))
        best = np.minimum(best, changed) + stay_cost[:, t]
    at = int(np.argmin(best))
    cost, states = float(best[at]), []
    for step in reversed(came):
        states.append(at)
        at = int(step[at])
    return pools[states[::-1]], cost


def _ends(problem: PlanningProblem, pairs: Ints) -> tuple[Floats, Floats, Ints]:
    """Cost of entering and of leaving, and the pool, of each pair and, last, of "not placed"."""
    enter = np.append(problem.enter_cash[pairs], 0.0)
    leave = np.append(problem.leave_cash[pairs], 0.0)
    return enter, leave, np.append(problem.needs.pair_pool[pairs], -1)
