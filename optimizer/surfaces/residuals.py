"""What the equations leave over: a Gaussian process over runs, one for each time, conditioned on measured runs.

Its covariance has two kinds of terms for every grouping of runs: the parameters of the equations deviate from group to group
(by the sensitivities of the time to them), and a smooth surface over the run's lengths, concurrency and parallelism. New
measurements are conditioned on without a new fit, a mean is differentiable in every input, and a variance grows away from the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import cho_solve, solve_triangular

OFFSET_LEVELS = (0, 1, 2, 3, 5)  # levels whose groups have parameters of their own: all but pair and configuration
SURFACE_LEVELS = (1, 2, 4, 5)  # levels whose groups have a smooth surface of their own: software, model, pair, deployment
CONFIGURATION = 6
JITTER = 1e-6  # variance added to the diagonal, log units squared
FREEDOM = 4.0  # degrees of freedom of the noise: a Student t, by weights

Scales = dict[str, Array]  # logarithms of the standard deviations and lengths of the covariance


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Traits:
    """A run as the covariance sees it."""

    place: Array  # [N, 5] logs of concurrency, prompt, output and parallelism; 1 with expert parallelism
    regime: Array  # [N, 7] which term of the equations governs, standardised
    sensitivity: Array  # [N, P] d ln time / d ln parameter
    groups: Array  # [N, 7] codes


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Process:
    """A process conditioned on N runs."""

    scales: Scales
    runs: Traits
    noise: Array  # [N] weights of the noise variance; 1: as good as any
    factor: Array  # [N, N] lower Cholesky factor of the covariance
    weights: Array  # [N] covariance^-1 residual


def first_scales(parameters: int) -> Scales:
    """Centres of the priors of the scales, at which a fit starts."""
    lengths = jnp.array([1.5, 1.5, 1.5, 1.0, 1.0])
    values: dict[str, Any] = {
        "offset": jnp.full((len(OFFSET_LEVELS), parameters), 0.15),
        "surface": jnp.full(1 + len(SURFACE_LEVELS), 0.12),
        "constant": jnp.full(1 + len(SURFACE_LEVELS), 0.08),
        "length": jnp.tile(lengths, (len(SURFACE_LEVELS), 1)),
        "regime_length": jnp.full(7, 2.0),
        "configuration_constant": jnp.array(0.06),
        "configuration": jnp.array(0.05),
        "configuration_length": jnp.array(1.0),
        "noise": jnp.array(0.05),
    }
    return {name: jnp.log(value) for name, value in values.items()}


def covariance(scales: Scales, one: Traits, other: Traits) -> Array:
    """Covariance of the log residuals of two sets of runs, [N, M].

    k = sum_g [same g] (sum_p s_gp^2 J_p J_p' + a_g^2 exp(-|z - z'|^2 / 2) + c_g^2),  z over its lengths
    """

    def same(level: int) -> Array:
        left, right = one.groups[:, level][:, None], other.groups[:, level][None, :]
        return (left == right) & (left >= 0)

    total = _bump(one.regime, other.regime, scales["surface"][0], scales["regime_length"]) + jnp.exp(2.0 * scales["constant"][0])
    for row, level in enumerate(OFFSET_LEVELS):
        total += same(level) * ((one.sensitivity * jnp.exp(2.0 * scales["offset"][row])) @ other.sensitivity.T)
    for row, level in enumerate(SURFACE_LEVELS):
        surface = _bump(one.place, other.place, scales["surface"][row + 1], scales["length"][row])
        total += same(level) * (surface + jnp.exp(2.0 * scales["constant"][row + 1]))
    drift = _bump(one.place[:, :1], other.place[:, :1], scales["configuration"], scales["configuration_length"])
    return total + same(CONFIGURATION) * (drift + jnp.exp(2.0 * scales["configuration_constant"]))


def prior_variance(scales: Scales, runs: Traits) -> Array:
    """Variance before any measurement, [N]: the diagonal of `covariance` for known groups."""
    total = jnp.sum(jnp.exp(2.0 * scales["surface"])) + jnp.sum(jnp.exp(2.0 * scales["constant"]))
    total += jnp.exp(2.0 * scales["configuration"]) + jnp.exp(2.0 * scales["configuration_constant"])
    return total + jnp.square(runs.sensitivity) @ jnp.sum(jnp.exp(2.0 * scales["offset"]), axis=0)


def negative_log_evidence(scales: Scales, runs: Traits, residual: Array, noise: Array) -> Array:
    """-ln p(residual | scales) p(scales), up to a constant; the scales have log-normal priors of width 1 around `first_scales`."""
    factor = _factor(scales, runs, noise)
    white = solve_triangular(factor, residual, lower=True)
    centre = first_scales(runs.sensitivity.shape[1])
    prior = sum(jnp.sum(jnp.square(scales[name] - centre[name])) for name in centre)
    return 0.5 * (white @ white) + jnp.sum(jnp.log(jnp.diag(factor))) + 0.5 * prior


@jax.jit
def condition(scales: Scales, runs: Traits, residual: Array, noise: Array) -> Process:
    """The process given residuals [N] in logs, whose noise variance is multiplied by `noise` [N]."""
    factor = _factor(scales, runs, noise)
    return Process(scales=scales, runs=runs, noise=noise, factor=factor, weights=cho_solve((factor, True), residual))


@jax.jit
def noise_weights(process: Process) -> Array:
    """Weights of the noise that make it a Student t: outliers lose their say. One step of expectation-maximisation, [N]."""
    left = jnp.exp(process.scales["noise"]) * process.noise * process.weights  # in standard deviations of the noise
    return (FREEDOM + jnp.square(left)) / (FREEDOM + 1.0)


@jax.jit
def mean(process: Process, runs: Traits) -> Array:
    """Expected log residual, [M]."""
    return covariance(process.scales, runs, process.runs) @ process.weights


@jax.jit
def variance(process: Process, runs: Traits) -> Array:
    """Variance of a new measurement's log residual, [M]."""
    white = solve_triangular(process.factor, covariance(process.scales, runs, process.runs).T, lower=True)
    known = jnp.sum(jnp.square(white), axis=0)
    spread = prior_variance(process.scales, runs) - known
    return jnp.maximum(spread, 0.0) + jnp.exp(2.0 * process.scales["noise"])


def joined(one: Traits, other: Traits) -> Traits:
    """Runs of both."""
    both: Traits = jax.tree.map(lambda left, right: jnp.concatenate([left, right]), one, other)
    return both


def taken(runs: Traits, rows: np.ndarray) -> Traits:
    """The runs at `rows`."""
    part: Traits = jax.tree.map(lambda column: column[rows], runs)
    return part


def _factor(scales: Scales, runs: Traits, noise: Array) -> Array:
    diagonal = jnp.exp(2.0 * scales["noise"]) * noise + JITTER
    factor: Array = jnp.linalg.cholesky(covariance(scales, runs, runs) + jnp.diag(diagonal))
    return factor


def _bump(one: Array, other: Array, log_height: Array, log_length: Array) -> Array:
    """a^2 exp(-|z - z'|^2 / 2), [N, M], by one matrix product."""
    left, right = one / jnp.exp(log_length), other / jnp.exp(log_length)
    apart = jnp.sum(left * left, axis=1)[:, None] + jnp.sum(right * right, axis=1)[None, :] - 2.0 * left @ right.T
    return jnp.exp(2.0 * log_height - 0.5 * jnp.maximum(apart, 0.0))
