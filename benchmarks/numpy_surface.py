"""The cost kernel in NumPy: the yardstick of `surface_speed`, and a second implementation to check against.

Arrays [l, P, 1, B, s] of one chunk at a time, as NumPy code is written: one pass over the chunk for every operation. Slopes are written
out by hand. With `Irregular` it computes G/G/c and the slopes in its numbers; without, M/M/c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.surfaces.cost import PERCENTILES
from optimizer.surfaces.erlang import NORMAL_SCALE, NORMAL_TAIL, ROOT_TWO_PI
from optimizer.surfaces.queueing import TRUSTED_UTILISATION, QueueingParameters, peakedness, wait_shape
from optimizer.surfaces.sizing import FEW, LINEAR, LONG_WAIT, QUADRATIC, WHOLE_SLACK

Floats = NDArray[np.floating]
LEVEL = float(-np.log1p(-0.95))
LEVELS = tuple(float(-np.log1p(-p)) for p in PERCENTILES)
PER_HOUR = 3600.0 / 1e6


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Inputs of a chunk, of one floating-point type; coefficients [l, P, 1, 1, 1]."""

    service_s: Floats
    wait_limit_s: Floats
    first_token_s: Floats
    tpot_s: Floats
    tokens: Floats
    accelerators: Floats
    requests_per_s: Floats  # [l, 1, 1, B, s] busiest minute
    mean_share: Floats  # [l, 1, 1, 1, 1]
    usd_per_hour: Floats  # [1, P, 1, 1, s]
    limit: Floats  # [1, P, 1, 1, 1] accelerators
    weight: Floats  # [1, 1, 1, B, s] hours x probability


def erlang_c(servers: Floats, offered: Floats, slopes: int) -> tuple[Floats, Floats | None, Floats | None]:
    """ln C, and its slopes by servers (slopes >= 1) and by load (slopes = 2); formulas as in `erlang.busy_erlang_c`."""
    n = servers + 1.0
    k = n - offered
    one_n, one_e = 1.0 / n, n / k
    r = offered * one_n
    log_r = -np.log(r)
    e = k * one_n
    exponent = n * (log_r - e)
    alpha, sqrt_n, damped = np.sqrt(2.0 * exponent), np.sqrt(n), np.exp(-exponent)
    t = 1.0 / (1.0 + NORMAL_SCALE * alpha)
    tail = np.full_like(t, NORMAL_TAIL[-1])
    for coefficient in NORMAL_TAIL[-2::-1]:
        tail = tail * t + coefficient
    stirling = 1.0 + one_n * (1.0 / 12.0 + one_n / 288.0)
    normal = ROOT_TWO_PI * sqrt_n * (1.0 - damped * tail * t)
    u = sqrt_n / alpha
    c0, q = u - one_e, e - one_n
    plain = normal + damped * c0
    j = stirling * plain
    d = damped + q * j
    value = -exponent - np.log(offered / servers * d)
    if not slopes:
        return value, None, None
    cube = e * u * u * u
    j_m = stirling * (0.5 * one_n * normal + damped * (log_r * (u - c0) + one_n * (r * one_e * one_e - cube)))
    j_m = j_m - plain * one_n * one_n * (1.0 / 12.0 + one_n / 144.0)
    d_m = q * j_m - damped * log_r + j * (offered + 1.0) * one_n * one_n
    by_servers = 1.0 / servers - log_r - d_m / d
    if slopes == 1:
        return value, by_servers, None
    odds = e / r
    j_a = stirling * damped * (odds * (c0 - u) + one_n * (cube / r - one_e * one_e))
    return value, by_servers, odds - 1.0 / offered - (damped * odds + q * j_a - j * one_n) / d


@dataclass(frozen=True, kw_only=True)
class Irregular:
    """How waits differ from those in M/M/c; the numbers of `queueing.WaitShape`, and 1/z."""

    one_z: float
    services: float
    pooling: float
    arrivals: float
    damping: float
    damping_squared: float
    stretch: float
    centre: float


def irregular(parameters: QueueingParameters) -> Irregular:
    """The numbers of a queue that is not M/M/c."""
    shape = wait_shape(parameters)
    assert shape is not None
    return Irregular(one_z=1.0 / float(peakedness(parameters)), **{name: float(value) for name, value in vars(shape).items()})


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """f at a count, its slopes by idle share and by count, and what the slopes in its numbers are made of."""

    f: Floats
    by_idle: Floats
    by_count: Floats
    pooled: Floats  # 1/(1 + pooling e^2 (c-1))
    crowd: Floats  # e^2 (c-1)
    damped: Floats  # 1/(1 + e (damping + damping_squared e))


def _spread(how: Irregular, count: Floats, idle: Floats) -> _Spread:
    square = idle * idle
    crowd = square * (count - 1.0)
    pooled = 1.0 / (1.0 + how.pooling * crowd)
    damped = 1.0 / (1.0 + idle * (how.damping + how.damping_squared * idle))
    by_crowd = -how.services * how.pooling * pooled * pooled
    slope = how.damping + 2.0 * how.damping_squared * idle
    return _Spread(
        f=1.0 + how.services * pooled + how.arrivals * damped,
        by_idle=by_crowd * (2.0 * idle * (count - 1.0)) - how.arrivals * damped * damped * slope,
        by_count=by_crowd * square,
        pooled=pooled,
        crowd=crowd,
        damped=damped,
    )


def _stretch(how: Irregular, idle: Floats, excess: Floats) -> tuple[Floats, Floats]:
    """s at excesses >= 0, and its slope by u."""
    u = how.stretch * idle * (excess - how.centre)
    below = 1.0 / (1.0 - np.minimum(u, 0.0))
    return np.where(u > 0.0, 1.0 + u, below), np.where(u > 0.0, 1.0, below * below)


def _newton(
    how: Irregular | None, offered: Floats, patience: Floats, count: Floats, chance: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """What is missed of the wait limit at a count, and its slope by the count."""
    log_chance, by_count = chance
    excess = log_chance + LEVEL
    if how is None:
        return excess - patience * (count - offered), by_count - patience
    idle = (count - offered) / count
    spread, (stretch, by_u) = _spread(how, count, idle), _stretch(how, idle, np.maximum(excess, 0.0))
    by_idle_of_count = (1.0 - idle) / count
    by_excess = stretch * spread.f + excess * spread.f * by_u * (how.stretch * idle) * (excess > 0.0)
    by_idle = excess * (stretch * spread.by_idle + spread.f * by_u * how.stretch * (np.maximum(excess, 0.0) - how.centre))
    missed = excess * stretch * spread.f - patience * (count - offered)
    return missed, by_excess * by_count + by_idle * by_idle_of_count + excess * stretch * spread.by_count - patience


def _near(chunk: Chunk, how: Irregular | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Load, patience, least count, and the count after one Newton step."""
    offered = chunk.requests_per_s * chunk.service_s
    patience = np.clip(chunk.wait_limit_s / chunk.service_s, 0.0, LONG_WAIT)
    bound = np.maximum(offered / TRUSTED_UTILISATION, 1.0)
    one_z, variation = (1.0, 1.0) if how is None else (how.one_z, 1.0 + how.services + how.arrivals)
    root = np.sqrt(offered / one_z)
    k = patience * root / variation
    linear = LINEAR + k
    x = 2.0 * LEVEL / (linear + np.sqrt(linear * linear + 4.0 * QUADRATIC * LEVEL))
    slope = LINEAR + 2.0 * QUADRATIC * x
    count = np.maximum(offered + x * (root + FEW * x * (slope / (slope + k))), bound)
    log_chance, by_servers, _ = erlang_c(count * one_z, offered * one_z, 1)
    assert by_servers is not None
    missed, by_count = _newton(how, offered, patience, count, (log_chance, by_servers * one_z))
    return offered, patience, bound, np.maximum(count - missed / by_count, bound)


def _sums(chunk: Chunk, count: Floats, waits: list[Floats]) -> dict[str, Floats]:
    """The reduction `cost.expected`, [l, P] each."""
    accelerators = count * chunk.accelerators
    hourly = accelerators * chunk.usd_per_hour
    asked = chunk.requests_per_s * chunk.mean_share * chunk.weight * PER_HOUR
    unit = hourly / (chunk.requests_per_s * chunk.mean_share * chunk.tokens * PER_HOUR)
    requests = asked.sum(axis=(2, 3, 4)) + np.zeros(count.shape[:2], count.dtype)

    def summed(values: Floats) -> Floats:
        return np.asarray(values.sum(axis=(2, 3, 4)))

    return {
        "usd": summed(hourly * chunk.weight),
        "accelerator_hours": summed(accelerators * chunk.weight),
        "hours": chunk.weight.sum() + np.zeros(count.shape[:2], count.dtype),
        "hours_served": summed((accelerators <= chunk.limit) * chunk.weight),
        "requests": requests,
        "tpot_requests": chunk.tpot_s[:, :, 0, 0, 0] * requests,
        "usd_per_million_tokens_hours": summed(unit * chunk.weight),
        **{f"ttft_{i}": summed((chunk.first_token_s + wait) * asked) for i, wait in enumerate(waits)},
    }


def forward(chunk: Chunk, how: Irregular | None = None) -> dict[str, Floats]:
    """Whole replicas and the reduction of a chunk in which something is asked of every eligible pair."""
    offered, _, bound, count = _near(chunk, how)
    slack = 8.0 * float(np.finfo(offered.dtype).eps)
    count = np.maximum(np.ceil(count * (1.0 - slack) - WHOLE_SLACK), np.ceil(bound * (1.0 - slack)))
    one_z = 1.0 if how is None else how.one_z
    log_chance, _, _ = erlang_c(count * one_z, offered * one_z, 0)
    mean = chunk.service_s / (count - offered)
    excesses = [np.maximum(log_chance + level, 0.0) for level in LEVELS]
    if how is None:
        return _sums(chunk, count, [excess * mean for excess in excesses])
    idle = (count - offered) / count
    mean = mean * _spread(how, count, idle).f
    return _sums(chunk, count, [excess * mean * _stretch(how, idle, excess)[0] for excess in excesses])


def slopes(chunk: Chunk, how: Irregular | None = None) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Unrounded replicas, the reduction, and slopes of the sum of all of it but hours and requests, by hand-written reverse mode.

    Returns:
      The reduction, and slopes by the name of the chunk's arrays, of their shapes; of the numbers of `how`, one each.
    """
    offered, patience, bound, first = _near(chunk, how)
    one_z = 1.0 if how is None else how.one_z
    log_first, by_count, by_load = erlang_c(first * one_z, offered * one_z, 2)
    assert by_count is not None
    assert by_load is not None
    by_count, by_load = by_count * one_z, by_load * one_z
    missed, divisor = _newton(how, offered, patience, first, (log_first, by_count))
    count = first - missed / divisor
    free = count > bound
    count = np.maximum(count, bound)
    log_chance = log_first + by_count * (count - first)
    idle_servers = count - offered
    one_idle = 1.0 / idle_servers
    excesses = [np.maximum(log_chance + level, 0.0) for level in LEVELS]
    share = chunk.mean_share * PER_HOUR
    asked = chunk.requests_per_s * share * chunk.weight
    to_wait = asked * chunk.service_s  # of the sum, by a wait in services
    if how is None:
        idle, spread, stretches, by_us = 0.0, None, [1.0] * len(LEVELS), [0.0] * len(LEVELS)
        f = 1.0
    else:
        idle = idle_servers / count
        spread = _spread(how, count, idle)
        f = spread.f
        stretches, by_us = zip(*(_stretch(how, idle, excess) for excess in excesses), strict=True)
    waits = [excess * stretch * f * one_idle for excess, stretch in zip(excesses, stretches, strict=True)]
    sums = _sums(chunk, count, [wait * chunk.service_s for wait in waits])

    one_million = 1.0 / (chunk.requests_per_s * share * chunk.tokens)
    hourly = count * chunk.accelerators * chunk.usd_per_hour
    to_hourly = chunk.weight + chunk.weight * one_million
    to_accelerators = to_hourly * chunk.usd_per_hour + chunk.weight
    to_unit = -chunk.weight * hourly * one_million
    scale = to_wait * one_idle
    to_f = scale * sum(excess * stretch for excess, stretch in zip(excesses, stretches, strict=True))
    waiting = to_f * f  # of all waits together
    reached = [(excess > 0.0) * 1.0 for excess in excesses]
    to_log = scale * f * sum(there * stretch for there, stretch in zip(reached, stretches, strict=True))
    to_idle_servers = -waiting * one_idle
    to_count = to_accelerators * chunk.accelerators + to_idle_servers
    if how is not None:
        assert spread is not None
        to_u = [scale * f * excess * by_u for excess, by_u in zip(excesses, by_us, strict=True)]
        to_log = to_log + how.stretch * idle * sum(u * there for u, there in zip(to_u, reached, strict=True))
        beyond = sum(u * (excess - how.centre) for u, excess in zip(to_u, excesses, strict=True))
        to_count = to_count + to_f * spread.by_count + (to_f * spread.by_idle + how.stretch * beyond) * ((1.0 - idle) / count)
    to_count = to_count + to_log * by_count
    through = np.where(free, to_count / -divisor, 0.0)
    bounded = np.where(free | (bound <= 1.0), 0.0, to_count / TRUSTED_UTILISATION)
    excess = log_chance + LEVEL
    numbers = {}
    if how is None:
        to_log = to_log + through
        to_idle = 0.0
    else:
        assert spread is not None
        there, waited = (excess > 0.0) * 1.0, np.maximum(excess, 0.0)
        stretch, by_u = _stretch(how, idle, waited)
        to_f = to_f + through * excess * stretch
        last = through * excess * f * by_u
        to_log = to_log + through * stretch * f + last * (how.stretch * idle) * there
        beyond, pushed = beyond + last * (waited - how.centre), sum(to_u) + last
        to_idle = (to_f * spread.by_idle + how.stretch * beyond) / count
        damped = to_f * spread.damped * spread.damped * idle
        numbers = {
            "one_z": to_log * (count * by_count + offered * by_load) / one_z,
            "services": to_f * spread.pooled,
            "pooling": -how.services * to_f * spread.crowd * spread.pooled * spread.pooled,
            "arrivals": to_f * spread.damped,
            "damping": -how.arrivals * damped,
            "damping_squared": -how.arrivals * damped * idle,
            "stretch": idle * beyond,
            "centre": -how.stretch * idle * pushed,
        }
    to_offered = bounded + to_log * by_load - to_idle_servers - to_idle + through * patience
    to_patience = np.where(chunk.wait_limit_s > 0.0, -through * idle_servers, 0.0)
    served = len(LEVELS) * chunk.first_token_s + sum(waits) * chunk.service_s + chunk.tpot_s
    to_requests = (to_offered * chunk.service_s).sum(axis=1, keepdims=True) + (
        served * share * chunk.weight + to_unit / chunk.requests_per_s
    ).sum(axis=1, keepdims=True)
    inner = (2, 3, 4)
    all_asked = asked.sum(axis=inner, keepdims=True) + np.zeros_like(chunk.service_s)
    by_pair = {
        "service_s": to_offered * chunk.requests_per_s + sum(waits) * asked - to_patience * patience / chunk.service_s,
        "wait_limit_s": to_patience / chunk.service_s,
        "tokens": to_unit / chunk.tokens,
        "accelerators": to_accelerators * count,
    }
    by_weight = hourly * (1.0 + one_million) + count * chunk.accelerators + served * chunk.requests_per_s * share
    return sums, {
        **{name: value.sum(axis=inner, keepdims=True) for name, value in by_pair.items()},
        **{name: value.sum() for name, value in numbers.items()},
        "first_token_s": len(LEVELS) * all_asked,
        "tpot_s": all_asked,
        "requests_per_s": to_requests,
        "mean_share": ((served * asked + to_unit) / chunk.mean_share).sum(axis=(1, *inner), keepdims=True),
        "usd_per_hour": (to_hourly * count * chunk.accelerators).sum(axis=(0, 2, 3), keepdims=True),
        "weight": by_weight.sum(axis=(0, 1), keepdims=True),
    }
