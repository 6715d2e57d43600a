"""Throughput, TPOT and TTFT of serving runs that were never fitted: configurations, pairs, pairs with 8 anchors, accelerators.

Every part held out has a fit of its own: parameters, offsets, scales, weights and the factors of the intervals see the other runs only.
Cases: `calibrated`, and with peers=true `roofline`: the equations with rated figures, no overheads and no queueing, fitted to nothing.
With aiconfigurator=PYTHON, an interpreter that has it: `aiconfigurator` on the runs that it gives an estimate for, and `calibrated` on
these alone. The public sample is what its own makers compare it with, and its tables hold kernels measured on these accelerators.
With fit=FILE test=FILE all runs of `test` are predicted from all of `fit`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import jax
import numpy as np

from benchmarks.accuracy import accuracy_row
from benchmarks.peers.aiconfigurator import estimates
from benchmarks.rows import Row
from benchmarks.settings import AccuracySettings, argument, chosen, file_named, require
from optimizer.domain.measured_serving import MeasuredServing
from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.arrays import in_double
from optimizer.surfaces.calibration import Calibration, columns_of, updated
from optimizer.surfaces.calibration_intervals import ANCHORS, anchors_of, calibrate, deal
from optimizer.surfaces.prediction import predict
from optimizer.surfaces.serving import ServingParameters, serve
from optimizer.surfaces.serving_groups import ACCELERATOR, CONFIGURATION, PAIR, ServingRuns, groups_of, labels, serving_runs
from optimizer.tables.measured_serving import read_measured_serving

CASES = ["calibrated", "roofline", "aiconfigurator"]
SPLITS = ["configurations", "pairs", "anchors", "accelerators"]
NAMES = {
    "configurations": "configurations, 5 folds",
    "pairs": "pairs, one at a time",
    "anchors": f"pairs, {ANCHORS} anchors",
    "accelerators": "accelerators, one at a time",
    "test": "all runs of test",
}
QUANTITIES = {"throughput": 2, "tpot": 0, "ttft": 1}  # column of `columns_of`
FOLDS = 5
CHUNK = 512  # runs in one call of the roofline's kernel
ROOFLINE = ServingParameters(
    **{field.name: 1.0 if field.name.endswith("efficiency") else 0.0 for field in fields(ServingParameters)}  # nothing lost, nothing waits
)


@dataclass(kw_only=True)
class Settings(AccuracySettings):
    """Files: the columns of serving_measured, from accelerator to tpot_s; models.csv and accelerators.csv stand beside them."""

    measured: str | None = argument(None, "file of measurements of which parts are held out in turn")
    models: str | None = argument(None, "table of the models, null for models.csv beside the measurements, else the shipped one")
    accelerators: str | None = argument(None, "table of the accelerators, likewise")
    aiconfigurator: str | None = argument(None, "Python of an environment with aiconfigurator, a peer; null: without it")
    aiconfigurator_runs: int = argument(200, "runs drawn at random for it; each takes it a second or so")
    splits: list[str] = argument((), f"what to hold out, [] for all: {', '.join(SPLITS)}")  # noqa: RUF009 - a field with a factory


@dataclass(kw_only=True)
class Compared:
    """Predictions of one case on the runs of one split, part by part."""

    rows: list[Ints] = field(default_factory=list)
    predicted: list[Floats] = field(default_factory=list)  # [N, 3]
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, rows: Ints, predicted: Floats, lower: Floats, upper: Floats) -> None:
        for column, values in zip((self.rows, self.predicted, self.lower, self.upper), (rows, predicted, lower, upper), strict=True):
            column.append(values)


def run(settings: Settings) -> Iterator[Row]:
    """Rows of every split, case and quantity."""
    cases = [case for case in chosen(settings, CASES) if case == "calibrated" or (settings.peers and case == "roofline")]
    python = None if settings.aiconfigurator is None else file_named("aiconfigurator", settings.aiconfigurator)
    for name in settings.splits:
        require(name in SPLITS, "splits", f"must be among {', '.join(SPLITS)}", name, "Choose from them.")
    if settings.test is None:
        measured = _read(settings, "measured", settings.measured or settings.fit)
        wanted = [name for name in SPLITS if name in settings.splits or not settings.splits]
        peer = _peer(settings, python, measured)
        for split, compared in _held_out(measured, wanted, settings.seed):
            yield from _rows(split, cases, measured, compared)
            yield from _beside_peer(split, measured, compared, peer)
    else:
        fit, test = _read(settings, "fit", settings.fit), _read(settings, "test", settings.test)
        compared = _two_files(fit, test, settings.seed)
        yield from _rows("test", cases, test, compared)
        yield from _beside_peer("test", test, compared, _peer(settings, python, test))


def _read(settings: Settings, key: str, path: str | None) -> MeasuredServing:
    tables = {"models": settings.models, "accelerators": settings.accelerators}
    given: dict[str, Path | None] = {name: None if table is None else file_named(name, table) for name, table in tables.items()}
    return read_measured_serving(file_named(key, path), models=given["models"], accelerators=given["accelerators"])


def _held_out(measured: MeasuredServing, splits: Sequence[str], seed: int) -> Iterator[tuple[str, Compared]]:
    if "configurations" in splits:
        yield from _one_level(measured, deal(measured, CONFIGURATION, seed=seed, parts=FOLDS), {"configurations": "known"}, seed)
    pairs = {split: regime for split, regime in (("pairs", "new_pair"), ("anchors", "anchored")) if split in splits}
    if pairs:
        yield from _one_level(measured, _each(measured, PAIR), pairs, seed)
    if "accelerators" in splits:
        yield from _one_level(measured, _each(measured, ACCELERATOR), {"accelerators": "new_part"}, seed)


def _each(measured: MeasuredServing, level: int) -> Ints:
    """[N] a part for every group of a level."""
    return np.asarray(np.unique([names[level] for names in labels(measured.setups)], return_inverse=True)[1])


def _one_level(measured: MeasuredServing, part: Ints, regimes: dict[str, str], seed: int) -> Iterator[tuple[str, Compared]]:
    """Holds out each part in turn, for the splits that ask for it."""
    compared = {split: Compared() for split in regimes}
    require(len(np.unique(part)) > 1, "measured", "must have something left to fit beside what is held out", "one group", "Add runs.")
    for one in np.unique(part):
        held, start = np.flatnonzero(part == one), time.perf_counter()
        calibration = calibrate(measured.taken(np.flatnonzero(part != one)), regimes=tuple(regimes.values()), seed=seed)
        for split, outcome in compared.items():
            if split == "anchors":
                for anchors, rest in anchors_of(measured, held, count=ANCHORS, seed=seed):
                    _predicted(outcome, updated(calibration, measured.taken(anchors)), measured, rest)
            else:
                _predicted(outcome, calibration, measured, held)
            outcome.seconds += time.perf_counter() - start
    yield from compared.items()


def _two_files(fit: MeasuredServing, test: MeasuredServing, seed: int) -> Compared:
    start, compared = time.perf_counter(), Compared()
    _predicted(compared, calibrate(fit, seed=seed), test, np.arange(len(test)))
    compared.seconds = time.perf_counter() - start
    return compared


def _predicted(compared: Compared, calibration: Calibration, measured: MeasuredServing, rows: Ints) -> None:
    told = predict(calibration, measured.setups.taken(rows), measured.accelerators, measured.models)
    middle = np.stack([told.tpot_s, told.ttft_s, told.tokens_per_s], axis=1)
    ends = [np.stack([pair[end] for pair in (told.tpot_interval, told.ttft_interval, told.tokens_interval)], axis=1) for end in (0, 1)]
    compared.add(rows, middle, *ends)


def _rows(split: str, cases: Sequence[str], measured: MeasuredServing, compared: Compared) -> Iterator[Row]:
    if not compared.rows:
        return
    rows = np.concatenate(compared.rows)
    truth = columns_of(measured)[rows]
    for case in cases:
        start = time.perf_counter()
        fitted = case == "calibrated"
        predicted = np.concatenate(compared.predicted) if fitted else _roofline(measured.taken(rows))
        lower, upper = np.concatenate(compared.lower), np.concatenate(compared.upper)
        for quantity, column in QUANTITIES.items():
            yield accuracy_row(
                suite="serving_accuracy",
                case=case,
                split=NAMES[split],
                quantity=quantity,
                measured=truth[:, column],
                predicted=predicted[:, column],
                seconds=compared.seconds if fitted else time.perf_counter() - start,
                interval=(lower[:, column], upper[:, column]) if fitted else None,
            )


def _peer(settings: Settings, python: Path | None, measured: MeasuredServing) -> Floats | None:
    """AIConfigurator's estimates of the runs that are drawn, nan elsewhere, [N, 3]; None: not asked for."""
    if python is None or not settings.peers or "aiconfigurator" not in chosen(settings, CASES):
        return None
    drawn = np.random.default_rng(settings.seed).permutation(len(measured))[: settings.aiconfigurator_runs]
    found = np.full((len(measured), 3), np.nan)
    found[drawn] = estimates(python, measured.setups.taken(drawn))
    return found


def _beside_peer(split: str, measured: MeasuredServing, compared: Compared, peer: Floats | None) -> Iterator[Row]:
    """AIConfigurator and the calibration on the runs for which AIConfigurator gives an estimate."""
    if peer is None or not compared.rows:
        return
    rows = np.concatenate(compared.rows)
    given = ~np.isnan(peer[rows]).any(axis=1)
    truth, ours = columns_of(measured)[rows[given]], np.concatenate(compared.predicted)[given]
    for case, predicted in (("aiconfigurator", peer[rows[given]]), ("calibrated", ours)):
        for quantity, column in QUANTITIES.items():
            yield accuracy_row(
                suite="serving_accuracy",
                case=case,
                split=f"{NAMES[split]}; where AIConfigurator estimates",
                quantity=quantity,
                measured=truth[:, column],
                predicted=predicted[:, column],
                seconds=compared.seconds if case == "calibrated" else math.nan,
            )


def _roofline(measured: MeasuredServing) -> Floats:
    """TPOT, TTFT, throughput, [N, 3]."""
    runs = serving_runs(measured.setups, groups_of(measured.setups), measured.accelerators, measured.models)
    return np.asarray(in_double(_rated, ROOFLINE, runs, chunk=CHUNK))


@jax.jit
def _rated(parameters: ServingParameters, runs: ServingRuns) -> jax.Array:
    point = serve(parameters, runs.model, runs.chip, runs.lengths, runs.parallel, runs.concurrency, runs.expert_parallel)
    return jax.numpy.stack([point.tpot_s, point.ttft_s, point.tokens_per_s], axis=1)
