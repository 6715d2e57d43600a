"""What loads need and cost in pools: one call for accelerators, latency percentiles, USD per million tokens and eligibility.

Axes: L loads, P pools, T periods, B blocks of hours, S scenarios. What depends on load and pool alone is given as coefficients, from the
operating point chosen once; within [T, B, S] only demand and prices move. `sweep` runs this over chunks, so that it never stands whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import spread, spread_once
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sizing import LONG_WAIT, count_and_waits

PERCENTILES = (0.5, 0.95, 0.99)  # of the time to first token
SECONDS_PER_HOUR = 3600.0
MILLION = 1e6


class Reason(IntEnum):
    """Why a pool cannot serve a load; 0 where it can."""

    ELIGIBLE = 0
    RULES = 1
    MEMORY = 2
    TPOT = 3
    TTFT = 4
    NETWORK = 5
    CAPACITY = 6

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    Reason.ELIGIBLE: "can serve the load",
    Reason.RULES: "residency, precision or the list of accelerators forbids it",
    Reason.MEMORY: "the weights and one request do not fit into the memory of one domain",
    Reason.TPOT: "no operating point keeps the limit on the time per token",
    Reason.TTFT: "no operating point keeps the limit on the time to first token",
    Reason.NETWORK: "the round trip alone takes the time to first token",
    Reason.CAPACITY: "the pool has fewer accelerators than the load needs",
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Pairs:
    """A replica at its operating point, [L, P] each; of pairs that are not eligible any numbers."""

    service_s: Array  # seconds of one replica per request, 1 / (requests/s)
    wait_limit_s: Array  # left to queueing; inf: no limit
    first_token_s: Array  # within the replica, network included
    tpot_s: Array  # time per further token
    tokens: Array  # prompt and output, of a request
    accelerators: Array  # of one replica


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Demand:
    """Requests, as a product of factors so that trends, profiles and scenarios need not be multiplied out."""

    factors: tuple[Array, ...]  # each [L | 1, T | 1, B | 1, S | 1]; the product: requests/s in the block's busiest minute
    mean_share: Array  # [L] mean requests/s of a block over those of its busiest minute


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Market:
    """Prices, and how much each element counts."""

    usd_per_hour: Array  # [P, T, S] of one accelerator
    accelerators: Array  # [P] that can be had; inf: no limit
    hours: Array  # [T, B] of the block in the period; may be discounted
    probability: Array  # [S]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything that cost and latency have slopes in; arrays of one floating-point type."""

    queueing: QueueingParameters
    pairs: Pairs
    demand: Demand
    market: Market


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Surface:
    """Elements, each of a shape that broadcasts to [L, P, T, B, S]. All 0, but the reason, where a pool cannot serve a load."""

    accelerators: Array  # needed in the busiest minute, held for the block
    ttft_s: tuple[Array, ...]  # by `PERCENTILES`, network and wait included
    tpot_s: Array  # [L, P, 1, 1, 1]
    usd_per_hour: Array
    usd_per_million_tokens: Array  # prompt and output; 0 where nothing is asked. Its slope passes float32 below 1e-15 requests/s
    requests_per_s: Array  # mean of the block
    reason: Array  # int32, `Reason`


Reduction = Callable[[Surface, Array, Array], Any]


def surface(inputs: Inputs, reason: Array, *, whole: bool = True, steps: int = 1, apart: bool = False) -> Surface:
    """All elements at once: for a few loads, or for a chunk of `sweep`.

    Args:
      reason: [L, P] int32, `Reason` of each pair.
      whole:  whole replicas, as planned; else unrounded ones, with slopes in all inputs.
      steps:  Newton steps of `sizing.size`.
      apart:  slopes in the pairs are summed by kernels of their own, as cards want it.
    """
    busiest = demanded(inputs.demand)
    mean = busiest * inputs.demand.mean_share[:, None, None, None]
    shape = (*reason.shape, *busiest.shape[1:])
    requests, asked = (spread_once(rate[:, None], shape) for rate in (busiest, mean))
    served = (reason == Reason.ELIGIBLE)[:, :, None, None, None]
    pairs: Pairs = spread(jax.tree.map(lambda value: jnp.where(reason == Reason.ELIGIBLE, value, 1.0), inputs.pairs), 3)
    if apart and not whole:
        pairs = jax.tree.map(lambda value: spread_once(value, shape), pairs)
    runs = served & (requests > 0.0)
    offered = jnp.where(runs, requests * pairs.service_s, 1.0)
    each = () if whole else served.shape  # one for each pair: slopes are summed as those of the pairs are, then over pairs
    typed: QueueingParameters = jax.tree.map(lambda value: jnp.broadcast_to(jnp.asarray(value, offered.dtype), each), inputs.queueing)
    limit = jnp.minimum(pairs.wait_limit_s, LONG_WAIT * pairs.service_s)  # a quotient by S of no limit has no slope
    patience = limit / pairs.service_s
    count, *waits = count_and_waits(typed, offered, patience, PERCENTILES, whole=whole, steps=steps)
    accelerators = jnp.where(runs, count * pairs.accelerators, 0.0)
    hourly = accelerators * spread_once(inputs.market.usd_per_hour[None, :, :, None, :], shape)
    tokens = jnp.where(runs, asked * (pairs.tokens * (SECONDS_PER_HOUR / MILLION)), 1.0)  # millions per hour
    enough = accelerators <= inputs.market.accelerators[None, :, None, None, None]
    return Surface(
        accelerators=accelerators,
        ttft_s=tuple(jnp.where(served, pairs.first_token_s + jnp.where(runs, wait * pairs.service_s, 0.0), 0.0) for wait in waits),
        tpot_s=jnp.where(served, pairs.tpot_s, 0.0)[:, :, :1, :1, :1],
        usd_per_hour=hourly,
        usd_per_million_tokens=hourly / tokens,
        requests_per_s=asked,
        reason=jnp.where(served & ~enough, Reason.CAPACITY, reason[:, :, None, None, None]).astype(jnp.int32),
    )


def demanded(demand: Demand) -> Array:
    """Requests/s in the busiest minute, [L, T, B, S]."""
    return math.prod(demand.factors[1:], start=demand.factors[0])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Expected:
    """Sums over periods, blocks and scenarios, weighted by hours and probability, [L, P] each. Quotients of two of them are means."""

    usd: Array
    accelerator_hours: Array
    hours: Array  # all of them
    hours_served: Array  # in which the pool can serve the load
    requests: Array  # millions
    ttft_requests: tuple[Array, ...]  # second x million requests, by `PERCENTILES`
    tpot_requests: Array
    usd_per_million_tokens_hours: Array  # USD per million tokens x hours


def expected(elements: Surface, hours: Array, probability: Array) -> Expected:
    """The reduction of `sweep` to expected cost and latency by load and pool.

    Args:
      hours:       [T, B].
      probability: [S].
    """
    weight = spread_once(hours[None, None, :, :, None] * probability[None, None, None, None, :], elements.accelerators.shape)
    asked = elements.requests_per_s * weight * (SECONDS_PER_HOUR / MILLION)
    served = (elements.reason == Reason.ELIGIBLE).astype(weight.dtype)

    def summed(values: Array) -> Array:
        return jnp.broadcast_to(jnp.sum(values, axis=(2, 3, 4)), elements.accelerators.shape[:2])

    requests = summed(asked)
    return Expected(
        usd=summed(elements.usd_per_hour * weight),
        accelerator_hours=summed(elements.accelerators * weight),
        hours=summed(weight),
        hours_served=summed(served * weight),
        requests=requests,
        ttft_requests=tuple(summed(ttft * asked) for ttft in elements.ttft_s),
        tpot_requests=elements.tpot_s[:, :, 0, 0, 0] * requests,
        usd_per_million_tokens_hours=summed(elements.usd_per_million_tokens * weight),
    )
