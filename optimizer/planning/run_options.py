"""The ways in which each training run can run: pool, gang, first period, and when it ends.

Axes: R runs, C (run, pool, gang) candidates, G options, T periods.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.domain.case import Case
from optimizer.domain.surface import Floats, Ineligible, Ints
from optimizer.domain.workload import Model, TrainingRun
from optimizer.errors import DataError, Violation
from optimizer.planning.eligibility import Names, barred, no_pool_left
from optimizer.surfaces.arrays import column, in_double
from optimizer.surfaces.training import BYTES_PER_PARAMETER, GangRows, TrainingParameters, duration_hours

GANG_CHUNK = 1024  # rows in one call of the training kernel
GANG_FIELDS = tuple(field.name for field in fields(GangRows))
GIGA = 1e9
TERA = 1e12


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options sorted by run, pool, start, gang. A run whose time lies beyond the horizon is not among the runs."""

    runs: tuple[str, ...]  # R
    run: Ints  # [G]
    pool: Ints  # [G]
    start: Ints  # [G]
    stop: Ints  # [G]
    gang: Ints  # [G]
    hours: Floats  # [G]
    end_days: Floats  # [G]
    ineligible: tuple[Ineligible, ...]
    violations: tuple[Violation, ...]  # runs that should have an option and have none


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A gang in a pool that could hold a run, whenever it has the time."""

    run: int  # index into the case's runs
    pool: int
    gang: int


@dataclass(frozen=True, kw_only=True)
class Option:
    run: int  # index into the case's runs
    pool: int
    start: int
    gang: int
    stop: int
    hours: float
    end_days: float


def run_options(case: Case, names: Names, parameters: TrainingParameters) -> RunOptions:
    """All options inside windows and horizon.

    A run is left to a later horizon if its window and the calendar do not overlap, or if it is only the calendar's end
    that keeps it from ending in its window. Any other run without an option is an error of the case.
    """
    reasons: dict[tuple[int, int], str] = {}
    here = [r for r, run in enumerate(case.training_runs) if _overlaps(case, run)]
    candidates = [c for r in here for c in _candidates(case, names, r, reasons)]
    hours = candidate_hours(case, names, candidates, parameters)
    options: list[Option] = []
    waits: set[int] = set()
    for candidate, duration in zip(candidates, hours, strict=True):
        found = _starts(case, candidate, float(duration))
        options += found
        if not found:
            _late(case, candidate, float(duration), reasons, waits)
    return _sorted(case, options, reasons, _without_option(case, [r for r in here if r not in waits], options, reasons))


def candidate_hours(case: Case, names: Names, candidates: list[Candidate], parameters: TrainingParameters) -> Floats:
    """Duration of each candidate, failures included, [C]."""
    table = np.array([_gang_row(case, names, candidate) for candidate in candidates], dtype=np.float64)
    columns = table.reshape(-1, len(GANG_FIELDS)).T
    rows = GangRows(**{name: column(values) for name, values in zip(GANG_FIELDS, columns, strict=True)})
    return np.asarray(in_double(duration_hours, parameters, rows, chunk=GANG_CHUNK))


def _gang_row(case: Case, names: Names, candidate: Candidate) -> tuple[float, ...]:
    """In the order of `GangRows`."""
    run = case.training_runs[candidate.run]
    model = _model(names, run)
    accelerator = names.accelerators[case.pools[candidate.pool].accelerator]
    return (
        run.tokens,
        model.active_parameters_b * GIGA,
        model.layers,
        model.hidden_size,
        run.sequence_length,
        accelerator.bf16_tflops * TERA,
        accelerator.max_parallel,
        candidate.gang,
    )


def _model(names: Names, run: TrainingRun) -> Model:
    name = names.workloads[run.workload].model
    if name is None:
        raise DataError(
            [
                Violation(
                    where="workloads",
                    rule="kind training needs a model",
                    got="blank",
                    rows=(run.workload,),
                    remedy="Name a row of models.",
                )
            ]
        )
    return names.models[name]


def _overlaps(case: Case, run: TrainingRun) -> bool:
    return run.window_start < case.calendar.end and run.window_end > case.calendar.start


def _candidates(case: Case, names: Names, r: int, reasons: dict[tuple[int, int], str]) -> Iterable[Candidate]:
    """Gangs with enough memory, in pools that may hold the run; notes why for the other pools."""
    run = case.training_runs[r]
    workload = names.workloads[run.workload]
    needed = _model(names, run).parameters_b * BYTES_PER_PARAMETER  # GB
    for p, pool in enumerate(case.pools):
        reason = barred(names, workload, pool)
        hbm = names.accelerators[pool.accelerator].hbm_gb
        gangs = [gang for gang in sorted(run.gang_sizes) if gang * hbm >= needed]
        if reason is None and not gangs:
            reason = f"needs {needed:,.0f} GB of memory, {max(run.gang_sizes) * hbm:,.0f} GB in the largest gang"
        if reason is None:
            yield from (Candidate(run=r, pool=p, gang=gang) for gang in gangs)
        else:
            reasons[r, p] = reason


def _starts(case: Case, candidate: Candidate, hours: float) -> list[Option]:
    """Options of a candidate: every period that begins in the window and lets it end in window and horizon."""
    run = case.training_runs[candidate.run]
    latest = _days(case, min(run.window_end, case.calendar.end))
    starts = [_days(case, period.start) for period in case.calendar.periods]
    ends = [_days(case, period.end) for period in case.calendar.periods]
    found = []
    for t, start in enumerate(starts):
        end = start + hours / HOURS_PER_DAY
        if start < _days(case, run.window_start) or end > latest:
            continue
        stop = 1 + next(u for u, period_end in enumerate(ends) if end <= period_end)
        found.append(
            Option(
                run=candidate.run,
                pool=candidate.pool,
                start=t,
                gang=candidate.gang,
                stop=stop,
                hours=hours,
                end_days=end - _days(case, run.window_start),
            )
        )
    return found


def _days(case: Case, day: date) -> int:
    """Days from the calendar's start."""
    return (day - case.calendar.start).days


def _late(case: Case, candidate: Candidate, hours: float, reasons: dict[tuple[int, int], str], waits: set[int]) -> None:
    """Notes why a candidate never ends in time: for lack of horizon (the run waits), or of window."""
    run = case.training_runs[candidate.run]
    days = hours / HOURS_PER_DAY
    opens = max(_days(case, run.window_start), 0)
    if opens + days <= _days(case, run.window_end) and run.window_end > case.calendar.end:
        waits.add(candidate.run)
    window = _days(case, run.window_end) - opens
    told = f"takes {days:,.1f} days with {candidate.gang:,} accelerators" if np.isfinite(days) else "loses all its time to failures"
    reasons[candidate.run, candidate.pool] = f"{told}; {window:,} days of the window are left and a start is the first day of a period"


def _without_option(case: Case, here: list[int], options: list[Option], reasons: dict[tuple[int, int], str]) -> tuple[Violation, ...]:
    held = {option.run for option in options}
    return tuple(
        no_pool_left(
            "training_runs", case.training_runs[r].name, "a training run", [why for (run, _), why in sorted(reasons.items()) if run == r]
        )
        for r in here
        if r not in held
    )


def _sorted(case: Case, options: list[Option], reasons: dict[tuple[int, int], str], violations: tuple[Violation, ...]) -> RunOptions:
    ordered = sorted(options, key=lambda option: (option.run, option.pool, option.start, option.gang))
    kept = sorted({option.run for option in ordered})
    position = {r: i for i, r in enumerate(kept)}
    held = {(option.run, option.pool) for option in ordered}
    out = [
        Ineligible(load=case.training_runs[r].name, pool=case.pools[p].name, reason=reason)
        for (r, p), reason in sorted(reasons.items())
        if r in position and (r, p) not in held
    ]
    return RunOptions(
        runs=tuple(case.training_runs[r].name for r in kept),
        run=np.array([position[option.run] for option in ordered], dtype=np.int64),
        pool=np.array([option.pool for option in ordered], dtype=np.int64),
        start=np.array([option.start for option in ordered], dtype=np.int64),
        stop=np.array([option.stop for option in ordered], dtype=np.int64),
        gang=np.array([option.gang for option in ordered], dtype=np.int64),
        hours=np.array([option.hours for option in ordered], dtype=np.float64),
        end_days=np.array([option.end_days for option in ordered], dtype=np.float64),
        ineligible=tuple(out),
        violations=violations,
    )
