"""Serving: what one replica of G accelerators does with n requests at once.

Symbols as in the formulas: P, A, Pe parameters in all, active per token, in experts; E experts, k per token;
w bytes per weight; L layers; h hidden size; kv bytes of cache per token; af attention FLOPs per token per context token;
ep accelerators over which experts are spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import SHARPNESS, Scalar, smooth_maximum

USABLE_MEMORY = 0.9  # share of memory left for weights and cache


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingParameters:
    """Efficiencies and overheads, all positive. The defaults are the global values of one fit to public serving benchmarks.

    Each may be one number or an array over the rows, for instance as a calibration gives them.
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
    burst: Scalar = 0.0  # share of the other requests that arrive at the same moment
    slot_waiting: Scalar = 0.0  # requests beyond the slots that a load generator keeps waiting
    cache_efficiency: Scalar = 1.0  # eta_kv: bandwidth reached on the cache, in eta_bw
    expert_layer: Scalar = 0.1  # t_ep: further overhead of a layer with expert parallelism, as a share; assumed


PARAMETER_NAMES = tuple(field.name for field in fields(ServingParameters))


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
class Techniques:
    """What a server does beyond plain continuous batching. The defaults do none of it."""

    prefix_hit_share: Scalar = 0.0  # share of the prompt whose cache is at hand, [0, 1)
    drafted_tokens: Scalar = 0.0  # speculative decoding: tokens drafted and checked in a step, beside the one of the model itself
    tokens_per_step: Scalar = 1.0  # tokens of a sequence that a step yields, 1 .. 1 + drafted_tokens
    draft_step_share: Scalar = 0.0  # time in which one token is drafted, in steps of the model itself; 0: drafting is free
    chunk_tokens: Scalar = math.inf  # chunked prefill: prompt tokens in one step
    prefill_share: Scalar = 0.0  # disaggregated prefill: share of the accelerators that do nothing else; 0: prefill and decode mixed


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Replica:
    """What a replica does at a given concurrency."""

    ttft_s: Array  # time to first token
    tpot_s: Array  # time per further token
    requests_per_s: Array
    tokens_per_s: Array  # prompt and output tokens per accelerator
    batch_limit: Array  # b_max, requests whose cache fits into memory; below 1 nothing runs
    regime: Array  # [..., 7] logs of the ratios that say which term governs, see `serve`


def batch_limit(model: Architecture, chip: Chip, lengths: Lengths, parallel: Array) -> Array:
    """Requests whose cache fits beside the weights.

    b_max = (0.9 HBM G - w P) sh / (G KV),  KV = (isl + osl/2) kv,  sh = min(G, kv_heads)
    """
    cache = (lengths.prompt + lengths.output / 2.0) * model.kv_bytes
    shards = jnp.minimum(parallel, model.kv_heads)
    return (USABLE_MEMORY * chip.memory_bytes * parallel - model.weight_bytes * model.parameters) * shards / (parallel * cache)


def _room(model: Architecture, chip: Chip, lengths: Lengths, decoders: Array, prefillers: Array, apart: Array) -> Array:
    """b_max on the decoders; 0 where prefill runs apart and either side has less than an accelerator, or no room for the weights."""
    limit = batch_limit(model, chip, lengths, decoders)
    whole = (jnp.minimum(decoders, prefillers) >= 1.0) & (batch_limit(model, chip, lengths, prefillers) >= 1.0)
    return jnp.where(apart & ~whole, 0.0, limit)


def tokens_per_step(drafted_tokens: Scalar, acceptance_share: Scalar) -> Array:
    """Tokens of a sequence that a step of speculative decoding yields, the one of the model itself included.

        (1 - p^(k+1)) / (1 - p)     k tokens drafted, each accepted with chance p after those before it

    Reference: Leviathan, Kalman, Matias, Fast inference from transformers via speculative decoding, 2023, equation 1.
    """
    missed = 1.0 - jnp.asarray(acceptance_share)
    return jnp.asarray((1.0 - jnp.power(acceptance_share, drafted_tokens + 1.0)) / missed)


def weights_read(model: Architecture, batch: Array) -> Array:
    """Bytes of weights that a step of `batch` tokens reads.

    W = w (P - Pe + Pe cov),  cov = 1 - (1 - k/E)^b
    """
    share = model.experts_per_token / model.experts
    sparse = share < 1.0
    log_missed = jnp.log1p(-jnp.where(sparse, share, 0.5))
    covered = jnp.where(sparse, -jnp.expm1(batch * log_missed), 1.0)
    return model.weight_bytes * (model.parameters - model.expert_parameters + model.expert_parameters * covered)


def serve(
    parameters: ServingParameters,
    model: Architecture,
    chip: Chip,
    lengths: Lengths,
    parallel: Array,
    concurrency: Array,
    expert_parallel: Scalar = 1.0,
    techniques: Techniques | None = None,
) -> Replica:
    """One replica of G accelerators with n requests in it.

        b    = n (1 + (n/b_max)^4)^(-1/4)
        TPOT = t_dec/a + (b-1) phi T_p / osl
        TTFT = f0 + T_p (1 + q o + burst (b-1)) + t_dec/2 + slot osl TPOT / n + (n/b-1) osl TPOT
        o    = rho/(1-rho) = b T_p a / (osl t_dec),  rho = b T_p / (b T_p + osl t_dec/a)
        tokens/s/accelerator = n (isl+osl) / (TTFT + (osl-1) TPOT) / G

    a is `tokens_per_step`; t_dec is that of `decode_step_s`, times 1 + drafted draft_step_share. rho/(1-rho) as odds never divides by zero.
    Chunked prefill adds (c-1) t_dec to TTFT, for c chunks share their steps with decoding. Disaggregated prefill runs T_p on its share of
    G and t_dec on the rest: phi = 0, the cache moves over the link, and q o T_p becomes the wait of a closed loop,
    smoothmax_4(n T_p, T_p + D) - (T_p + D) with D = (osl-1) TPOT. Both sides need an accelerator and room for the weights.

    Args:
      parallel:        G, accelerators, broadcasts against the rows.
      concurrency:     n, requests, likewise.
      expert_parallel: accelerators over which experts are spread; 1: none.

    Returns:
      The replica; its numbers mean nothing where `batch_limit` is below 1. Its regime holds the logs of t_mem/t_dec,
      t_cmp/t_dec, b, T_p, t_dec, n/b_max and o.
    """
    with_ = techniques or Techniques()
    apart = jnp.asarray(with_.prefill_share) > 0.0
    decoders = parallel * (1.0 - with_.prefill_share)
    prefillers = jnp.where(apart, parallel * with_.prefill_share, parallel)
    output = jnp.maximum(lengths.output, 1.0)
    limit = _room(model, chip, lengths, decoders, prefillers, apart)
    fitting = jnp.maximum(limit, 1.0)
    crowding = jnp.log1p((concurrency / fitting) ** SHARPNESS) / SHARPNESS  # ln(n/b): n - b would cancel
    batch = concurrency * jnp.exp(-crowding)
    others = jnp.maximum(batch - 1.0, 0.0)
    prefill = prefill_s(parameters, model, chip, lengths, prefillers, expert_parallel, with_)
    memory, arithmetic, step = decode_step_s(parameters, model, chip, lengths, decoders, batch, expert_parallel, with_)
    decode = step * (1.0 + with_.drafted_tokens * with_.draft_step_share)
    token = decode / with_.tokens_per_step
    tpot = token + jnp.where(apart, 0.0, others * parameters.interference * prefill / output)
    odds = batch * prefill / (output * token)
    mixed = prefill * parameters.prefill_queueing * odds + (chunks(lengths, with_) - 1.0) * decode
    cycle = prefill + (output - 1.0) * tpot
    moved = lengths.prompt * model.kv_bytes / (jnp.minimum(decoders, model.kv_heads) * parameters.link_efficiency * chip.link_bytes_per_s)
    queue = jnp.where(apart, smooth_maximum(concurrency * prefill, cycle) - cycle + moved, mixed)
    beyond = parameters.slot_waiting / concurrency + jnp.expm1(crowding)
    ttft = parameters.first_token_s + prefill * (1.0 + parameters.burst * others) + decode / 2.0 + queue + beyond * output * tpot
    requests = concurrency / (ttft + (output - 1.0) * tpot)
    terms = jnp.broadcast_arrays(memory / decode, arithmetic / decode, batch, prefill, decode, concurrency / fitting, odds)
    return Replica(
        ttft_s=ttft,
        tpot_s=tpot,
        requests_per_s=requests,
        tokens_per_s=requests * (lengths.prompt + lengths.output) / parallel,
        batch_limit=limit,
        regime=jnp.log(jnp.stack(terms, axis=-1)),
    )


def decode_step_s(
    parameters: ServingParameters,
    model: Architecture,
    chip: Chip,
    lengths: Lengths,
    parallel: Array,
    batch: Array,
    expert_parallel: Scalar,
    techniques: Techniques,
) -> tuple[Array, Array, Array]:
    """Seconds of one decode step of `batch` sequences with m = b (1 + drafted) tokens: for memory, for arithmetic, in all.

    t_mem = (W(m)/G + b KV/(sh eta_kv)) / (eta_bw BW)    t_cmp = m (2A + af ctx) / (G F eta_p)
    t_dec = smoothmax_4(t_mem, t_cmp) + m (t_com + t_seq) + ov
    """
    context = lengths.prompt + lengths.output / 2.0
    tokens = batch * (1.0 + techniques.drafted_tokens)
    cache = batch * context * model.kv_bytes / (jnp.minimum(parallel, model.kv_heads) * parameters.cache_efficiency)
    memory = (weights_read(model, tokens) / parallel + cache) / (parameters.memory_efficiency * chip.memory_bytes_per_s)
    flops = tokens * (2.0 * model.active_parameters + model.attention_flops * context)
    arithmetic = flops / (parallel * chip.flops * parameters.arithmetic_efficiency)
    each = _link_s(parameters, model, chip, parallel) + parameters.sequence_s
    whole = smooth_maximum(memory, arithmetic) + tokens * each + _overhead_s(parameters, model, parallel, expert_parallel)
    return memory, arithmetic, whole


def prefill_s(
    parameters: ServingParameters,
    model: Architecture,
    chip: Chip,
    lengths: Lengths,
    parallel: Array,
    expert_parallel: Scalar,
    techniques: Techniques,
) -> Array:
    """Seconds of one prefill of p = isl (1 - hit) tokens in c chunks: arithmetic, or reading all weights once a chunk.

    T_p = smoothmax_4(p (2A + af (isl - p/2))/(G F eta_p) + p t_com + c ov, c w P/(G BW eta_bw))
    """
    computed = lengths.prompt * (1.0 - techniques.prefix_hit_share)
    parts = chunks(lengths, techniques)
    flops = computed * (2.0 * model.active_parameters + model.attention_flops * (lengths.prompt - computed / 2.0))
    arithmetic = flops / (parallel * chip.flops * parameters.arithmetic_efficiency)
    communication = computed * _link_s(parameters, model, chip, parallel)
    read = model.weight_bytes * model.parameters / (parallel * chip.memory_bytes_per_s * parameters.memory_efficiency)
    return smooth_maximum(arithmetic + communication + parts * _overhead_s(parameters, model, parallel, expert_parallel), parts * read)


def chunks(lengths: Lengths, techniques: Techniques) -> Array:
    """c = max(p / chunk, 1): steps that one prefill takes."""
    return jnp.maximum(lengths.prompt * (1.0 - techniques.prefix_hit_share) / techniques.chunk_tokens, 1.0)


def _link_s(parameters: ServingParameters, model: Architecture, chip: Chip, parallel: Array) -> Array:
    """t_com = 2L 2h 2(G-1)/G / (eta_l link): seconds of communication per token, 0 within one accelerator."""
    sent = 2.0 * model.layers * 2.0 * model.hidden_size * 2.0 * jnp.maximum(parallel - 1.0, 0.0) / parallel
    return sent / (parameters.link_efficiency * chip.link_bytes_per_s)


def _overhead_s(parameters: ServingParameters, model: Architecture, parallel: Array, expert_parallel: Scalar) -> Array:
    """ov = t_step + L t_layer (1 + t_tp [G > 1]) (1 + t_ep [ep > 1])."""
    further = jnp.where(parallel > 1.0, parameters.parallel_layer, 0.0)
    spread = jnp.where(jnp.asarray(expert_parallel) > 1.0, parameters.expert_layer, 0.0)
    return parameters.step_s + model.layers * parameters.layer_s * (1.0 + further) * (1.0 + spread)
