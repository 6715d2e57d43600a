"""What placing, moving, missing and delaying work costs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.domain.workload import TrainingRun, Workload
from optimizer.planning.verify.ledger import Charges, Payee, charge_rows
from optimizer.planning.verify.pins import option_allowed
from optimizer.planning.verify.position import Position

Row = tuple[int, Payee, Floats]


def work_charges(position: Position) -> list[Charges]:
    """Lines of loads, training runs, pools and other spend."""
    return [
        charge_rows(position, "load", "egress", list(_egress(position)), certain=False),
        charge_rows(position, "load", "moving", list(_moving(position)), certain=True),
        charge_rows(position, "load", "not placed", list(_not_placed(position)), certain=False),
        charge_rows(position, "load", "missed work", list(_missed(position)), certain=False),
        charge_rows(position, "pool", "shortage", list(_shortage(position)), certain=False),
        *_run_charges(position),
        charge_rows(position, "supplier", "other spend", list(_other_spend(position)), certain=True),
    ]


def workloads_of_loads(position: Position) -> list[Workload]:
    """Workload of each load, in their order."""
    known = {workload.name: workload for workload in position.case.workloads}
    return [known[load.workload] for load in position.needs.loads]


def runs_in_order(position: Position) -> list[TrainingRun]:
    """Training runs in the order of the needs."""
    known = {run.name: run for run in position.case.training_runs}
    return [known[name] for name in position.needs.runs]


def _egress(position: Position) -> Iterator[Row]:
    for i, load in enumerate(position.needs.loads):
        for t, n in enumerate(position.pair[i]):
            if n >= 0:
                site = position.pool_site[position.placed[i, t]]
                cash = position.needs.egress_gb[n, t] * site.egress_usd_per_gb
                yield t, Payee(name=load.name, supplier=site.supplier), cash


def pools_before(position: Position) -> np.ndarray:
    """Pool in which each load runs now, [L]; -1: none in force."""
    number = {pool.name: p for p, pool in enumerate(position.case.pools)}
    current = {row.load: number[row.pool] for row in position.case.placements}
    return np.array([current.get(load.name, -1) for load in position.needs.loads], dtype=np.int64)


def _moving(position: Position) -> Iterator[Row]:
    """Entering a pool costs the move; leaving one costs sending the data out of its site, if the load may still run there."""
    eligible = set(zip(position.needs.pair_load.tolist(), position.needs.pair_pool.tolist(), strict=True))
    now = pools_before(position)
    for i, (load, workload) in enumerate(zip(position.needs.loads, workloads_of_loads(position), strict=True)):
        before, new = int(now[i]), now[i] < 0
        for t, after in enumerate(position.placed[i].tolist()):
            if after != before:
                if after >= 0 and not (new and t == 0):
                    yield t, Payee(name=load.name), np.array([workload.move_cost])
                if before >= 0 and (i, before) in eligible:
                    site = position.pool_site[before]
                    cash = workload.data_gb * site.egress_usd_per_gb
                    yield t, Payee(name=load.name, supplier=site.supplier), np.array([cash])
            before = after


def least_hours(position: Position, t: int) -> Floats:
    """Accelerator-hours of each load in period t in the eligible pool that needs fewest, [L, S]."""
    needs = position.needs
    used = np.einsum("b,nbs->ns", position.hours[t], needs.need[:, t]) + needs.work[:, t]
    least = np.full((len(needs.loads), used.shape[1]), np.inf)
    np.minimum.at(least, needs.pair_load, used)
    return least


def _not_placed(position: Position) -> Iterator[Row]:
    workloads = workloads_of_loads(position)
    for t in range(len(position.worth)):
        absent = np.flatnonzero(position.placed[:, t] < 0)
        hours = least_hours(position, t) if absent.size else np.zeros((0, 0))
        for i in absent:
            yield t, Payee(name=position.needs.loads[i].name), workloads[i].shortage_penalty * hours[i]


def missed_hours(position: Position) -> Floats:
    """Accelerator-hours of flexible work wanted where it is placed and not served, [L, T, S]."""
    needs = position.needs
    _, _, scenarios = position.shape
    missed = np.zeros((*position.placed.shape, scenarios))
    for i, t in np.argwhere((position.pair >= 0) & needs.flexible[:, None]):
        done = position.hours[t] @ position.served[i, t]
        missed[i, t] = np.maximum(0.0, needs.work[position.pair[i, t], t] - done)
    return missed


def _missed(position: Position) -> Iterator[Row]:
    missed = missed_hours(position)
    for i, workload in enumerate(workloads_of_loads(position)):
        for t in np.flatnonzero(missed[i].any(axis=1)):
            yield int(t), Payee(name=position.needs.loads[i].name), workload.shortage_penalty * missed[i, t]


def shortage_prices(position: Position) -> Floats:
    """USD per accelerator-hour missing, [P]: the dearest penalty of all that may run there."""
    needs, prices = position.needs, np.zeros(len(position.case.pools))
    penalty = {workload.name: workload.shortage_penalty for workload in position.case.workloads}
    for i, p in zip(needs.pair_load, needs.pair_pool, strict=True):
        prices[p] = max(prices[p], penalty[needs.loads[i].workload])
    runs = runs_in_order(position)
    for g in np.flatnonzero(option_allowed(position.case, needs)):
        run = runs[needs.option_run[g]]
        prices[needs.option_pool[g]] = max(prices[needs.option_pool[g]], penalty[run.workload])
    return prices


def _shortage(position: Position) -> Iterator[Row]:
    prices = shortage_prices(position)
    for p, t in np.argwhere(position.shortage.any(axis=(2, 3))):
        hours = position.hours[t] @ position.shortage[p, t]
        yield int(t), Payee(name=position.case.pools[p].name), prices[p] * hours


def _run_charges(position: Position) -> list[Charges]:
    lines: dict[str, list[Row]] = {"training data": [], "delay": [], "run not run": []}
    needs = position.needs
    for run, g in zip(runs_in_order(position), position.option, strict=True):
        if g < 0:
            t, cash = run_not_run(position, run)
            lines["run not run"].append((t, Payee(name=run.name), np.array([cash])))
            continue
        pool = position.case.pools[needs.option_pool[g]]
        data, supplier = _data_egress(position, run, pool.name, pool.site)
        first, last = int(needs.option_start[g]), int(needs.option_stop[g]) - 1
        lines["training data"].append((first, Payee(name=run.name, supplier=supplier), np.array([data])))
        delay = run.delay_cost * needs.option_end_days[g]
        lines["delay"].append((last, Payee(name=run.name), np.array([delay])))
    return [charge_rows(position, "run", line, rows, certain=True) for line, rows in lines.items()]


def _data_egress(position: Position, run: TrainingRun, pool: str, site: str) -> tuple[float, str]:
    """USD to send the run's data to the pool's site, and who is paid; nothing where the data or the run is there already."""
    running_there = any(row.load == run.name and row.pool == pool for row in position.case.placements)
    for source in position.case.sites:
        if source.name == run.data_site:
            return (0.0 if source.name == site or running_there else run.data_gb * source.egress_usd_per_gb), source.supplier
    return 0.0, ""


def least_run_hours(position: Position, run: TrainingRun) -> tuple[int, float]:
    """Earliest first period and least accelerator-hours of the options that pins leave; the last period and 0 without any."""
    needs = position.needs
    r = needs.runs.index(run.name)
    mine = np.flatnonzero((needs.option_run == r) & option_allowed(position.case, needs))
    if not mine.size:
        return len(position.worth) - 1, 0.0
    return int(needs.option_start[mine].min()), float((needs.option_gang[mine] * needs.option_hours[mine]).min())


def run_not_run(position: Position, run: TrainingRun) -> tuple[int, float]:
    """Period in which the penalty of a run that does not run falls, and the penalty in USD."""
    penalty = {workload.name: workload.shortage_penalty for workload in position.case.workloads}[run.workload]
    t, hours = least_run_hours(position, run)
    return t, penalty * hours


def _other_spend(position: Position) -> Iterator[Row]:
    number = {period.name: t for t, period in enumerate(position.case.calendar.periods)}
    for row in position.case.other_spend:
        if row.period in number:
            yield number[row.period], Payee(name=row.supplier, supplier=row.supplier), np.array([row.spend])
