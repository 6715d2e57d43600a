"""Prices of capacity that come from elsewhere, such as a smaller program, and the bound that they prove."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.pricing.arrays import Prepared
from optimizer.pricing.bound import certify
from optimizer.pricing.coordinates import nothing
from optimizer.pricing.prices import Prices


def price_given(prepared: Prepared, problem: PlanningProblem, *, firm: Floats, any_kind: Floats, excess: Floats, short: Floats) -> Prices:
    """Prices that all scenarios pay alike, in proportion to their probability; no other rule has a price.

    Args:
      firm: [P, T, B] discounted USD per accelerator for the block, of capacity that is not spot.
      any_kind: [P, T, B] likewise, of capacity that may be spot.
      excess, short: [K, I] weights of the rows of take-or-pay and minimum spend.
    """

    def spread(price: Floats) -> Floats:
        each = price[..., None] * problem.probability / prepared.unit
        return np.asarray(each.reshape(*price.shape[:2], -1))

    def alike(weight: Floats) -> Floats:
        return np.repeat(weight[:, :, None], len(problem.probability), axis=2)

    spot_pool = np.asarray(prepared.double.supply.spot_pool)
    given = replace(
        nothing(prepared.single),
        firm=jnp.asarray(spread(firm)),
        spot=jnp.asarray(spread(any_kind)[spot_pool]),
        excess=jnp.asarray(alike(excess)),
        short=jnp.asarray(alike(short)),
    )
    return certify(prepared, given)
