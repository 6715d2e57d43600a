"""Volume tiers and most favoured prices: which band a contract's billed volume falls in. docs/contracts has their bills.

Axes beside those of docs/problem.md: X contracts with bands, Z bands; quantities are in steps of `VolumeColumns.step` units.
"""

from __future__ import annotations

import numpy as np

from optimizer.domain.clauses import REACHED
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.clauses import active, drawn_terms, last_periods, per_lot
from optimizer.integer.rows import RowGroup, Term, numbered, row_group
from optimizer.integer.variables import Variables
from optimizer.integer.volume_columns import STEPS, band_widths


def billed_volume(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum of v[z] = the larger of what is committed and what is drawn, over the interval."""
    columns, share = variables.volumes, problem.supply.take_or_pay_share[variables.volumes.bands.contract]
    row = numbered((columns.volume >= 0).any(axis=3))
    x, interval, scenario = np.nonzero(row >= 0)
    return row_group(
        "billed volume",
        {"contract": columns.bands.contract[x], "interval": interval, "scenario": scenario},
        (row[..., None], columns.volume, 1.0),
        (row, columns.beyond, -1.0),
        *_drawn(problem, variables, np.where((share == 0)[:, None, None], row, -1), -1.0),
        *_committed(problem, variables, np.where((share > 0)[:, None, None], row, -1), -1.0),
        lower=0.0,
        upper=0.0,
        measure="units",
        scale=columns.step[x, interval, scenario],
    )


def beyond_commitment(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """beyond = max(0, drawn - committed): at least that, and no more where its binary says which of the two is larger."""
    columns = variables.volumes
    row = numbered(columns.beyond >= 0)
    x, interval, scenario = np.nonzero(row >= 0)
    keys = {"contract": columns.bands.contract[x], "interval": interval, "scenario": scenario}
    more = (*_drawn(problem, variables, row, -1.0), *_committed(problem, variables, row, 1.0))
    scale = columns.step[x, interval, scenario]
    return [
        row_group("billed volume", keys, (row, columns.beyond, 1.0), *more, lower=0.0, measure="units", scale=scale),
        row_group(
            "billed volume",
            keys,
            (row, columns.beyond, 1.0),
            *more,
            (row, columns.is_beyond, STEPS),
            upper=STEPS,
            measure="units",
            scale=scale,
        ),
        row_group(
            "billed volume",
            keys,
            (row, columns.beyond, 1.0),
            (row, columns.is_beyond, -STEPS),
            upper=0.0,
            measure="units",
            scale=scale,
        ),
    ]


def all_units_tiers(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """One band is chosen, and start b <= v <= stop b, where the boundary quantity belongs to the higher band."""
    columns, found = variables.volumes, variables.volumes.bands
    widths = band_widths(found, columns.step)
    mine = ~found.incremental[:, None, None, None] & (columns.chosen >= 0)
    one = numbered(mine.any(axis=3))
    x, interval, scenario = np.nonzero(one >= 0)
    keys = {"contract": found.contract[x], "interval": interval, "scenario": scenario}
    row = numbered(mine)
    x, interval, scenario, _ = np.nonzero(mine)
    each = {"contract": found.contract[x], "interval": interval, "scenario": scenario}
    least = widths.start * (1.0 - REACHED / 2)
    last = widths.stop >= STEPS
    most = np.where(last, STEPS, widths.stop * (1.0 - 1.5 * REACHED))
    sides = ((least, {"lower": 0.0}), (most, {"upper": 0.0}))
    return [
        row_group("tier", keys, (one[..., None], np.where(mine, columns.chosen, -1), 1.0), lower=1.0, upper=1.0, measure="tiers"),
        *(
            row_group(
                "tier",
                each,
                (row, columns.volume, 1.0),
                (row, columns.chosen, -np.where(mine, side, 0.0)),
                **limit,
                measure="units",
                scale=columns.step[x, interval, scenario],
            )
            for side, limit in sides
        ),
    ]


def incremental_tiers(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """A band holds something only if the one below it is full: v[z] <= length[z] b[z], v[z-1] >= length[z-1] b[z]."""
    columns, found = variables.volumes, variables.volumes.bands
    widths = band_widths(found, columns.step)
    mine = found.incremental[:, None, None, None] & (columns.chosen >= 0)
    row = numbered(mine)
    x, interval, scenario, _ = np.nonzero(mine)
    keys = {"contract": found.contract[x], "interval": interval, "scenario": scenario}
    length = np.where(np.isfinite(widths.start), widths.stop - np.where(np.isfinite(widths.start), widths.start, 0.0), 0.0)
    below = row[..., 1:]
    scale = columns.step[x, interval, scenario]
    return [
        row_group(
            "tier",
            keys,
            (row, columns.volume, 1.0),
            (row, columns.chosen, -np.where(mine, length, 0.0)),
            upper=0.0,
            measure="units",
            scale=scale,
        ),
        row_group(
            "tier",
            keys,
            (below, columns.volume[..., :-1], 1.0),
            (below, columns.chosen[..., 1:], -length[..., :-1]),
            lower=0.0,
            measure="units",
            scale=scale,
        ),
    ]


def most_favoured_price(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """v[z] <= all of it x in_force[other contract]; and in_force[other contract] <= its lots in force, when the interval is settled."""
    columns, found = variables.volumes, variables.volumes.bands
    other = np.where(found.other[:, None, None, :] >= 0, columns.volume, -1)
    row = numbered(other >= 0)
    x, interval, scenario, band = np.nonzero(other >= 0)
    settled = last_periods(problem)[found.contract[x], interval]
    rival = found.other[x, band]
    keys = {"contract": found.contract[x], "other contract": rival, "interval": interval, "scenario": scenario}
    pairs = np.unique(np.stack([rival, settled], axis=1), axis=0).reshape(-1, 2)
    each = np.arange(len(pairs))
    return [
        row_group(
            "most favoured price",
            keys,
            (row, columns.volume, 1.0),
            (row[x, interval, scenario, band], variables.in_force[rival, settled], -STEPS),
            upper=0.0,
            measure="accelerator-hours",
            scale=columns.step[x, interval, scenario],
        ),
        row_group(
            "most favoured price",
            {"contract": pairs[:, 0], "period": pairs[:, 1]},
            (each, variables.in_force[pairs[:, 0], pairs[:, 1]], -1.0),
            *active(variables, each, pairs[:, 0], pairs[:, 1], 1.0),
            lower=0.0,
            measure="lots",
        ),
    ]


def _drawn(problem: PlanningProblem, variables: Variables, row: Ints, sign: float) -> list[Term]:
    """Terms `sign x volume drawn`; each draw added to its interval's row [X, W, S]."""
    at, per_hour = _steps_per_hour(problem, variables, row)
    return drawn_terms(problem, variables, at, sign * per_hour)


def _steps_per_hour(problem: PlanningProblem, variables: Variables, row: Ints) -> tuple[Ints, Floats]:
    """Rows of contracts [K, W, S] from those with tiers [X, W, S], and steps of volume in an accelerator-hour, [K, T, S]."""
    columns, found, contracts = variables.volumes, variables.volumes.bands, len(problem.supply.contracts)
    at, steps = np.full((contracts, *row.shape[1:]), -1), np.zeros((contracts, *row.shape[1:]))
    at[found.contract], steps[found.contract] = row, 1.0 / columns.step
    hourly = np.zeros((contracts, len(problem.periods)))
    hourly[found.contract] = found.units
    return at, hourly[:, :, None] * _in_period(problem, steps)


def _in_period(problem: PlanningProblem, values: Floats) -> Floats:
    """[K, W, S] values of the interval that each period falls in, [K, T, S]; 0 where not in force."""
    interval = problem.supply.interval
    if values.shape[1] == 0:
        return np.zeros((*interval.shape, values.shape[2]))
    found = np.take_along_axis(values, np.maximum(interval, 0)[:, :, None], axis=1)
    return np.asarray(np.where((interval >= 0)[:, :, None], found, 0.0))


def _committed(problem: PlanningProblem, variables: Variables, row: Ints, sign: float) -> list[Term]:
    """Terms `sign x volume committed`, [X, W, S] rows."""
    at, per_hour = _steps_per_hour(problem, variables, row)
    supply = problem.supply
    held = supply.take_or_pay_share[:, None, None] * supply.capacity * problem.hours.sum(axis=1)[:, None]
    return per_lot(problem, variables, at, sign * held * per_hour)
