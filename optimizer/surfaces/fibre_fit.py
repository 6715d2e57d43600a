"""The fibre form fitted to measured round trips, with a correction from nearby regions and an interval for every prediction.

The form's three figures are fitted in logs with a loss that grows linearly (pseudo-Huber). What remains is a Gaussian process over pairs of
places: with k(a, r) = exp(-distance / reach),

    cov(ab, rs) = s1^2 (k1(a,r) + k1(a,s) + k1(b,r) + k1(b,s))  +  s2^2 (k2(a,r) k2(b,s) + k2(a,s) k2(b,r))

a term that a place has on all its ways, and one that two places have on the way between them. The noise is what one provider's way
between two places differs from another's. Its five figures are set, not fitted: chosen once by holding out regions of one provider, and
a second provider whole, among seven settings that differ little (docs/decisions/0007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.domain.network import MeasuredTrip
from optimizer.domain.surface import Floats, Ints
from optimizer.surfaces.arrays import column, in_double
from optimizer.surfaces.fibre import (
    FIBRE_KM_PER_MS,
    LOCAL_KM,
    FibreCorrection,
    FibreGraph,
    FibreParameters,
    fibre_ms,
    no_correction,
    path_km,
)
from optimizer.surfaces.geography import distances_km

ALONE_SPREAD, ALONE_KM = 0.03, 500.0  # s1 and its reach
TOGETHER_SPREAD, TOGETHER_KM = 0.06, 1000.0  # s2 and its reach
NOISE = 0.08
HUBER = 0.1  # log error at which the loss of the form turns from square to linear
FIXED_MS, FIXED_SPREAD = 0.5, 0.3  # a0 is barely seen in the data: held near this, with this spread in logs
INTERVAL_Z = 1.6449  # 90 % of a normal
STEPS = 60
CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class FittedFibre:
    """What a fit keeps: the form, and the correction as weights of the fitted pairs. N pairs of R regions."""

    fixed_ms: float
    local_ms: float
    slack: float
    regions: tuple[str, ...]  # R
    latitude: tuple[float, ...]  # R, degrees
    longitude: tuple[float, ...]  # R
    start: tuple[int, ...]  # N, index into regions
    end: tuple[int, ...]  # N
    weight: tuple[float, ...]  # N, of each pair's covariance

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FittedFibre:
        """The inverse of `to_dict`.

        Raises:
          TypeError: a field is missing, or there is one too many.
          ValueError: lists are not of one length, or name a region that is not there.
        """
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        found = cls(**fields)
        regions, pairs = len(found.regions), len(found.weight)
        if not (len(found.latitude) == len(found.longitude) == regions and len(found.start) == len(found.end) == pairs):
            raise ValueError("regions and pairs must have all their figures")
        if not all(0 <= index < regions for index in (*found.start, *found.end)):
            raise ValueError("pairs must be of regions that are there")
        return found

    def parameters(self, graph: FibreGraph) -> FibreParameters:
        """What the kernel reads."""
        count = len(self.regions)
        start, end, weight = np.array(self.start, np.int64), np.array(self.end, np.int64), np.array(self.weight)
        alone, together = np.zeros(count), np.zeros((count, count))
        np.add.at(alone, start, weight)
        np.add.at(alone, end, weight)
        np.add.at(together, (start, end), weight)
        correction = FibreCorrection(
            latitude=column(np.array(self.latitude)),
            longitude=column(np.array(self.longitude)),
            alone=column(ALONE_SPREAD**2 * alone),
            together=column(TOGETHER_SPREAD**2 * (together + together.T)),
            alone_km=ALONE_KM,
            together_km=TOGETHER_KM,
        )
        return FibreParameters(graph=graph, correction=correction, fixed_ms=self.fixed_ms, local_ms=self.local_ms, slack=self.slack)


@dataclass(frozen=True, kw_only=True)
class PredictedTrips:
    """Predictions for N pairs, with the interval that 90 % of another provider's measurements should fall in."""

    ms: Floats  # [N]
    low_ms: Floats  # [N]
    high_ms: Floats  # [N]


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Measured pairs as arrays, with the lengths of their paths. N pairs of R regions."""

    trips: tuple[MeasuredTrip, ...]
    km: Floats  # [N]

    def only(self, kept: Sequence[int]) -> Lengths:
        return Lengths(trips=tuple(self.trips[i] for i in kept), km=self.km[list(kept)])


def lengths(graph: FibreGraph, trips: Sequence[MeasuredTrip]) -> Lengths:
    """Path of every measured pair through the graph, computed once for any number of fits."""
    return Lengths(trips=tuple(trips), km=np.asarray(in_double(_path_kernel, graph, _ends(trips), chunk=CHUNK)))


def fit_fibre(measured: Lengths) -> FittedFibre:
    """The form and its correction, fitted to all of the measured pairs."""
    log_ms = np.log([trip.rtt_ms for trip in measured.trips])
    fixed, local, slack = _fit_form(measured.km, log_ms)
    form = _form(measured.km, np.array([fixed, local, slack]))
    regions, start, end = _regions(measured.trips)
    latitude, longitude = (np.array([place[i] for place in regions.values()]) for i in (0, 1))
    covariance = _pair_covariance(latitude, longitude, (start, end), (start, end))
    weight = np.linalg.solve(covariance + NOISE**2 * np.eye(len(log_ms)), log_ms - np.log(form))
    return FittedFibre(
        fixed_ms=float(fixed),
        local_ms=float(local),
        slack=float(slack),
        regions=tuple(regions),
        latitude=tuple(latitude.tolist()),
        longitude=tuple(longitude.tolist()),
        start=tuple(start.tolist()),
        end=tuple(end.tolist()),
        weight=tuple(weight.tolist()),
    )


def predict(fitted: FittedFibre, graph: FibreGraph, trips: Sequence[MeasuredTrip]) -> PredictedTrips:
    """Round trips of pairs, their own measurements unseen."""
    ms = np.asarray(in_double(_trip_kernel, fitted.parameters(graph), _ends(trips), chunk=CHUNK))
    wide = np.exp(INTERVAL_Z * _deviation(fitted, trips))
    return PredictedTrips(ms=ms, low_ms=ms / wide, high_ms=ms * wide)


def predict_form(fitted: FittedFibre, graph: FibreGraph, trips: Sequence[MeasuredTrip]) -> Floats:
    """Round trips by the form alone, ms, [N]: what the correction is worth is seen against it."""
    plain = replace(fitted.parameters(graph), correction=no_correction())
    return np.asarray(in_double(_trip_kernel, plain, _ends(trips), chunk=CHUNK))


def _ends(trips: Sequence[MeasuredTrip]) -> tuple[Array, Array, Array, Array]:
    names = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")
    a, b, c, d = (column(np.array([getattr(trip, name) for trip in trips], dtype=np.float64)) for name in names)
    return a, b, c, d


_path_kernel = jax.jit(lambda graph, ends: path_km(graph, *ends))
_trip_kernel = jax.jit(lambda parameters, ends: fibre_ms(parameters, *ends))


def _form(km: Floats, figures: Floats) -> Floats:
    fixed, local, slack = figures
    return cast(Floats, fixed + local * (1.0 - np.exp(-km / LOCAL_KM)) + 2.0 * slack * km / FIBRE_KM_PER_MS)


def _fit_form(km: Floats, log_ms: Floats) -> Floats:
    """a0, a1 and f by Gauss-Newton in their logs, each step weighted by 1 / sqrt(1 + (error / .1)^2)."""
    terms = np.stack([np.ones_like(km), 1.0 - np.exp(-km / LOCAL_KM), 2.0 * km / FIBRE_KM_PER_MS], axis=1)
    logs = np.log([FIXED_MS, 5.0, 1.2])
    prior = np.diag([1.0 / FIXED_SPREAD**2, 1e-6, 1e-6]) * HUBER**2  # the last two only keep the step finite where nothing tells them
    for _ in range(STEPS):
        parts = terms * np.exp(logs)
        form = parts.sum(axis=1)
        error = log_ms - np.log(form)
        slope = parts / form[:, None]
        weighted = slope / np.sqrt(1.0 + (error / HUBER) ** 2)[:, None]
        pull = np.array([np.log(FIXED_MS) - logs[0], 0.0, 0.0])
        logs = logs + np.clip(np.linalg.solve(weighted.T @ slope + prior, weighted.T @ error + prior @ pull), -0.5, 0.5)
    return cast(Floats, np.exp(logs))


def _regions(trips: Sequence[MeasuredTrip]) -> tuple[dict[str, tuple[float, float]], Ints, Ints]:
    """Places by name, and the regions of each pair as indices."""
    places: dict[str, tuple[float, float]] = {}
    for trip in trips:
        places[trip.start] = (trip.start_latitude, trip.start_longitude)
        places[trip.end] = (trip.end_latitude, trip.end_longitude)
    index = {name: i for i, name in enumerate(places)}
    start, end = (np.array([index[name] for name in names], np.int64) for names in zip(*((t.start, t.end) for t in trips), strict=True))
    return places, start, end


def _pair_covariance(latitude: Floats, longitude: Floats, rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]) -> Floats:
    """Covariance of pairs [N] with pairs [M], all of regions of one list."""
    with jax.enable_x64(True):
        between = np.asarray(distances_km(*(jnp.asarray(values) for values in (latitude, longitude, latitude, longitude))))
    alone, together = np.exp(-between / ALONE_KM), np.exp(-between / TOGETHER_KM)
    (a, b), (r, s) = rows, columns
    own = sum(alone[np.ix_(x, y)] for x in (a, b) for y in (r, s))
    common = together[np.ix_(a, r)] * together[np.ix_(b, s)] + together[np.ix_(a, s)] * together[np.ix_(b, r)]
    return cast(Floats, ALONE_SPREAD**2 * own + TOGETHER_SPREAD**2 * common)


def _deviation(fitted: FittedFibre, trips: Sequence[MeasuredTrip]) -> Floats:
    """Standard deviation of the log of a measurement around its prediction, [N]."""
    places, start, end = _regions(trips)
    latitude = np.concatenate([np.array(fitted.latitude), [place[0] for place in places.values()]])
    longitude = np.concatenate([np.array(fitted.longitude), [place[1] for place in places.values()]])
    known = (np.array(fitted.start, np.int64), np.array(fitted.end, np.int64))
    asked = (start + len(fitted.regions), end + len(fitted.regions))
    among = _pair_covariance(latitude, longitude, known, known) + NOISE**2 * np.eye(len(fitted.weight))
    cross = _pair_covariance(latitude, longitude, asked, known)
    apart = _pair_covariance(latitude, longitude, asked, asked).diagonal()
    explained = np.einsum("nm,mn->n", cross, np.linalg.solve(among, cross.T))
    return cast(Floats, np.sqrt(np.maximum(apart - explained, 0.0) + NOISE**2))
