"""Accelerators that token demand needs in each pool, by the serving and queueing equations.

Axes: M (stream, pool) pairs that a model serves, K distinct length mixes of a stream, T, B, S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.case import Case
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.workload import Kind, Precision, ServingTechniques, Workload
from optimizer.errors import DataError, Violation
from optimizer.planning.eligibility import Names, tflops
from optimizer.planning.streams import Streams
from optimizer.surfaces.arrays import column, in_double
from optimizer.surfaces.calibrated_serving import calibrated_rows, row_groups
from optimizer.surfaces.calibration import Calibration as ServingCalibration
from optimizer.surfaces.operating import (
    PARALLEL_SIZES,
    QUEUEING_ROOM,
    OperatingPoints,
    ServingRows,
    best_points,
    calibrated_points,
)
from optimizer.surfaces.queueing import QueueingParameters, ttft_percentiles_for, waits_for
from optimizer.surfaces.serving import Architecture, Chip, Lengths, ServingParameters, Techniques, tokens_per_step
from optimizer.surfaces.serving_groups import architecture, chip_at
from optimizer.surfaces.sizing import QueueRows, replicas_for

POINT_CHUNK = 1024  # rows in one call of the serving kernel
QUEUE_CHUNK = 16_384  # rows in one call of the queueing kernel
CURVE_CHUNK = 256  # points of curves of latency in one call of the queueing kernel
MS = 1e3
GB = 1e9
ARCHITECTURE_FIELDS = tuple(field.name for field in fields(Architecture))
CHIP_FIELDS = tuple(field.name for field in fields(Chip))


@dataclass(frozen=True, kw_only=True)
class ServedPairs:
    """Operating points of pairs that can be served, and the reasons of those that cannot."""

    feasible: NDArray[np.bool_]  # [M]
    reasons: tuple[str | None, ...]  # [M]
    replica: Ints  # [M] accelerators
    ttft_ms: Floats  # [M, T] in the replica, no wait for one, no network
    tpot_ms: Floats  # [M, T]
    requests_per_s: Floats  # [M, T] of one replica
    tokens_per_s: Floats  # [M, T] prompt and output, per accelerator
    wait_limit_ms: Floats  # [M, T] left to queueing; inf: no limit


def serve_pairs(
    case: Case, names: Names, streams: Streams, stream: Ints, pool: Ints, trip_ms: Floats, serving: ServingCalibration | None
) -> ServedPairs:
    """Chooses parallelism (one for all periods) and concurrency (by length mix) of each pair.

    Args:
      stream:  [M] index into streams, all with a model and not in accelerators.
      pool:    [M] index into the case's pools.
      trip_ms: [M] round trip; nan for streams without an origin.
      serving: None: the equations with the figures of one global fit.
    """
    prompt, output, mix = _mixes(streams, stream)
    ttft, tpot = _limits_ms(streams, stream)
    left = ttft - np.nan_to_num(trip_ms)
    rows = _rows(case, names, streams, stream, pool, (prompt, output), (left * (1.0 - QUEUEING_ROOM), tpot))
    if serving is None:
        flat = in_double(best_points, ServingParameters(), rows, chunk=POINT_CHUNK)
    else:
        own = calibrated_rows(serving, np.repeat(_groups(case, streams, stream, pool, serving), prompt.shape[1], axis=0))
        flat = in_double(calibrated_points, None, (own, rows), chunk=POINT_CHUNK)
    points = OperatingPoints(**{field.name: column(_by_pair(getattr(flat, field.name), prompt.shape)) for field in fields(flat)})
    parallel = _parallel(points)
    feasible = np.any(np.all(points.feasible, axis=1), axis=-1)
    per_period = {name: _chosen(getattr(points, name), parallel, mix) for name in ("ttft_s", "tpot_s", "requests_per_s", "tokens_per_s")}
    return ServedPairs(
        feasible=feasible,
        reasons=tuple(None if feasible[m] else _reason(points, m, ttft[m], tpot[m], trip_ms[m]) for m in range(len(stream))),
        replica=np.array(PARALLEL_SIZES, dtype=np.int64)[parallel],
        ttft_ms=per_period["ttft_s"] * MS,
        tpot_ms=per_period["tpot_s"] * MS,
        requests_per_s=per_period["requests_per_s"],
        tokens_per_s=per_period["tokens_per_s"],
        wait_limit_ms=left[:, None] - per_period["ttft_s"] * MS,
    )


def replicas_needed(arrivals: Floats, requests_per_s: Floats, wait_limit_ms: Floats) -> Ints:
    """Whole replicas for each block's busiest minute, [C, B, S].

    Args:
      arrivals:       [C, B, S] requests/s.
      requests_per_s: [C] of one replica.
      wait_limit_ms:  [C] inf: only the planning utilisation counts.
    """
    rows = QueueRows(
        arrivals_per_s=column(arrivals.ravel()),
        service_s=column(np.broadcast_to(1.0 / requests_per_s[:, None, None], arrivals.shape).ravel()),
        wait_limit_s=column(np.broadcast_to(wait_limit_ms[:, None, None] / MS, arrivals.shape).ravel()),
    )
    counts = in_double(replicas_for, QueueingParameters(), rows, chunk=QUEUE_CHUNK)
    return np.asarray(np.rint(counts), dtype=np.int64).reshape(arrivals.shape)


def waits_ms(arrivals: Floats, requests_per_s: Floats, replicas: Ints) -> Floats:
    """95th percentile of the wait for a replica, [N]; 0 where nothing arrives."""
    busy = arrivals > 0.0
    rows = (np.maximum(replicas, 1), np.where(busy, arrivals, 1.0), np.where(busy, 1.0 / requests_per_s, 0.0))
    waits = in_double(waits_for, QueueingParameters(), rows, chunk=QUEUE_CHUNK)
    return np.asarray(np.where(busy, waits * MS, 0.0))


def ttft_percentiles_ms(arrivals: Floats, requests_per_s: Floats, replicas: Floats, first_token_ms: Floats) -> Floats:
    """50th, 95th and 99th percentile of the time to first token before `replicas`, [N, 3].

    Args:
      arrivals:       [N] requests/s of all replicas together, > 0.
      requests_per_s: [N] of one replica.
      first_token_ms: [N] without waiting for a replica.
    """
    rows = (replicas, arrivals, 1.0 / requests_per_s, first_token_ms / MS)
    return np.asarray(in_double(ttft_percentiles_for, QueueingParameters(), rows, chunk=CURVE_CHUNK) * MS)


def _mixes(streams: Streams, stream: Ints) -> tuple[Floats, Floats, Ints]:
    """Prompt and output tokens of each pair's distinct length mixes, [M, K], and the mix of each period, [M, T]."""
    prompts, outputs, mixes = [], [], []
    for d, workload in enumerate(streams.workloads):
        lengths = _lengths(streams, d) if d in stream else [(1.0, 1.0)] * streams.prompt.shape[1]
        if any(np.isnan(pair).any() for pair in lengths):
            raise DataError([_no_lengths(workload.name)])
        distinct = list(dict.fromkeys(lengths))
        prompts.append([prompt for prompt, _ in distinct])
        outputs.append([output for _, output in distinct])
        mixes.append([distinct.index(pair) for pair in lengths])
    widest = max((len(row) for row in prompts), default=1)

    def filled(rows: list[list[float]]) -> Floats:
        return np.array([row + row[-1:] * (widest - len(row)) for row in rows], dtype=np.float64).reshape(-1, widest)[stream]

    return filled(prompts), filled(outputs), np.array(mixes, dtype=np.int64).reshape(-1, streams.prompt.shape[1])[stream]


def _by_pair(values: Floats, shape: tuple[int, ...]) -> Floats:
    """[M K, ...] as [M, K, ...]."""
    return values.reshape(*shape, *values.shape[1:])


def _lengths(streams: Streams, d: int) -> list[tuple[float, float]]:
    """(prompt, output) tokens in each period; a period in which a flexible stream asks for nothing takes the first given ones."""
    lengths = [(float(p), float(o)) for p, o in zip(streams.prompt[d], streams.output[d], strict=True)]
    given = next((pair for pair in lengths if not np.isnan(pair).any()), lengths[0])
    return [given if np.isnan(pair).any() and not streams.figure[d, t].any() else pair for t, pair in enumerate(lengths)]


def _no_lengths(workload: str) -> Violation:
    return Violation(
        where="demand",
        rule="demand in tokens needs prompt_tokens and output_tokens where the throughput is not measured, tokens",
        got="blank",
        rows=(workload,),
        remedy="Give both, or a row of measured_throughput for each accelerator.",
    )


def _limits_ms(streams: Streams, stream: Ints) -> tuple[Floats, Floats]:
    """TTFT and TPOT limits, [M] each; inf where there is none, and for flexible work."""
    limits = [
        (np.inf, np.inf)
        if workload.kind is not Kind.INFERENCE
        else (
            np.inf if workload.ttft_p95_ms is None else workload.ttft_p95_ms,
            np.inf if workload.tpot_ms is None else workload.tpot_ms,
        )
        for workload in streams.workloads
    ]
    table = np.array(limits, dtype=np.float64).reshape(-1, 2)[stream]
    return table[:, 0], table[:, 1]


def _rows(
    case: Case, names: Names, streams: Streams, stream: Ints, pool: Ints, lengths: tuple[Floats, Floats], limits_ms: tuple[Floats, Floats]
) -> ServingRows:
    """One row for each pair and length mix, [M K]."""
    mixes = lengths[0].shape[1]
    workloads = [streams.workloads[d] for d in stream]
    chips = np.array([_chip(case, names, p, w.precision) for p, w in zip(pool, workloads, strict=True)], dtype=np.float64)
    models = np.array([_architecture(names, w.model, w.precision) for w in workloads], dtype=np.float64)
    chip = np.repeat(chips.reshape(-1, 5), mixes, axis=0)
    model = np.repeat(models.reshape(-1, 11), mixes, axis=0)
    ttft, tpot = (np.repeat(limit / MS, mixes) for limit in limits_ms)
    return ServingRows(
        model=Architecture(**{name: column(model[:, i]) for i, name in enumerate(ARCHITECTURE_FIELDS)}),
        chip=Chip(**{name: column(chip[:, i]) for i, name in enumerate(CHIP_FIELDS)}),
        lengths=Lengths(prompt=column(lengths[0].ravel()), output=column(lengths[1].ravel())),
        ttft_limit_s=column(ttft),
        tpot_limit_s=column(tpot),
        techniques=techniques_of(workloads, mixes),
    )


def techniques_of(workloads: Sequence[Workload], mixes: int) -> Techniques | None:
    """Of each row, [M K]; None where no workload has any, so that nothing is computed for them."""
    if all(workload.techniques == ServingTechniques() for workload in workloads):
        return None
    own = [workload.techniques for workload in workloads]
    names = ("prefix_hit_share", "drafted_tokens", "draft_step_share", "chunk_tokens", "prefill_share")
    columns = {name: column(np.repeat([float(getattr(each, name)) for each in own], mixes)) for name in names}
    steps = [float(tokens_per_step(each.drafted_tokens, each.acceptance_share)) for each in own]
    return Techniques(**columns, tokens_per_step=column(np.repeat(steps, mixes)))


def _groups(case: Case, streams: Streams, stream: Ints, pool: Ints, serving: ServingCalibration) -> Ints:
    """Codes of each pair in the calibration's groups, [M, levels]; the software is the one most measured."""
    workloads = [streams.workloads[d] for d in stream]
    return row_groups(
        serving,
        [case.pools[p].accelerator for p in pool],
        [str(workload.model) for workload in workloads],
        [workload.precision.value for workload in workloads],
        [None] * len(workloads),
    )


def _architecture(names: Names, name: str | None, precision: Precision) -> tuple[float, ...]:
    """In the order of `Architecture`."""
    assert name is not None
    return architecture(names.models[name], precision.bytes_per_weight)


def _chip(case: Case, names: Names, pool: int, precision: Precision) -> tuple[float, ...]:
    """In the order of `Chip`."""
    accelerator = names.accelerators[case.pools[pool].accelerator]
    rated = tflops(accelerator, precision)
    assert rated is not None
    return chip_at(accelerator, rated)


def _parallel(points: OperatingPoints) -> Ints:
    """Index of the parallelism that serves all mixes with the fewest accelerator-seconds per token; ties go to the smaller, [M]."""
    whole = np.all(points.feasible, axis=1)
    rates = np.asarray(points.tokens_per_s)
    effort = np.where(rates > 0.0, 1.0 / np.where(rates > 0.0, rates, 1.0), np.inf).sum(axis=1)
    return np.asarray(np.argmin(np.where(whole, effort, np.inf), axis=-1), dtype=np.int64)


def _chosen(values: Floats, parallel: Ints, mix: Ints) -> Floats:
    """[M, K, G] at the chosen parallelism, spread over periods, [M, T]."""
    by_mix = np.take_along_axis(values, parallel[:, None, None], axis=2)[:, :, 0]
    return np.take_along_axis(by_mix, mix, axis=1)


def _reason(points: OperatingPoints, m: int, ttft_ms: float, tpot_ms: float, trip_ms: float) -> str:
    """Why no operating point serves a pair: the first length mix that has none."""
    empty = np.flatnonzero(~np.any(points.feasible[m], axis=-1))
    if not empty.size:
        return "no one size of replica keeps the limits in all periods"
    k = empty[0]
    if not points.fits_memory[m, k]:
        needed, available = points.memory_needed_bytes[m, k] / GB, points.memory_bytes[m, k] / GB
        return f"needs {needed:,.0f} GB of memory, {available:,.0f} GB in one domain"
    least_tpot, least_ttft = points.least_tpot_s[m, k] * MS, points.least_ttft_s[m, k] * MS
    if least_tpot > tpot_ms:
        return f"TPOT {tpot_ms:,.4g} ms is below the least {least_tpot:,.4g} ms"
    with_network = least_ttft / (1.0 - QUEUEING_ROOM) + np.nan_to_num(trip_ms)
    if with_network > ttft_ms:
        return f"TTFT {ttft_ms:,.4g} ms is below the least {with_network:,.4g} ms, with a round trip of {trip_ms:,.4g} ms"
    return f"no concurrency keeps both TTFT {ttft_ms:,.4g} ms and TPOT {tpot_ms:,.4g} ms"
