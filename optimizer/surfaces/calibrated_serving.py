"""A calibration as kernels use it: one set of weights for each row, evaluated at any parallelism and concurrency.

What groups a row belongs to is looked up once, outside of kernels; what remains are the equations with the row's own parameters, their
derivative along one direction for each time, and two smooth surfaces. No measured run and no name is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.arrays import Scalar, column, spread
from optimizer.surfaces.calibration import Calibration, Residuals
from optimizer.surfaces.serving import (
    Architecture,
    Chip,
    Lengths,
    Replica,
    ServingParameters,
    Techniques,
    serve,
)
from optimizer.surfaces.serving_basis import place_of, surface
from optimizer.surfaces.serving_fit import parameters_of
from optimizer.surfaces.serving_groups import DEPLOYMENT, LEVELS, codes_of
from optimizer.surfaces.serving_residuals import RESIDUAL_LEVELS, SLOPES, gathered

SOFTWARE_UNKNOWN = "?"  # of a framework that no calibration has seen


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class CalibratedServing:
    """The calibrated serving model of each row, [N, ...]."""

    logs: Array  # [N, P] log parameters, in the order of `PARAMETER_NAMES`
    tpot_direction: Array  # [N, P] what the residuals of TPOT add to them, to first order
    ttft_direction: Array  # [N, P]
    tpot_surface: Array  # [N, SIZE] weights of `serving_basis.surface`
    ttft_surface: Array  # [N, SIZE]


ServingModel = ServingParameters | CalibratedServing


def calibrated_rows(calibration: Calibration, groups: Ints) -> CalibratedServing:
    """The serving model of rows, NumPy inside.

    Args:
      groups: [N, 7] codes in the calibration's groups, see `row_groups`; -1 takes the mean over all groups of a level.
    """
    own = gathered(calibration.offsets[DEPLOYMENT : DEPLOYMENT + 1], [DEPLOYMENT], groups)
    logs = calibration.theta + gathered(calibration.offsets, range(len(calibration.offsets)), groups)

    def weights(part: Residuals) -> tuple[Floats, Floats]:
        found = gathered(part.tables, RESIDUAL_LEVELS, groups)
        return found[:, :SLOPES] - own, found[:, SLOPES:]

    (tpot_direction, tpot_surface), (ttft_direction, ttft_surface) = weights(calibration.tpot), weights(calibration.ttft)
    return CalibratedServing(
        logs=column(logs),
        tpot_direction=column(tpot_direction),
        ttft_direction=column(ttft_direction),
        tpot_surface=column(tpot_surface),
        ttft_surface=column(ttft_surface),
    )


def row_groups(
    calibration: Calibration, accelerator: Sequence[str], model: Sequence[str], precision: Sequence[str], framework: Sequence[str | None]
) -> Ints:
    """[N, 7] codes of rows in the calibration's groups; -1 where a group was never measured.

    Args:
      framework: None: the one with the most measured runs of the row's accelerator, model and precision; where there are none, of its
                 accelerator and precision; then of its precision.
    """
    cache = {row: _codes(calibration, *row) for row in dict.fromkeys(zip(accelerator, model, precision, framework, strict=True))}
    rows = [cache[row] for row in zip(accelerator, model, precision, framework, strict=True)]
    return np.array(rows, dtype=np.int64).reshape(-1, len(LEVELS))


def _codes(calibration: Calibration, accelerator: str, model: str, precision: str, framework: str | None) -> list[int]:
    chosen = framework if framework is not None else _framework(calibration, accelerator, model, precision)
    return codes_of(calibration.groups, accelerator, model, precision, chosen)


def _framework(calibration: Calibration, accelerator: str, model: str, precision: str) -> str:
    counts: dict[tuple[int, str], int] = {}
    for name, rows in calibration.rows.items():
        its_accelerator, its_model, its_framework, its_precision = name.split("|")
        if its_precision != precision:
            continue
        nearness = 0 if its_accelerator != accelerator else 1 if its_model != model else 2
        counts[nearness, its_framework] = counts.get((nearness, its_framework), 0) + rows
    best = max(counts, key=lambda key: (key[0], counts[key], key[1]), default=None)
    return SOFTWARE_UNKNOWN if best is None else best[1]


def evaluate(
    serving: ServingModel,
    model: Architecture,
    chip: Chip,
    lengths: Lengths,
    parallel: Array,
    concurrency: Array,
    expert_parallel: Scalar = 1.0,
    techniques: Techniques | None = None,
) -> Replica:
    """`serve` by plain parameters or by a calibration.

        ln T = ln f(logs) + d ln f . direction + surface(place)

    Args:
      serving: parameters that broadcast against the rows, or a calibration with an axis of its own after those of the rows.
    """

    def at(parameters: ServingParameters) -> Replica:
        return serve(parameters, model, chip, lengths, parallel, concurrency, expert_parallel, techniques)

    if isinstance(serving, ServingParameters):
        return at(serving)

    def log_times(logs: Array) -> tuple[tuple[Array, Array], Replica]:
        point = at(parameters_of(logs))
        return (jnp.log(point.tpot_s), jnp.log(point.ttft_s)), point

    (log_tpot, log_ttft), along, point = jax.linearize(log_times, serving.logs, has_aux=True)
    output = jnp.maximum(lengths.output, 1.0)
    experts = jnp.asarray(expert_parallel, concurrency.dtype) + jnp.zeros((1,) * jnp.ndim(concurrency), concurrency.dtype)
    place = place_of(concurrency, lengths.prompt, output, parallel, experts)
    both = jnp.stack([serving.tpot_surface, serving.ttft_surface], axis=-2)
    left = surface(both, tuple(coordinate[..., None] for coordinate in place))
    tpot = jnp.exp(log_tpot + along(serving.tpot_direction)[0] + left[..., 0])
    ttft = jnp.exp(log_ttft + along(serving.ttft_direction)[1] + left[..., 1])
    requests = concurrency / (ttft + (output - 1.0) * tpot)
    tokens = requests * (lengths.prompt + lengths.output) / parallel
    calibrated: Replica = replace(point, ttft_s=ttft, tpot_s=tpot, requests_per_s=requests, tokens_per_s=tokens)
    return calibrated


def across(serving: ServingModel, axes: int) -> ServingModel:
    """The model with `axes` axes of size 1 between its rows and what it holds of each."""
    if isinstance(serving, ServingParameters):
        return spread(serving, axes)
    rows: CalibratedServing = jax.tree.map(lambda leaf: jnp.reshape(leaf, (leaf.shape[0], *(1,) * axes, leaf.shape[1])), serving)
    return rows
