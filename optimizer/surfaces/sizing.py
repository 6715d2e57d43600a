"""Replicas for a load: exactly, by a search from a closed form (`replicas`), and by two evaluations of Erlang C (`count_and_waits`).

The count c that just keeps the limit solves  y s f = w/S (c - a)  (a = offered load, w = wait limit; y, s, f as in `queueing.waits`).
A closed form comes within 0.2 of a replica of it, and one Newton step within 0.0003 (no bursts, 95th percentile).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.compiling import SOON
from optimizer.surfaces.arrays import Scalar, inverse, positive, rounding
from optimizer.surfaces.erlang import busy_erlang_c
from optimizer.surfaces.queueing import (
    TRUSTED_UTILISATION,
    QueueingParameters,
    WaitShape,
    peakedness,
    wait_percentile_s,
    wait_shape,
    wait_spread,
    wait_stretch,
)

# ln C = -(LINEAR x + QUADRATIC x^2) at c = a + x sqrt(a) of many servers, and what few need beyond: for the least error after a step
LINEAR, QUADRATIC, FEW = 1.1607, 0.3089, 0.1962
LONG_WAIT = 1e6  # wait limit in services from which on it is no limit
WHOLE_SLACK = 5e-4  # replicas by which the unrounded count may pass a whole number and still be that number


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What the equations hold of the queue's parameters."""

    level: Scalar  # -ln(1-p)
    one_z: Scalar  # 1/z
    one_utilisation: Scalar  # replicas for a unit of load, at least
    shape: WaitShape | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class _At:
    """ln C and its slopes near a count."""

    count: Array
    log_chance: Array
    by_count: Array  # at one load
    by_offered: Array  # at one count
    step: Array  # of Newton's, and its divisor
    divisor: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class QueueRows:
    """Queues to be sized, [N] each."""

    arrivals_per_s: Array  # 0: no replica
    service_s: Array
    wait_limit_s: Array  # inf: only the utilisation counts; below 0 counts as 0


def replicas(parameters: QueueingParameters, rows: QueueRows) -> Array:
    """Fewest whole replicas whose percentile of waits keeps the limit and whose load keeps the planning utilisation.

    The load is never above `TRUSTED_UTILISATION`, whatever is asked. The wait falls as replicas are added, so from the whole number nearest
    to the closed form steps that double go up, or down, until the answer lies between two counts, which are then halved: two
    evaluations where the closed form is right within a half.

    Returns:
      [N] whole numbers in the rows' floating-point type.
    """
    busy = rows.arrivals_per_s > 0.0
    arrivals, service = jnp.where(busy, rows.arrivals_per_s, 1.0), jnp.where(busy, rows.service_s, 0.0)
    offered, limit = arrivals * service, jnp.maximum(rows.wait_limit_s, 0.0)
    typed: QueueingParameters = jax.tree.map(lambda value: jnp.asarray(value, offered.dtype), parameters)
    terms = _terms(typed)
    slack = 1.0 - 8.0 * rounding(offered)  # an exact multiple must not be rounded up
    least = jnp.maximum(jnp.ceil(offered * terms.one_utilisation * slack), 1.0)
    patience = jnp.minimum(limit / jnp.where(service > 0.0, service, 1.0), LONG_WAIT)
    guess = jnp.maximum(jnp.rint(_first_guess(terms, offered, patience)), least)

    def too_slow(count: Array) -> Array:
        return wait_percentile_s(parameters, count, arrivals, service) > limit

    return jnp.where(busy, _bisect(*_bracket(least, guess, too_slow), too_slow), 0.0)


def _bracket(least: Array, guess: Array, too_slow: Callable[[Array], Array]) -> tuple[Array, Array]:
    """(low, high): `high` replicas are fast enough; `low` are not, or are one fewer than the least allowed."""
    up = too_slow(guess)

    def searching(state: tuple[Array, Array, Array, Array]) -> Array:
        return jnp.any(state[3])

    def advance(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        low, high, step, searched = state
        further = searched & (too_slow(jnp.where(up, high, jnp.maximum(low, 1.0))) == up)
        moved = jnp.where(up, high, jnp.maximum(low - step, least - 1.0)), jnp.where(up, high + step, low)
        low, high = jnp.where(further, moved[0], low), jnp.where(further, moved[1], high)
        return low, high, 2.0 * step, further & (low >= least)

    low, high = jnp.where(up, guess, guess - 1.0), jnp.where(up, guess + 1.0, guess)
    low, high, _, _ = jax.lax.while_loop(searching, advance, (low, high, jnp.full_like(guess, 2.0), up | (low >= least)))
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


replicas_for = jax.jit(replicas, compiler_options=SOON)


def count_and_waits(
    parameters: QueueingParameters, offered: Array, patience: Array, percentiles: tuple[float, ...], *, whole: bool, steps: int = 1
) -> tuple[Array, ...]:
    """The fewest replicas that keep the wait limit and `TRUSTED_UTILISATION`, and percentiles of the wait over the service time.

        W_p/S = max(y, 0) s f / (c - a)

    Args:
      parameters: numbers of the arrays' type.
      offered:    a = arrivals/s x service s, > 0.
      patience:   wait limit in services of one replica, w/S; below 0 counts as 0, inf is no limit.
      whole:      whole replicas, which are planned; else the unrounded count, at least 1, which has slopes in everything by reverse mode.
      steps:      Newton steps before the last evaluation; more than 1 for bursty or very regular loads, and for checks.

    Returns:
      Broadcast shape of the arguments, each. A whole count keeps its limit to within 0.0005 of a replica.
    """
    terms = _terms(parameters)
    patience = jnp.clip(patience, 0.0, LONG_WAIT)
    if not whole:
        return _unrounded(terms, offered, patience, percentiles, steps)
    slack = 8.0 * rounding(offered)
    least = jnp.ceil(_bound(terms, offered) * (1.0 - slack))
    count = jnp.maximum(jnp.ceil(_near(terms, offered, patience, steps) * (1.0 - slack) - WHOLE_SLACK), least)
    log_chance = busy_erlang_c(count * terms.one_z, offered * terms.one_z)[0]
    return count, *_waits(terms, count, offered, log_chance, percentiles)


def _terms(parameters: QueueingParameters) -> _Terms:
    return _Terms(
        level=-jnp.log1p(-parameters.percentile),
        one_z=1.0 / peakedness(parameters),
        one_utilisation=1.0 / jnp.minimum(parameters.planning_utilisation, TRUSTED_UTILISATION),
        shape=wait_shape(parameters),
    )


def _bound(terms: _Terms, offered: Array) -> Array:
    least = offered * terms.one_utilisation
    return jnp.where(least > 1.0, least, 1.0)


def _near(terms: _Terms, offered: Array, patience: Array, steps: int) -> Array:
    """The closed form and Newton steps from it."""
    bound = _bound(terms, offered)
    count = jnp.maximum(_first_guess(terms, offered, patience), bound)
    for _ in range(steps):
        count = jnp.maximum(count - _at(terms, offered, patience, count).step, bound)
    return count


def _first_guess(terms: _Terms, offered: Array, patience: Array) -> Array:
    """A count within 0.2 of the one that just keeps the limit.

    c = a + x sqrt(a z) + FEW x^2 v/(v + k)     LINEAR x + QUADRATIC x^2 + k x = -ln(1-p)     v = LINEAR + 2 QUADRATIC x
    k = w/(f S) sqrt(a z)     f = (ca2 + cs2)/2
    """
    root = jnp.sqrt(offered / terms.one_z)
    variation = 1.0 if terms.shape is None else 1.0 + terms.shape.services + terms.shape.arrivals
    k = patience * root / variation
    linear = LINEAR + k
    x = 2.0 * terms.level / (linear + jnp.sqrt(linear * linear + 4.0 * QUADRATIC * terms.level))
    slope = LINEAR + 2.0 * QUADRATIC * x
    return offered + x * (root + FEW * x * (slope / (slope + k)))


def _at(terms: _Terms, offered: Array, patience: Array, count: Array) -> _At:
    """ln C at a count, and the Newton step from it towards y s f = w/S (c - a)."""
    log_chance, by_servers, by_load = busy_erlang_c(count * terms.one_z, offered * terms.one_z)
    by_count = by_servers * terms.one_z
    beyond, slope = jax.jvp(
        lambda count, log_chance: _missed(terms, count, offered, patience, log_chance),
        (count, log_chance),
        (jnp.ones_like(count), by_count),
    )
    return _At(count=count, log_chance=log_chance, by_count=by_count, by_offered=by_load * terms.one_z, step=beyond / slope, divisor=slope)


def _missed(terms: _Terms, count: Array, offered: Array, patience: Array, log_chance: Array) -> Array:
    """y s f - w/S (c - a), which falls as replicas are added and is 0 where the limit is just kept."""
    excess = log_chance + terms.level
    idle = (count - offered) * inverse(count)
    spread, stretch = wait_spread(terms.shape, count, idle), wait_stretch(terms.shape, idle, positive(excess))
    return excess * spread * stretch - patience * (count - offered)


def _waits(terms: _Terms, count: Array, offered: Array, log_chance: Array, percentiles: tuple[float, ...]) -> tuple[Array, ...]:
    idle_servers = count - offered
    idle = idle_servers * inverse(count)
    each = wait_spread(terms.shape, count, idle) * inverse(idle_servers)
    excesses = [positive(log_chance + math.log(1.0 / (1.0 - p))) for p in percentiles]
    return tuple(excess * each * wait_stretch(terms.shape, idle, excess) for excess in excesses)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _unrounded(terms: _Terms, offered: Array, patience: Array, percentiles: tuple[float, ...], steps: int) -> tuple[Array, ...]:
    """Count and waits. Slopes follow from the equation that holds at the count, not from the steps that found it:

    dc = -(dF at fixed c) / (dF/dc)     F = y s f - w/S (c - a)     or that of the bound, where it holds the count
    """
    return _forth(terms, offered, patience, percentiles, steps)[0]


_Kept = tuple[_Terms, Array, Array, Array, Array, _At]


def _forth(terms: _Terms, offered: Array, patience: Array, percentiles: tuple[float, ...], steps: int) -> tuple[tuple[Array, ...], _Kept]:
    at = _at(terms, offered, patience, _near(terms, offered, patience, steps))
    count = jnp.maximum(at.count - at.step, _bound(terms, offered))
    log_chance = at.log_chance + at.by_count * (count - at.count)
    return (count, *_waits(terms, count, offered, log_chance, percentiles)), (terms, offered, patience, count, log_chance, at)


def _back(percentiles: tuple[float, ...], _: int, kept: _Kept, slopes: tuple[Array, ...]) -> tuple[_Terms, Array, Array]:
    terms, offered, patience, count, log_chance, at = kept
    whole = jax.tree.map(lambda value: jnp.broadcast_to(value, count.shape), terms)  # so that each slope is summed once
    free = count > _bound(terms, offered)

    def waits(count: Array, log_chance: Array) -> tuple[Array, ...]:
        return _waits(terms, count, offered, log_chance, percentiles)

    def at_count(terms: _Terms, offered: Array, patience: Array, log_chance: Array) -> tuple[Array, ...]:
        missed = _missed(terms, count, offered, patience, log_chance)
        return *_waits(terms, count, offered, log_chance, percentiles), missed, _bound(terms, offered)

    _, wait_by_count = jax.jvp(waits, (count, log_chance), (jnp.ones_like(count), at.by_count))
    by_count = slopes[0] + sum(slope * by for slope, by in zip(slopes[1:], wait_by_count, strict=True))
    pull: Any = jax.vjp(at_count, whole, offered, patience, log_chance)[1]
    by_terms, by_offered, by_patience, by_log = pull(
        (*slopes[1:], jnp.where(free, by_count / -at.divisor, 0.0), jnp.where(free, 0.0, by_count))
    )
    by_one_z = by_terms.one_z + by_log * (count * at.by_count + offered * at.by_offered) / whole.one_z
    by_terms = replace(by_terms, one_z=by_one_z)
    return jax.tree.map(_summed, by_terms, terms), by_offered + by_log * at.by_offered, by_patience


def _summed(slopes: Array, like: Scalar) -> Array:
    """Over the axes along which a term was spread."""
    shape = jnp.shape(like)
    lead = slopes.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, length in enumerate(shape) if length < slopes.shape[lead + i])
    return jnp.sum(slopes, axis=axes, keepdims=True).reshape(shape) if axes else slopes


_unrounded.defvjp(_forth, _back)
