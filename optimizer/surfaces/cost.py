"""What loads need and cost in pools: one call for accelerators, latency percentiles, USD per million tokens and eligibility.

Axes: L loads, P pools, T periods, B blocks of hours, S scenarios. What depends on load and pool alone is given as coefficients, from the
operating point chosen once; within [T, B, S] only demand and prices move. `sweep` runs this over chunks, so that it never stands whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import spread, spread_once, sum_over_cells
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sizing import LONG_WAIT, count_and_waits

PERCENTILES = (0.5, 0.95, 0.99)  # of the time to first token
SECONDS_PER_HOUR = 3600.0
MILLION = 1e6
REQUESTS = SECONDS_PER_HOUR / MILLION  # millions in an hour, of one per second
NO_LOAD = 1e-12  # replicas: no wait and no slope, for what asks nothing


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
    """Elements, each of a shape that broadcasts to [L, P, T, B, S]. All 0, but the reason, where a pool cannot serve a load.

    Kept by what they are products of, so that a sum over periods, blocks and scenarios need not touch what does not vary there.
    """

    replicas: Array  # needed in the busiest minute, held for the block
    waits: tuple[Array, ...]  # by `PERCENTILES`, in services of one replica
    per_replica: Array  # [L, P, 1, 1, 1] accelerators
    service_s: Array  # [L, P, 1, 1, 1]
    first_token_s: Array  # [L, P, 1, 1, 1], network included
    tpot_s: Array  # [L, P, 1, 1, 1]
    tokens: Array  # [L, P, 1, 1, 1] of a request
    usd_per_accelerator_hour: Array  # [1, P, T, 1, S]
    requests_per_s: Array  # [L, 1, T, B, S] mean of the block
    reason: Array  # int32, `Reason`
    apart: bool = field(default=False, metadata={"static": True})  # see `surface`

    @property
    def accelerators(self) -> Array:
        return self.replicas * self.per_replica

    @property
    def ttft_s(self) -> tuple[Array, ...]:
        """By `PERCENTILES`, network and wait included."""
        return tuple(self.first_token_s + wait * self.service_s for wait in self.waits)

    @property
    def usd_per_hour(self) -> Array:
        return self.accelerators * self.usd_per_accelerator_hour

    @property
    def usd_per_million_tokens(self) -> Array:
        """Prompt and output; 0 where nothing is asked. Its slope passes float32 below 1e-15 requests/s."""
        return self.usd_per_hour * (_inverse(self.requests_per_s) / (self.tokens * REQUESTS))


Reduction = Callable[[Surface, Array, Array], Any]


def surface(inputs: Inputs, reason: Array, *, whole: bool = True, steps: int = 1, apart: bool = False) -> Surface:
    """All elements at once: for a few loads, or for a chunk of `sweep`.

    Args:
      reason: [L, P] int32, `Reason` of each pair.
      whole:  whole replicas, as planned; else unrounded ones, with slopes in all inputs.
      steps:  Newton steps of `sizing.count_and_waits`.
      apart:  sums and their slopes are kernels of their own, as cards want them; else matrix products, as cores do.
    """
    busiest = demanded(inputs.demand)[:, None]
    shape = (*reason.shape, *busiest.shape[2:])
    eligible = reason == Reason.ELIGIBLE
    served = eligible[:, :, None, None, None]
    pairs: Pairs = spread(jax.tree.map(lambda value: jnp.where(eligible, value, 1.0), inputs.pairs), 3)
    limit = jnp.minimum(pairs.wait_limit_s, LONG_WAIT * pairs.service_s)  # a quotient by S of no limit has no slope
    service, patience = pairs.service_s, limit / pairs.service_s
    if apart and not whole:
        service, patience = (spread_once(value, shape) for value in (service, patience))
    runs = served & (busiest > 0.0)
    offered = jnp.where(runs, spread_once(busiest, shape), NO_LOAD) * service  # in this order, slopes by service and by rate are cheap
    each = () if whole else served.shape  # one for each pair: slopes are summed as those of the pairs are, then over pairs
    typed: QueueingParameters = jax.tree.map(lambda value: jnp.broadcast_to(jnp.asarray(value, offered.dtype), each), inputs.queueing)
    count, *waits = count_and_waits(typed, offered, patience, PERCENTILES, whole=whole, steps=steps)
    replicas = jnp.where(runs, count, 0.0)
    enough = replicas * pairs.accelerators <= inputs.market.accelerators[None, :, None, None, None]
    return Surface(
        replicas=replicas,
        waits=tuple(waits),
        per_replica=pairs.accelerators,
        service_s=pairs.service_s,
        first_token_s=jnp.where(served, pairs.first_token_s, 0.0),
        tpot_s=jnp.where(served, pairs.tpot_s, 0.0),
        tokens=pairs.tokens,
        usd_per_accelerator_hour=inputs.market.usd_per_hour[None, :, :, None, :],
        requests_per_s=jnp.broadcast_to(busiest * inputs.demand.mean_share[:, None, None, None, None], (shape[0], 1, *shape[2:])),
        reason=jnp.where(served & ~enough, Reason.CAPACITY, reason[:, :, None, None, None]).astype(jnp.int32),
        apart=apart,
    )


def _inverse(rate: Array) -> Array:
    """1 over a rate; 0 where there is none."""
    return jnp.where(rate > 0.0, 1.0 / jnp.where(rate > 0.0, rate, 1.0), 0.0)


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
    weight = hours[None, None, :, :, None] * probability[None, None, None, None, :]
    requests = elements.requests_per_s * weight * REQUESTS
    per_request = weight * _inverse(elements.requests_per_s)
    shape = elements.replicas.shape
    if elements.apart:
        hour, request, per_request = (spread_once(value, shape) for value in (weight, requests, per_request))
    else:
        hour, request = weight, requests

    def summed(values: Array, of: Array) -> Array:
        """[L, P]"""
        return jnp.sum(values * of, axis=(2, 3, 4)) if elements.apart else sum_over_cells(values, of)

    served = (elements.reason == Reason.ELIGIBLE).astype(weight.dtype)
    paid = elements.replicas * spread_once(elements.usd_per_accelerator_hour, shape)
    all_requests = jnp.sum(requests, axis=(2, 3, 4))
    pair = {name: getattr(elements, name)[:, :, 0, 0, 0] for name in ("per_replica", "service_s", "first_token_s", "tpot_s", "tokens")}
    return Expected(
        usd=pair["per_replica"] * summed(paid, hour),
        accelerator_hours=pair["per_replica"] * summed(elements.replicas, hour),
        hours=jnp.broadcast_to(jnp.sum(weight), shape[:2]),
        hours_served=summed(served, hour),
        requests=jnp.broadcast_to(all_requests, shape[:2]),
        ttft_requests=tuple(pair["first_token_s"] * all_requests + pair["service_s"] * summed(wait, request) for wait in elements.waits),
        tpot_requests=pair["tpot_s"] * all_requests,
        usd_per_million_tokens_hours=pair["per_replica"] / (pair["tokens"] * REQUESTS) * summed(paid, per_request),
    )
