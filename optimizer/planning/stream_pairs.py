"""Eligible (stream, pool) pairs and what turns their demand into accelerators: a count, a measured throughput, or the equations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.case import Case
from optimizer.domain.demand import DemandUnit
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.workload import Kind
from optimizer.planning.calibration import Calibration
from optimizer.planning.eligibility import Names, barred, origin_trips_ms
from optimizer.planning.serving_needs import ServedPairs, serve_pairs
from optimizer.planning.streams import Streams
from optimizer.surfaces.network import NetworkParameters

Reasons = dict[tuple[int, int], str]  # (stream, pool) to the reason why not


@dataclass(frozen=True, kw_only=True)
class StreamPairs:
    """Axes: E eligible (stream, pool) pairs, sorted by stream, then pool; T periods."""

    stream: Ints  # [E]
    pool: Ints  # [E]
    trip_ms: Floats  # [E]; nan: no origin
    modelled: NDArray[np.bool_]  # [E] the equations serve it; else it is measured, or demand is in accelerators
    replica: Ints  # [E] accelerators
    tokens_per_s: Floats  # [E, T] prompt and output, per accelerator; nan where demand is in accelerators
    utilisation: Floats  # [E] highest share of a measured throughput that is planned for; 1 elsewhere
    requests_per_s: Floats  # [E, T] of one replica; nan unless modelled
    ttft_ms: Floats  # [E, T] in the replica, no wait for one and no network; nan unless modelled
    tpot_ms: Floats  # [E, T]
    wait_limit_ms: Floats  # [E, T] left to queueing; inf: no limit


def stream_pairs(
    case: Case, names: Names, streams: Streams, calibration: Calibration, only: Sequence[Collection[str]] | None = None
) -> tuple[StreamPairs, Reasons]:
    """All pairs that can serve, and why the others cannot.

    Args:
      only: names of the pools to look at for each stream, [D]; None: all.
    """
    trips = _trips_ms(case, streams, calibration.network_parameters())
    possible, reasons = _possible(case, names, streams, trips, only)
    stream = np.array([d for d, _ in possible], dtype=np.int64)
    pool = np.array([p for _, p in possible], dtype=np.int64)
    measured = _measured(case, streams, stream, pool)
    modelled = ~streams.counted[stream] & np.isnan(measured[:, 0])
    m = np.flatnonzero(modelled)
    served = serve_pairs(case, names, streams, stream[m], pool[m], trips[stream[m], pool[m]], calibration.serving)
    for i, reason in zip(m, served.reasons, strict=True):
        if reason is not None:
            reasons[int(stream[i]), int(pool[i])] = reason
    kept = np.ones(len(stream), dtype=np.bool_)
    kept[m] = served.feasible
    return _joined(streams, stream, pool, trips, measured, modelled, served, kept), reasons


def _joined(
    streams: Streams,
    stream: Ints,
    pool: Ints,
    trips: Floats,
    measured: Floats,
    modelled: NDArray[np.bool_],
    served: ServedPairs,
    kept: NDArray[np.bool_],
) -> StreamPairs:
    """Counted, measured and modelled pairs in one set of columns."""
    periods = streams.prompt.shape[1]

    def column(values: Floats) -> Floats:
        whole = np.full((len(stream), periods), np.nan)
        whole[modelled] = values
        return whole[kept]

    given = ~np.isnan(measured[:, 0])
    replica = np.where(given, measured[:, 2], 1.0).astype(np.int64)
    replica[modelled] = served.replica
    tokens = np.repeat(measured[:, :1], periods, axis=1)
    tokens[modelled] = served.tokens_per_s
    return StreamPairs(
        stream=stream[kept],
        pool=pool[kept],
        trip_ms=trips[stream, pool][kept],
        modelled=modelled[kept],
        replica=replica[kept],
        tokens_per_s=tokens[kept],
        utilisation=np.where(given, measured[:, 1], 1.0)[kept],
        requests_per_s=column(served.requests_per_s),
        ttft_ms=column(served.ttft_ms),
        tpot_ms=column(served.tpot_ms),
        wait_limit_ms=column(served.wait_limit_ms),
    )


def _trips_ms(case: Case, streams: Streams, network: NetworkParameters) -> Floats:
    """[D, P] round trip; nan for streams without an origin."""
    table = origin_trips_ms(case, network)
    row = {origin.name: i for i, origin in enumerate(case.origins)}
    nowhere = np.full(len(case.pools), np.nan)
    rows = [nowhere if origin is None else table[row[origin.name]] for origin in streams.origins]
    return np.array(rows, dtype=np.float64).reshape(len(streams.origins), len(case.pools))


def _possible(
    case: Case, names: Names, streams: Streams, trips: Floats, only: Sequence[Collection[str]] | None
) -> tuple[list[tuple[int, int]], Reasons]:
    """Pairs that no rule and no round trip strikes out."""
    possible, reasons = [], {}
    for d, workload in enumerate(streams.workloads):
        counted = streams.units[d] is DemandUnit.ACCELERATORS
        limit = workload.ttft_p95_ms if workload.kind is Kind.INFERENCE else None
        for p, pool in enumerate(case.pools):
            if only is not None and pool.name not in only[d]:
                continue
            reason = barred(names, workload, pool)
            if reason is None and limit is not None and trips[d, p] >= limit:
                reason = f"TTFT {limit:,.4g} ms is below the round trip of {trips[d, p]:,.4g} ms"
            if reason is None and not counted and workload.model is None and (workload.name, pool.accelerator) not in names.measured:
                reason = f"no measured throughput on {pool.accelerator}, and no model to compute one"
            if reason is None:
                possible.append((d, p))
            else:
                reasons[d, p] = reason
    return possible, reasons


def _measured(case: Case, streams: Streams, stream: Ints, pool: Ints) -> Floats:
    """Measured tokens/s/accelerator, utilisation and accelerators per replica, [., 3]; nan where the equations or a count hold."""
    rows = {
        (row.workload, row.accelerator): (row.tokens_per_s_per_accelerator, row.max_utilisation, float(row.accelerators_per_replica))
        for row in case.measured_throughput
    }
    nothing = (np.nan, np.nan, np.nan)
    found = [
        nothing if streams.counted[d] else rows.get((streams.workloads[d].name, case.pools[p].accelerator), nothing)
        for d, p in zip(stream, pool, strict=True)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 3)
