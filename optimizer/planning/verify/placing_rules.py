"""Rules of placing: loads where they may run, training runs inside their windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from optimizer.domain.workload import TrainingRun, Workload
from optimizer.planning.verify.dates import DAY_HOURS
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.work_bills import runs_in_order, workloads_of_loads

DAY_TOLERANCE = 1e-6  # of a day: what adding up hours in floating point leaves


def placing_breaks(position: Position) -> Iterator[str]:
    """All of this module's rules."""
    periods, pools = position.case.calendar.periods, position.case.pools
    for i, (load, workload) in enumerate(zip(position.needs.loads, workloads_of_loads(position), strict=True)):
        for t in np.flatnonzero((position.placed[i] >= 0) & (position.pair[i] < 0)):
            yield f"load {load.name}: pool {pools[position.placed[i, t]].name} cannot serve it; it is placed there in {periods[t].name}"
        for p in sorted(set(position.placed[i].tolist()) - {-1}):
            yield from _admitted(position, f"load {load.name}", workload, p)
    known = {workload.name: workload for workload in position.case.workloads}
    for run, g in zip(runs_in_order(position), position.option, strict=True):
        if g >= 0:
            yield from _admitted(position, f"training run {run.name}", known[run.workload], int(position.needs.option_pool[g]))
            yield from _window(position, run, int(g))


def _admitted(position: Position, what: str, workload: Workload, p: int) -> Iterator[str]:
    """Residency, accelerators and sites that the tables allow, whatever the needs say."""
    site, pool = position.pool_site[p], position.case.pools[p]
    if workload.residency is not None and site.jurisdiction not in workload.residency:
        yield f"{what}: must stay in {', '.join(workload.residency)}; pool {pool.name} is in {site.jurisdiction}"
    if workload.accelerators_allowed is not None and pool.accelerator not in workload.accelerators_allowed:
        yield f"{what}: may not use {pool.accelerator} (pool {pool.name})"
    allowed = {row.site for row in position.case.allowed_sites if row.model == workload.model}
    if allowed and site.name not in allowed:
        yield f"{what}: the weights of {workload.model} may not be at site {site.name} (pool {pool.name})"


def _window(position: Position, run: TrainingRun, g: int) -> Iterator[str]:
    needs, periods = position.needs, position.case.calendar.periods
    first, stop, gang = int(needs.option_start[g]), int(needs.option_stop[g]), int(needs.option_gang[g])
    if gang not in run.gang_sizes:
        yield f"training run {run.name}: a gang of {gang} accelerators is not allowed"
    start, held_until = periods[first].start, periods[stop - 1].end
    if start < run.window_start and first > 0:
        yield f"training run {run.name}: starts on {start}, before its window opens on {run.window_start}"
    end = _days(start, periods[0].start) + needs.option_hours[g] / DAY_HOURS
    for until, words in ((run.window_end, "its window closes"), (held_until, "its gang is released")):
        late = end - _days(until, periods[0].start)
        if not late <= DAY_TOLERANCE:
            yield f"training run {run.name}: ends {late:.2f} days after {words} on {until}"
    stated = needs.option_end_days[g] + _days(run.window_start, periods[0].start)
    if not abs(end - stated) <= DAY_TOLERANCE:
        yield f"training run {run.name}: its end by its hours and the end that delay is charged for differ by {abs(end - stated):.2f} days"


def _days(day: date, origin: date) -> float:
    return float((day - origin).days)
