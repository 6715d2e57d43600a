"""How cost and latency move with every input: slopes and elasticities by input name, by reverse mode.

One pass forward through serving, queueing and cost, and one pass back for each answer; loads and pools are rows, independent of each
other. Replicas are not rounded, nor are concurrencies (`served` says how they are held).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.compiling import QUICK
from optimizer.surfaces.arrays import in_double
from optimizer.surfaces.calibrated_serving import CalibratedServing
from optimizer.surfaces.cost import Demand, Inputs, Market, Pairs, Reason, surface
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.served import Points, Served, chosen_points, concurrency_at, pairs_at, pairs_with
from optimizer.surfaces.serving import PARAMETER_NAMES

NEWTON_STEPS = 3  # of the replica count, for arrivals and services of any variation
NO_SLOPE = ("chip.max_parallel", "queueing.first_token_spread")  # bounds the parallelism; is not read by the cost kernel
CALIBRATED = "serving.logs"  # what of a calibration is an input; the rest is what runs measured beyond the equations
ROWS = 256  # in one call

Asked = tuple[QueueingParameters, Array, Array, Array]  # of `PricedPairs`: all that comes after the pairs


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class PricedPairs:
    """All that cost and latency of a load in a pool depend on, [N] each; numbers are taken as the same for all rows."""

    served: Served
    queueing: QueueingParameters
    requests_per_s: Array  # in the busiest minute
    mean_share: Array  # mean requests/s over those of the busiest minute
    usd_per_hour: Array  # of one accelerator


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Answers:
    """[N] each; 0 where no operating point serves the pair."""

    usd_per_million_tokens: Array  # prompt and output
    accelerators: Array  # not rounded
    ttft_p50_s: Array
    ttft_p95_s: Array
    ttft_p99_s: Array
    tpot_s: Array


ANSWERS = tuple(field.name for field in fields(Answers))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """Answers and what moves them. Inputs by name, such as `chip.memory_bytes_per_s`."""

    points: Points
    answers: Answers
    inputs: Mapping[str, Array]  # [N]
    slopes: Mapping[str, Answers]  # d answer / d input
    elasticities: Mapping[str, Answers]  # % of the answer per % of the input; 0 for inputs that are 0 or without limit


def answers(priced: PricedPairs, points: Points) -> Answers:
    """Cost and latency at operating points, differentiable in all of `priced`."""
    found: Answers = _answered(_pairs(priced.served, points), _asked(priced), _reason(points))
    return found


_pairs = jax.jit(pairs_at)  # the parts are compiled one by one: as a whole they take a compiler minutes


@jax.jit
def _answered(pairs: Pairs, asked: Asked, reason: Array) -> Answers:
    found: Answers = jax.vmap(_one)(pairs, *asked, reason)
    return found


def _asked(priced: PricedPairs) -> Asked:
    return priced.queueing, priced.requests_per_s, priced.mean_share, priced.usd_per_hour


def _reason(points: Points) -> Array:
    return jnp.where(points.feasible, int(Reason.ELIGIBLE), int(Reason.TTFT)).astype(jnp.int32)


def _one(pairs: Pairs, queueing: QueueingParameters, requests: Array, share: Array, price: Array, reason: Array) -> Answers:
    """The cost kernel for one load, pool, period, block and scenario."""

    def cell(value: Array, axes: int) -> Array:
        return jnp.reshape(value, (1,) * axes)

    one = jnp.ones_like(price)
    inputs = Inputs(
        queueing=queueing,
        pairs=jax.tree.map(lambda value: cell(value, 2), pairs),
        demand=Demand(factors=(cell(requests, 4),), mean_share=cell(share, 1)),
        market=Market(usd_per_hour=cell(price, 3), accelerators=cell(one * jnp.inf, 1), hours=cell(one, 2), probability=cell(one, 1)),
    )
    elements = surface(inputs, cell(reason, 2), whole=False, steps=NEWTON_STEPS)
    p50, p95, p99 = elements.ttft_s
    values = (elements.usd_per_million_tokens, elements.accelerators, p50, p95, p99, elements.tpot_s)
    return Answers(**{name: jnp.reshape(value, ()) for name, value in zip(ANSWERS, values, strict=True)})


def sensitivities(priced: PricedPairs) -> Sensitivities:
    """Slopes and elasticities of every answer in every input, of whatever type the arrays have."""
    rows = _by_row(priced)
    points = _points(rows.served)
    values, by_pair, by_asked = _back_to_pairs(_pairs(rows.served, points), _asked(rows), points)
    queueing, requests, share, price = by_asked
    by_served = _back_to_inputs(rows.served, points, by_pair)
    slopes = PricedPairs(served=by_served, queueing=queueing, requests_per_s=requests, mean_share=share, usd_per_hour=price)
    inputs, by_input = _named(rows), _named(slopes)
    if CALIBRATED in inputs:  # logarithms of the parameters
        logs, by_log = inputs.pop(CALIBRATED), by_input.pop(CALIBRATED)
        for i, name in enumerate(PARAMETER_NAMES):
            inputs[f"serving.{name}"] = value = jnp.exp(logs[:, i])
            by_input[f"serving.{name}"] = by_log[:, :, i] / value[None]
    each = {name: Answers(**dict(zip(ANSWERS, by_input[name], strict=True))) for name in inputs}
    relative = {name: jax.tree.map(partial(_elasticity, value), each[name], values) for name, value in inputs.items()}
    return Sensitivities(points=points, answers=values, inputs=inputs, slopes=each, elasticities=relative)


_points = jax.jit(chosen_points)


@jax.jit
def _back_to_pairs(pairs: Pairs, asked: Asked, points: Points) -> tuple[Answers, Pairs, Asked]:
    """Answers [N], and their slopes in the coefficients of the cost kernel and in what comes after them, [answers, N] each."""
    values, pull = jax.vjp(lambda *given: _answered(*given, _reason(points)), pairs, asked)
    count, rows = len(ANSWERS), values.tpot_s.shape
    each = [jnp.zeros((count, *rows), values.tpot_s.dtype).at[i].set(1.0) for i in range(count)]
    by_pair, by_asked = jax.vmap(pull)(Answers(**dict(zip(ANSWERS, each, strict=True))))
    return values, by_pair, by_asked


def _back_to_inputs(served: Served, points: Points, by_pair: Pairs) -> Served:
    """Slopes in the inputs, [answers, N, ...] each, from those in the coefficients.

    Through the concurrency they are d answer / dn times dn / d input: the equation behind dn is pulled back once, not for each answer,
    and apart from the rest, so that less is compiled at once.
    """
    by_served, by_concurrency = _at_concurrency(served, points, by_pair)
    found: Served = _with_concurrency(by_served, by_concurrency, _concurrency_slopes(served, points))
    return found


@partial(jax.jit, compiler_options=QUICK)
def _at_concurrency(served: Served, points: Points, by_pair: Pairs) -> tuple[Served, Array]:
    """Slopes where the concurrency stays, [answers, N, ...], and those in it, [answers, N]."""
    _, pull = jax.vjp(lambda inputs, concurrency: pairs_with(inputs, points, concurrency), served, points.concurrency)
    found: tuple[Served, Array] = jax.vmap(pull)(by_pair)
    return found


@partial(jax.jit, compiler_options=QUICK)
def _concurrency_slopes(served: Served, points: Points) -> Served:
    """dn / d input, [N, ...] each."""
    concurrency, pull = jax.vjp(lambda inputs: concurrency_at(inputs, points), served)
    found: Served = pull(jnp.ones_like(concurrency))[0]
    return found


@jax.jit
def _with_concurrency(by_served: Served, by_concurrency: Array, moved: Served) -> Served:
    def added(still: Array, moved: Array) -> Array:
        return still + by_concurrency.reshape(*by_concurrency.shape, *(1,) * (moved.ndim - 1)) * moved[None]

    found: Served = jax.tree.map(added, by_served, moved)
    return found


def sensitivities_of(priced: PricedPairs) -> Sensitivities:
    """`sensitivities` in double precision, NumPy in and NumPy out, chunk by chunk."""
    shape = np.shape(priced.usd_per_hour)
    rows = jax.tree.map(lambda value: np.broadcast_to(np.asarray(value, np.float64), shape) if np.ndim(value) == 0 else value, priced)
    found: Sensitivities = in_double(lambda _, part: sensitivities(part), None, rows, chunk=ROWS)
    return found


def _elasticity(value: Array, slope: Array, answer: Array) -> Array:
    there = (answer > 0.0) & jnp.isfinite(value)
    return jnp.where(there, slope * jnp.where(there, value, 0.0) / jnp.where(there, answer, 1.0), 0.0)


def _named(tree: PricedPairs) -> dict[str, Array]:
    """Arrays by the names of their fields, without those that have no slope."""
    named = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = ".".join(key.name for key in path).removeprefix("served.")
        residual = name.startswith("serving.") and isinstance(tree.served.serving, CalibratedServing) and name != CALIBRATED
        if name not in NO_SLOPE and not residual:
            named[name] = leaf
    return named


def _by_row(priced: PricedPairs) -> PricedPairs:
    """Numbers as arrays [N], so that each row has slopes of its own. Of what is switched off by a 0 there is no slope at 0."""
    rows: PricedPairs = jax.tree.map(lambda value: _row(value, priced.usd_per_hour), priced)
    share = jnp.asarray(rows.served.techniques.prefill_share)
    held = jnp.where(share > 0.0, share, jax.lax.stop_gradient(share))
    served = replace(rows.served, techniques=replace(rows.served.techniques, prefill_share=held))
    return replace(rows, served=served)


def _row(value: Any, like: Array) -> Array:
    return jnp.broadcast_to(jnp.asarray(value, like.dtype), like.shape) if jnp.ndim(value) == 0 else jnp.asarray(value)
