"""What the best prices say to a walk; apart from it, as its process needs no JAX."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.weighing import at_prices
from optimizer.solve.climb import Priced
from optimizer.solve.walking import Guides

LEAST_SEEN = 0.5  # of a scenario's probability: where only the dearest count, a walk that is blind to the others makes them the dearest


def guides_from(problem: PlanningProblem, priced: Priced) -> Guides:
    """
    Args:
      priced: with pairs.
    """
    assert priced.pairs is not None
    least = np.full((len(problem.needs.loads), len(problem.periods)), np.inf)
    np.minimum.at(least, problem.needs.pair_load, priced.pairs.usd)
    finite = least[np.isfinite(least)]
    seen = np.maximum(at_prices(problem, priced.prices).probability, LEAST_SEEN * problem.probability)
    return Guides(
        excess=np.asarray(priced.prices.multipliers.excess),
        reduced_usd=priced.pairs.reduced_usd,
        load_usd=float(finite.mean()) if len(finite) else 0.0,
        chance=seen / seen.sum(),
    )
