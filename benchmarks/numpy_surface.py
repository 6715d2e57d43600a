"""The cost kernel in NumPy, for M/M/c alone: the yardstick of `surface_speed`, and a second implementation to check against.

Arrays [l, P, 1, B, s] of one chunk at a time, as NumPy code is written: one pass over the chunk for every operation. It takes
ca2 = cs2 = 1 for granted and leaves out the slopes in the queueing parameters, which the kernel computes: less work, never more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.surfaces.cost import PERCENTILES
from optimizer.surfaces.erlang import NORMAL_SCALE, NORMAL_TAIL, ROOT_TWO_PI
from optimizer.surfaces.queueing import TRUSTED_UTILISATION
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


def _near(chunk: Chunk) -> tuple[Floats, Floats, Floats, Floats]:
    """Load, patience, least count, and the count after one Newton step."""
    offered = chunk.requests_per_s * chunk.service_s
    patience = np.clip(chunk.wait_limit_s / chunk.service_s, 0.0, LONG_WAIT)
    bound = np.maximum(offered / TRUSTED_UTILISATION, 1.0)
    root = np.sqrt(offered)
    k = patience * root
    linear = LINEAR + k
    x = 2.0 * LEVEL / (linear + np.sqrt(linear * linear + 4.0 * QUADRATIC * LEVEL))
    slope = LINEAR + 2.0 * QUADRATIC * x
    count = np.maximum(offered + x * (root + FEW * x * (slope / (slope + k))), bound)
    log_chance, by_count, _ = erlang_c(count, offered, 1)
    assert by_count is not None
    step = (log_chance + LEVEL - patience * (count - offered)) / (by_count - patience)
    return offered, patience, bound, np.maximum(count - step, bound)


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


def forward(chunk: Chunk) -> dict[str, Floats]:
    """Whole replicas and the reduction of a chunk in which something is asked of every eligible pair."""
    offered, _, bound, count = _near(chunk)
    slack = 8.0 * float(np.finfo(offered.dtype).eps)
    count = np.maximum(np.ceil(count * (1.0 - slack) - WHOLE_SLACK), np.ceil(bound * (1.0 - slack)))
    log_chance, _, _ = erlang_c(count, offered, 0)
    mean = chunk.service_s / (count - offered)
    return _sums(chunk, count, [np.maximum(log_chance + level, 0.0) * mean for level in LEVELS])


def slopes(chunk: Chunk) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Unrounded replicas, the reduction, and slopes of the sum of all of it but hours and requests, by hand-written reverse mode.

    Returns:
      The reduction, and slopes by the name of the chunk's arrays, of their shapes.
    """
    offered, patience, bound, first = _near(chunk)
    log_first, by_count, by_load = erlang_c(first, offered, 2)
    assert by_count is not None
    assert by_load is not None
    divisor = by_count - patience
    count = first - (log_first + LEVEL - patience * (first - offered)) / divisor
    free = count > bound
    count = np.maximum(count, bound)
    log_chance = log_first + by_count * (count - first)
    idle = count - offered
    mean = chunk.service_s / idle
    excesses = [np.maximum(log_chance + level, 0.0) for level in LEVELS]
    waits = [excess * mean for excess in excesses]
    sums = _sums(chunk, count, waits)

    share = chunk.mean_share * PER_HOUR
    asked = chunk.requests_per_s * share * chunk.weight
    one_million = 1.0 / (chunk.requests_per_s * share * chunk.tokens)
    hourly = count * chunk.accelerators * chunk.usd_per_hour
    to_hourly = chunk.weight + chunk.weight * one_million
    to_accelerators = to_hourly * chunk.usd_per_hour + chunk.weight
    to_unit = -chunk.weight * hourly * one_million
    waiting = sum(excesses) * asked
    to_log = sum((excess > 0.0) * 1.0 for excess in excesses).astype(offered.dtype) * mean * asked
    to_mean = waiting * (-mean / idle)
    to_count = to_accelerators * chunk.accelerators + to_mean + to_log * by_count
    through = np.where(free, to_count, 0.0) / divisor
    bounded = np.where(free | (bound <= 1.0), 0.0, to_count / TRUSTED_UTILISATION)
    to_offered = bounded - through * (by_load + patience) - to_mean + to_log * by_load
    to_patience = np.where((chunk.wait_limit_s > 0.0), through * (first - offered), 0.0)
    served = len(LEVELS) * chunk.first_token_s + sum(waits) + chunk.tpot_s
    to_requests = (to_offered * chunk.service_s).sum(axis=1, keepdims=True) + (
        served * share * chunk.weight + to_unit / chunk.requests_per_s
    ).sum(axis=1, keepdims=True)
    inner = (2, 3, 4)
    all_asked = asked.sum(axis=inner, keepdims=True) + np.zeros_like(chunk.service_s)
    by_pair = {
        "service_s": to_offered * chunk.requests_per_s + waiting / idle - to_patience * patience / chunk.service_s,
        "wait_limit_s": to_patience / chunk.service_s,
        "tokens": to_unit / chunk.tokens,
        "accelerators": to_accelerators * count,
    }
    by_weight = hourly * (1.0 + one_million) + count * chunk.accelerators + served * chunk.requests_per_s * share
    return sums, {
        **{name: value.sum(axis=inner, keepdims=True) for name, value in by_pair.items()},
        "first_token_s": len(LEVELS) * all_asked,
        "tpot_s": all_asked,
        "requests_per_s": to_requests,
        "mean_share": ((served * asked + to_unit) / chunk.mean_share).sum(axis=(1, *inner), keepdims=True),
        "usd_per_hour": (to_hourly * count * chunk.accelerators).sum(axis=(0, 2, 3), keepdims=True),
        "weight": by_weight.sum(axis=(0, 1), keepdims=True),
    }
