"""The form of the serving model that is calibrated: the equations of `serving`, with the terms that measured runs ask for.

Beyond `serving`: attention reads the cache at its own efficiency, expert parallelism costs a share of the layers' overhead,
prefills of a burst wait for each other, and a load generator may keep more requests than there are slots. Every parameter is
positive and enters by its logarithm, so that offsets multiply. Efficiencies of experts' own were tried and left out: they are
not identified by few models, and models on accelerators held out came off worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import SHARPNESS, smooth_maximum
from optimizer.surfaces.serving import Architecture, Chip, Lengths, batch_limit, weights_read

# Name, centre of its prior, unit and meaning; `log_parameters` has one column for each, in this order.
PARAMETERS: dict[str, float] = {
    "memory_efficiency": 0.69,  # eta_bw: share of rated memory bandwidth reached
    "arithmetic_efficiency": 0.52,  # eta_p: share of rated FLOP/s reached
    "link_efficiency": 0.41,  # eta_l: share of rated link bandwidth reached
    "step_s": 0.85e-3,  # t_step: overhead of one step
    "layer_s": 35e-6,  # t_layer: overhead of one layer
    "parallel_layer": 0.5,  # t_tp: further overhead of a layer with more than one accelerator, in t_layer
    "sequence_s": 11e-6,  # t_seq: overhead of one sequence in a step
    "interference": 0.9,  # phi: share of other requests' prefills that delays decoding
    "first_token_s": 0.05,  # f0: overhead of the first token
    "prefill_queueing": 2.0,  # q: waiting for other prefills
    "burst": 0.05,  # share of the other requests that arrive at the same moment
    "slot_waiting": 0.05,  # requests beyond the slots that a load generator keeps waiting
    "cache_efficiency": 1.0,  # eta_kv: bandwidth on the cache, in eta_bw
    "expert_layer": 0.1,  # further overhead of a layer with expert parallelism, in t_layer
}
NAMES = tuple(PARAMETERS)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingRuns:
    """Measured or wanted runs of one replica, [N] each."""

    model: Architecture
    chip: Chip
    lengths: Lengths
    parallel: Array  # G, accelerators of the replica
    expert_parallel: Array  # accelerators over which experts are spread; 1: none
    concurrency: Array  # n, requests at once
    groups: Array  # [N, 7] integer codes, see `LEVELS`; -1: a group that was never seen


# What the codes of `ServingRuns.groups` stand for.
LEVELS = ("accelerator", "software", "model", "accelerator_framework", "pair", "deployment", "configuration")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ReplicaTimes:
    """Logarithms of what a replica takes, [N]."""

    log_tpot: Array  # ln s
    log_ttft: Array  # ln s
    traits: Array  # [N, 7] logs of the ratios that say which term governs a run


def replica_times(log_parameters: Array, runs: ServingRuns) -> ReplicaTimes:
    """Times of a replica.

        b    = n (1 + (n/b_max)^4)^(-1/4)
        TPOT = t_dec + (b-1) phi T_p / osl
        TTFT = f0 + T_p (1 + q o + burst (b-1)) + t_dec/2 + slot osl TPOT / n + (n/b-1) osl TPOT
        o    = rho/(1-rho) = b T_p / (osl t_dec)

    Args:
      log_parameters: [N, P] natural logarithms, columns as in `PARAMETERS`.
      runs:           [N].
    """
    value = {name: jnp.exp(log_parameters[:, column]) for column, name in enumerate(NAMES)}
    output = jnp.maximum(runs.lengths.output, 1.0)
    limit = jnp.maximum(batch_limit(runs.model, runs.chip, runs.lengths, runs.parallel), 1.0)
    crowding = jnp.log1p((runs.concurrency / limit) ** SHARPNESS) / SHARPNESS  # ln(n/b): n - b would cancel
    batch = runs.concurrency * jnp.exp(-crowding)
    memory, arithmetic, decode = _decode_s(value, runs, batch)
    prefill = _prefill_s(value, runs)
    others = jnp.maximum(batch - 1.0, 0.0)
    tpot = decode + others * value["interference"] * prefill / output
    odds = batch * prefill / (output * decode)
    beyond = value["slot_waiting"] / runs.concurrency + jnp.expm1(crowding)
    waiting = prefill * (value["prefill_queueing"] * odds + value["burst"] * others) + beyond * output * tpot
    ttft = value["first_token_s"] + prefill + decode / 2.0 + waiting
    traits = (memory / decode, arithmetic / decode, batch, prefill, decode, runs.concurrency / limit, odds)
    return ReplicaTimes(log_tpot=jnp.log(tpot), log_ttft=jnp.log(ttft), traits=jnp.log(jnp.stack(traits, axis=1)))


def _decode_s(value: dict[str, Array], runs: ServingRuns, batch: Array) -> tuple[Array, Array, Array]:
    """Seconds that one step needs for memory and for arithmetic, and in all."""
    model, chip = runs.model, runs.chip
    context = runs.lengths.prompt + runs.lengths.output / 2.0
    cache = batch * context * model.kv_bytes / (jnp.minimum(runs.parallel, model.kv_heads) * value["cache_efficiency"])
    memory = (weights_read(model, batch) / runs.parallel + cache) / (value["memory_efficiency"] * chip.memory_bytes_per_s)
    flops = batch * (2.0 * model.active_parameters + model.attention_flops * context)
    arithmetic = flops / _flop_rate(value, runs)
    each = _link_s(value, runs) + value["sequence_s"]
    return memory, arithmetic, smooth_maximum(memory, arithmetic) + batch * each + _overhead_s(value, runs)


def _prefill_s(value: dict[str, Array], runs: ServingRuns) -> Array:
    """Seconds of one prefill: arithmetic, or reading all weights once."""
    model, prompt = runs.model, runs.lengths.prompt
    flops = prompt * (2.0 * model.active_parameters + model.attention_flops * prompt / 2.0)
    arithmetic = flops / _flop_rate(value, runs) + prompt * _link_s(value, runs) + _overhead_s(value, runs)
    rate = runs.parallel * runs.chip.memory_bytes_per_s * value["memory_efficiency"]
    return smooth_maximum(arithmetic, model.weight_bytes * model.parameters / rate)


def _flop_rate(value: dict[str, Array], runs: ServingRuns) -> Array:
    """FLOP/s that the replica reaches."""
    return runs.parallel * runs.chip.flops * value["arithmetic_efficiency"]


def _link_s(value: dict[str, Array], runs: ServingRuns) -> Array:
    """Seconds of communication per token, 0 within one accelerator."""
    sent = 2.0 * runs.model.layers * 2.0 * runs.model.hidden_size * 2.0 * (runs.parallel - 1.0) / runs.parallel
    return sent / (value["link_efficiency"] * runs.chip.link_bytes_per_s)


def _overhead_s(value: dict[str, Array], runs: ServingRuns) -> Array:
    """Seconds of a step that neither memory nor arithmetic explains."""
    parallel = jnp.where(runs.parallel > 1.0, value["parallel_layer"], 0.0)
    spread = jnp.where(runs.expert_parallel > 1.0, value["expert_layer"], 0.0)
    return value["step_s"] + runs.model.layers * value["layer_s"] * (1.0 + parallel) * (1.0 + spread)
