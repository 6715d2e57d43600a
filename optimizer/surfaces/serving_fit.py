"""Fits of the serving model: parameters with offsets by group, and the scales of what they leave over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from optimizer.domain.surface import Floats
from optimizer.surfaces.serving import PARAMETER_NAMES, ServingParameters, serve
from optimizer.surfaces.serving_groups import CONFIGURATION, ServingRuns
from optimizer.surfaces.serving_residuals import BARRED, Scales, View, first_scales, negative_log_evidence

Tree = TypeVar("Tree")

# Groups with offsets of the log parameters, the first of `serving_groups.LEVELS`, and the standard deviations of their prior.
# What a deployment does of its own says nothing about others, so it is free; what is shared has to be earned.
OFFSET_SD = {"accelerator": 0.12, "framework": 0.25, "software": 0.12, "model": 0.12, "deployment": 0.3}
# Centre of the prior of the parameters; ln around it has a standard deviation of 1.
PRIOR = ServingParameters(interference=0.9, first_token_s=0.05, prefill_queueing=2.0, burst=0.05, slot_waiting=0.05)
TPOT_SCALE, TTFT_SCALE = 0.15, 0.35  # log errors at which the Huber loss turns from square to linear
ROWS, GROUPS = 512, 32  # shapes are filled up to multiples of these, so that fits to parts of a table share compiled code
STEPS = 300  # most steps of the fit of the parameters
SCALE_ROWS, SCALE_STEPS = 512, 15  # runs on which the scales are fitted, and steps of it

Tables = tuple[Array, ...]  # [groups, P] offsets at each level


def parameters_of(logs: Array) -> ServingParameters:
    """Parameters of logs [..., P]."""
    return ServingParameters(**{name: jnp.exp(logs[..., i]) for i, name in enumerate(PARAMETER_NAMES)})


def log_times(logs: Array, runs: ServingRuns) -> Array:
    """ln TPOT and ln TTFT, s, [N, 2]."""
    point = serve(parameters_of(logs), runs.model, runs.chip, runs.lengths, runs.parallel, runs.concurrency, runs.expert_parallel)
    return jnp.log(jnp.stack([point.tpot_s, point.ttft_s], axis=-1))


def offsets(tables: Tables, groups: Array) -> Array:
    """Sum of the offsets of each run's groups, all of them known, [N, P]."""
    return sum((table[groups[:, level]] for level, table in enumerate(tables)), jnp.zeros((groups.shape[0], len(PARAMETER_NAMES))))


def fit_parameters(runs: ServingRuns, log_measured: np.ndarray, counts: list[int]) -> tuple[Floats, tuple[Floats, ...]]:
    """Log parameters [P] and offsets with the highest posterior.

    Args:
      runs:         [N], NumPy inside.
      log_measured: [N, 2] ln TPOT, ln TTFT.
      counts:       groups at each level of `OFFSET_SD`.
    """
    size = len(log_measured)
    rows = _up(size, ROWS)
    weight = np.where(np.arange(rows) < size, 1.0, 0.0)
    start = (logs_of(PRIOR), [jnp.zeros((_up(count, GROUPS), len(PARAMETER_NAMES))) for count in counts])
    filled_runs = jax.tree.map(lambda leaf: jnp.asarray(filled(leaf, rows)), runs)
    theta, scaled = _most_probable(start, filled_runs, jnp.asarray(filled(log_measured, rows)), jnp.asarray(weight))
    return np.asarray(theta), tuple(
        sd * np.asarray(table)[:count] for sd, table, count in zip(OFFSET_SD.values(), scaled, counts, strict=True)
    )


def logs_of(parameters: ServingParameters) -> Array:
    """ln of each parameter, [P]."""
    return jnp.log(jnp.asarray([getattr(parameters, name) for name in PARAMETER_NAMES]))


@jax.jit
def _most_probable(start: Any, runs: ServingRuns, measured: Array, weight: Array) -> Any:
    def loss(guess: tuple[Array, list[Array]]) -> Array:
        theta, scaled = guess
        tables = tuple(sd * table for sd, table in zip(OFFSET_SD.values(), scaled, strict=True))
        errors = (log_times(theta[None, :] + offsets(tables, runs.groups), runs) - measured) / jnp.array([[TPOT_SCALE, TTFT_SCALE]])
        prior = jnp.sum(jnp.square(theta - logs_of(PRIOR))) + sum(jnp.sum(jnp.square(table)) for table in scaled)
        return jnp.sum(weight[:, None] * optax.huber_loss(errors)) + 0.5 * prior

    return _minimised(loss, start, STEPS)


def fit_scales(view: View, residual: Floats, *, seed: int) -> Scales:
    """The scales with the highest evidence on whole configurations drawn at random until there are `SCALE_ROWS` runs."""
    configuration = np.asarray(view.groups)[:, CONFIGURATION]
    rank = np.random.default_rng(seed).permutation(int(configuration.max()) + 1)
    sample = np.argsort(rank[configuration], kind="stable")[:SCALE_ROWS]
    part, left, barred = filled_view(jax.tree.map(lambda leaf: leaf[sample], view), residual[sample], SCALE_ROWS)
    sd = jnp.asarray(OFFSET_SD["deployment"])
    scales: Scales = _best_scales(first_scales(OFFSET_SD["deployment"]), part, left, barred, sd)
    return scales


@jax.jit
def _best_scales(start: Scales, view: View, residual: Array, barred: Array, sd: Array) -> Scales:
    return _minimised(lambda guess: negative_log_evidence(guess, view, residual, barred, sd), start, SCALE_STEPS)


def filled_view(view: View, residual: Floats, multiple: int) -> tuple[View, Array, Array]:
    """View and residual filled up with rows of no group, and the variances [N] that bar these."""
    size = len(residual)
    rows = _up(size, multiple)
    groups = np.full((rows, view.groups.shape[1]), -1)
    groups[:size] = np.asarray(view.groups)
    whole = View(columns=filled(view.columns, rows), place=filled(view.place, rows), groups=groups)  # type: ignore[arg-type]
    spare = np.arange(rows) >= size
    return (
        jax.tree.map(jnp.asarray, whole),
        jnp.asarray(np.where(spare, 0.0, filled(residual, rows))),
        jnp.asarray(np.where(spare, BARRED, 0.0)),
    )


def filled(values: Any, rows: int) -> np.ndarray:
    """The array with its last row repeated until there are `rows`."""
    array = np.asarray(values)
    return array if len(array) == rows else np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


def _up(count: int, multiple: int) -> int:
    return max(-(-count // multiple), 1) * multiple


def _minimised(loss: Callable[[Any], Array], start: Tree, steps: int) -> Tree:
    """Where L-BFGS is after `steps` steps, or earlier if it stands still."""
    solver = optax.lbfgs(memory_size=20)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: tuple[Any, Any, Array, Array]) -> tuple[Any, Any, Array, Array]:
        point, state, count, _ = carry
        value, gradient = value_and_grad(point, state=state)
        updates, state = solver.update(gradient, state, point, value=value, grad=gradient, value_fn=loss)
        moved = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(updates)]))
        return optax.apply_updates(point, updates), state, count + 1, moved

    def going(carry: tuple[Any, Any, Array, Array]) -> Array:
        return (carry[2] < steps) & (carry[3] > 1e-7)

    # the solver adds integers of two sizes
    with jax.numpy_dtype_promotion("standard"):
        point: Tree = jax.lax.while_loop(going, step, (start, solver.init(start), jnp.asarray(0), jnp.asarray(jnp.inf)))[0]
    return point
