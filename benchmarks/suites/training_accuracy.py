"""Utilisation and time to train of runs that were never fitted: each run, platform and accelerator held out in turn.

Cases: `fitted`, and with peers=true the yardstick `perfect_scaling`: every gang as efficient as the smallest fitted one of its accelerator
(of any accelerator where its own was held out). With test=FILE all of its runs are predicted from all of `fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy import accuracy_row
from benchmarks.rows import Row
from benchmarks.settings import AccuracySettings, chosen, file_named, require
from optimizer.domain.measured_gang import MeasuredGang
from optimizer.domain.surface import Floats
from optimizer.surfaces.training_fit import fit_training, predict_gangs
from optimizer.tables.measured_training import read_measured_gangs

CASES = ["fitted", "perfect_scaling"]
Held = Callable[[MeasuredGang], object]  # what a run is held out with
SPLITS: dict[str, Held] = {
    "runs, one at a time": lambda run: (run.platform, run.accelerator, run.accelerators),
    "platforms, one at a time": lambda run: run.platform,
    "accelerators, one at a time": lambda run: run.accelerator,
}
LEAST_RUNS = 4


@dataclass(kw_only=True)
class Settings(AccuracySettings):
    """Files: platform, accelerator, accelerators, minutes_to_train, mfu_of_bf16_peak."""


def run(settings: Settings) -> Iterator[Row]:
    """Rows of every split, case and quantity."""
    cases = chosen(settings, CASES)
    fit = read_measured_gangs(file_named("fit", settings.fit))
    require(len(fit) >= LEAST_RUNS, "fit", f"must have {LEAST_RUNS} runs or more", len(fit), "Add runs.")
    if settings.test is None:
        folds = {name: _folds(fit, held) for name, held in SPLITS.items()}
    else:
        test = read_measured_gangs(file_named("test", settings.test))
        shared = set(fit) & set(test)
        require(not shared, "test", "must share no run with fit", f"{len(shared)} shared runs", "Remove them from one of the files.")
        folds = {"all runs of test": [(fit, test)]}
    for split, parts in folds.items():
        for case in cases:
            if parts and (settings.peers or case == "fitted"):
                yield from _rows(split, case, parts)


def _folds(runs: Sequence[MeasuredGang], held: Held) -> list[tuple[Sequence[MeasuredGang], Sequence[MeasuredGang]]]:
    """(fitted, held out) for every group that leaves something to fit."""
    groups = sorted({held(run) for run in runs}, key=str)
    parts = [([run for run in runs if held(run) != group], [run for run in runs if held(run) == group]) for group in groups]
    return [(kept, out) for kept, out in parts if kept]


def _rows(split: str, case: str, parts: Sequence[tuple[Sequence[MeasuredGang], Sequence[MeasuredGang]]]) -> Iterator[Row]:
    start = time.perf_counter()
    predict = _fitted if case == "fitted" else _perfect_scaling
    predicted = np.concatenate([predict(kept, out) for kept, out in parts], axis=1)
    seconds = time.perf_counter() - start
    asked = [run for _, out in parts for run in out]
    measured = {"mfu": [run.mfu for run in asked], "minutes_to_train": [run.minutes_to_train for run in asked]}
    for i, (quantity, values) in enumerate(measured.items()):
        middle, low, high = predicted[3 * i : 3 * i + 3]
        yield accuracy_row(
            suite="training_accuracy",
            case=case,
            split=split,
            quantity=quantity,
            measured=np.array(values),
            predicted=middle,
            seconds=seconds,
            interval=None if np.isnan(low).any() else (low, high),
        )


def _fitted(kept: Sequence[MeasuredGang], out: Sequence[MeasuredGang]) -> Floats:
    """Utilisation, its interval, minutes, their interval: [6, N]."""
    predicted = predict_gangs(fit_training(kept), out)
    return np.stack([predicted.mfu, *predicted.mfu_interval, predicted.minutes, *predicted.minutes_interval])


def _perfect_scaling(kept: Sequence[MeasuredGang], out: Sequence[MeasuredGang]) -> Floats:
    """As `_fitted`, without intervals."""
    none = np.full(len(out), np.nan)
    smallest = [min(_of_same(kept, run.accelerator), key=lambda known: known.accelerators) for run in out]
    mfu = np.array([known.mfu for known in smallest])
    minutes = [
        known.minutes_to_train * known.accelerators * known.bf16_tflops / (run.accelerators * run.bf16_tflops)
        for known, run in zip(smallest, out, strict=True)
    ]
    return np.stack([mfu, none, none, np.array(minutes), none, none])


def _of_same(kept: Sequence[MeasuredGang], accelerator: str) -> Sequence[MeasuredGang]:
    return [run for run in kept if run.accelerator == accelerator] or kept
