"""Which pools may hold a piece of work before any of its needs is computed, in a planner's words where they may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.supply import Accelerator, Access, Pool, Site
from optimizer.domain.surface import Floats
from optimizer.domain.workload import Model, Origin, Precision, Workload
from optimizer.errors import Violation
from optimizer.surfaces.arrays import column, in_double
from optimizer.surfaces.network import FIBRE, ORBITAL, SATELLITE_RELAY, NetworkParameters, Route, round_trips_ms

ROUTE_CHUNK = 1024  # routes in one call of the network kernel
SHOWN_REASONS = 3
ACCESS = {Access.FIBRE: FIBRE, Access.SATELLITE_RELAY: SATELLITE_RELAY, Access.ORBITAL: ORBITAL}


@dataclass(frozen=True, kw_only=True)
class Names:
    """A case's nouns by name."""

    sites: Mapping[str, Site]
    accelerators: Mapping[str, Accelerator]
    models: Mapping[str, Model]
    workloads: Mapping[str, Workload]
    allowed_sites: Mapping[str, frozenset[str]]  # by model; a model that is absent may run anywhere
    measured: frozenset[tuple[str, str]]  # (workload, accelerator) with a measured throughput


def names_of(case: Case) -> Names:
    allowed: dict[str, set[str]] = {}
    for row in case.allowed_sites:
        allowed.setdefault(row.model, set()).add(row.site)
    return Names(
        sites={site.name: site for site in case.sites},
        accelerators={accelerator.name: accelerator for accelerator in case.accelerators},
        models={model.name: model for model in case.models},
        workloads={workload.name: workload for workload in case.workloads},
        allowed_sites={model: frozenset(sites) for model, sites in allowed.items()},
        measured=frozenset((row.workload, row.accelerator) for row in case.measured_throughput),
    )


def tflops(accelerator: Accelerator, precision: Precision) -> float | None:
    """Rated dense arithmetic at a precision, TFLOP/s; None: not supported."""
    return {
        Precision.BF16: accelerator.bf16_tflops,
        Precision.FP8: accelerator.fp8_tflops,
        Precision.FP4: accelerator.fp4_tflops,
    }[precision]


def barred(names: Names, workload: Workload, pool: Pool) -> str | None:
    """Why a pool may not hold a workload, whatever it needs; None where it may.

    A measured throughput proves that the accelerator runs the workload's precision.
    """
    site, accelerator = names.sites[pool.site], names.accelerators[pool.accelerator]
    if workload.accelerators_allowed is not None and pool.accelerator not in workload.accelerators_allowed:
        return f"accelerators are limited to {', '.join(workload.accelerators_allowed)}"
    if workload.residency is not None and site.jurisdiction not in workload.residency:
        return f"residency is limited to {', '.join(workload.residency)}; the site is in {site.jurisdiction}"
    if workload.model is not None and site.name not in names.allowed_sites.get(workload.model, {site.name}):
        return f"weights of {workload.model} may not enter {site.name}"
    if tflops(accelerator, workload.precision) is None and (workload.name, pool.accelerator) not in names.measured:
        return f"{workload.precision.value} is not supported"
    return None


def origin_trips_ms(case: Case, network: NetworkParameters) -> Floats:
    """Round trip between each origin and each pool's site, [origins, P]; a measured one always wins.

    Limits are on the 95th percentile of TTFT, so this is the 95th percentile where a satellite's beam makes it vary.
    """
    ends = [(origin, site) for origin in case.origins for site in case.sites]
    latitude, longitude, to_latitude, to_longitude, access = np.array([_ends(*pair) for pair in ends], dtype=np.float64).reshape(-1, 5).T
    route = Route(
        from_latitude=column(latitude),
        from_longitude=column(longitude),
        to_latitude=column(to_latitude),
        to_longitude=column(to_longitude),
        access=column(access),
    )
    modelled = in_double(round_trips_ms, network, route, chunk=ROUTE_CHUNK).p95
    trips = {(origin.name, site.name): float(ms) for (origin, site), ms in zip(ends, modelled, strict=True)}
    trips |= {(row.origin, row.site): row.rtt_ms for row in case.round_trips}
    table = [[trips[origin.name, pool.site] for pool in case.pools] for origin in case.origins]
    return np.array(table, dtype=np.float64).reshape(len(case.origins), len(case.pools))


def _ends(origin: Origin, site: Site) -> tuple[float, ...]:
    return origin.latitude, origin.longitude, site.latitude, site.longitude, ACCESS[site.access]


def no_pool_left(table: str, name: str, kind: str, reasons: Sequence[str]) -> Violation:
    """The violation of a load or run that no pool can hold, with its most frequent reasons."""
    counts = Counter(reasons).most_common()
    told = "; ".join(f"{reason} ({number} {'pool' if number == 1 else 'pools'})" for reason, number in counts[:SHOWN_REASONS])
    further = len(counts) - SHOWN_REASONS
    more = f"; {further} further reasons" if further > 0 else ""
    return Violation(
        where=table,
        rule=f"{kind} must have at least one pool that can hold it",
        got=f"none: {told}{more}",
        rows=(name,),
        remedy="Relax its limits, or add a pool that keeps them.",
    )
