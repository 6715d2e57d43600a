"""What the surfaces were fitted to: serving runs, round trips, training curves; and how far off each is on what a fit did not see.

A part that was not fitted keeps the figures that stand in its equations.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from optimizer.domain.comparison import Comparison
from optimizer.domain.measured_gang import MeasuredGang
from optimizer.domain.measured_serving import MeasuredServing
from optimizer.domain.network import MeasuredTrip
from optimizer.domain.supply import Accelerator
from optimizer.domain.surface import Floats
from optimizer.surfaces import calibration_document
from optimizer.surfaces.calibration import QUANTITIES, updated
from optimizer.surfaces.calibration import Calibration as ServingCalibration
from optimizer.surfaces.calibration_intervals import assessed
from optimizer.surfaces.fibre import fibre_graph
from optimizer.surfaces.fibre_fit import FittedFibre, fit_fibre, lengths, predict
from optimizer.surfaces.network import NetworkParameters, uncalibrated
from optimizer.surfaces.training import TrainingParameters
from optimizer.surfaces.training_fit import FittedTraining, fit_training, predict_gangs
from optimizer.tables.calibration_file import read_calibration_file, shipped_calibration_file, unreadable_part
from optimizer.tables.fibre_map import shipped_fibre_map

LEAST_REGIONS = 4  # with fewer, nothing is left to fit when one is held out
Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class Dates:
    """First and last day of the measurements whose day is recorded."""

    first: date
    last: date
    rows: int  # of which this is known


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Errors of one quantity, in % of the measurement."""

    part: str  # serving, network, training
    quantity: str  # tpot, ttft, throughput, rtt, mfu
    split: str  # fit: on what was fitted; else what was held out
    rows: int
    median_ape: float
    p90_ape: float
    coverage_90: float | None  # share of the rows inside the 90 % interval; None: no interval that these rows had no part in


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Predictions beside measurements, of one quantity."""

    part: str
    quantity: str
    split: str
    comparison: Comparison

    def accuracy(self) -> Accuracy:
        found = self.comparison
        return Accuracy(
            part=self.part,
            quantity=self.quantity,
            split=self.split,
            rows=len(found),
            median_ape=found.median_ape,
            p90_ape=found.p90_ape,
            coverage_90=found.coverage_90,
        )


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Fitted parts; None: not fitted."""

    made_on: str  # ISO date
    source: str  # where the measurements come from
    serving: ServingCalibration | None = None
    network: FittedFibre | None = None
    training: FittedTraining | None = None
    accuracy: tuple[Accuracy, ...] = ()
    measured: Mapping[str, Dates] = field(default_factory=dict)  # days of the measurements by part; absent: not recorded

    @property
    def version(self) -> str:
        """Its date and the start of a hash of all that it says."""
        content = json.dumps(as_values(self), sort_keys=True).encode()
        return f"{self.made_on}-{hashlib.sha256(content).hexdigest()[:8]}"

    def network_parameters(self) -> NetworkParameters:
        """The network over the shipped map, corrected by what was measured."""
        fibre_map = shipped_fibre_map()
        plain = uncalibrated(fibre_map)
        return plain if self.network is None else replace(plain, fibre=self.network.parameters(fibre_graph(fibre_map)))

    def training_parameters(self, accelerators: Iterable[Accelerator]) -> TrainingParameters:
        """Curves of utilisation of the two classes of domain."""
        if self.training is None:
            return TrainingParameters()
        return self.training.parameters({accelerator.name: accelerator.max_parallel for accelerator in accelerators})


def as_values(calibration: Calibration) -> dict[str, Any]:
    """Plain values, for JSON."""
    return {
        "made_on": calibration.made_on,
        "source": calibration.source,
        "serving": None if calibration.serving is None else calibration_document.to_dict(calibration.serving),
        "network": None if calibration.network is None else calibration.network.to_dict(),
        "training": None if calibration.training is None else calibration.training.to_dict(),
        "accuracy": [asdict(row) for row in calibration.accuracy],
        "measured": {
            part: {"first": dates.first.isoformat(), "last": dates.last.isoformat(), "rows": dates.rows}
            for part, dates in calibration.measured.items()
        },
    }


def read_calibration(path: Path) -> Calibration:
    """A calibration that `placement calibrate` wrote.

    Raises:
      DataError: the file is not one.
    """
    values = read_calibration_file(path)

    def part(name: str, make: Callable[[Any], Part]) -> Part:
        try:
            return make(values[name])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unreadable_part(path, name) from None

    return Calibration(
        made_on=part("made_on", str),
        source=part("source", str),
        serving=part("serving", lambda found: None if found is None else calibration_document.from_dict(found)),
        network=part("network", lambda found: None if found is None else FittedFibre.from_dict(found)),
        training=part("training", lambda found: None if found is None else FittedTraining.from_dict(found)),
        accuracy=part("accuracy", lambda rows: tuple(Accuracy(**row) for row in rows)),
        measured=part("measured", lambda by_part: {name: _dates(**dates) for name, dates in by_part.items()}),
    )


def _dates(first: str, last: str, rows: int) -> Dates:
    return Dates(first=date.fromisoformat(first), last=date.fromisoformat(last), rows=rows)


@cache
def shipped_calibration() -> Calibration:
    """The calibration that comes with the planner."""
    return read_calibration(shipped_calibration_file())


FIT = "fit"  # split of what was fitted
HELD_OUT = {
    "known": "configurations held out",
    "anchored": "pairs held out but for 8 runs",
    "new_pair": "pairs held out",
    "new_part": "each accelerator held out",
}


def with_serving(calibration: Calibration, measured: MeasuredServing) -> tuple[Calibration, list[Compared]]:
    """The calibration with its serving model fitted to measured runs, and what it says of runs held out."""
    fitted, held_out = assessed(measured)
    compared = [
        Compared(part="serving", quantity=name, split=HELD_OUT[regime], comparison=runs.comparison(name))
        for regime, runs in held_out.items()
        for name in QUANTITIES
    ]
    rows = [
        Accuracy(part="serving", quantity=name, split=FIT, rows=len(measured), median_ape=errors[0], p90_ape=errors[1], coverage_90=None)
        for name, errors in fitted.fit.items()
    ]
    rows += [each.accuracy() for each in compared]
    return _refitted(calibration, "serving", fitted, rows, measured.as_of), compared


def with_anchors(calibration: Calibration, anchors: MeasuredServing) -> Calibration:
    """The calibration with its serving model moved towards further measured runs; nothing is fitted again.

    Raises:
      ValueError: it has no serving model to move.
    """
    if calibration.serving is None:
        raise ValueError("the calibration has no serving model")
    whole = replace(calibration, serving=updated(calibration.serving, anchors))
    return replace(whole, measured=_dated(whole.measured, "serving", anchors.as_of, whole.measured.get("serving")))


def with_network(calibration: Calibration, trips: Sequence[MeasuredTrip]) -> tuple[Calibration, list[Compared]]:
    """The calibration with its network fitted to measured round trips, and what it says of them, with each region held out too."""
    measured = lengths(fibre_graph(shipped_fibre_map()), trips)
    fitted = fit_fibre(measured)
    regions = sorted({name for trip in trips for name in (trip.start, trip.end)})
    folds = [([i for i, trip in enumerate(trips) if region not in (trip.start, trip.end)], region) for region in regions]
    compared = [_trips(FIT, [(fitted, trips)])]
    if len(regions) >= LEAST_REGIONS:
        held = [
            (fit_fibre(measured.only(kept)), [trip for trip in trips if region in (trip.start, trip.end)]) for kept, region in folds if kept
        ]
        compared.append(_trips("each region held out", held))
    rows = [each.accuracy() for each in compared]
    return _refitted(calibration, "network", fitted, rows, [trip.as_of for trip in trips]), compared


def with_training(calibration: Calibration, runs: Sequence[MeasuredGang]) -> tuple[Calibration, list[Compared]]:
    """The calibration with its training curves fitted to measured runs, and what it says of them, with each held out too."""
    fitted = fit_training(runs)
    compared = [_gangs(FIT, [(fitted, runs)])]
    if len(runs) > 1:
        held = [(fit_training([*runs[:i], *runs[i + 1 :]]), [run]) for i, run in enumerate(runs)]
        compared.append(_gangs("each run held out", held))
    rows = [each.accuracy() for each in compared]
    return _refitted(calibration, "training", fitted, rows, [run.as_of for run in runs]), compared


def _refitted(calibration: Calibration, part: str, fitted: object, rows: Sequence[Accuracy], days: Sequence[date | None]) -> Calibration:
    """The calibration with a part fitted anew: its accuracy and the days of its measurements take the place of those before."""
    accuracy = (*(row for row in calibration.accuracy if row.part != part), *rows)
    changes: dict[str, Any] = {part: fitted, "accuracy": accuracy, "measured": _dated(calibration.measured, part, days, None)}
    return replace(calibration, **changes)


def _dated(known: Mapping[str, Dates], part: str, days: Sequence[date | None], before: Dates | None) -> dict[str, Dates]:
    """The days of all parts, of one of them those `before` and these."""
    given = [day for day in days if day is not None]
    ends = [*given, *([] if before is None else [before.first, before.last])]
    others = {name: dates for name, dates in known.items() if name != part}
    if not ends:
        return others
    return others | {part: Dates(first=min(ends), last=max(ends), rows=len(given) + (0 if before is None else before.rows))}


def _trips(split: str, parts: Sequence[tuple[FittedFibre, Sequence[MeasuredTrip]]]) -> Compared:
    graph = fibre_graph(shipped_fibre_map())
    found = [predict(fitted, graph, trips) for fitted, trips in parts]
    columns = np.concatenate([np.stack([each.ms, each.low_ms, each.high_ms]) for each in found], axis=1)
    asked = [trip for _, trips in parts for trip in trips]
    return _compared("network", "rtt", split, [trip.rtt_ms for trip in asked], columns, ())


def _gangs(split: str, parts: Sequence[tuple[FittedTraining, Sequence[MeasuredGang]]]) -> Compared:
    found = [predict_gangs(fitted, runs) for fitted, runs in parts]
    columns = np.concatenate([np.stack([each.mfu, *each.mfu_interval]) for each in found], axis=1)
    asked = [run for _, runs in parts for run in runs]
    return _compared("training", "mfu", split, [run.mfu for run in asked], columns, tuple(run.accelerator for run in asked))


def _compared(part: str, quantity: str, split: str, measured: Sequence[float], columns: Floats, label: tuple[str, ...]) -> Compared:
    """From predicted, low and high, [3, N]."""
    predicted, low, high = columns
    comparison = Comparison(measured=np.array(measured), predicted=predicted, interval=(low, high), label=label)
    return Compared(part=part, quantity=quantity, split=split, comparison=comparison)
