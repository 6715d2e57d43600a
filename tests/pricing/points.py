"""Random multipliers for the tiny problems."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, prepare
from optimizer.pricing.coordinates import coordinates, multipliers_at
from optimizer.pricing.multipliers import Multipliers
from tests.pricing.cases import problem_with


def random_multipliers(arrays: Arrays, seed: int, scale: float = 1.0) -> Multipliers:
    """Anywhere in the box, and with a scale other than 1 perhaps outside it."""
    box = coordinates(arrays)
    upper = ravel_pytree(box.upper)[0]
    rng = np.random.default_rng(seed)
    point = jnp.asarray(rng.uniform(0.0, 1.0, upper.shape), dtype=upper.dtype) * jnp.minimum(upper, 3.0)
    return jax.tree.map(lambda leaf: leaf * scale, multipliers_at(arrays, box, point))


def dual_point(change: str, seed: int) -> tuple[PlanningProblem, Arrays, Multipliers]:
    """A tiny problem, its arrays in double precision, and multipliers inside their box."""
    problem = problem_with(change, seed)
    arrays = prepare(problem).double
    return problem, arrays, random_multipliers(arrays, seed)
