"""How much a plan fears its dear scenarios: (1 - omega) expectation + omega CVaR_alpha, and the weights of scenarios that say the same.

CVaR_alpha is the mean of the dearest 1 - alpha of probability. Both together are the largest mean that weights of this envelope can give:

    w = (1 - omega) pi + omega q,   0 <= q <= pi / (1 - alpha),   sum q = 1

so that any weights of the envelope bound the objective of every plan from below, and the worst ones for a plan are its objective.

Reference: Rockafellar and Uryasev, Conditional value-at-risk for general loss distributions, 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Risk:
    """Weight and level of CVaR in the objective."""

    omega: float = 0.0  # [0, 1]; 0: the expectation alone
    alpha: float = 0.95  # [0, 1)

    def weights(self, probability: Floats, costs: Floats) -> Floats:
        """The weights of the envelope under which these costs weigh most, [S]: their mean is the objective.

        Args:
          probability: [S]
          costs: [S] USD in each scenario.
        """
        if self.omega == 0.0:
            return probability
        return np.asarray((1.0 - self.omega) * probability + self.omega * tail(probability, costs, self.alpha))


RISK_NEUTRAL = Risk()


def tail(probability: Floats, costs: Floats, alpha: float) -> Floats:
    """How CVaR weighs scenarios, [S]: the dearest 1 - alpha of probability, scaled up to 1. Of equals the first count first."""
    rest, weights = 1.0, np.zeros(len(costs))
    for s in np.argsort(-costs, kind="stable"):
        weights[s] = min(rest, float(probability[s]) / (1.0 - alpha))
        rest -= float(weights[s])
    return weights
