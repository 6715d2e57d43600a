"""What each load needs in each pool that can serve it: the one thing that solvers and verification share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SmallInts = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Load:
    """The smallest piece placed whole for a period: a service's demand from one origin, or a share of it."""

    name: str  # workload@origin, workload@origin#2 where it is split, workload where it has no origin
    workload: str
    origin: str | None
    share: float  # of the demand rows of (workload, origin)


@dataclass(frozen=True, kw_only=True)
class Ineligible:
    """A pool struck out for a load or a training run, with the reason in a planner's words."""

    load: str
    pool: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Needs of eligible (load, pool) pairs, and the options of training runs.

    A load is rigid (inference: `need` accelerators held in every hour of the block) or flexible (research and
    batch: `work` accelerator-hours at any hours of the period, at most `work_limit` accelerators at once).
    A training option holds its gang in one pool in all blocks of periods start <= t < stop.
    """

    loads: tuple[Load, ...]  # L
    runs: tuple[str, ...]  # R
    pair_load: Ints  # [N] index into loads; pairs sorted by load, then pool
    pair_pool: Ints  # [N] index into the case's pools
    need: SmallInts  # [N, T, B, S] accelerators; 0 for flexible loads
    flexible: NDArray[np.bool_]  # [L]
    work: Floats  # [N, T, S] accelerator-hours; 0 for rigid loads
    work_limit: Floats  # [N, T, S] accelerators; 0 for rigid loads
    egress_gb: Floats  # [N, T, S] GB sent out of the pool's site in the period
    traffic_gb_per_s: Floats  # [L, T] busiest GB/s of the load over blocks and scenarios
    input_tokens: Floats  # [L, T, S] tokens in the period
    output_tokens: Floats  # [L, T, S]
    ttft_p95_ms: Floats  # [N] at the busiest hour, network included; nan where no model is involved
    tpot_ms: Floats  # [N]; nan where no model is involved
    round_trip_ms: Floats  # [N]; nan for loads without an origin
    tokens_per_s: Floats  # [N] prompt and output tokens per accelerator; nan where demand is in accelerators
    replica: Ints  # [N] accelerators per replica
    replica_requests_per_s: Floats  # [N] of one replica at the busiest minute; nan where no model is involved
    replica_ttft_ms: Floats  # [N] in a replica: no wait for one, no network; nan where no model is involved
    arrivals_per_s: Floats  # [N] requests at the busiest minute; nan where no model is involved
    option_run: Ints  # [G] index into runs; options sorted by run, pool, start, gang
    option_pool: Ints  # [G]
    option_start: Ints  # [G] first period held
    option_stop: Ints  # [G] first period no longer held; <= T
    option_gang: Ints  # [G] accelerators
    option_hours: Floats  # [G] duration, interruptions and checkpoints included
    option_end_days: Floats  # [G] days from the window's start to the run's end
    ineligible: tuple[Ineligible, ...]
