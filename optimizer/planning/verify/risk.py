"""What dear scenarios add to a plan's objective, by the definition of CVaR as the least of v + E[(cost - v)+] / (1 - alpha).

Reference: Rockafellar and Uryasev, Optimization of conditional value-at-risk, 2000, theorem 1: the least is at one of the costs.
"""

from __future__ import annotations

import math

import numpy as np

from optimizer.domain.risk import Risk
from optimizer.domain.surface import Floats


def value_at_risk(costs: Floats, probability: Floats, alpha: float) -> float:
    """Least cost that is not exceeded with at least the probability alpha."""
    by_cost = sorted(zip(costs.tolist(), probability.tolist(), strict=True))
    reached = 0.0
    for cost, chance in by_cost:
        reached += chance
        if reached >= alpha:
            return float(cost)
    return float(by_cost[-1][0])


def conditional_value_at_risk(costs: Floats, probability: Floats, alpha: float) -> float:
    """USD, costs and probability by scenario, [S]."""
    pairs: list[tuple[float, float]] = list(zip(costs.tolist(), probability.tolist(), strict=True))

    def above(level: float) -> float:
        return level + math.fsum(chance * max(0.0, cost - level) for cost, chance in pairs) / (1.0 - alpha)

    return min(above(cost) for cost, _ in pairs)


def weights(costs: Floats, probability: Floats, risk: Risk) -> Floats:
    """What each scenario weighs in (1 - omega) expectation + omega CVaR, [S]; those at the value at risk share what the dearer leave."""
    level = value_at_risk(costs, probability, risk.alpha)
    dearer, at = costs > level, costs == level
    dear = np.where(dearer, probability / (1.0 - risk.alpha), 0.0)
    left = max(0.0, 1.0 - float(dear.sum()))
    dear = dear + np.where(at, probability * left / float(probability[at].sum()), 0.0)
    return np.asarray((1.0 - risk.omega) * probability + risk.omega * dear)
