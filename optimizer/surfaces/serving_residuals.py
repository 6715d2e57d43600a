"""What the fitted equations leave over, by pair and by deployment: linear in known features, with a prior that the evidence sets.

    r(x) = sum over x's pair and deployment of  J(x) u + Phi(x) w + noise

J are the sensitivities of the log of a time to the log parameters, so that u lets the parameters deviate once more, to first order;
Phi is the basis of `serving_basis`. A group that was never measured has the prior: mean 0 and a wide interval. The noise has a part
that runs of one configuration share and a part of each run's own. Means are kept as weights; covariances through cells, points of a
coarse grid with the noise of as many runs as were measured near them. No measured run is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import cho_solve, solve_triangular

from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.serving import PARAMETER_NAMES
from optimizer.surfaces.serving_basis import COORDINATES, SIZE, TWO, features, repeated
from optimizer.surfaces.serving_groups import CONFIGURATION, DEPLOYMENT, PAIR

RESIDUAL_LEVELS = (PAIR, DEPLOYMENT)
SLOPES = len(PARAMETER_NAMES)
WIDTH = SLOPES + SIZE  # weights of one group
FREEDOM = 4.0  # degrees of freedom of a run's own noise: a Student t, by weights
JITTER = 1e-6  # added to the diagonal, log units squared
BARRED = 1e6  # variance of a row that only fills up a shape

Scales = dict[str, Array]  # logs of standard deviations, see `first_scales`


def first_scales(deployment_sd: float) -> Scales:
    """Centres of the priors of the scales, at which a fit starts; rows as in `RESIDUAL_LEVELS`."""
    surface = np.array([0.08] + [0.06] * (len(COORDINATES) + len(TWO)))
    values = {
        "slopes": np.array([[0.12] * SLOPES, [deployment_sd] * SLOPES]),
        "surface": np.stack([surface, surface]),
        "configuration": np.array(0.06),
        "drift": np.array(0.05),
        "drift_length": np.array(1.0),
        "noise": np.array(0.05),
    }
    return {name: jnp.log(jnp.asarray(value)) for name, value in values.items()}


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class View:
    """Runs as the residuals see them, [N]."""

    columns: Array  # [N, WIDTH] what the weights multiply: d ln time / d ln parameter, then the basis at the place
    place: Array  # [N, 5] coordinates of `serving_basis`
    groups: Array  # [N, 7] codes of `serving_groups.LEVELS`


@jax.jit
def view_columns(slopes: Array, place: Array) -> Array:
    """[N, WIDTH] of sensitivities [N, SLOPES] and places [N, 5]."""
    return jnp.concatenate([slopes, features(tuple(place.T))], axis=1)


def prior_variances(scales: Scales) -> Array:
    """Of the weights of a group at each of `RESIDUAL_LEVELS`, [2, WIDTH]."""
    return jnp.exp(2.0 * jnp.concatenate([scales["slopes"], repeated(scales["surface"])], axis=1))


def covariance(scales: Scales, one: View, other: View) -> Array:
    """Of the residuals without noise, [N, M]."""
    left, right = one.columns, other.columns
    total = jnp.zeros((left.shape[0], right.shape[0]))
    for variances, level in zip(prior_variances(scales), RESIDUAL_LEVELS, strict=True):
        total = total + jnp.where(_same(one, other, level), (left * variances[None, :]) @ right.T, 0.0)
    return total


def noise_covariance(scales: Scales, runs: View, weights: Array) -> Array:
    """Of the noise, [N, N]: shared by runs of a configuration, drifting with concurrency, and each run's own, times `weights` [N]."""
    apart = (runs.place[:, :1] - runs.place[None, :, 0]) / jnp.exp(scales["drift_length"])
    shared = jnp.exp(2.0 * scales["configuration"]) + jnp.exp(2.0 * scales["drift"] - 0.5 * jnp.square(apart))
    return jnp.where(_same(runs, runs, CONFIGURATION), shared, 0.0) + jnp.diag(jnp.exp(2.0 * scales["noise"]) * weights + JITTER)


def noise_variance(scales: Scales) -> Array:
    """Of a run of a new configuration, []."""
    return jnp.exp(2.0 * scales["configuration"]) + jnp.exp(2.0 * scales["drift"]) + jnp.exp(2.0 * scales["noise"])


def negative_log_evidence(scales: Scales, runs: View, residual: Array, barred: Array, deployment_sd: Array) -> Array:
    """-ln p(residual | scales) p(scales) up to a constant; scales are log-normal around `first_scales`, of width 1."""
    factor = jnp.linalg.cholesky(
        covariance(scales, runs, runs) + noise_covariance(scales, runs, jnp.ones_like(residual)) + jnp.diag(barred)
    )
    white = solve_triangular(factor, residual, lower=True)
    centres = first_scales(1.0)
    centres = centres | {"slopes": centres["slopes"].at[1].add(jnp.log(deployment_sd))}
    prior = sum(jnp.sum(jnp.square(scales[name] - centre)) for name, centre in centres.items())
    return 0.5 * (white @ white) + jnp.sum(jnp.log(jnp.diag(factor))) + 0.5 * prior


@jax.jit
def conditioned(scales: Scales, runs: View, residual: Array, barred: Array) -> tuple[Array, Array]:
    """`solved_for` under the prior, with variances `barred` [N] of rows that only fill up a shape."""
    solved: tuple[Array, Array] = solved_for(scales, runs, covariance(scales, runs, runs) + jnp.diag(barred), residual)
    return solved


@jax.jit
def solved_for(scales: Scales, runs: View, signal: Array, residual: Array) -> tuple[Array, Array]:
    """(signal + noise)^-1 residual, [N], with the noise reweighted once to a Student t, and those noise weights, [N]."""
    flat = jnp.ones_like(residual)
    first = cho_solve((jnp.linalg.cholesky(signal + noise_covariance(scales, runs, flat)), True), residual)
    noise = student_weights(scales, first, flat)
    return cho_solve((jnp.linalg.cholesky(signal + noise_covariance(scales, runs, noise)), True), residual), noise


def student_weights(scales: Scales, solved: Array, weights: Array) -> Array:
    """Multiples of the noise variance with which outliers lose their say: one step of expectation-maximisation, [N]."""
    left = jnp.exp(scales["noise"]) * weights * solved  # in standard deviations of the noise
    return (FREEDOM + jnp.square(left)) / (FREEDOM + 1.0)


@jax.jit
def _moved(scales: Scales, runs: View, solved: Array) -> Array:
    """[2, N, WIDTH]: prior covariance of the weights of a run's groups with its residual, times `solved`."""
    return prior_variances(scales)[:, None, :] * (runs.columns * solved[:, None])[None, :, :]


def group_weights(scales: Scales, runs: View, solved: Array, counts: tuple[int, int]) -> tuple[Floats, Floats]:
    """Weights of all pairs and of all deployments, [groups, WIDTH] each, of runs with `solved` [N]."""
    tables = []
    for moved, level, count in zip(np.asarray(_moved(scales, runs, solved)), RESIDUAL_LEVELS, counts, strict=True):
        code = np.asarray(runs.groups)[:, level]
        table = np.zeros((count, WIDTH))
        np.add.at(table, code[code >= 0], moved[code >= 0])
        tables.append(table)
    return tables[0], tables[1]


def gathered(tables: Sequence[Floats], levels: Sequence[int], groups: Ints) -> Floats:
    """Sum over levels of the rows of each run's groups, [N, ...]; 0 for groups without a row."""
    total = np.zeros((len(groups), tables[0].shape[1]))
    for table, level in zip(tables, levels, strict=True):
        code = groups[:, level]
        known = (code >= 0) & (code < len(table))
        total[known] += table[code[known]]
    return total


@jax.jit
def posterior_covariance(scales: Scales, cells: View, cell_noise: Array, one: View, other: View) -> Array:
    """Of the residuals without noise, given measurements in cells, [N, M]."""
    factor = _cell_factor(scales, cells, cell_noise)
    left = solve_triangular(factor, covariance(scales, cells, one), lower=True)
    right = solve_triangular(factor, covariance(scales, cells, other), lower=True)
    return covariance(scales, one, other) - left.T @ right


@jax.jit
def posterior_variance(scales: Scales, cells: View, cell_noise: Array, runs: View) -> Array:
    """Of new measurements, noise included, [N]."""
    white = solve_triangular(_cell_factor(scales, cells, cell_noise), covariance(scales, cells, runs), lower=True)
    prior = jnp.square(runs.columns) @ jnp.sum(prior_variances(scales), axis=0)
    return jnp.maximum(prior - jnp.sum(jnp.square(white), axis=0), 0.0) + noise_variance(scales)


@jax.jit
def seen_through_cells(scales: Scales, cells: View, cell_noise: Array, runs: View, solved: Array) -> Array:
    """(K_cells + noise)^-1 K_cells,runs solved, [cells]: what a cell already explains of new runs."""
    moved = covariance(scales, cells, runs) @ solved
    explained: Array = cho_solve((_cell_factor(scales, cells, cell_noise), True), moved)
    return explained


def _cell_factor(scales: Scales, cells: View, cell_noise: Array) -> Array:
    factor: Array = jnp.linalg.cholesky(covariance(scales, cells, cells) + jnp.diag(cell_noise))
    return factor


def _same(one: View, other: View, level: int) -> Array:
    left, right = one.groups[:, level][:, None], other.groups[:, level][None, :]
    same: Array = (left == right) & (left >= 0)
    return same
