"""What is asked for: demand rows by scenario, as arrays over streams and loads.

A stream is the demand for one workload from one origin (D streams); a load is a stream, or an equal share of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.case import Case
from optimizer.domain.demand import Demand, DemandUnit, Multiplier, Quantity, Scenario, deviates_in, values_at
from optimizer.domain.surface import Floats, Ints, Load
from optimizer.domain.workload import Kind, Origin, Workload
from optimizer.errors import DataError, Violation
from optimizer.planning.hourly import block_peaks

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Axes: D streams, L loads, T periods, B blocks, S scenarios."""

    workloads: tuple[Workload, ...]  # D
    origins: tuple[Origin | None, ...]  # D
    units: tuple[DemandUnit, ...]  # D
    loads: tuple[Load, ...]  # L
    load_stream: Ints  # [L]
    share: Floats  # [L]
    figure: Floats  # [D, T, S] demand in the stream's unit
    peak_factor: Floats  # [D, T]
    prompt: Floats  # [D, T] tokens per request; nan: not given
    output: Floats  # [D, T]
    block_weight: Floats  # [D, T, B] busiest hour over mean hour; 1 without an origin
    input_rate: Floats  # [D, T, S] mean prompt tokens/s; 0 where demand is in accelerators
    output_rate: Floats  # [D, T, S] mean output tokens/s

    @property
    def flexible(self) -> NDArray[np.bool_]:
        """[D] True for research and batch."""
        return np.array([workload.kind is not Kind.INFERENCE for workload in self.workloads], dtype=np.bool_)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """[D] True where demand is in accelerators."""
        return np.array([unit is DemandUnit.ACCELERATORS for unit in self.units], dtype=np.bool_)

    @property
    def busy_weight(self) -> Floats:
        """Busiest minute of each block over the mean, [D, T, B]."""
        return self.block_weight * self.peak_factor[:, :, None]


def read_streams(case: Case) -> Streams:
    """Streams in the order of workloads, then origins, with their demand in every period and scenario."""
    keys = _keys(case)
    rows = _rows(case, keys)
    figure = np.zeros((len(keys), len(case.calendar.periods), len(case.scenarios)))
    peak, prompt, output = np.ones(figure.shape[:2]), np.full(figure.shape[:2], np.nan), np.full(figure.shape[:2], np.nan)
    streams, periods = (list(places) for places in zip(*rows, strict=True)) if rows else ([], [])
    figure[streams, periods] = demand_in(case.scenarios, list(rows.values()))
    for (d, t), row in rows.items():
        peak[d, t] = row.peak_factor
        prompt[d, t] = np.nan if row.prompt_tokens is None else row.prompt_tokens
        output[d, t] = np.nan if row.output_tokens is None else row.output_tokens
    units = tuple(next(row.unit for (e, _), row in rows.items() if e == d) for d in range(len(keys)))
    loads, load_stream = _loads(keys)
    input_rate, output_rate = _token_rates(units, figure, prompt, output)
    return Streams(
        workloads=tuple(workload for workload, _ in keys),
        origins=tuple(origin for _, origin in keys),
        units=units,
        loads=loads,
        load_stream=load_stream,
        share=np.array([load.share for load in loads], dtype=np.float64),
        figure=figure,
        peak_factor=peak,
        prompt=prompt,
        output=output,
        block_weight=_block_weights(case, [origin for _, origin in keys]),
        input_rate=input_rate,
        output_rate=output_rate,
    )


def demand_in(scenarios: Sequence[Scenario], rows: Sequence[Demand]) -> Floats:
    """[R, S] each row's figure in each scenario: its mean, or its value at the scenario's quantile, times all multipliers that match.

    Raises:
      DataError: a row has neither a mean nor all quantiles.
    """
    uncertain = [r for r, row in enumerate(rows) if row.mean is None]
    figures = np.repeat(np.array([row.mean for row in rows], dtype=np.float64)[:, None], len(scenarios), axis=1)  # nan: has quantiles
    quantiles = np.array([_quantiles(rows[r]) for r in uncertain], dtype=np.float64).reshape(-1, 3)
    figures[uncertain] = values_at(quantiles, deviates_in(scenarios, [rows[r] for r in uncertain])).T
    factors: dict[tuple[Multiplier, ...], Floats] = {}  # [R] of all multipliers of a scenario; many scenarios have the same
    for s, scenario in enumerate(scenarios):
        if scenario.multipliers not in factors:
            factors[scenario.multipliers] = np.array([_factor(scenario.multipliers, row) for row in rows], dtype=np.float64)
        figures[:, s] *= factors[scenario.multipliers]
    return figures


def _factor(multipliers: tuple[Multiplier, ...], row: Demand) -> float:
    return math.prod(multiplier.factor for multiplier in multipliers if _matches(multiplier, row))


def _quantiles(row: Demand) -> tuple[float, float, float]:
    if row.p10 is None or row.p50 is None or row.p90 is None:
        raise DataError([_broken(row, "needs a mean, or all of p10, p50 and p90", "neither", "Give one or the other.")])
    return row.p10, row.p50, row.p90


def _matches(multiplier: Multiplier, row: Demand) -> bool:
    return (
        multiplier.quantity is Quantity.DEMAND
        and multiplier.workload in (None, row.workload)
        and multiplier.origin in (None, row.origin)
        and multiplier.period in (None, row.period)
    )


def _keys(case: Case) -> list[tuple[Workload, Origin | None]]:
    """Streams that have a demand row."""
    asked = {(row.workload, row.origin) for row in case.demand}
    places: list[Origin | None] = [None, *case.origins]
    return [
        (workload, origin)
        for workload in case.workloads
        for origin in places
        if (workload.name, None if origin is None else origin.name) in asked
    ]


def _rows(case: Case, keys: list[tuple[Workload, Origin | None]]) -> dict[tuple[int, int], Demand]:
    """Demand rows by stream and period, after the checks that one row alone cannot fail."""
    stream = {(w.name, None if o is None else o.name): d for d, (w, o) in enumerate(keys)}
    period = {p.name: t for t, p in enumerate(case.calendar.periods)}
    rows = {(stream[row.workload, row.origin], period[row.period]): row for row in case.demand if row.period in period}
    wrong = list(_violations(case, keys, rows))
    if wrong:
        raise DataError(wrong)
    return rows


def _violations(case: Case, keys: list[tuple[Workload, Origin | None]], rows: dict[tuple[int, int], Demand]) -> Iterable[Violation]:
    for d, (workload, origin) in enumerate(keys):
        mine = [rows.get((d, t)) for t in range(len(case.calendar.periods))]
        given = [row for row in mine if row is not None]
        first = given[0] if given else next(row for row in case.demand if row.workload == workload.name)
        if workload.kind is Kind.TRAINING:
            yield _broken(first, "kind training has runs and no demand", "a demand row", "Use training_runs, or another kind.")
        elif (workload.kind is Kind.INFERENCE) != (origin is not None):
            wanted = "needs an origin" if workload.kind is Kind.INFERENCE else "takes no origin"
            yield _broken(first, f"kind {workload.kind.value} {wanted}", str(first.origin), "Correct origin.")
        elif not given or (workload.kind is Kind.INFERENCE and len(given) < len(mine)):
            gaps = [p.name for p, row in zip(case.calendar.periods, mine, strict=True) if row is None]
            yield _broken(first, "every period needs a row", f"none in {', '.join(gaps[:3])}", "Add the rows; 0 is a demand.")
        elif len({row.unit for row in given}) > 1:
            yield _broken(first, "unit must be the same in all periods", "several", "Convert the rows to one unit.")
        elif workload.kind is Kind.RESEARCH and given[0].unit is not DemandUnit.ACCELERATORS:
            yield _broken(first, "research is asked for in accelerators", given[0].unit.value, "Correct unit.")
        elif given[0].unit is DemandUnit.REQUESTS_PER_S:
            yield from _lengths(given)


def _lengths(rows: list[Demand]) -> Iterable[Violation]:
    for row in rows:
        if row.prompt_tokens is None or row.output_tokens is None:
            yield _broken(row, "requests_per_s needs prompt_tokens and output_tokens, tokens", "blank", "Give both.")
            return


def _broken(row: Demand, rule: str, got: str, remedy: str) -> Violation:
    name = row.workload if row.origin is None else f"{row.workload}@{row.origin}"
    return Violation(where="demand", rule=rule, got=got, rows=(f"{name} {row.period}",), remedy=remedy)


def _loads(keys: list[tuple[Workload, Origin | None]]) -> tuple[tuple[Load, ...], Ints]:
    loads, stream = [], []
    for d, (workload, origin) in enumerate(keys):
        parts = workload.split if origin is not None else 1
        name = workload.name if origin is None else f"{workload.name}@{origin.name}"
        for part in range(parts):
            label = name if parts == 1 else f"{name}#{part + 1}"
            loads.append(Load(name=label, workload=workload.name, origin=None if origin is None else origin.name, share=1.0 / parts))
            stream.append(d)
    return tuple(loads), np.array(stream, dtype=np.int64)


def _token_rates(units: tuple[DemandUnit, ...], figure: Floats, prompt: Floats, output: Floats) -> tuple[Floats, Floats]:
    """Mean prompt and output tokens/s, [D, T, S] each; tokens whose lengths are not given count as output."""
    requests = np.array([unit is DemandUnit.REQUESTS_PER_S for unit in units], dtype=np.bool_)[:, None, None]
    daily = np.array([unit is DemandUnit.TOKENS_PER_DAY for unit in units], dtype=np.bool_)[:, None, None]
    total = prompt + output
    known = ~np.isnan(total) & (total > 0.0)
    prompt_share = np.divide(prompt, total, out=np.zeros_like(total), where=known)[:, :, None]
    tokens = np.where(daily, figure / SECONDS_PER_DAY, np.where(requests, figure * np.where(known, total, 0.0)[:, :, None], 0.0))
    return tokens * prompt_share, tokens * (1.0 - prompt_share)


def _block_weights(case: Case, origins: list[Origin | None]) -> Floats:
    shape = (len(case.calendar.periods), len(case.calendar.blocks))
    peaks = {origin.name: block_peaks(origin, case.calendar) for origin in {o.name: o for o in origins if o is not None}.values()}
    return np.array([np.ones(shape) if origin is None else peaks[origin.name] for origin in origins]).reshape(-1, *shape)
