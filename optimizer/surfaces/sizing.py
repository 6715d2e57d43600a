"""Replicas for a load by two evaluations of Erlang C: the same answer as `queueing.replicas`, without a search, and with slopes.

The count c that just keeps the limit solves  y s f = w/S (c - a)  (a = offered load, w = wait limit; y, s, f as in `queueing.waits`).
A closed form comes within 0.2 of a replica of it, and one Newton step within 0.0003 (no bursts, 95th percentile).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import Scalar, rounding
from optimizer.surfaces.erlang import busy_erlang_c, busy_log_erlang_c
from optimizer.surfaces.queueing import TRUSTED_UTILISATION, QueueingParameters, peakedness, wait_spread, wait_stretch

# ln C = -(LINEAR x + QUADRATIC x^2) at c = a + x sqrt(a) of many servers, and what few need beyond: for the least error after a step
LINEAR, QUADRATIC, FEW = 1.1607, 0.3089, 0.1962
LONG_WAIT = 1e6  # wait limit in services from which on it is no limit
WHOLE_SLACK = 5e-4  # replicas by which the unrounded count may pass a whole number and still be that number


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Replicas of a load, and the chance that a request waits. Arrays of one shape."""

    count: Array  # whole, or as many as just keep the limit
    log_chance: Array  # ln C at that count


def size(parameters: QueueingParameters, offered: Array, patience: Array, *, whole: bool, steps: int = 1) -> Sizes:
    """The fewest replicas that keep the wait limit and `TRUSTED_UTILISATION`.

    Args:
      parameters: numbers of the arrays' type.
      offered:    a = arrivals/s x service s, > 0.
      patience:   wait limit in services of one replica, w/S; below 0 counts as 0, inf is no limit.
      whole:      whole replicas, which are planned; else the unrounded count, at least 1, which has slopes in everything.
      steps:      Newton steps before the last evaluation; more than 1 for bursty or very regular loads, and for checks.

    Returns:
      Broadcast shape of the arguments. A whole count keeps its limit to within 0.0005 of a replica.
    """
    z = peakedness(parameters)
    patience = jnp.clip(patience, 0.0, LONG_WAIT)
    bound = jnp.maximum(offered / jnp.minimum(parameters.planning_utilisation, TRUSTED_UTILISATION), 1.0)
    count = jnp.maximum(_first_guess(parameters, z, offered, patience), bound)
    fixed = jax.lax.stop_gradient((parameters, z, offered, patience, bound))
    count = jax.lax.stop_gradient(count)
    for _ in range(steps):
        count = jnp.maximum(_newton(*fixed[:4], count)[0], fixed[4])
    if whole:
        slack = 8.0 * rounding(offered)
        least = jnp.ceil(fixed[4] * (1.0 - slack))
        count = jnp.maximum(jnp.ceil(count * (1.0 - slack) - WHOLE_SLACK), least)
        return Sizes(count=count, log_chance=busy_log_erlang_c(count / z, offered / z))
    better, log_chance, slope = _newton(parameters, z, offered, patience, count)
    better = jnp.maximum(better, bound)
    return Sizes(count=better, log_chance=log_chance + slope * (better - count))


def _first_guess(parameters: QueueingParameters, z: Scalar, offered: Array, patience: Array) -> Array:
    """A count within 0.2 of the one that just keeps the limit.

    c = a + x sqrt(a z) + FEW x^2 v/(v + k)     LINEAR x + QUADRATIC x^2 + k x = -ln(1-p)     v = LINEAR + 2 QUADRATIC x
    k = w/(f S) sqrt(a z)     f = (ca2 + cs2)/2
    """
    level = -jnp.log1p(-parameters.percentile)
    root = jnp.sqrt(offered * z)
    variation = 2.0 if parameters.corrections is None else parameters.arrival_variation + parameters.service_variation
    k = patience * root * (2.0 / variation)
    linear = LINEAR + k
    x = 2.0 * level / (linear + jnp.sqrt(linear * linear + 4.0 * QUADRATIC * level))
    slope = LINEAR + 2.0 * QUADRATIC * x
    return offered + x * (root + FEW * x * (slope / (slope + k)))


def _newton(parameters: QueueingParameters, z: Scalar, offered: Array, patience: Array, count: Array) -> tuple[Array, Array, Array]:
    """One step towards y s f = w/S (c - a), ln C before it, and its slope by c; the step's divisor carries no slope."""
    one_z = 1.0 / z
    log_chance = busy_log_erlang_c(count * one_z, offered * one_z)
    slope = jax.lax.stop_gradient(busy_erlang_c(count * one_z, offered * one_z)[1] * one_z)
    excess = log_chance - jnp.log1p(-parameters.percentile)

    def waited(count: Array, excess: Array) -> Array:
        idle = (count - offered) / count
        return excess * wait_spread(parameters, count, idle) * wait_stretch(parameters, idle, jnp.maximum(excess, 0.0))

    at, by_count = jax.jvp(waited, (count, excess), (jnp.ones_like(count), slope))
    divisor = jax.lax.stop_gradient(by_count - patience)
    return count - (at - patience * (count - offered)) / divisor, log_chance, slope


def waits_in_services(parameters: QueueingParameters, sizes: Sizes, offered: Array, percentiles: tuple[float, ...]) -> tuple[Array, ...]:
    """Percentiles of the wait at a size, over the service time: W_p/S = max(y, 0) s f / (c - a)."""
    idle_servers = sizes.count - offered
    idle = idle_servers / sizes.count
    each = wait_spread(parameters, sizes.count, idle)
    excesses = [jnp.maximum(sizes.log_chance + math.log(1.0 / (1.0 - p)), 0.0) for p in percentiles]
    return tuple(excess * each * wait_stretch(parameters, idle, excess) / idle_servers for excess in excesses)


def count_and_waits(
    parameters: QueueingParameters, offered: Array, patience: Array, percentiles: tuple[float, ...], *, whole: bool, steps: int = 1
) -> tuple[Array, ...]:
    """Replicas as of `size`, and percentiles of the wait over the service time."""
    sizes = size(parameters, offered, patience, whole=whole, steps=steps)
    return sizes.count, *waits_in_services(parameters, sizes, offered, percentiles)
