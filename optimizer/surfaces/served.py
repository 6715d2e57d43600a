"""From what a load asks and a pool offers to the coefficients of the cost kernel, with slopes in all of it.

The planner takes parallelism G and concurrency n from grids. Here G is kept, and n is moved off its grid to where it stops: at the most
tokens per accelerator, or at the first limit that it meets. There n is a smooth function of all inputs, given by one equation,

    stops at the most tokens:  d ln(tokens/s) / dn = 0     at a limit:  ln(TPOT/limit) = 0  or  ln(TTFT/limit) = 0

so that dn = -(d equation) / (d equation / dn), which one Newton step carries into reverse mode. At the most tokens the service time does
not move with n (the envelope theorem), latencies do; at a limit everything does: this is what a looser limit is worth. Where n stands at
an end of its grid it is held. G is a whole number and held: slopes are those within the range of inputs in which it stays the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.calibrated_serving import ServingModel, evaluate
from optimizer.surfaces.cost import Pairs
from optimizer.surfaces.operating import CONCURRENCIES, PARALLEL_SIZES, QUEUEING_ROOM, ServingRows, operating_points
from optimizer.surfaces.serving import Architecture, Chip, Lengths, Replica, Techniques

HALVINGS = 60  # of the gap between two concurrencies of the grid


class Stop(IntEnum):
    """What stops the concurrency of a replica."""

    GRID = 0
    MOST_TOKENS = 1
    TPOT = 2
    TTFT = 3


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Served:
    """A load in a pool, [N] each; arrays of one floating-point type."""

    serving: ServingModel  # [N] each, or calibrated
    model: Architecture
    chip: Chip
    lengths: Lengths
    techniques: Techniques
    round_trip_s: Array
    ttft_limit_s: Array  # 95th percentile, network and wait included; inf: none
    tpot_limit_s: Array  # inf: none


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Points:
    """Operating points, [N] each."""

    feasible: Array  # bool
    parallel: Array  # accelerators of a replica
    concurrency: Array  # requests in a replica, not rounded
    stop: Array  # int32, `Stop`


def chosen_points(served: Served) -> Points:
    """The planner's parallelism, and its concurrency moved to where it stops between its neighbours on the grid."""
    rows = ServingRows(
        model=served.model,
        chip=served.chip,
        lengths=served.lengths,
        ttft_limit_s=_replica_limit_s(served),
        tpot_limit_s=served.tpot_limit_s,
        techniques=served.techniques,
    )
    found = operating_points(served.serving, rows)
    best = jnp.argmax(found.tokens_per_s, axis=-1, keepdims=True)
    dtype = served.round_trip_s.dtype
    parallel = jnp.asarray(PARALLEL_SIZES, dtype)[best[:, 0]]
    feasible = jnp.any(found.feasible, axis=-1)
    start = jnp.where(feasible, jnp.take_along_axis(found.concurrency, best, axis=-1)[:, 0], 1.0)
    concurrency, stop = _unrounded(served, parallel, start)
    return Points(
        feasible=feasible,
        parallel=parallel,
        concurrency=jnp.where(feasible, concurrency, start),
        stop=jnp.where(feasible, stop, int(Stop.GRID)).astype(jnp.int32),
    )


def pairs_at(served: Served, points: Points) -> Pairs:
    """Coefficients of the cost kernel, [N] each, with slopes in all of `served`."""
    return pairs_with(served, points, concurrency_at(served, points))


def pairs_with(served: Served, points: Points, concurrency: Array) -> Pairs:
    """`pairs_at` at a concurrency [N] that does not move with the inputs."""
    replica = _replica(served, points.parallel, concurrency)
    return Pairs(
        service_s=1.0 / replica.requests_per_s,
        wait_limit_s=served.ttft_limit_s - served.round_trip_s - replica.ttft_s,
        first_token_s=served.round_trip_s + replica.ttft_s,
        tpot_s=replica.tpot_s,
        tokens=served.lengths.prompt + served.lengths.output,
        accelerators=points.parallel,
    )


def concurrency_at(served: Served, points: Points) -> Array:
    """The points' concurrency as a function of the inputs: its value, and slopes by the equation of what stops it, [N]."""
    at = jax.lax.stop_gradient(points.concurrency)
    fixed = jax.lax.stop_gradient(served)
    _, by_n = jax.jvp(lambda n: _equation(fixed, points, n), (at,), (jnp.ones_like(at),))
    moves = (points.stop != Stop.GRID) & (by_n != 0.0)
    left = _equation(served, points, at)
    moved = jnp.where(moves, left - jax.lax.stop_gradient(left), 0.0)
    return at - moved / jnp.where(moves, jax.lax.stop_gradient(by_n), 1.0)


def _equation(served: Served, points: Points, concurrency: Array) -> Array:
    """What is 0 where the concurrency stops."""
    slope, replica = _tokens_slope(served, points.parallel, concurrency)
    tpot, ttft = (_log_over(*pair) for pair in _times_and_limits(served, replica))
    at_limit = jnp.where(points.stop == Stop.TPOT, tpot, ttft)
    return jnp.where(points.stop == Stop.MOST_TOKENS, slope, at_limit)


def _unrounded(served: Served, parallel: Array, start: Array) -> tuple[Array, Array]:
    """Concurrency and what stops it: the largest between the neighbours of `start` up to which tokens rise and limits are kept."""
    grid = jnp.asarray(CONCURRENCIES, start.dtype)
    at = jnp.searchsorted(grid, start)
    least, most = grid[jnp.maximum(at - 1, 0)], grid[jnp.minimum(at + 1, len(CONCURRENCIES) - 1)]

    def rises(concurrency: Array) -> Array:
        slope, replica = _tokens_slope(served, parallel, concurrency)
        return _within(served, replica) & (slope > 0.0)

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2.0
        further = rises(middle)
        return jnp.where(further, middle, low), jnp.where(further, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (least, most))
    _, beyond = _tokens_slope(served, parallel, high)
    (tpot, tpot_limit), (ttft, ttft_limit) = _times_and_limits(served, beyond)
    stop = jnp.where(tpot > tpot_limit, int(Stop.TPOT), jnp.where(ttft > ttft_limit, int(Stop.TTFT), int(Stop.MOST_TOKENS)))
    better = _replica(served, parallel, low).tokens_per_s >= _replica(served, parallel, start).tokens_per_s
    held = rises(most) | ~rises(least) | ~better
    return jnp.where(held, start, low), jnp.where(held, int(Stop.GRID), stop)


def _tokens_slope(served: Served, parallel: Array, concurrency: Array) -> tuple[Array, Replica]:
    """d ln(tokens/s) / dn, and the replica."""

    def log_tokens(n: Array) -> tuple[Array, Replica]:
        replica = _replica(served, parallel, n)
        return jnp.log(replica.tokens_per_s), replica

    _, slope, replica = jax.jvp(log_tokens, (concurrency,), (jnp.ones_like(concurrency),), has_aux=True)
    return slope, replica


def _replica(served: Served, parallel: Array, concurrency: Array) -> Replica:
    return evaluate(served.serving, served.model, served.chip, served.lengths, parallel, concurrency, 1.0, served.techniques)


def _replica_limit_s(served: Served) -> Array:
    """What the network and queueing leave of the limit on the time to first token."""
    return (served.ttft_limit_s - served.round_trip_s) * (1.0 - QUEUEING_ROOM)


def _times_and_limits(served: Served, replica: Replica) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    return (replica.tpot_s, served.tpot_limit_s), (replica.ttft_s, _replica_limit_s(served))


def _within(served: Served, replica: Replica) -> Array:
    (tpot, tpot_limit), (ttft, ttft_limit) = _times_and_limits(served, replica)
    return (tpot <= tpot_limit) & (ttft <= ttft_limit)


def _log_over(value: Array, limit: Array) -> Array:
    """ln(value/limit) of a limit that is there."""
    there = jnp.isfinite(limit) & (limit > 0.0)
    return jnp.log(value) - jnp.log(jnp.where(there, limit, 1.0))
