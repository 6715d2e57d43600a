"""Fits the serving model to measured runs, predicts new ones with their uncertainty, and takes further measurements in.

    ln T(x) = ln f(x; theta + offsets of x's groups) + r(x),      T = TTFT, TPOT

First theta and the offsets: a maximum a posteriori fit with a Huber loss. Then r, with the offsets freed again to first
order, by a Gaussian process (see `residuals`) whose scales maximise the evidence. A group that was never seen has no offset,
and its variance says so. Conformal factors stretch the intervals to the coverage that they have on runs held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from optimizer.surfaces.residuals import (
    OFFSET_LEVELS,
    Process,
    Scales,
    Traits,
    condition,
    first_scales,
    joined,
    mean,
    negative_log_evidence,
    noise_weights,
    taken,
    variance,
)
from optimizer.surfaces.serving_form import NAMES, PARAMETERS, ServingRuns, replica_times

Tree = TypeVar("Tree")

OFFSET_SD = (0.25, 0.4, 0.3, 0.0, 0.2)  # prior of the logs of a group's factors, by `OFFSET_LEVELS`; 0: left to the process
THETA_SD = 1.0  # prior of the logs of the parameters around `PARAMETERS`
TPOT_SCALE, TTFT_SCALE = 0.15, 0.35  # log errors at which the Huber loss turns from square to linear
FLOOR = -4.0  # of the logs of a run's regime: a term below 2 % says no more by getting smaller


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How long to fit and on how much."""

    parameter_steps: int = 300
    scale_steps: int = 40
    scale_rounds: int = 2  # the noise weights are renewed after each
    scale_runs: int = 600  # runs on which the scales are fitted; all runs are conditioned on
    seed: int = 0


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A fitted serving model."""

    theta: Array  # [P] logs, as in `PARAMETERS`
    offsets: tuple[Array, ...]  # [groups, P] logs, for each of `OFFSET_LEVELS`
    regime_mean: Array  # [7]
    regime_sd: Array  # [7]
    tpot: Process
    ttft: Process


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Medians, and standard deviations of the logarithms of one new measurement, [N]."""

    tpot_s: Array
    ttft_s: Array
    tokens_per_s: Array  # prompt and output, per accelerator
    tpot_log_sd: Array
    ttft_log_sd: Array
    tokens_log_sd: Array  # the errors of both times taken as fully correlated, the cautious case


def calibrate(runs: ServingRuns, tpot_s: np.ndarray, ttft_s: np.ndarray, settings: FitSettings | None = None) -> Calibration:
    """The calibration to measured runs, [N], in float64.

    Args:
      runs:   measured runs; codes of `groups` count from 0 at every level.
      tpot_s: [N] mean time per output token after the first.
      ttft_s: [N] mean time to first token.
    """
    settings = settings or FitSettings()
    with jax.enable_x64(True):
        runs, measured = _double(runs), (jnp.log(jnp.asarray(tpot_s, jnp.float64)), jnp.log(jnp.asarray(ttft_s, jnp.float64)))
        theta, offsets = _fit_parameters(runs, measured, settings)
        regime = jnp.maximum(replica_times(_log_parameters(theta, offsets, runs), runs).traits, FLOOR)
        centre, sd = jnp.mean(regime, axis=0), jnp.maximum(jnp.std(regime, axis=0), 1e-3)
        (tpot_traits, tpot_mean), (ttft_traits, ttft_mean) = _linearised(theta, offsets, centre, sd, runs)
        tpot = _fit_process(tpot_traits, measured[0] - tpot_mean, settings)
        ttft = _fit_process(ttft_traits, measured[1] - ttft_mean, settings)
        return Calibration(theta=theta, offsets=offsets, regime_mean=centre, regime_sd=sd, tpot=tpot, ttft=ttft)


def updated(calibration: Calibration, runs: ServingRuns, tpot_s: np.ndarray, ttft_s: np.ndarray) -> Calibration:
    """The calibration with further measured runs taken in: nothing is fitted again.

    Codes of groups that the calibration knows must be kept; those of new groups count on from there.
    """
    with jax.enable_x64(True):
        runs = _double(runs)
        views = _linearised(calibration.theta, calibration.offsets, calibration.regime_mean, calibration.regime_sd, runs)
        processes = []
        for old, seconds, (traits, centre) in zip((calibration.tpot, calibration.ttft), (tpot_s, ttft_s), views, strict=True):
            noise = jnp.concatenate([old.noise, jnp.ones(traits.groups.shape[0])])
            known = _residuals(old)
            residual = jnp.concatenate([known, jnp.log(jnp.asarray(seconds, jnp.float64)) - centre])
            processes.append(condition(old.scales, joined(old.runs, traits), residual, noise))
        return Calibration(
            theta=calibration.theta,
            offsets=calibration.offsets,
            regime_mean=calibration.regime_mean,
            regime_sd=calibration.regime_sd,
            tpot=processes[0],
            ttft=processes[1],
        )


def predict(calibration: Calibration, runs: ServingRuns) -> Prediction:
    """What the runs take. Differentiable in every input but the codes; call it under x64 for the variance's sake."""
    views = _linearised(calibration.theta, calibration.offsets, calibration.regime_mean, calibration.regime_sd, runs)
    (tpot_traits, tpot_mean), (ttft_traits, ttft_mean) = views
    tpot = jnp.exp(tpot_mean + mean(calibration.tpot, tpot_traits))
    ttft = jnp.exp(ttft_mean + mean(calibration.ttft, ttft_traits))
    tpot_sd = jnp.sqrt(variance(calibration.tpot, tpot_traits))
    ttft_sd = jnp.sqrt(variance(calibration.ttft, ttft_traits))
    whole = ttft + (runs.lengths.output - 1.0) * tpot
    tokens = runs.concurrency * (runs.lengths.prompt + runs.lengths.output) / (whole * runs.parallel)
    first = ttft / whole
    return Prediction(
        tpot_s=tpot,
        ttft_s=ttft,
        tokens_per_s=tokens,
        tpot_log_sd=tpot_sd,
        ttft_log_sd=ttft_sd,
        tokens_log_sd=first * ttft_sd + (1.0 - first) * tpot_sd,
    )


def conformal_factor(log_error: np.ndarray, log_sd: np.ndarray, coverage: float = 0.9) -> float:
    """Standard deviations either side of a prediction that cover the share `coverage` of runs held out.

        k-th smallest |error| / sd,  k = ceil((N + 1) coverage)

    Use one factor for runs of known pairs and one for runs of others: they come from different hold-outs.

    Args:
      log_error: [N] log of measured over predicted.
      log_sd:    [N] predicted standard deviation.
    """
    scores = np.sort(np.abs(log_error) / log_sd)
    rank = int(np.ceil((scores.size + 1) * coverage)) - 1
    return float(scores[min(rank, scores.size - 1)])


def _log_parameters(theta: Array, offsets: tuple[Array, ...], runs: ServingRuns) -> Array:
    """[N, P]; a group without offsets, new or never seen, has none."""
    return theta + _offset(offsets, runs)


def _offset(offsets: tuple[Array, ...], runs: ServingRuns) -> Array:
    total = jnp.zeros(())
    for level, table in zip(OFFSET_LEVELS, offsets, strict=True):
        code = runs.groups[:, level]
        known = (code >= 0) & (code < table.shape[0])
        total += jnp.where(known[:, None], table[jnp.where(known, code, 0)], 0.0)
    return total


def _linearised(
    theta: Array, offsets: tuple[Array, ...], centre: Array, sd: Array, runs: ServingRuns
) -> tuple[tuple[Traits, Array], tuple[Traits, Array]]:
    """For TPOT and for TTFT: the runs as the covariance sees them, and the mean [N] to which a process is added.

    The mean is ln f - J offset: the equations at the fitted offsets, carried back to none along their tangent, because the
    process holds the offsets once more as J delta.
    """
    offset = _offset(offsets, runs) + jnp.zeros((runs.concurrency.shape[0], len(NAMES)))

    def both(logs: Array) -> tuple[tuple[Array, Array], Array]:
        times = replica_times(logs, runs)
        return (times.log_tpot, times.log_ttft), times.traits

    logs = theta + offset
    values, regime = both(logs)
    # Rows are independent: the gradient of a sum over rows is the sensitivity of each.
    slopes = [jax.grad(lambda at, which=which: jnp.sum(both(at)[0][which]))(logs) for which in (0, 1)]
    place = (runs.concurrency, runs.lengths.prompt, runs.lengths.output, runs.parallel)
    where = jnp.stack([*(jnp.log(column) for column in place), jnp.where(runs.expert_parallel > 1.0, 1.0, 0.0)], axis=1)
    scaled = (jnp.maximum(regime, FLOOR) - centre) / sd
    views = [
        (Traits(place=where, regime=scaled, sensitivity=slope, groups=runs.groups), value - jnp.sum(slope * offset, axis=1))
        for value, slope in zip(values, slopes, strict=True)
    ]
    return views[0], views[1]


def _fit_parameters(runs: ServingRuns, measured: tuple[Array, Array], settings: FitSettings) -> tuple[Array, tuple[Array, ...]]:
    """Parameters and offsets with the highest posterior. Offsets are fitted in standard deviations."""
    centre = jnp.log(jnp.asarray(list(PARAMETERS.values())))
    counts = [int(np.max(np.asarray(runs.groups)[:, level])) + 1 for level in OFFSET_LEVELS]

    def tables(scaled: list[Array]) -> tuple[Array, ...]:
        return tuple(sd * table for sd, table in zip(OFFSET_SD, scaled, strict=True))

    def loss(guess: tuple[Array, list[Array]]) -> Array:
        theta, scaled = guess
        times = replica_times(_log_parameters(theta, tables(scaled), runs), runs)
        tpot = optax.huber_loss((times.log_tpot - measured[0]) / TPOT_SCALE)
        ttft = optax.huber_loss((times.log_ttft - measured[1]) / TTFT_SCALE)
        prior = jnp.sum(jnp.square((theta - centre) / THETA_SD)) + sum(jnp.sum(jnp.square(table)) for table in scaled)
        return jnp.sum(tpot + ttft) + 0.5 * prior

    start = (centre, [jnp.zeros((count, len(NAMES))) for count in counts])
    theta, scaled = _minimised(loss, start, settings.parameter_steps)
    return theta, tables(scaled)


def _fit_process(traits: Traits, residual: Array, settings: FitSettings) -> Process:
    """The process whose scales have the highest evidence on a sample of whole configurations."""
    sample = _sample(np.asarray(traits.groups)[:, -1], settings)
    part = taken(traits, sample)
    scales, noise = first_scales(len(NAMES)), jnp.ones_like(residual)
    for _ in range(settings.scale_rounds):
        weights = noise[sample]

        def loss(guess: Scales, weights: Array = weights) -> Array:
            return negative_log_evidence(guess, part, residual[sample], weights)

        scales = _minimised(loss, scales, settings.scale_steps)
        noise = noise_weights(condition(scales, traits, residual, noise))
    process: Process = condition(scales, traits, residual, noise)
    return process


def _sample(configuration: np.ndarray, settings: FitSettings) -> np.ndarray:
    """Rows of configurations drawn at random until there are `scale_runs`."""
    order = np.random.default_rng(settings.seed).permutation(int(configuration.max()) + 1)
    rank = np.argsort(order)
    return np.argsort(rank[configuration], kind="stable")[: settings.scale_runs]


def _residuals(process: Process) -> Array:
    """The residuals that a process was conditioned on: covariance times weights."""
    return process.factor @ (process.factor.T @ process.weights)


def _double(runs: ServingRuns) -> ServingRuns:
    """Quantities in float64; codes stay integers."""

    def cast(column: Any) -> Array:
        array = np.asarray(column)
        return jnp.asarray(array if np.issubdtype(array.dtype, np.integer) else array.astype(np.float64))

    converted: ServingRuns = jax.tree.map(cast, runs)
    return converted


def _minimised(loss: Callable[[Any], Array], start: Tree, steps: int) -> Tree:
    """Where L-BFGS is after `steps` steps, or earlier if it stands still."""
    solver = optax.lbfgs(memory_size=20)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: tuple[Any, Any, Array, Array]) -> tuple[Any, Any, Array, Array]:
        point, state, count, _ = carry
        value, gradient = value_and_grad(point, state=state)
        updates, state = solver.update(gradient, state, point, value=value, grad=gradient, value_fn=loss)
        moved = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(updates) if leaf.size]))
        return optax.apply_updates(point, updates), state, count + 1, moved

    def going(carry: tuple[Any, Any, Array, Array]) -> Array:
        return (carry[2] < steps) & (carry[3] > 1e-7)

    carry = (start, solver.init(start), jnp.asarray(0), jnp.asarray(jnp.inf))
    point: Tree = jax.jit(lambda first: jax.lax.while_loop(going, step, first))(carry)[0]
    return point
