"""How much of the work a plan does, in accelerator-hours."""

from __future__ import annotations

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.work_bills import least_hours, least_run_hours, missed_hours, runs_in_order


def load_hours(position: Position) -> Floats:
    """Accelerator-hours that each load needs where it is placed, or would need at least where it is not, [L, T, S]."""
    needs = position.needs
    hours = np.zeros((*position.placed.shape, len(position.probability)))
    for t in range(hours.shape[1]):
        placed = position.pair[:, t] >= 0
        pairs = position.pair[placed, t]
        hours[placed, t] = np.einsum("b,nbs->ns", position.hours[t], needs.need[pairs, t]) + needs.work[pairs, t]
        if not placed.all():
            hours[~placed, t] = least_hours(position, t)[~placed]
    return hours


def run_hours(position: Position) -> Floats:
    """Accelerator-hours that each run holds, or would need at least where it does not run, [R]."""
    needs, by_period = position.needs, position.hours.sum(axis=1)
    hours = np.zeros(len(needs.runs))
    for r, (run, g) in enumerate(zip(runs_in_order(position), position.option, strict=True)):
        if g < 0:
            hours[r] = least_run_hours(position, run)[1]
            continue
        held = slice(int(needs.option_start[g]), int(needs.option_stop[g]))
        hours[r] = needs.option_gang[g] * by_period[held].sum()
    return hours


def unserved_share(position: Position) -> float:
    """Expected accelerator-hours short, missed, not placed or not run, over all that are needed."""
    loads, runs = load_hours(position), run_hours(position)
    absent = np.where((position.pair < 0)[:, :, None], loads, 0.0)
    short = np.einsum("tb,ptbs->s", position.hours, position.shortage)
    unserved = (absent + missed_hours(position)).sum(axis=(0, 1)) + short
    needed = float(loads.sum(axis=(0, 1)) @ position.probability + runs.sum())
    lost = float(unserved @ position.probability + runs[position.option < 0].sum())
    return lost / needed if needed > 0.0 else 0.0
