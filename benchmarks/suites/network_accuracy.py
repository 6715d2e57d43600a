"""Round trips between regions that were never fitted, by the fibre graph, its form alone and the great circle.

Cases: `fitted` is the product (form and correction), `form` the same fit without the correction. `great_circle`, the yardstick that needs
no fit, is 1.5 times the great circle by light in fibre, plus 1 ms; it comes with peers=true.

With fit=FILE alone, regions are held out. A pair is never fitted in a fold if either of its ends is held out in it:
  - each region in turn: its pairs with all others are predicted, so that each pair is compared twice;
  - a quarter of the regions in turn: pairs that touch it are predicted, and apart from these, pairs with both ends in it.
With test=FILE all of its pairs are predicted from all of `fit`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy import accuracy_row
from benchmarks.rows import Row
from benchmarks.settings import AccuracySettings, chosen, file_named, require
from optimizer.domain.network import MeasuredTrip
from optimizer.domain.surface import Floats
from optimizer.surfaces.arrays import column, in_double
from optimizer.surfaces.fibre import FIBRE_KM_PER_MS, FibreGraph, fibre_graph
from optimizer.surfaces.fibre_fit import Lengths, fit_fibre, lengths, predict, predict_form
from optimizer.surfaces.geography import distance_km
from optimizer.tables.fibre_map import shipped_fibre_map
from optimizer.tables.measured_network import read_measured_trips

CASES = ["fitted", "form"]
LEAST_REGIONS = 8
PARTS = 4
CHUNK = 256


@dataclass(kw_only=True)
class Settings(AccuracySettings):
    """Files: from_region, to_region, their coordinates in degrees, rtt_ms."""


@dataclass
class Compared:
    """Predictions collected over folds."""

    measured: list[float]
    fitted: list[Floats]  # ms, low, high: [3] a pair
    form: list[float]
    seconds: float = 0.0


def run(settings: Settings) -> Iterator[Row]:
    """Rows of every split and case."""
    cases = chosen(settings, [*CASES, "great_circle"])
    graph = fibre_graph(shipped_fibre_map())
    fit = read_measured_trips(file_named("fit", settings.fit))
    if settings.test is None:
        splits = _held_out(graph, fit, settings.seed)
    else:
        test = read_measured_trips(file_named("test", settings.test))
        known = {frozenset((trip.start, trip.end)) for trip in fit}
        shared = [trip for trip in test if frozenset((trip.start, trip.end)) in known]
        require(not shared, "test", "must share no pair with fit", f"{len(shared)} shared pairs", "Remove them from one of the files.")
        splits = iter([("all pairs of test", test, _compare(graph, lengths(graph, fit), test))])
    for split, trips, compared in splits:
        yield from _rows(settings, cases, split, trips, compared)


def _rows(settings: Settings, cases: list[str], split: str, trips: Sequence[MeasuredTrip], compared: Compared) -> Iterator[Row]:
    measured, fitted = np.array(compared.measured), np.array(compared.fitted)
    for case in cases:
        if case == "great_circle" and not settings.peers:
            continue
        predicted = {"fitted": fitted[:, 0], "form": np.array(compared.form), "great_circle": _great_circle_ms(trips)}[case]
        yield accuracy_row(
            suite="network_accuracy",
            case=case,
            split=split,
            quantity="rtt",
            measured=measured,
            predicted=predicted,
            seconds=compared.seconds if case == "fitted" else float("nan"),
            interval=(fitted[:, 1], fitted[:, 2]) if case == "fitted" else None,
        )


def _held_out(graph: FibreGraph, trips: Sequence[MeasuredTrip], seed: int) -> Iterator[tuple[str, Sequence[MeasuredTrip], Compared]]:
    regions = sorted({name for trip in trips for name in (trip.start, trip.end)})
    require(len(regions) >= LEAST_REGIONS, "fit", f"must have {LEAST_REGIONS} regions or more to hold some out", len(regions), "Add pairs.")
    measured = lengths(graph, trips)
    yield ("regions, one at a time", *_folds(graph, measured, [{region} for region in regions], both=False))
    shuffled = np.random.default_rng(seed).permutation(regions).tolist()
    quarters = [set(shuffled[part::PARTS]) for part in range(PARTS)]
    yield ("regions, a quarter at a time", *_folds(graph, measured, quarters, both=False))
    yield ("regions, a quarter; both ends", *_folds(graph, measured, quarters, both=True))


def _folds(graph: FibreGraph, measured: Lengths, held: Sequence[set[str]], *, both: bool) -> tuple[list[MeasuredTrip], Compared]:
    """Predictions for pairs that touch the held-out regions, or have both ends in them, fitted to pairs that do not touch them."""
    together, asked = Compared([], [], []), []
    for regions in held:
        ends = [(trip.start in regions) + (trip.end in regions) for trip in measured.trips]
        predicted = [trip for trip, out in zip(measured.trips, ends, strict=True) if out >= (2 if both else 1)]
        if not predicted:
            continue
        part = _compare(graph, measured.only([i for i, out in enumerate(ends) if out == 0]), predicted)
        asked += predicted
        together.measured += part.measured
        together.fitted += part.fitted
        together.form += part.form
        together.seconds += part.seconds
    return asked, together


def _compare(graph: FibreGraph, fit: Lengths, test: Sequence[MeasuredTrip]) -> Compared:
    start = time.perf_counter()
    fitted = fit_fibre(fit)
    predicted = predict(fitted, graph, test)
    seconds = time.perf_counter() - start
    return Compared(
        measured=[trip.rtt_ms for trip in test],
        fitted=list(np.stack([predicted.ms, predicted.low_ms, predicted.high_ms], axis=1)),
        form=predict_form(fitted, graph, test).tolist(),
        seconds=seconds,
    )


def _great_circle_ms(trips: Sequence[MeasuredTrip]) -> Floats:
    names = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")
    ends = tuple(column(np.array([getattr(trip, name) for trip in trips])) for name in names)
    km = in_double(lambda _, ends: distance_km(*ends), None, ends, chunk=CHUNK)
    return np.asarray(1.0 + 2.0 * 1.5 * km / FIBRE_KM_PER_MS)
