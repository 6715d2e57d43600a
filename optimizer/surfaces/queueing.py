"""Queueing: how long requests wait before c replicas, and when the first token comes.

A server is a replica; the requests that it holds at once are inside the serving equations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr

from optimizer.compiling import SOON
from optimizer.surfaces.arrays import Scalar, inverse, positive, rounding
from optimizer.surfaces.erlang import log_erlang_c

TRUSTED_UTILISATION = 0.9
"""Load per replica above which nothing is planned.

The wait grows with 1/(1 - rho): an error of 1 % in demand or service time moves it by 9 % at 0.9, and by 32 % at 0.97. A replica's rate
on hardware or models not measured may be missed by a tenth, and at 0.9 a replica that turns out a tenth slower still keeps up. Against
simulated queues the waits themselves are nearly as good at 0.95 as below; what is not known that well is the load.
"""
SMALLEST_VARIATION = 1e-12  # of services, so that the slope at none is finite
LEAST_PEAKEDNESS = 0.01  # of arrivals and services that are both regular, where z would be 0
LN_2 = math.log(2.0)
HALVINGS = 40  # of the bracket around a percentile of the time to first token


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class WaitCorrections:
    """How waits differ from exponential ones where arrivals or services are not as in M/M/c. All vanish there.

    Fitted by least squares in error/(S+W) to simulated G/G/c queues (lognormal gaps and services, 1 to 500 servers, load 0.3 to 0.97).
    """

    pooling: Scalar = 0.56  # how fast many servers forget the variation of services
    arrivals: Scalar = 0.31  # how far idle servers damp the variation of arrivals: linear
    arrivals_squared: Scalar = 0.50  # and quadratic in the idle share
    tail: Scalar = 0.44  # weight by which variable services stretch high percentiles
    tail_centre: Scalar = 2.02  # excess, ln(C/(1-p)), that the stretch leaves as it is


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class QueueingParameters:
    """How irregular arrivals and services are taken to be, and how full a pool of replicas is planned."""

    arrival_variation: Scalar = 1.0  # ca2, squared coefficient of variation; 1: Poisson within the busiest minute; assumed
    service_variation: Scalar = 1.0  # cs2, likewise; assumed
    percentile: Scalar = 0.95  # of waits that the limit holds for
    planning_utilisation: Scalar = TRUSTED_UTILISATION  # load per replica to plan for; above `TRUSTED_UTILISATION` that counts instead
    first_token_spread: Scalar = 0.0  # standard deviation over mean, at most 1, of the first token within a replica; 0: all prompts alike
    corrections: WaitCorrections | None = field(default_factory=WaitCorrections)  # None: M/M/c, cheaper; the variations are not read


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Waits:
    """The tail of the wait near a percentile: P(W > w) = C exp(-w / mean_s) around w = W_p. Arrays of one shape."""

    log_chance: Array  # ln C, of waiting at all
    excess: Array  # ln(C/(1-p)); below 0 the percentile does not wait
    mean_s: Array  # seconds; inf where the servers do not keep up


def waits(
    parameters: QueueingParameters, servers: Array, arrivals_per_s: Array, service_s: Array, percentile: Scalar | None = None
) -> Waits:
    """The wait in G/G/c around a percentile.

        C = Erlang C at c/z servers, after Hayward     z = `peakedness`
        e = 1 - rho     y = ln(C/(1-p))     g = (1+cs2)/2     q = (cs2-1)/(cs2+1)     r = max(ca2-1, 0)/(ca2+1)
        f = 1 + (g-1)/(1 + pooling g e^2 (c-1)) + (ca2-1)/2 / (1 + r e (arrivals + arrivals_squared e))
        u = tail q e (max(y,0) - tail_centre)      s = 1 + u for u > 0, 1/(1-u) below: W_p = y s f S/(c e) grows with p whatever q
        mean = s f S/(c e)

    Args:
      servers:        c >= 1.
      arrivals_per_s: of all servers together, > 0.
      service_s:      S, seconds of one server per request.
      percentile:     p; the parameters' own where not given.
    """
    dtype = servers.dtype
    load = arrivals_per_s * service_s / servers
    stable = load < 1.0
    edge = rounding(load)
    utilisation = jnp.clip(jnp.where(stable, load, 0.5), edge, 1.0 - edge)
    typed: QueueingParameters = jax.tree.map(lambda value: jnp.asarray(value, dtype), parameters)
    p = typed.percentile if percentile is None else jnp.asarray(percentile, dtype)
    idle = 1.0 - utilisation
    log_chance = log_erlang_c(servers / peakedness(typed), utilisation)
    excess = log_chance - jnp.log1p(-p)
    shape = wait_shape(typed)
    mean = wait_spread(shape, servers, idle) * wait_stretch(shape, idle, jnp.maximum(excess, 0.0)) * service_s / (servers * idle)
    return Waits(
        log_chance=jnp.where(stable, log_chance, 0.0),
        excess=jnp.where(stable, excess, -jnp.log1p(-p)),
        mean_s=jnp.where(stable, mean, jnp.inf),
    )


def peakedness(parameters: QueueingParameters) -> Scalar:
    """z, variance over mean of the requests that fast arrivals keep in endless servers, [].

    z = 1 + (ca2 - 1) E[min(S1, S2)]/S     2 Phi(-sqrt(ln(1+cs2)/2)) for lognormal services
    """
    if parameters.corrections is None:
        return 1.0
    variation = jnp.asarray(parameters.service_variation)
    smaller = 2.0 * ndtr(-jnp.sqrt(jnp.log1p(variation) / 2.0 + SMALLEST_VARIATION))
    return jnp.maximum(1.0 + (parameters.arrival_variation - 1.0) * smaller, LEAST_PEAKEDNESS)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class WaitShape:
    """The numbers in s and f that depend on the queue's parameters alone."""

    services: Scalar  # (cs2-1)/2
    pooling: Scalar  # pooling (1+cs2)/2
    arrivals: Scalar  # (ca2-1)/2
    damping: Scalar  # r arrivals
    damping_squared: Scalar  # r arrivals_squared
    stretch: Scalar  # tail q
    centre: Scalar  # tail_centre


def wait_shape(parameters: QueueingParameters) -> WaitShape | None:
    """None: waits as in M/M/c."""
    how, arrivals, services = parameters.corrections, parameters.arrival_variation, parameters.service_variation
    if how is None:
        return None
    crowding = jnp.maximum(arrivals - 1.0, 0.0) / (arrivals + 1.0)
    return WaitShape(
        services=(services - 1.0) / 2.0,
        pooling=how.pooling * ((services - 1.0) / 2.0 + 1.0),
        arrivals=(arrivals - 1.0) / 2.0,
        damping=crowding * how.arrivals,
        damping_squared=crowding * how.arrivals_squared,
        stretch=how.tail * (services - 1.0) / (services + 1.0),
        centre=how.tail_centre,
    )


def wait_spread(shape: WaitShape | None, servers: Array, idle: Array) -> Scalar:
    """f, the mean wait of those who wait, in services over c (1 - rho)."""
    if shape is None:
        return 1.0
    services = shape.services * inverse(1.0 + shape.pooling * (idle * idle * positive(servers - 1.0)))
    return 1.0 + services + shape.arrivals * inverse(1.0 + idle * (shape.damping + shape.damping_squared * idle))


def wait_stretch(shape: WaitShape | None, idle: Array, excess: Array) -> Scalar:
    """s, by which a percentile lies beyond that of an exponential wait; 1 + u, and as smooth, where u > 0."""
    if shape is None:
        return 1.0
    u = shape.stretch * idle * (excess - shape.centre)
    return jnp.where(u > 0.0, 1.0 + u, inverse(1.0 + positive(-u)))


def wait_percentile_s(parameters: QueueingParameters, servers: Array, arrivals_per_s: Array, service_s: Array) -> Array:
    """Percentile p of the wait in G/G/c, W_p = max(0, y) mean, as in `waits`.

    Args:
      servers:        c >= 1.
      arrivals_per_s: of all servers together, > 0.
      service_s:      S, seconds of one server per request.

    Returns:
      Seconds; inf where the servers do not keep up.
    """
    wait = waits(parameters, servers, arrivals_per_s, service_s)
    return _waited(wait)


def _waited(wait: Waits) -> Array:
    stable = jnp.isfinite(wait.mean_s)
    return jnp.where(stable, jnp.maximum(wait.excess, 0.0) * jnp.where(stable, wait.mean_s, 1.0), jnp.inf)


def ttft_percentiles_s(
    parameters: QueueingParameters,
    servers: Array,
    arrivals_per_s: Array,
    service_s: Array,
    first_token_s: Array,
    percentiles: tuple[float, ...] = (0.5, 0.95, 0.99),
) -> Array:
    """Percentiles of the time to first token of a pool of c replicas: the wait for a replica, then the first token within it.

        TTFT = W + F     F = F0 + X, X exponential of mean d = spread F, F0 = F - d: of mean F and standard deviation d
        P(TTFT > F0 + t) = (1-C) exp(-t/d) + C P(X + V > t)     V exponential of the wait's mean around the percentile

    With no spread this is F + W_p. Wait and first token are independent, as they are when requests are served in the order of arrival.

    Args:
      servers, arrivals_per_s, service_s: as in `waits`, of one shape.
      first_token_s: F, seconds, mean over prompts, of that shape.

    Returns:
      [..., K] seconds, one for each of the percentiles; inf where the servers do not keep up.
    """
    spread = jnp.clip(jnp.asarray(parameters.first_token_spread, servers.dtype), 0.0, 1.0) * first_token_s
    each = []
    for p in percentiles:
        wait = waits(parameters, servers, arrivals_per_s, service_s, p)
        scattered = jnp.isfinite(wait.mean_s) & (spread > 0.0)
        safe = Waits(log_chance=wait.log_chance, excess=wait.excess, mean_s=jnp.where(scattered, wait.mean_s, 1.0))
        beyond = _sum_percentile_s(safe, jnp.where(scattered, spread, 1.0), p) - spread
        each.append(first_token_s + jnp.where(scattered, beyond, _waited(wait)))
    return jnp.stack(each, axis=-1)


def _sum_percentile_s(wait: Waits, spread_s: Array, percentile: float) -> Array:
    """Percentile of X + W, X exponential: bisection, then a Newton step that carries the slope."""
    level = -math.log1p(-percentile)

    def log_tail(t: Array, wait: Waits, spread_s: Array) -> Array:
        slow, fast = jnp.minimum(1.0 / wait.mean_s, 1.0 / spread_s), jnp.maximum(1.0 / wait.mean_s, 1.0 / spread_s)
        gap = jnp.maximum((fast - slow) * t, rounding(t))
        both = jnp.exp(-slow * t) * (1.0 - slow * t * jnp.expm1(-gap) / gap)
        chance = jnp.exp(wait.log_chance)
        return jnp.log((1.0 - chance) * jnp.exp(-t / spread_s) + chance * both)

    def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2.0
        above = log_tail(middle, fixed, fixed_spread) > -level
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    fixed, fixed_spread = jax.lax.stop_gradient((wait, spread_s))
    least = jnp.maximum(fixed_spread * level, _waited(fixed))
    most = fixed_spread * (level + LN_2) + fixed.mean_s * jnp.maximum(fixed.excess + LN_2, 0.0)  # each beyond its half of 1 - p
    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (least, most))
    t = (low + high) / 2.0
    _, slope = jax.jvp(lambda t: log_tail(t, fixed, fixed_spread), (t,), (jnp.ones_like(t),))
    percentile_s: Array = t - (log_tail(t, wait, spread_s) + level) / slope
    return percentile_s


@partial(jax.jit, compiler_options=SOON)
def waits_for(parameters: QueueingParameters, rows: tuple[Array, Array, Array]) -> Array:
    """`wait_percentile_s` of rows of (servers, arrivals/s, service s), compiled."""
    return wait_percentile_s(parameters, *rows)


@partial(jax.jit, compiler_options=SOON)
def ttft_percentiles_for(parameters: QueueingParameters, rows: tuple[Array, Array, Array, Array]) -> Array:
    """`ttft_percentiles_s` of rows of (servers, arrivals/s, service s, first token s), compiled."""
    return ttft_percentiles_s(parameters, *rows)
