"""Waits before many servers against simulated queues, and Erlang C against its exact value.

Where the reference has standard errors (se95, se99), a row says what the exact percentiles would show against it: no model can do better.
Another says what a formula would show whose waits are off by `OFF_BY`: how exact one must be to show less.
"""

from __future__ import annotations

import csv
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import gammaincc, gammaln

from benchmarks.rows import AccuracyRow
from benchmarks.settings import SuiteSettings, argument, file_named, require
from optimizer.surfaces.erlang import log_erlang_c
from optimizer.surfaces.queueing import QueueingParameters, WaitCorrections, wait_percentile_s

Floats = NDArray[np.float64]
SUITE = "queueing_accuracy"
PERCENTILES = {"p90": 0.90, "p95": 0.95, "p99": 0.99}
FITTED = tuple(PERCENTILES)
REPORTED = ("p95", "p99")
NUMBERS = ("ca2", "cs2", "c", "rho", *PERCENTILES)
ERRORS = {"p95": "se95", "p99": "se99"}  # standard errors of the simulated percentiles, where the file has them
DRAWS = 400  # of the simulation's noise
OFF_BY = 0.015  # of the wait, standard deviation
NAMES = tuple(field.name for field in dataclasses.fields(WaitCorrections))
LOSS_SCALE = 0.005  # error/(S+W) from which a row counts by its size and no longer by its square
SERVERS = tuple(np.unique(np.concatenate([np.geomspace(1.0, 2000.0, 120), np.arange(1.0, 33.0)])))
UTILISATIONS = tuple(np.concatenate([np.linspace(0.02, 0.98, 97), [0.99, 0.995]]))
NOBODY_WAITS = 1e-12  # Erlang C below which the relative error means nothing


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    reference: str | None = argument(None, "CSV of simulated G/G/c queues, service time 1: ca2, cs2, kind, c, rho, p90, p95, p99")


@dataclass(frozen=True, kw_only=True)
class Queues:
    """Simulated queues, [N] each."""

    number: dict[str, Floats]  # by `NUMBERS`, and `ERRORS` where given
    group: NDArray[np.int64]  # index of (ca2, cs2, kind)


def run(settings: Settings) -> Iterator[AccuracyRow]:
    """Erlang C, then the waits: as shipped, and with the corrections refitted to the other (ca2, cs2, kind) groups."""
    path = file_named("reference", settings.reference)
    queues = _read(path)
    with jax.enable_x64(True):
        for dtype in ("float64", "float32"):
            yield from _erlang(dtype)
        yield from _noise(path, queues, settings.seed)
        started = time.perf_counter()
        without = {name: _waits(np.zeros(len(NAMES)), queues, name) for name in REPORTED}
        yield from _rows(path, queues, without, "no corrections", started)
        started = time.perf_counter()
        shipped = {name: _waits(_shipped(), queues, name) for name in REPORTED}
        yield from _rows(path, queues, shipped, "shipped (fitted to all groups)", started)
        started = time.perf_counter()
        yield from _rows(path, queues, _held_out(queues), "groups held out", started)


def _erlang(dtype: str) -> Iterator[AccuracyRow]:
    """Error over real c >= 1, and the worst of it, which stands in both columns of a row of its own."""
    started = time.perf_counter()
    servers, load = np.meshgrid(np.asarray(SERVERS), np.asarray(UTILISATIONS))
    exact = exact_erlang_c(servers, load)
    seen = exact > NOBODY_WAITS
    value = jax.jit(log_erlang_c)(jnp.asarray(servers[seen], dtype), jnp.asarray(load[seen], dtype))
    error = 100.0 * np.abs(np.expm1(np.asarray(value, dtype=np.float64) - np.log(exact[seen])))
    worst = float(error.max())
    for quantity, median, p90 in (
        ("erlang_c", float(np.median(error)), float(np.quantile(error, 0.9))),
        ("erlang_c_worst", worst, worst),
    ):
        yield AccuracyRow(
            suite=SUITE,
            case="real c in 1..2000",
            split=f"nothing fitted, {dtype}",
            quantity=quantity,
            rows=int(seen.sum()),
            median_ape=median,
            p90_ape=p90,
            seconds=time.perf_counter() - started,
        )


def exact_erlang_c(servers: Floats, load: Floats) -> Floats:
    """By the incomplete gamma function, 0 where it underflows.

    1/B = 1 + exp(a) a^-c Gamma(c+1) Q(c, a)     C = 1/(rho + (1-rho)/B)     a = c rho
    """
    offered = servers * load
    tail = gammaincc(servers, offered)
    with np.errstate(over="ignore", divide="ignore"):
        log_rest = offered - servers * np.log(offered) + gammaln(servers + 1.0) + np.log(tail)
        return np.asarray(1.0 / (load + (1.0 - load) * (1.0 + np.exp(log_rest))))


def _read(path: Path) -> Queues:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name in (*NUMBERS, "kind"):
        require(bool(rows) and name in rows[0], "reference", f"must have a column {name}", path, "Name a file of simulated queues.")
    given = [*NUMBERS, *(name for name in ERRORS.values() if name in rows[0])]
    number = {name: np.array([_number(path, i, row[name]) for i, row in enumerate(rows, 2)]) for name in given}
    groups = {key: i for i, key in enumerate(dict.fromkeys((row["ca2"], row["cs2"], row["kind"]) for row in rows))}
    return Queues(number=number, group=np.array([groups[row["ca2"], row["cs2"], row["kind"]] for row in rows]))


def _number(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    require(np.isfinite(value) and value >= 0.0, "reference", "must hold numbers >= 0", f"{text!r} in line {line} of {path}")
    return value


def _shipped() -> Floats:
    return np.array([getattr(WaitCorrections(), name) for name in NAMES], dtype=np.float64)


@jax.jit
def _kernel(values: jax.Array, percentile: jax.Array, columns: dict[str, jax.Array]) -> jax.Array:
    corrections = WaitCorrections(**{name: values[i] for i, name in enumerate(NAMES)})

    def one(row: dict[str, jax.Array]) -> jax.Array:
        parameters = QueueingParameters(
            arrival_variation=row["ca2"], service_variation=row["cs2"], percentile=percentile, corrections=corrections
        )
        return wait_percentile_s(parameters, row["c"], row["c"] * row["rho"], jnp.ones_like(row["c"]))

    return jax.vmap(one)(columns)


_slopes = jax.jit(jax.jacfwd(_kernel))


def _columns(queues: Queues) -> dict[str, jax.Array]:
    return {name: jnp.asarray(queues.number[name]) for name in ("ca2", "cs2", "c", "rho")}


def _waits(values: Floats, queues: Queues, name: str) -> Floats:
    """Predicted percentile of the wait, [N]."""
    return np.asarray(_kernel(jnp.asarray(values), jnp.asarray(PERCENTILES[name]), _columns(queues)))


def _held_out(queues: Queues) -> dict[str, Floats]:
    """Each group's waits by corrections fitted to the others."""
    out = {name: np.zeros(len(queues.group)) for name in REPORTED}
    for group in np.unique(queues.group):
        mine = queues.group == group
        fitted = _fit(queues, ~mine)
        for name in REPORTED:
            out[name][mine] = _waits(fitted, queues, name)[mine]
    return out


def _fit(queues: Queues, kept: NDArray[np.bool_]) -> Floats:
    """Corrections by least squares in error/(S+W), large errors counting by their size; starts at 0.5 of each, not at the shipped ones."""
    columns = {name: value[kept] for name, value in _columns(queues).items()}
    targets = {name: queues.number[name][kept] for name in FITTED}

    def each(function: object, values: Floats) -> list[Floats]:
        assert callable(function)
        return [np.asarray(function(jnp.asarray(values), jnp.asarray(PERCENTILES[name]), columns)) for name in FITTED]

    def residual(values: Floats) -> Floats:
        return np.concatenate([(w - targets[n]) / (1.0 + targets[n]) for n, w in zip(FITTED, each(_kernel, values), strict=True)])

    def jacobian(values: Floats) -> Floats:
        return np.concatenate([s / (1.0 + targets[n])[:, None] for n, s in zip(FITTED, each(_slopes, values), strict=True)])

    start = np.where(np.array(NAMES) == "tail_centre", 2.0, 0.5)
    return np.asarray(least_squares(residual, start, jacobian, loss="soft_l1", f_scale=LOSS_SCALE).x)


def _noise(path: Path, queues: Queues, seed: int) -> Iterator[AccuracyRow]:
    """Errors that exact percentiles, and nearly exact ones, would show: of simulations drawn around the simulated ones, on average."""
    for name, error in ERRORS.items():
        if error not in queues.number:
            continue
        wait = queues.number[name]
        for split, off in (("noise of the simulation", 0.0), (f"noise of the simulation, waits off by {100.0 * OFF_BY:g} %", OFF_BY)):
            started = time.perf_counter()
            draws = np.random.default_rng(seed).standard_normal((2, DRAWS, len(wait)))
            found = 100.0 * np.abs(draws[0] * queues.number[error] + draws[1] * off * wait) / (1.0 + wait)
            yield AccuracyRow(
                suite=SUITE,
                case=path.stem,
                split=split,
                quantity=f"wait_{name} over S+W",
                rows=len(wait),
                median_ape=float(np.median(found, axis=1).mean()),
                p90_ape=float(np.quantile(found, 0.9, axis=1).mean()),
                seconds=time.perf_counter() - started,
            )


def _rows(path: Path, queues: Queues, predicted: dict[str, Floats], split: str, started: float) -> Iterator[AccuracyRow]:
    for name in REPORTED:
        wait = queues.number[name]
        error = 100.0 * np.abs(predicted[name] - wait) / (1.0 + wait)
        yield AccuracyRow(
            suite=SUITE,
            case=path.stem,
            split=split,
            quantity=f"wait_{name} over S+W",
            rows=len(error),
            median_ape=float(np.median(error)),
            p90_ape=float(np.quantile(error, 0.9)),
            seconds=time.perf_counter() - started,
        )
