"""Operating points: the concurrency at which to run a replica, for each parallelism, within latency limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.compiling import QUICK
from optimizer.surfaces.arrays import spread
from optimizer.surfaces.calibrated_serving import CalibratedServing, ServingModel, across, evaluate
from optimizer.surfaces.serving import USABLE_MEMORY, Architecture, Chip, Lengths, Techniques

PARALLEL_SIZES = (1, 2, 4, 8, 16, 32, 64)  # accelerators in one replica
QUEUEING_ROOM = 0.1  # share of the time left by the network that a replica's own TTFT leaves to queueing; assumed
CONCURRENCIES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # requests in one replica


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingRows:
    """Rows to be given an operating point, [N] each."""

    model: Architecture
    chip: Chip
    lengths: Lengths
    ttft_limit_s: Array  # inf: none
    tpot_limit_s: Array  # inf: none
    techniques: Techniques | None = None  # arrays [N]; None: none of them


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class OperatingPoints:
    """The best concurrency for each parallelism of `PARALLEL_SIZES`, [N, G], and what stood in the way, [N]."""

    feasible: Array  # [N, G]
    concurrency: Array  # [N, G]
    ttft_s: Array  # [N, G]
    tpot_s: Array  # [N, G]
    requests_per_s: Array  # [N, G] of one replica
    tokens_per_s: Array  # [N, G] prompt and output, per accelerator; 0 where infeasible
    fits_memory: Array  # [N] at any parallelism
    memory_needed_bytes: Array  # [N] for the weights and one request, in the largest domain
    memory_bytes: Array  # [N] of the largest domain
    least_ttft_s: Array  # [N] at any point that fits into memory; inf: none
    least_tpot_s: Array  # [N]


def operating_points(serving: ServingModel, rows: ServingRows) -> OperatingPoints:
    """The concurrency with the most tokens/s/accelerator within the limits, for each row and parallelism.

    At one price per accelerator-hour this is the least USD per token. Ties go to the lower concurrency.

    Args:
      serving: plain parameters, scalars or [N]; or the calibrated model of the rows, see `calibrated_rows`.
      rows:    [N].
    """
    dtype = rows.ttft_limit_s.dtype
    parallel = jnp.asarray(PARALLEL_SIZES, dtype)[None, :, None]  # [1, G, 1]
    concurrency = jnp.asarray(CONCURRENCIES, dtype)[None, None, :]  # [1, 1, C]
    wide = spread(rows, 2)
    point = evaluate(across(serving, 2), wide.model, wide.chip, wide.lengths, parallel, concurrency, 1.0, wide.techniques)
    fits = (point.batch_limit >= 1.0) & (parallel <= wide.chip.max_parallel)  # [N, G, 1]
    fits = jnp.broadcast_to(fits, point.ttft_s.shape)
    feasible = fits & (point.ttft_s <= wide.ttft_limit_s) & (point.tpot_s <= wide.tpot_limit_s)
    rate = jnp.where(feasible, point.tokens_per_s, 0.0)
    best = jnp.argmax(rate, axis=-1, keepdims=True)

    def at_best(values: Array) -> Array:
        return jnp.take_along_axis(jnp.broadcast_to(values, rate.shape), best, axis=-1)[..., 0]

    needed, available = _memory(rows)
    return OperatingPoints(
        feasible=jnp.any(feasible, axis=-1),
        concurrency=at_best(concurrency),
        ttft_s=at_best(point.ttft_s),
        tpot_s=at_best(point.tpot_s),
        requests_per_s=at_best(point.requests_per_s),
        tokens_per_s=at_best(rate),
        fits_memory=jnp.any(fits, axis=(-2, -1)),
        memory_needed_bytes=needed,
        memory_bytes=available,
        least_ttft_s=jnp.min(jnp.where(fits, point.ttft_s, jnp.inf), axis=(-2, -1)),
        least_tpot_s=jnp.min(jnp.where(fits, point.tpot_s, jnp.inf), axis=(-2, -1)),
    )


def _memory(rows: ServingRows) -> tuple[Array, Array]:
    """Bytes needed by the weights and one request, and bytes there are, in the largest domain of a row's chip, [N] each."""
    sizes = jnp.asarray(PARALLEL_SIZES, rows.ttft_limit_s.dtype)
    largest = jnp.max(jnp.where(sizes[None, :] <= rows.chip.max_parallel[:, None], sizes[None, :], 1.0), axis=-1)
    cache = (rows.lengths.prompt + rows.lengths.output / 2.0) * rows.model.kv_bytes
    shards = jnp.minimum(largest, rows.model.kv_heads)
    needed = (rows.model.weight_bytes * rows.model.parameters + largest * cache / shards) / USABLE_MEMORY
    return needed, largest * rows.chip.memory_bytes


best_points = jax.jit(operating_points, compiler_options=QUICK)


@partial(jax.jit, compiler_options=QUICK)
def calibrated_points(_: None, rows: tuple[CalibratedServing, ServingRows]) -> OperatingPoints:
    """`operating_points` of rows with a calibrated model each, in the form that `arrays.in_double` calls."""
    return operating_points(*rows)
