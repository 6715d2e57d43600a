"""The serving equations around a fit: log times, and their sensitivities to the log parameters, as the residuals see them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.surface import Floats
from optimizer.surfaces.serving_basis import place_of
from optimizer.surfaces.serving_fit import filled, log_times
from optimizer.surfaces.serving_groups import DEPLOYMENT, ServingRuns
from optimizer.surfaces.serving_residuals import View, gathered, view_columns


def linearised(
    theta: Floats, tables: Sequence[Floats], runs: ServingRuns, multiple: int
) -> tuple[tuple[Floats, Floats], tuple[View, View]]:
    """For TPOT and for TTFT: ln f carried back to no offset of the deployment along its tangent, [N], and the runs' view.

    The residuals hold the deployment's offset once more, so the part that the fit found must not count twice.
    """
    groups = np.asarray(runs.groups)
    count = len(groups)
    rows = max(-(-count // multiple), 1) * multiple
    logs = theta + gathered(tables, range(len(tables)), groups)
    own = gathered(tables[DEPLOYMENT : DEPLOYMENT + 1], [DEPLOYMENT], groups)
    filling = jax.tree.map(lambda leaf: jnp.asarray(filled(leaf, rows)), (logs, own, runs))
    bases, both, place = jax.tree.map(lambda leaf: np.asarray(leaf)[:count], _tangents(*filling))
    tpot, ttft = (View(columns=columns, place=place, groups=groups) for columns in both)  # type: ignore[arg-type]
    return bases, (tpot, ttft)


@jax.jit
def _tangents(logs: Array, own: Array, runs: ServingRuns) -> tuple[tuple[Array, ...], tuple[Array, ...], Array]:
    times = log_times(logs, runs)
    place = place_of(runs.concurrency, runs.lengths.prompt, runs.lengths.output, runs.parallel, runs.expert_parallel)
    # Rows are independent: the gradient of a sum over rows is the sensitivity of each.
    slopes = tuple(jax.grad(lambda at, which=which: jnp.sum(log_times(at, runs)[:, which]))(logs) for which in (0, 1))
    bases = tuple(times[:, which] - jnp.sum(slope * own, axis=1) for which, slope in enumerate(slopes))
    at = jnp.stack(place, axis=1)
    return bases, tuple(view_columns(slope, at) for slope in slopes), at
