"""Predictions of a calibration, with intervals as wide as runs held out ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np

from optimizer.domain.measured_serving import ServingSetups
from optimizer.domain.supply import Accelerator
from optimizer.domain.surface import Floats
from optimizer.domain.workload import Model
from optimizer.surfaces.calibration import QUANTITIES, REGIMES, Calibration, means
from optimizer.surfaces.serving_fit import ROWS, filled_view
from optimizer.surfaces.serving_groups import ACCELERATOR, DEPLOYMENT, MODEL, PAIR, ServingRuns, codes, serving_runs
from optimizer.surfaces.serving_residuals import posterior_variance
from optimizer.surfaces.serving_tangents import linearised

ENOUGH_ROWS = 16  # measured runs from which a deployment counts as known
UNCALIBRATED_FACTOR = 1.6449  # standard deviations either side of a normal 90 % interval, where no hold-out told better


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Medians and 90 % intervals, [N] each: (lower, upper)."""

    tpot_s: Floats
    ttft_s: Floats
    tokens_per_s: Floats  # prompt and output, per accelerator
    tpot_interval: tuple[Floats, Floats]
    ttft_interval: tuple[Floats, Floats]
    tokens_interval: tuple[Floats, Floats]
    log_sd: Floats  # [N, 3] of TPOT, TTFT, throughput, before any factor
    regime: tuple[str, ...]


def predict(
    calibration: Calibration, setups: ServingSetups, accelerators: Mapping[str, Accelerator], models: Mapping[str, Model]
) -> Prediction:
    """What runs take, with 90 % intervals for one new measurement of each, [N]."""
    runs = serving_runs(setups, calibration.groups, accelerators, models)
    logs, sd = predicted_logs(calibration, runs)
    regime = regimes(calibration, setups)
    ends = []
    for which, quantity in enumerate(QUANTITIES):
        factor = np.array([interval_factor(calibration, name, quantity) for name in regime])
        ends.append((np.exp(logs[:, which] - factor * sd[:, which]), np.exp(logs[:, which] + factor * sd[:, which])))
    tpot, ttft, tokens = np.exp(logs.T)
    return Prediction(
        tpot_s=tpot,
        ttft_s=ttft,
        tokens_per_s=tokens,
        tpot_interval=ends[0],
        ttft_interval=ends[1],
        tokens_interval=ends[2],
        log_sd=sd,
        regime=regime,
    )


def predicted_logs(calibration: Calibration, runs: ServingRuns) -> tuple[Floats, Floats]:
    """Means and standard deviations of the logs of TPOT, TTFT and throughput, [N, 3] each.

    The errors of both times are taken as fully correlated in the throughput, the cautious case.
    """
    with jax.enable_x64(True):
        bases, views = linearised(calibration.theta, calibration.offsets, runs, ROWS)
        tpot, ttft = means(calibration, bases, views)
        sds = []
        for which, part in enumerate(calibration.residuals):
            view, _, _ = filled_view(views[which], tpot, ROWS)
            sds.append(np.sqrt(np.asarray(posterior_variance(part.scales, *calibration.cells(which), view)))[: len(tpot)])
    output = np.asarray(runs.lengths.output)
    whole = np.exp(ttft) + (output - 1.0) * np.exp(tpot)
    tokens = np.log(np.asarray(runs.concurrency) * (np.asarray(runs.lengths.prompt) + output) / whole / np.asarray(runs.parallel))
    first = np.exp(ttft) / whole
    return np.stack([tpot, ttft, tokens], axis=1), np.stack([*sds, (1.0 - first) * sds[0] + first * sds[1]], axis=1)


def regimes(calibration: Calibration, setups: ServingSetups) -> tuple[str, ...]:
    """How well each run's kind is known, [N].

    known: its deployment has `ENOUGH_ROWS` measured runs; anchored: its pair has some; new_pair: its accelerator and its model
    have, apart; new_part: one of them has none.
    """
    known = codes(setups, calibration.groups)
    found = []
    for code in known:
        deployment = "" if code[DEPLOYMENT] < 0 else calibration.groups[DEPLOYMENT][code[DEPLOYMENT]]
        if calibration.rows.get(deployment, 0) >= ENOUGH_ROWS:
            found.append("known")
        elif code[PAIR] >= 0:
            found.append("anchored")
        else:
            found.append("new_pair" if min(code[ACCELERATOR], code[MODEL]) >= 0 else "new_part")
    return tuple(found)


def interval_factor(calibration: Calibration, regime: str, quantity: str) -> float:
    """Standard deviations either side of a 90 % interval.

    Where a regime was not held out, that of the next less known one that was, else of the last better known one.
    """
    place = REGIMES.index(regime)
    order = (*REGIMES[place:], *reversed(REGIMES[:place]))
    told = [calibration.held_out[name][quantity].factor for name in order if name in calibration.held_out]
    return told[0] if told else UNCALIBRATED_FACTOR
