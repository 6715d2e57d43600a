"""Forecasts with intervals from history alone: damped trend and season, fitted, with the errors that the fit made at each horizon.

Sets: D series, T steps of history, H steps ahead, m steps in a season, N origins.

Formulation, on y = log(1 + value / mean of the series), for each series by itself, which takes zeros and bursts:

    level   l[t] = a (y[t] - s[t-m]) + (1 - a) (l[t-1] + f b[t-1])
    trend   b[t] = b' (l[t] - l[t-1]) + (1 - b') f b[t-1]
    season  s[t] = c (y[t] - l[t]) + (1 - c) s[t-m]
    ahead   y[t+h|t] = l[t] + (f + ... + f^h) b[t] + s[t+h-m ceil(h/m)]

a, b', c, f in (0, 1) minimise the mean squared error over all origins and horizons beside a pull towards usual values. The spread of the
error h steps ahead is its root mean square over the origins; its quantiles are those of all errors over their spread, series and horizons
together.

Reference: Gardner and McKenzie, Forecasting Trends in Time Series (1985); Holt-Winters smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import NDArray

Floats = NDArray[np.float64]
USUAL = (0.4, 0.1, 0.15, 0.9)  # a, b', c, f: what short histories are pulled to
PULL = 0.02  # weight of the pull, as a share of the variance of the series' steps
STEPS, RATE = 150, 0.08  # of Adam
TINY = 1e-6  # least spread
FEWEST_ORIGINS = 6  # below which a horizon takes its spread from the one before, growing with the root of the horizon


@dataclass(frozen=True, kw_only=True)
class Seasonal:
    """A fitted model of D series. Errors are in y."""

    season: int  # steps; 1: none
    weights: Floats  # [D, 4] a, b', c, f
    errors: Floats  # [D, N, H] of the forecast from each origin; nan where history had ended
    spread: Floats  # [D, H] root mean square of the errors
    shape: Floats  # [N'] errors over their spread, sorted

    def quantile(self, share: float) -> float:
        """Error over its spread that is exceeded with 1 - share; that of a normal while there are few errors."""
        few = 100.0 / (100.0 + len(self.shape))
        own = float(np.quantile(self.shape, share)) if len(self.shape) else 0.0
        return few * NormalDist().inv_cdf(share) + (1.0 - few) * own


def fit(values: Floats, *, season: int, horizon: int) -> Seasonal:
    """Fits each series.

    Args:
      values: [D, T] >= 0, equally spaced, T >= 4.
      season: steps in a season, m; a history of less than two seasons has none.
      horizon: steps ahead for which errors are kept, H.

    Raises:
      ValueError: there are fewer than 4 steps.
    """
    if values.shape[1] < 4:
        raise ValueError("a forecast needs at least 4 steps of history")
    m = season if values.shape[1] >= 2 * season else 1
    y = jnp.asarray(np.log1p(values / _level(values)))
    weights = _fitted(y, m, min(horizon, values.shape[1] - 2))
    errors = np.asarray(_errors(weights, y, m, horizon), dtype=np.float64)
    spread = _spread(errors, len(USUAL) if m == 1 else 2 * len(USUAL))
    over = (errors / np.sqrt(np.maximum(_mean_square(errors), TINY))[:, None, :]).ravel()
    shape = np.sort(over[np.isfinite(over)])
    return Seasonal(season=m, weights=np.asarray(jax.nn.sigmoid(weights), dtype=np.float64), errors=errors, spread=spread, shape=shape)


def predict(model: Seasonal, values: Floats, quantiles: tuple[float, ...]) -> Floats:
    """Quantiles of what comes after a history, [D, H, Q].

    Args:
      values: [D, T] the history that is known, which may be longer than that of the fit.
    """
    ahead = model.spread.shape[1]
    level = _level(values)
    y = jnp.asarray(np.log1p(values / level))
    middle = np.asarray(_ahead(jnp.asarray(_logits(model.weights)), y, model.season, ahead), dtype=np.float64)
    deviates = np.array([model.quantile(share) for share in quantiles])
    told = np.maximum(0.0, middle[:, :, None] + model.spread[:, :, None] * deviates)  # no demand is below 0
    return np.asarray(level[:, :, None] * np.expm1(told))


def _level(values: Floats) -> Floats:
    """[D, 1] mean of each series; 1 where it is 0 throughout."""
    mean = values.mean(axis=1, keepdims=True)
    return np.asarray(np.where(mean > 0.0, mean, 1.0))


def _logits(weights: Floats) -> Floats:
    return np.asarray(np.log(weights) - np.log1p(-weights))


@partial(jax.jit, static_argnames=("m", "horizon"))
def _fitted(y: Array, m: int, horizon: int) -> Array:
    """[D, 4] logits of the weights."""
    begin = jnp.broadcast_to(jnp.asarray(_logits(np.array(USUAL)), dtype=y.dtype), (y.shape[0], 4))
    steps = jnp.mean(jnp.square(jnp.diff(y, axis=1)), axis=1) + 1e-9

    def loss(logits: Array) -> Array:
        errors = _errors(logits, y, m, horizon)
        there = jnp.isfinite(errors)
        count = jnp.maximum(jnp.sum(there, axis=(1, 2), dtype=y.dtype), 1.0)
        squares = jnp.sum(jnp.square(jnp.where(there, errors, 0.0)), axis=(1, 2)) / count
        return jnp.sum(squares / steps + PULL * jnp.sum(jnp.square(logits - begin), axis=1))

    adam = optax.adam(RATE)

    def step(state: tuple[Array, optax.OptState], _: None) -> tuple[tuple[Array, optax.OptState], None]:
        logits, moments = state
        with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in integers
            change, moments = adam.update(jax.grad(loss)(logits), moments)
        return (optax.apply_updates(logits, change), moments), None

    (logits, _), _ = jax.lax.scan(step, (begin, adam.init(begin)), None, length=STEPS)
    return logits


@partial(jax.jit, static_argnames=("m", "horizon"))
def _errors(logits: Array, y: Array, m: int, horizon: int) -> Array:
    """[D, N, H] what came less what was forecast, from each step after the first season on; nan beyond the history."""
    forecasts = jax.vmap(lambda w, series: _smooth(w, series, m, horizon))(logits, y)[:, m:-1]  # [D, T-m-1, H]
    at = jnp.arange(m, y.shape[1] - 1)[:, None] + jnp.arange(1, horizon + 1)[None, :]
    came = jnp.where((at < y.shape[1])[None], y[:, jnp.minimum(at, y.shape[1] - 1)], jnp.nan)
    return came - forecasts


@partial(jax.jit, static_argnames=("m", "horizon"))
def _ahead(logits: Array, y: Array, m: int, horizon: int) -> Array:
    """[D, H] forecasts from the last step."""
    return jax.vmap(lambda w, series: _smooth(w, series, m, horizon)[-1])(logits, y)


def _smooth(logits: Array, y: Array, m: int, horizon: int) -> Array:
    """[T, H] forecasts from every step of one series."""
    a, b, c, f = jax.nn.sigmoid(logits)
    slope = (jnp.mean(y[m : 2 * m]) - jnp.mean(y[:m])) / m if m > 1 else jnp.zeros_like(a)
    line = jnp.mean(y[:m]) + slope * (jnp.arange(m, dtype=y.dtype) - (m - 1) / 2)
    season = y[:m] - line
    powers = jnp.cumsum(f ** jnp.arange(1, horizon + 1, dtype=y.dtype))
    place = jnp.arange(horizon) % m

    def step(state: tuple[Array, Array, Array], value: Array) -> tuple[tuple[Array, Array, Array], Array]:
        level, trend, seasons = state  # seasons[0] is that of this step
        now = a * (value - seasons[0]) + (1.0 - a) * (level + f * trend)
        trend = b * (now - level) + (1.0 - b) * f * trend
        renewed = c * (value - now) + (1.0 - c) * seasons[0] if m > 1 else seasons[0]
        seasons = jnp.concatenate([seasons[1:], renewed[None]])
        return (now, trend, seasons), now + powers * trend + seasons[place]

    _, forecasts = jax.lax.scan(step, (line[0] - slope, slope, season), y)
    return forecasts


def _spread(errors: Floats, fitted: int) -> Floats:
    """[D, H] root mean square by horizon, widened for what was fitted to few origins, never narrower than at the horizon before."""
    there = np.isfinite(errors).sum(axis=1)
    overlap = np.sqrt(np.arange(1, errors.shape[2] + 1))  # errors far ahead share most of their steps: fewer count as many
    spread = np.sqrt(_mean_square(errors) * (1.0 + fitted * overlap / np.maximum(there, 1)))
    for h in range(1, spread.shape[1]):
        grown = spread[:, h - 1] * np.sqrt((h + 1) / h)
        spread[:, h] = np.where(there[:, h] >= FEWEST_ORIGINS, np.maximum(spread[:, h], spread[:, h - 1]), grown)
    return np.asarray(np.maximum(spread, TINY))


def _mean_square(errors: Floats) -> Floats:
    """[D, H] over the origins that there are; 0 without any."""
    there = np.isfinite(errors)
    squares = np.where(there, errors, 0.0) ** 2
    return np.asarray(squares.sum(axis=1) / np.maximum(there.sum(axis=1), 1))
