"""Queueing: how long requests wait before c replicas, and how many replicas keep the wait short.

A server is a replica; the requests that it holds at once are inside the serving equations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import log_ndtr

from optimizer.surfaces.arrays import Scalar, rounding

SERIES_BELOW = 0.15  # 1 - rho under which h is a series
SERIES_TERMS = 14


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class QueueingParameters:
    """How irregular arrivals and services are taken to be, and how full a pool of replicas is planned."""

    arrival_variation: Scalar = 1.0  # ca2, squared coefficient of variation; 1: Poisson within the busiest minute; assumed
    service_variation: Scalar = 1.0  # cs2, likewise; assumed
    percentile: Scalar = 0.95  # of waits that the limit holds for
    planning_utilisation: Scalar = 0.9  # load per replica up to which the equations are trusted to plan


def log_erlang_c(servers: Array, utilisation: Array) -> Array:
    """Logarithm of the probability of waiting in M/M/c, continuous in c.

        h = rho - 1 - ln rho    alpha = sqrt(2 c h)
        log C = -logaddexp(ln rho, ln(1-rho) + logaddexp(ln(c)/2 + logPhi(alpha) + alpha^2/2 + ln(2 pi)/2 + log1p(1/(12c)), ln(2/3)))

    Args:
      servers:     c > 0.
      utilisation: rho, load per server, inside (0, 1).
    """
    idle = 1.0 - utilisation
    ratio = _h_over_idle_squared(idle)
    alpha = idle * jnp.sqrt(2.0 * servers * ratio)  # no square root of zero, whose slope is infinite
    two_pi = jnp.asarray(2.0 * jnp.pi, servers.dtype)
    stirling = 0.5 * jnp.log(two_pi * servers) + log_ndtr(alpha) + alpha**2 / 2.0 + jnp.log1p(1.0 / (12.0 * servers))
    two_thirds = jnp.asarray(2.0 / 3.0, servers.dtype)
    return -jnp.logaddexp(jnp.log(utilisation), jnp.log(idle) + jnp.logaddexp(stirling, jnp.log(two_thirds)))


def _h_over_idle_squared(idle: Array) -> Array:
    """(rho - 1 - ln rho) / (1 - rho)^2: 1/2 + e/3 + e^2/4 + ... for small e = 1 - rho, where the difference would cancel."""
    near = jnp.minimum(idle, SERIES_BELOW)
    series = jnp.zeros_like(idle)
    for power in range(SERIES_TERMS, 1, -1):
        series = series * near + 1.0 / power
    far = jnp.maximum(idle, SERIES_BELOW)
    return jnp.where(idle < SERIES_BELOW, series, (-far - jnp.log1p(-far)) / far**2)


def wait_percentile_s(parameters: QueueingParameters, servers: Array, arrivals_per_s: Array, service_s: Array) -> Array:
    """Percentile p of the wait in G/G/c: Hayward's C at c/z servers.

        W_p = max(0, ln(C/(1-p)) f S / (c (1-rho))),  z = (1 + ca2)/2,  f = (ca2 + cs2)/2

    Args:
      servers:        c >= 1.
      arrivals_per_s: of all servers together, > 0.
      service_s:      S, seconds of one server per request.

    Returns:
      Seconds; inf where the servers do not keep up.
    """
    load = arrivals_per_s * service_s / servers
    stable = load < 1.0
    edge = rounding(load)
    utilisation = jnp.clip(jnp.where(stable, load, 0.5), edge, 1.0 - edge)
    peakedness = (1.0 + parameters.arrival_variation) / 2.0
    spread = (parameters.arrival_variation + parameters.service_variation) / 2.0
    excess = log_erlang_c(servers / peakedness, utilisation) - jnp.log1p(-jnp.asarray(parameters.percentile, load.dtype))
    wait = jnp.maximum(excess, 0.0) * spread * service_s / (servers * (1.0 - utilisation))
    return jnp.where(stable, wait, jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class QueueRows:
    """Queues to be sized, [N] each."""

    arrivals_per_s: Array  # 0: no replica
    service_s: Array
    wait_limit_s: Array  # inf: only the utilisation counts; below 0 counts as 0


def replicas(parameters: QueueingParameters, rows: QueueRows) -> Array:
    """Fewest whole replicas whose percentile of waits keeps the limit and whose load keeps the planning utilisation.

    The wait falls as replicas are added, so a bracket is found by steps that double and then halved.

    Returns:
      [N] whole numbers in the rows' floating-point type.
    """
    offered = rows.arrivals_per_s * rows.service_s
    slack = 1.0 - 8.0 * rounding(offered)  # an exact multiple must not be rounded up
    least = jnp.maximum(jnp.ceil(offered / parameters.planning_utilisation * slack), 1.0)
    limit = jnp.maximum(rows.wait_limit_s, 0.0)
    arrivals = jnp.where(rows.arrivals_per_s > 0.0, rows.arrivals_per_s, 1.0)
    service = jnp.where(rows.arrivals_per_s > 0.0, rows.service_s, 0.0)

    def too_slow(count: Array) -> Array:
        return wait_percentile_s(parameters, count, arrivals, service) > limit

    low, high = _bracket(least, jnp.maximum(jnp.ceil(jnp.sqrt(offered)), 1.0), too_slow)
    fewest = _bisect(low, high, too_slow)
    return jnp.where(rows.arrivals_per_s > 0.0, fewest, 0.0)


def _bracket(least: Array, step: Array, too_slow: Callable[[Array], Array]) -> tuple[Array, Array]:
    """(low, high): `high` replicas are fast enough; `low` are not, or are one fewer than the least allowed."""

    def searching(state: tuple[Array, Array, Array, Array]) -> Array:
        return jnp.any(state[3])

    def advance(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        low, high, step, slow = state
        low, high = jnp.where(slow, high, low), jnp.where(slow, high + step, high)
        return low, high, 2.0 * step, slow & too_slow(high)

    low, high, _, _ = jax.lax.while_loop(searching, advance, (least - 1.0, least, step, too_slow(least)))
    return low, high


def _bisect(low: Array, high: Array, too_slow: Callable[[Array], Array]) -> Array:
    """The fewest replicas in (low, high] that are fast enough."""

    def open_(state: tuple[Array, Array]) -> Array:
        return jnp.any(state[1] - state[0] > 1.0)

    def halve(state: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = state
        middle = jnp.floor((low + high) / 2.0)
        wide = high - low > 1.0
        slow = too_slow(jnp.maximum(middle, 1.0))
        return jnp.where(wide & slow, middle, low), jnp.where(wide & ~slow, middle, high)

    return jax.lax.while_loop(open_, halve, (low, high))[1]


replicas_for = jax.jit(replicas)


@jax.jit
def waits_for(parameters: QueueingParameters, rows: tuple[Array, Array, Array]) -> Array:
    """`wait_percentile_s` of rows of (servers, arrivals/s, service s), compiled."""
    return wait_percentile_s(parameters, *rows)
