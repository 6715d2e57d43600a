"""How far off a calibration is on runs that it did not see, and how wide its intervals must be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.comparison import Comparison
from optimizer.domain.measured_serving import MeasuredServing
from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.calibration import QUANTITIES, REGIMES, Calibration, HeldOut, columns_of, fitted, updated
from optimizer.surfaces.prediction import ENOUGH_ROWS, predicted_logs
from optimizer.surfaces.serving_groups import ACCELERATOR, CONFIGURATION, PAIR, labels, serving_runs

FOLDS = 4  # parts into which configurations, and pairs, are dealt
ANCHORS = 8  # runs of a pair held out that the regime `anchored` is given
COVERAGE = 0.9
Told = tuple[Ints, Ints, Floats, Floats]  # rows held out, their part; predicted logs and standard deviations, as in `HeldOutRuns`
LEVEL = {"known": CONFIGURATION, "anchored": PAIR, "new_pair": PAIR, "new_part": ACCELERATOR}  # what is held out to assess a regime


@dataclass(frozen=True, kw_only=True)
class HeldOutRuns:
    """Runs held out in one regime, [M], and what the fits that did not see them say."""

    measured: MeasuredServing  # [M]
    part: Ints  # [M] the hold-out of each
    logs: Floats  # [M, 3] predicted, in the order of `QUANTITIES`
    log_sd: Floats  # [M, 3]

    @property
    def scores(self) -> Floats:
        """[M, 3] |error| over its predicted standard deviation, of the logs."""
        return np.asarray(np.abs(self.logs - np.log(columns_of(self.measured))) / self.log_sd)

    def comparison(self, quantity: str) -> Comparison:
        """Predictions beside the measurements; the interval of each run has the factor that the other hold-outs ask for.

        With one hold-out there is no such factor, and no interval.
        """
        which = QUANTITIES.index(quantity)
        scores, factor = self.scores[:, which], np.full(len(self.part), np.nan)
        for part in np.unique(self.part):
            others = scores[self.part != part]
            factor[self.part == part] = conformal_factor(others) if others.size else np.nan
        wide = np.exp(factor * self.log_sd[:, which])
        predicted = np.exp(self.logs[:, which])
        return Comparison(
            measured=columns_of(self.measured)[:, which],
            predicted=predicted,
            interval=None if np.isnan(factor).any() else (predicted / wide, predicted * wide),
            label=self.measured.setups.accelerator,
        )


def calibrate(measured: MeasuredServing, *, regimes: Sequence[str] = REGIMES, seed: int = 0) -> Calibration:
    """The calibration to measured runs with its errors on runs held out, and from these the factors of its intervals."""
    return assessed(measured, regimes=regimes, seed=seed)[0]


def assessed(
    measured: MeasuredServing, *, regimes: Sequence[str] = REGIMES, seed: int = 0
) -> tuple[Calibration, dict[str, HeldOutRuns]]:
    """`calibrate`, and the runs held out in each regime.

    Every hold-out fits parameters, offsets and weights anew. The scales of the residuals are those of the whole fit, so that standard
    deviations of hold-outs and of the whole are alike; with few runs, scales of their own would make the factors too small.

    Args:
      regimes: those of `REGIMES` to assess, at one fit for each part held out; one that leaves nothing to fit is left out.
    """
    whole = fitted(measured, seed=seed)
    scales = [part.scales for part in whole.residuals]
    found: dict[str, list[Told]] = {}
    parts = {level: deal(measured, level, seed=seed) for level in {LEVEL[regime] for regime in regimes}}
    for level, held in parts.items():
        for part, inside in _hold_outs(held):
            rest = fitted(measured.taken(np.flatnonzero(~inside)), scales=scales, seed=seed)
            for regime in (regime for regime in regimes if LEVEL[regime] == level):
                rows = np.flatnonzero(inside)
                told = _anchored(rest, measured, rows, part, seed) if regime == "anchored" else [_told(rest, measured, rows, part)]
                found.setdefault(regime, []).extend(told)
    held_out = {name: _joined(measured, found[name]) for name in REGIMES if found.get(name)}
    errors = {name: {quantity: _errors(runs, quantity) for quantity in QUANTITIES} for name, runs in held_out.items()}
    return replace(whole, held_out=errors), held_out


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


def _hold_outs(part: Ints) -> Iterator[tuple[int, np.ndarray]]:
    """Each part with the mask [N] of its runs; none where there is but one part."""
    found = np.unique(part)
    yield from ((int(name), part == name) for name in found if len(found) > 1)


def anchors_of(measured: MeasuredServing, rows: Ints, *, count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """For each pair with `ENOUGH_ROWS` among the rows: `count` of its runs drawn at random, and the rest."""
    pair = np.array([names[PAIR] for names in labels(measured.setups.taken(rows))])
    for name in np.unique(pair):
        own = rows[pair == name]
        if len(own) >= ENOUGH_ROWS:
            drawn = np.random.default_rng(seed).choice(own, count, replace=False)
            yield drawn, np.setdiff1d(own, drawn)


def _anchored(rest: Calibration, measured: MeasuredServing, rows: Ints, part: int, seed: int) -> list[Told]:
    drawn = anchors_of(measured, rows, count=ANCHORS, seed=seed)
    return [_told(updated(rest, measured.taken(anchors)), measured, others, part) for anchors, others in drawn]


def _told(calibration: Calibration, measured: MeasuredServing, rows: Ints, part: int) -> Told:
    held = measured.taken(rows)
    logs, sd = predicted_logs(calibration, serving_runs(held.setups, calibration.groups, held.accelerators, held.models))
    return rows, np.full(len(rows), part), logs, sd


def _joined(measured: MeasuredServing, told: Sequence[Told]) -> HeldOutRuns:
    rows, part, logs, sd = (np.concatenate(columns) for columns in zip(*told, strict=True))
    return HeldOutRuns(measured=measured.taken(rows), part=part, logs=logs, log_sd=sd)


def _errors(runs: HeldOutRuns, quantity: str) -> HeldOut:
    compared = runs.comparison(quantity)
    factor = conformal_factor(runs.scores[:, QUANTITIES.index(quantity)])
    return HeldOut(rows=len(compared), median_ape=compared.median_ape, p90_ape=compared.p90_ape, factor=factor)


def conformal_factor(scores: Floats) -> float:
    """Standard deviations either side of a prediction that cover the share `COVERAGE` of runs held out.

        k-th smallest score,  k = ceil((N + 1) coverage)

    Args:
      scores: [N] |ln predicted - ln measured| over the predicted standard deviation.
    """
    rank = int(np.ceil((scores.size + 1) * COVERAGE)) - 1
    return float(np.sort(scores)[min(rank, scores.size - 1)])
