"""Random multipliers for the tiny problems."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, prepare
from optimizer.pricing.coordinates import coordinates, multipliers_at
from optimizer.pricing.dual import dual_value, reference_scales
from optimizer.pricing.multipliers import Multipliers
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
