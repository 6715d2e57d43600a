"""Forecasts from history alone on public traces: pinball loss of our seasonal model against seasonal naive.

Both forecast the 10th, 50th and 90th percentile of every step ahead from every step of the second half of a series, having been fitted to
the first half once. Seasonal naive repeats the last season, with the quantiles of its own errors at each horizon.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, folder_named
from benchmarks.traces import accelerators_in_use, read_arrivals
from optimizer.domain.demand import QUANTILES
from optimizer.scenarios.seasonal import fit, predict

Floats = NDArray[np.float64]
SUITE = "forecast_accuracy"
HOUR = 3600.0


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    path: str | None = argument(None, "folder of the traces: Azure LLM inference arrivals (code, conv) and Philly training jobs")
    origins: int = argument(60, "steps of the second half from which forecasts are made, evenly spread")


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series, its season in steps and how far ahead it is forecast."""

    values: Floats  # [T]
    season: int
    horizon: int


def run(settings: Settings) -> Iterator[ResultRow]:
    """Two rows for each series: objective is the mean pinball loss over the series' mean, ratio that to seasonal naive's."""
    folder = folder_named(settings.path)
    for case in chosen(settings, list(SERIES)):
        series = _series(folder, case)
        half = len(series.values) // 2
        last = len(series.values) - series.horizon
        origins = np.unique(np.linspace(half, last, min(settings.origins, last - half + 1)).astype(int))
        came = np.stack([series.values[t : t + series.horizon] for t in origins])
        losses = {}
        for solver, forecasts in (("seasonal_naive", naive), ("seasonal", ours)):
            began = time.monotonic()
            told = forecasts(series, half, origins)
            seconds = time.monotonic() - began
            losses[solver] = pinball(told, came) / float(series.values.mean())
            inside = np.mean((told[:, :, 0] <= came) & (came <= told[:, :, 2]))
            yield ResultRow(
                suite=SUITE,
                case=case,
                size=f"{len(series.values)} steps, {series.horizon} ahead",
                solver=solver,
                seconds=seconds,
                status=f"80 % covers {100 * inside:.0f} %",
                objective=losses[solver],
                best_known=losses["seasonal_naive"],
                ratio=losses[solver] / losses["seasonal_naive"],
            )


def pinball(told: Floats, came: Floats) -> float:
    """Mean over quantiles, origins and horizons of max(q e, (q - 1) e), e what came less the quantile.

    Args:
      told: [N, H, Q]; came: [N, H].
    """
    shares = np.array(QUANTILES)
    error = came[:, :, None] - told
    return float(np.maximum(shares * error, (shares - 1.0) * error).mean())


def ours(series: Series, half: int, origins: NDArray[np.int64]) -> Floats:
    """[N, H, Q]; the same steps of history from each origin, so that one kernel forecasts them all."""
    model = fit(series.values[None, :half], season=series.season, horizon=series.horizon)
    return np.stack([predict(model, series.values[None, t - half : t], QUANTILES)[0] for t in origins])


def naive(series: Series, half: int, origins: NDArray[np.int64]) -> Floats:
    """[N, H, Q] the last season again, and the quantiles of what that was off by in the first half."""
    ahead = np.arange(series.horizon)
    back = series.season * (ahead // series.season + 1) - ahead  # steps from the origin back to what is repeated
    known = np.arange(int(back.max()), half - series.horizon)
    errors = np.stack([series.values[t + ahead] - series.values[t - back] for t in known])
    off = np.quantile(errors, QUANTILES, axis=0).T  # [H, Q]
    return np.stack([np.maximum(0.0, series.values[t - back][:, None] + off) for t in origins])


SERIES = {
    "code_20s": ("code", 1, 12),
    "conv_20s": ("conv", 1, 12),
    "jobs_6h": ("jobs", 28, 28),
    "jobs_1d": ("jobs", 7, 14),
}
"""Trace, season and steps ahead; the hour of arrivals has no season that shows in it, jobs have a week."""


def _series(folder: Path, case: str) -> Series:
    trace, season, horizon = SERIES[case]
    if trace == "jobs":
        values = accelerators_in_use(folder, 6 * HOUR if case.endswith("6h") else 24 * HOUR)
    else:
        arrivals = read_arrivals(folder, trace)
        values = arrivals.rates(int(arrivals.seconds[-1] // 20.0))
    return Series(values=values, season=season, horizon=horizon)
