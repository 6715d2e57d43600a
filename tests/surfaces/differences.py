"""Central differences, to hold gradients against."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from tests.tolerances import DIFFERENCE_STEP, GRADIENT_AGAINST_DIFFERENCES


def check_gradient(function: Callable[[jax.Array], jax.Array], at: np.ndarray) -> None:
    """The gradient of a scalar function of a vector agrees with central differences of relative step."""
    gradient = np.asarray(jax.grad(function)(jax.numpy.asarray(at)))
    assert np.isfinite(gradient).all()
    for i, value in enumerate(at):
        step = np.zeros_like(at)
        step[i] = DIFFERENCE_STEP * max(abs(value), 1.0 if value == 0.0 else 0.0)
        slope = float((function(jax.numpy.asarray(at + step)) - function(jax.numpy.asarray(at - step))) / (2.0 * step[i]))
        scale = max(abs(slope), abs(float(function(jax.numpy.asarray(at)))) / max(abs(value), 1.0) * 1e-3)
        assert abs(gradient[i] - slope) <= GRADIENT_AGAINST_DIFFERENCES * scale, (i, gradient[i], slope)
