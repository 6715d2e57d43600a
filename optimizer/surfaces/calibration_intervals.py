"""How far off a calibration is on runs that it did not see, and how wide its intervals must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from optimizer.domain.measured_serving import MeasuredServing
from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.calibration import QUANTITIES, REGIMES, Calibration, HeldOut, columns_of, fitted, updated
from optimizer.surfaces.prediction import ENOUGH_ROWS, predicted_logs
from optimizer.surfaces.serving_groups import ACCELERATOR, CONFIGURATION, PAIR, labels, serving_runs

FOLDS = 4  # parts into which configurations, and pairs, are dealt
ANCHORS = 8  # runs of a pair held out that the regime `anchored` is given
COVERAGE = 0.9
LEVEL = {"known": CONFIGURATION, "anchored": PAIR, "new_pair": PAIR, "new_part": ACCELERATOR}  # what is held out to assess a regime


def calibrate(measured: MeasuredServing, *, regimes: Sequence[str] = REGIMES, seed: int = 0) -> Calibration:
    """The calibration to measured runs with its errors on runs held out, and from these the factors of its intervals.

    Every hold-out fits parameters, offsets and weights anew; the scales of the residuals are those of the whole fit.

    Args:
      regimes: those of `REGIMES` to assess, at one fit for each part held out.
    """
    calibration = fitted(measured, seed=seed)
    scales = [part.scales for part in calibration.residuals]
    errors: dict[str, list[tuple[Floats, Floats]]] = {}
    parts = {level: deal(measured, level, seed=seed) for level in {LEVEL[regime] for regime in regimes}}
    for level, held in parts.items():
        for inside in _hold_outs(held):
            part = fitted(measured.taken(np.flatnonzero(~inside)), scales=scales, seed=seed)
            for regime in regimes:
                if LEVEL[regime] == level:
                    assessed = _anchored(part, measured, inside, seed) if regime == "anchored" else [_missed(part, measured, inside)]
                    errors.setdefault(regime, []).extend(assessed)
    held_out = {regime: _held_out(found) for regime, found in errors.items() if found}
    return replace(calibration, held_out={name: held_out[name] for name in REGIMES if name in held_out})


def deal(measured: MeasuredServing, level: int, *, seed: int, parts: int | None = None) -> Ints:
    """The part of each run, [N]: groups of a level are dealt to `parts` at random, each to the smallest so far; accelerators one each."""
    names = np.array([row[level] for row in labels(measured.setups)])
    groups, code, sizes = np.unique(names, return_inverse=True, return_counts=True)
    count = len(groups) if level == ACCELERATOR else min(parts or FOLDS, len(groups))
    order = np.random.default_rng(seed).permutation(len(groups))
    filled, part = np.zeros(count), np.zeros(len(groups), dtype=np.int64)
    for group in sorted(order, key=lambda group: -sizes[group]):
        part[group] = int(np.argmin(filled))
        filled[part[group]] += sizes[group]
    return np.asarray(part[code.reshape(-1)])


def _hold_outs(part: Ints) -> Iterator[np.ndarray]:
    """Masks [N] of the runs held out; none where there is but one part."""
    found = np.unique(part)
    yield from (part == name for name in found if len(found) > 1)


def anchors_of(measured: MeasuredServing, rows: Ints, *, count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """For each pair with `ENOUGH_ROWS` among the rows: `count` of its runs drawn at random, and the rest."""
    pair = np.array([names[PAIR] for names in labels(measured.setups.taken(rows))])
    for name in np.unique(pair):
        own = rows[pair == name]
        if len(own) >= ENOUGH_ROWS:
            drawn = np.random.default_rng(seed).choice(own, count, replace=False)
            yield drawn, np.setdiff1d(own, drawn)


def _anchored(part: Calibration, measured: MeasuredServing, inside: np.ndarray, seed: int) -> list[tuple[Floats, Floats]]:
    drawn = anchors_of(measured, np.flatnonzero(inside), count=ANCHORS, seed=seed)
    return [_missed(updated(part, measured.taken(anchors)), measured, rest) for anchors, rest in drawn]


def _missed(calibration: Calibration, measured: MeasuredServing, rows: np.ndarray) -> tuple[Floats, Floats]:
    """Errors of the logs and predicted standard deviations, [M, 3] each, of the rows (indices, or a mask)."""
    held = measured.taken(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows)
    runs = serving_runs(held.setups, calibration.groups, held.accelerators, held.models)
    logs, sd = predicted_logs(calibration, runs)
    return logs - np.log(columns_of(held)), sd


def _held_out(found: list[tuple[Floats, Floats]]) -> dict[str, HeldOut]:
    errors, sd = (np.concatenate(columns) for columns in zip(*found, strict=True))
    ape = 100.0 * np.abs(np.expm1(errors))
    return {
        quantity: HeldOut(
            rows=len(errors),
            median_ape=float(np.median(ape[:, i])),
            p90_ape=float(np.quantile(ape[:, i], 0.9)),
            factor=conformal_factor(errors[:, i], sd[:, i]),
        )
        for i, quantity in enumerate(QUANTITIES)
    }


def conformal_factor(log_error: Floats, log_sd: Floats) -> float:
    """Standard deviations either side of a prediction that cover the share `COVERAGE` of runs held out.

        k-th smallest |error| / sd,  k = ceil((N + 1) coverage)

    Args:
      log_error: [N] log of predicted over measured.
      log_sd:    [N] predicted standard deviation.
    """
    scores = np.sort(np.abs(log_error) / log_sd)
    rank = int(np.ceil((scores.size + 1) * COVERAGE)) - 1
    return float(scores[min(rank, scores.size - 1)])
