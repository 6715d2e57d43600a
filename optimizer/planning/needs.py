"""What each load needs in each pool that can serve it, and how each training run can run: the surfaces applied to a case.

Axes: D streams, E eligible (stream, pool) pairs, N eligible (load, pool) pairs, L loads, T periods, B blocks, S scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.domain.case import Case
from optimizer.domain.problem import Bools
from optimizer.domain.surface import Floats, Ineligible, Ints, Needs, SmallInts
from optimizer.errors import DataError, Violation
from optimizer.planning.calibration import Calibration, shipped_calibration
from optimizer.planning.eligibility import names_of, no_pool_left
from optimizer.planning.run_options import run_options
from optimizer.planning.serving_needs import replicas_needed, waits_ms
from optimizer.planning.stream_pairs import Reasons, StreamPairs, stream_pairs
from optimizer.planning.streams import Streams, read_streams

BYTES_PER_TOKEN = 6.0  # text of a token with its share of the protocol; assumed
BYTES_PER_GB = 1e9
SECONDS_PER_HOUR = 3600.0
ROUNDING = 1e-12  # share by which a quotient may pass a whole number before it counts as more


@dataclass(frozen=True, kw_only=True)
class LoadPairs:
    """Eligible (load, pool) pairs, sorted by load, then pool."""

    load: Ints  # [N]
    pair: Ints  # [N] index into the stream pairs
    stream: Ints  # [N]
    share: Floats  # [N]
    asked: Bools  # [N, T] where needs are wanted


Only = Mapping[str, Mapping[str, Bools]]
"""Pools to look at for each load, by name, and the periods in which, [T]."""


def compute_needs(case: Case, calibration: Calibration | None = None, *, only: Only | None = None) -> Needs:
    """Needs of all loads and options of all runs of a case.

    A load counts in accelerators needs the same number in every eligible pool, whatever its accelerator. Work of a flexible
    load may be spread over all hours of the period. The share of a split stream is a load of its own and is rounded up on its own.

    Args:
      calibration: None: the one that is shipped.
      only: where to look, for many scenarios of a plan that stands: needs of a model's replicas are 0 elsewhere, and training options are
        left out. None: everywhere, and the options.

    Raises:
      DataError: loads or runs that no pool can hold, or demand that cannot be read; all of them at once.
    """
    calibration = calibration or shipped_calibration()
    names = names_of(case)
    streams = read_streams(case)
    planned = case if only is None else replace(case, training_runs=())
    runs = run_options(planned, names, calibration.training_parameters(names.accelerators.values()))
    pairs, reasons = stream_pairs(case, names, streams, calibration, None if only is None else _by_stream(streams, only))
    violations = [*_without_pool(streams, pairs, reasons), *runs.violations]
    if violations:
        raise DataError(violations)
    loads = _load_pairs(streams, pairs, [pool.name for pool in case.pools], only)
    need, arrivals, ttft = _rigid(streams, pairs, loads)
    work, work_limit = _flexible(case, streams, pairs, loads)
    input_tokens, output_tokens = _tokens(case, streams)
    busiest = _busiest(streams)[loads.stream]
    return Needs(
        loads=streams.loads,
        runs=runs.runs,
        pair_load=loads.load,
        pair_pool=pairs.pool[loads.pair],
        need=need,
        flexible=streams.flexible[streams.load_stream],
        work=work,
        work_limit=work_limit,
        egress_gb=(output_tokens * BYTES_PER_TOKEN / BYTES_PER_GB)[loads.load],
        traffic_gb_per_s=_traffic(streams),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        ttft_p95_ms=ttft,
        tpot_ms=pairs.tpot_ms[loads.pair, busiest],
        round_trip_ms=pairs.trip_ms[loads.pair],
        tokens_per_s=pairs.tokens_per_s[loads.pair, busiest],
        replica=pairs.replica[loads.pair],
        replica_requests_per_s=pairs.requests_per_s[loads.pair, busiest],
        replica_ttft_ms=pairs.ttft_ms[loads.pair, busiest],
        arrivals_per_s=arrivals,
        option_run=runs.run,
        option_pool=runs.pool,
        option_start=runs.start,
        option_stop=runs.stop,
        option_gang=runs.gang,
        option_hours=runs.hours,
        option_end_days=runs.end_days,
        ineligible=(*_ineligible(case, streams, reasons), *runs.ineligible),
    )


def whole(quantity: Floats) -> Floats:
    """Rounded up, but not for the last digits of a product that is a whole number."""
    return np.asarray(np.ceil(quantity * (1.0 - ROUNDING)))


def _by_stream(streams: Streams, only: Only) -> list[set[str]]:
    """Pools of a stream's loads together."""
    found: list[set[str]] = [set() for _ in streams.workloads]
    for named, d in zip(streams.loads, streams.load_stream, strict=True):
        found[d] |= set(only[named.name])
    return found


def _load_pairs(streams: Streams, pairs: StreamPairs, pools: list[str], only: Only | None) -> LoadPairs:
    eligible = [np.flatnonzero(pairs.stream == d) for d in range(len(streams.workloads))]
    mine = [eligible[d] for d in streams.load_stream]
    if only is not None:
        for i, named in enumerate(streams.loads):
            mine[i] = np.array([e for e in mine[i] if pools[pairs.pool[e]] in only[named.name]], dtype=np.int64)
    load = np.repeat(np.arange(len(mine), dtype=np.int64), [len(rows) for rows in mine])
    pair = np.concatenate([*mine, np.zeros(0, dtype=np.int64)])
    asked = np.ones((len(load), streams.figure.shape[1]), dtype=np.bool_)
    if only is not None:
        for row, d, e in zip(asked, load, pair, strict=True):
            row[:] = only[streams.loads[d].name][pools[pairs.pool[e]]]
    return LoadPairs(load=load, pair=pair, stream=streams.load_stream[load], share=streams.share[load], asked=asked)


def _rigid(streams: Streams, pairs: StreamPairs, loads: LoadPairs) -> tuple[SmallInts, Floats, Floats]:
    """Accelerators needed, [N, T, B, S], 0 for flexible loads; at the busiest minute requests/s and 95th percentile of TTFT, ms, [N]."""
    d, e, share = loads.stream, loads.pair, loads.share[:, None, None, None]
    shape = (len(d), *streams.block_weight.shape[1:], streams.figure.shape[2])
    need = np.zeros(shape, dtype=np.int64)
    rigid, counted, modelled = ~streams.flexible[d], streams.counted[d], pairs.modelled[e]

    n = rigid & counted
    profile = _over_busiest_hour(streams.block_weight)
    need[n] = whole(streams.figure[d[n], :, None, :] * profile[d[n], :, :, None] * share[n])

    n = rigid & ~counted & ~modelled
    tokens = (streams.input_rate + streams.output_rate)[d[n], :, None, :] * streams.busy_weight[d[n], :, :, None] * share[n]
    full = pairs.tokens_per_s[e[n], 0] * pairs.utilisation[e[n]] * pairs.replica[e[n]]
    need[n] = whole(tokens / full[:, None, None, None]) * pairs.replica[e[n], None, None, None]

    n = rigid & modelled
    arrivals = _requests(streams)[d[n], :, None, :] * streams.busy_weight[d[n], :, :, None] * share[n]
    asked, replicas = loads.asked[n], np.zeros(arrivals.shape, dtype=np.int64)
    replicas[asked] = replicas_needed(arrivals[asked], pairs.requests_per_s[e[n]][asked], pairs.wait_limit_ms[e[n]][asked])
    need[n] = replicas * pairs.replica[e[n], None, None, None]

    busiest = _busiest(streams)[d]
    ttft, most = pairs.ttft_ms[e, busiest], np.full(len(d), np.nan)
    most[n], ttft[n] = _at_busiest(pairs, e[n], busiest[n], arrivals, replicas)
    return need.astype(np.int32), most, ttft


def _over_busiest_hour(block_weight: Floats) -> Floats:
    """Each block's busiest hour over the day's, [D, T, B]."""
    return np.asarray(block_weight / block_weight.max(axis=2, keepdims=True))


def _requests(streams: Streams) -> Floats:
    """Mean requests/s, [D, T, S]; 0 where demand is in accelerators."""
    tokens = streams.input_rate + streams.output_rate
    length = np.nan_to_num(streams.prompt + streams.output)[:, :, None]
    return np.divide(tokens, length, out=np.zeros_like(tokens), where=length > 0.0)


def _at_busiest(pairs: StreamPairs, e: Ints, t: Ints, arrivals: Floats, replicas: Ints) -> tuple[Floats, Floats]:
    """Most requests/s in period t, [N], and TTFT then, of replica, wait and network, ms, [N].

    Args:
      arrivals, replicas: [N, T, B, S].
    """
    if not len(e):
        return np.zeros(0), np.zeros(0)
    rows = np.arange(len(e))
    now = arrivals[rows, t].reshape(len(e), -1)
    busiest = now.argmax(axis=1)
    most = now[rows, busiest]
    wait = waits_ms(most, pairs.requests_per_s[e, t], replicas[rows, t].reshape(len(e), -1)[rows, busiest])
    return most, np.asarray(pairs.ttft_ms[e, t] + wait + pairs.trip_ms[e])


def _busiest(streams: Streams) -> Ints:
    """Period of each stream with the most requests in any block and scenario, or the most demand where it is not of requests, [D]."""
    requests = _requests(streams)
    given = np.asarray(requests.any(axis=(1, 2)))
    asked = np.where(given[:, None, None], requests, streams.figure)
    peak = asked.max(axis=2, initial=0.0) * streams.busy_weight.max(axis=2, initial=0.0)
    return np.asarray(peak.argmax(axis=1), dtype=np.int64)


def _flexible(case: Case, streams: Streams, pairs: StreamPairs, loads: LoadPairs) -> tuple[Floats, Floats]:
    """Accelerator-hours to be done and most accelerators at once, [N, T, S] each; 0 for rigid loads."""
    d, e = loads.stream, loads.pair
    hours = _hours(case)[None, :, None]
    tokens = (streams.input_rate + streams.output_rate)[d] * hours * SECONDS_PER_HOUR
    per_hour = (pairs.tokens_per_s * pairs.utilisation[:, None])[e][:, :, None] * SECONDS_PER_HOUR
    work = np.where(streams.counted[d][:, None, None], streams.figure[d] * hours, tokens / per_hour)
    work = np.where(streams.flexible[d][:, None, None], work, 0.0)
    return work, whole(streams.peak_factor[d][:, :, None] * work / hours)


def _tokens(case: Case, streams: Streams) -> tuple[Floats, Floats]:
    """Prompt and output tokens of each load in each period, [L, T, S] each."""
    seconds = _hours(case)[None, :, None] * SECONDS_PER_HOUR * streams.share[:, None, None]
    return streams.input_rate[streams.load_stream] * seconds, streams.output_rate[streams.load_stream] * seconds


def _traffic(streams: Streams) -> Floats:
    """GB/s in the busiest minute over blocks and scenarios, both ways, [L, T]."""
    tokens = (streams.input_rate + streams.output_rate).max(axis=2, initial=0.0) * streams.busy_weight.max(axis=2, initial=0.0)
    return np.asarray(tokens[streams.load_stream] * streams.share[:, None] * BYTES_PER_TOKEN / BYTES_PER_GB)


def _hours(case: Case) -> Floats:
    """[T] hours."""
    return np.array([period.days * HOURS_PER_DAY for period in case.calendar.periods], dtype=np.float64)


def _without_pool(streams: Streams, pairs: StreamPairs, reasons: Reasons) -> list[Violation]:
    """Streams that no pool can serve."""
    served = set(pairs.stream.tolist())
    first = {int(d): streams.loads[n].name for n, d in reversed(list(enumerate(streams.load_stream)))}
    return [
        no_pool_left("workloads", first[d], "a load", [reason for (e, _), reason in sorted(reasons.items()) if e == d])
        for d in range(len(streams.workloads))
        if d not in served
    ]


def _ineligible(case: Case, streams: Streams, reasons: Reasons) -> list[Ineligible]:
    """Every load with every pool that is struck out for it."""
    by_stream: dict[int, list[tuple[int, str]]] = {}
    for (d, p), reason in sorted(reasons.items()):
        by_stream.setdefault(d, []).append((p, reason))
    return [
        Ineligible(load=load.name, pool=case.pools[p].name, reason=reason)
        for load, d in zip(streams.loads, streams.load_stream, strict=True)
        for p, reason in by_stream.get(int(d), ())
    ]
