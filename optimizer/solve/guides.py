"""What the best prices say to a walk; apart from it, as its process needs no JAX."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem, pair_slots
from optimizer.domain.surface import Floats
from optimizer.pricing.weighing import at_prices
from optimizer.solve.climb import Priced
from optimizer.solve.walking import Guides

LEAST_SEEN = 0.5  # of a scenario's probability: where only the dearest count, a walk that is blind to the others makes them the dearest
RANKS = 3.0  # pairs of a load by cost at the prices: each is less likely than the one before by exp(-1 / RANKS)


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
        likely=_likely(problem, priced.pairs.reduced_usd),
        load_usd=float(finite.mean()) if len(finite) else 0.0,
        chance=seen / seen.sum(),
    )


def _likely(problem: PlanningProblem, reduced_usd: Floats) -> Floats:
    """Logarithm of how likely each pair is looked at, by its rank among those of its load, [N, T]."""
    slot, depth = pair_slots(problem)
    load = problem.needs.pair_load
    by_load = np.full((len(problem.needs.loads), depth, len(problem.periods)), np.inf)
    by_load[load, slot] = reduced_usd
    rank = by_load.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return np.asarray(-rank[load, slot] / RANKS)
