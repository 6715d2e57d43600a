"""Serving: what one replica of G accelerators does with n requests at once, and the point at which to run it.

Symbols as in the formulas: P, A, Pe parameters in all, active per token, in experts; E experts, k per token;
w bytes per weight; L layers; h hidden size; kv bytes of cache per token; af attention FLOPs per token per context token.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import SHARPNESS, Scalar, smooth_maximum, spread

PARALLEL_SIZES = (1, 2, 4, 8, 16, 32, 64)  # accelerators in one replica
CONCURRENCIES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # requests in one replica
USABLE_MEMORY = 0.9  # share of memory left for weights and cache


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingParameters:
    """Efficiencies and overheads. The defaults are the global values of one fit to public serving benchmarks; a refit replaces them.

    Each may be one number or an array over the rows, for instance an offset by accelerator.
    """

    memory_efficiency: Scalar = 0.69  # eta_bw: share of rated memory bandwidth reached
    arithmetic_efficiency: Scalar = 0.52  # eta_p: share of rated FLOP/s reached
    link_efficiency: Scalar = 0.41  # eta_l: share of rated link bandwidth reached
    step_s: Scalar = 0.85e-3  # t_step: overhead of one step
    layer_s: Scalar = 35e-6  # t_layer: overhead of one layer
    parallel_layer: Scalar = 0.5  # t_tp: further overhead of a layer with more than one accelerator, in t_layer; assumed
    sequence_s: Scalar = 11e-6  # t_seq: overhead of one sequence in a step
    interference: Scalar = 0.98  # phi: share of other requests' prefills that delays decoding
    first_token_s: Scalar = 51e-3  # f0: overhead of the first token
    prefill_queueing: Scalar = 3.2  # q: waiting for other prefills


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A model at a precision. Arrays of one shape, of floating-point type."""

    parameters: Array  # P
    active_parameters: Array  # A, per token
    expert_parameters: Array  # Pe
    experts: Array  # E; 1: dense
    experts_per_token: Array  # k
    layers: Array  # L
    hidden_size: Array  # h
    kv_heads: Array  # 1 for latent attention: the cache is replicated
    kv_bytes: Array  # kv, bytes per token
    attention_flops: Array  # af, FLOPs per token per context token
    weight_bytes: Array  # w, bytes per weight


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Chip:
    """An accelerator at a precision."""

    flops: Array  # F, FLOP/s
    memory_bytes: Array  # HBM
    memory_bytes_per_s: Array  # BW
    link_bytes_per_s: Array
    max_parallel: Array  # accelerators in one domain


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of a request."""

    prompt: Array  # isl
    output: Array  # osl, >= 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Replica:
    """What a replica does at a given concurrency."""

    ttft_s: Array  # time to first token
    tpot_s: Array  # time per further token
    requests_per_s: Array
    tokens_per_s: Array  # prompt and output tokens per accelerator
    batch_limit: Array  # b_max, requests whose cache fits into memory; below 1 nothing runs


def batch_limit(model: Architecture, chip: Chip, lengths: Lengths, parallel: Array) -> Array:
    """Requests whose cache fits beside the weights.

    b_max = (0.9 HBM G - w P) sh / (G KV),  KV = (isl + osl/2) kv,  sh = min(G, kv_heads)
    """
    cache = (lengths.prompt + lengths.output / 2.0) * model.kv_bytes
    shards = jnp.minimum(parallel, model.kv_heads)
    return (USABLE_MEMORY * chip.memory_bytes * parallel - model.weight_bytes * model.parameters) * shards / (parallel * cache)


def weights_read(model: Architecture, batch: Array) -> Array:
    """Bytes of weights that a step of `batch` tokens reads.

    W = w (P - Pe + Pe cov),  cov = 1 - (1 - k/E)^b
    """
    share = model.experts_per_token / model.experts
    sparse = share < 1.0
    log_missed = jnp.log1p(-jnp.where(sparse, share, 0.5))
    covered = jnp.where(sparse, -jnp.expm1(batch * log_missed), 1.0)
    return model.weight_bytes * (model.parameters - model.expert_parameters + model.expert_parameters * covered)


def serve(parameters: ServingParameters, model: Architecture, chip: Chip, lengths: Lengths, parallel: Array, concurrency: Array) -> Replica:
    """One replica of G accelerators with n requests in it.

        b    = n (1 + (n/b_max)^4)^(-1/4)
        TPOT = t_dec + (b-1) phi T_p / osl
        TTFT = f0 + T_p (1 + q rho/(1-rho)) + t_dec/2 + max(n-b, 0)/b osl TPOT,  rho = b T_p / (b T_p + osl t_dec)
        tokens/s/accelerator = n (isl+osl) / (TTFT + (osl-1) TPOT) / G

    rho/(1-rho) is written as b T_p / (osl t_dec), which never divides by zero.

    Args:
      parallel:    G, accelerators, broadcasts against the rows.
      concurrency: n, requests, likewise.

    Returns:
      The replica; its numbers mean nothing where `batch_limit` is below 1.
    """
    isl, osl = lengths.prompt, jnp.maximum(lengths.output, 1.0)
    limit = batch_limit(model, chip, lengths, parallel)
    crowding = jnp.log1p((concurrency / jnp.maximum(limit, 1.0)) ** SHARPNESS) / SHARPNESS  # ln(n/b): n - b would cancel
    batch = concurrency * jnp.exp(-crowding)
    prefill = prefill_s(parameters, model, chip, lengths, parallel)
    decode = decode_step_s(parameters, model, chip, lengths, parallel, batch)
    tpot = decode + jnp.maximum(batch - 1.0, 0.0) * parameters.interference * prefill / osl
    odds = batch * prefill / (osl * decode)
    waiting = jnp.expm1(crowding) * osl * tpot
    ttft = parameters.first_token_s + prefill * (1.0 + parameters.prefill_queueing * odds) + decode / 2.0 + waiting
    requests = concurrency / (ttft + (osl - 1.0) * tpot)
    return Replica(
        ttft_s=ttft, tpot_s=tpot, requests_per_s=requests, tokens_per_s=requests * (isl + lengths.output) / parallel, batch_limit=limit
    )


def decode_step_s(parameters: ServingParameters, model: Architecture, chip: Chip, lengths: Lengths, parallel: Array, batch: Array) -> Array:
    """Seconds of one decode step of `batch` sequences.

    t_mem = (W/G + b KV/sh) / (eta_bw BW)    t_cmp = b (2A + af ctx) / (G F eta_p)
    t_dec = smoothmax_4(t_mem, t_cmp) + b t_com + ov + b t_seq
    """
    context = lengths.prompt + lengths.output / 2.0
    shards = jnp.minimum(parallel, model.kv_heads)
    read = weights_read(model, batch) / parallel + batch * context * model.kv_bytes / shards
    memory = read / (parameters.memory_efficiency * chip.memory_bytes_per_s)
    flops = batch * (2.0 * model.active_parameters + model.attention_flops * context)
    arithmetic = flops / (parallel * chip.flops * parameters.arithmetic_efficiency)
    each = _link_s(parameters, model, chip, parallel) + parameters.sequence_s
    return smooth_maximum(memory, arithmetic) + batch * each + _overhead_s(parameters, model, parallel)


def prefill_s(parameters: ServingParameters, model: Architecture, chip: Chip, lengths: Lengths, parallel: Array) -> Array:
    """Seconds of one prefill: arithmetic, or reading all weights once.

    T_p = smoothmax_4(isl (2A + af isl/2)/(G F eta_p) + isl t_com + ov, w P/(G BW eta_bw))
    """
    flops = lengths.prompt * (2.0 * model.active_parameters + model.attention_flops * lengths.prompt / 2.0)
    arithmetic = flops / (parallel * chip.flops * parameters.arithmetic_efficiency)
    communication = lengths.prompt * _link_s(parameters, model, chip, parallel)
    read = model.weight_bytes * model.parameters / (parallel * chip.memory_bytes_per_s * parameters.memory_efficiency)
    return smooth_maximum(arithmetic + communication + _overhead_s(parameters, model, parallel), read)


def _link_s(parameters: ServingParameters, model: Architecture, chip: Chip, parallel: Array) -> Array:
    """t_com = 2L 2h 2(G-1)/G / (eta_l link): seconds of communication per token, 0 within one accelerator."""
    sent = 2.0 * model.layers * 2.0 * model.hidden_size * 2.0 * (parallel - 1.0) / parallel
    return sent / (parameters.link_efficiency * chip.link_bytes_per_s)


def _overhead_s(parameters: ServingParameters, model: Architecture, parallel: Array) -> Array:
    """ov = t_step + L t_layer (1 + t_tp [G > 1])."""
    further = jnp.where(parallel > 1.0, parameters.parallel_layer, 0.0)
    return parameters.step_s + model.layers * parameters.layer_s * (1.0 + further)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingRows:
    """Rows to be given an operating point, [N] each."""

    model: Architecture
    chip: Chip
    lengths: Lengths
    ttft_limit_s: Array  # inf: none
    tpot_limit_s: Array  # inf: none


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


def operating_points(parameters: ServingParameters, rows: ServingRows) -> OperatingPoints:
    """The concurrency with the most tokens/s/accelerator within the limits, for each row and parallelism.

    At one price per accelerator-hour this is the least USD per token. Ties go to the lower concurrency.

    Args:
      parameters: scalars, or arrays [N].
      rows:       [N].
    """
    dtype = rows.ttft_limit_s.dtype
    parallel = jnp.asarray(PARALLEL_SIZES, dtype)[None, :, None]  # [1, G, 1]
    concurrency = jnp.asarray(CONCURRENCIES, dtype)[None, None, :]  # [1, 1, C]
    wide = spread(rows, 2)
    point = serve(spread(parameters, 2), wide.model, wide.chip, wide.lengths, parallel, concurrency)
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


best_points = jax.jit(operating_points)
