"""Random multipliers for the tiny problems."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, device_arrays, prepare
from optimizer.pricing.coordinates import coordinates, multipliers_at
from optimizer.pricing.dual import dual_value, reference_scales
from optimizer.pricing.multipliers import Multipliers, price_caps
from optimizer.pricing.sensitivity import AT_CAP
from tests.pricing.cases import problem_with

MOST = 1000  # coordinates of any tiny problem


exact_value = jax.jit(dual_value)
smooth_value = jax.jit(lambda arrays, at, temperature: dual_value(arrays, at, (reference_scales(arrays), temperature)))


@jax.jit
def _at(arrays: Arrays, shares: Array) -> Multipliers:
    box = coordinates(arrays)
    upper = ravel_pytree(box.upper)[0]
    return multipliers_at(arrays, box, shares[: upper.shape[0]] * jnp.minimum(upper, 3.0))


def random_multipliers(arrays: Arrays, seed: int, scale: float = 1.0) -> Multipliers:
    """Anywhere in the box, and with a scale other than 1 perhaps outside it."""
    shares = np.random.default_rng(seed).uniform(0.0, 1.0, MOST)
    return jax.tree.map(lambda leaf: leaf * scale, _at(arrays, jnp.asarray(shares)))


@cache
def prepared_with(change: str, seed: int) -> Prepared:
    """A tiny problem on the device, laid out once for all tests."""
    return prepare(problem_with(change, seed))


def dual_point(change: str, seed: int) -> tuple[PlanningProblem, Arrays, Multipliers]:
    """A tiny problem, its arrays in double precision, and multipliers inside their box."""
    arrays = prepared_with(change, seed).double
    return problem_with(change, seed), arrays, random_multipliers(arrays, seed)


def value_after(prepared: Prepared, at: Multipliers, changed: PlanningProblem) -> float:
    """USD of the dual of a changed problem at multipliers inside the box of the one prepared; prices at their cap move with it."""
    with jax.enable_x64(True):
        caps, arrays = price_caps(prepared.double, at), device_arrays(changed, prepared.unit)
        firm, spot = (
            jnp.where(price >= cap * (1.0 - AT_CAP), price * (new / cap), price)
            for price, cap, new in zip((at.firm, at.spot), caps, price_caps(arrays, at), strict=True)
        )
        pools = arrays.supply.spot_pool
        tied = (at.spot >= at.firm[pools] * (1.0 - AT_CAP)) & (spot == at.spot)
        moved = replace(at, firm=firm, spot=jnp.where(tied, firm[pools], spot))
        return prepared.unit * float(exact_value(arrays, moved))
