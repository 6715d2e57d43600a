"""Curves of model FLOPs utilisation fitted to measured training runs, with an interval for every prediction.

In logs the curve of accelerator a is a line in x = ln(n / 512):

    ln MFU = (c + c_a) - (g + g_a) x            the level and fall of all accelerators, and what one of them differs by

fitted as a normal linear model: an accelerator measured once or twice keeps near the others' fall, and one never measured gets their
level with a wide interval. Time to train is W(n) / (n F MFU(n)): larger gangs use larger batches, which need more tokens to the same
target, so the work W (FLOPs of the model) grows as ln W = v + h x. Runs whose work is far from the others' (another target, or another way
of counting) weigh less, as under a Cauchy error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from optimizer.domain.measured_gang import MeasuredGang
from optimizer.domain.surface import Floats
from optimizer.surfaces.training import REFERENCE_GANG, SERVER_DOMAIN, TrainingParameters

# Priors, in logs: round figures, set before the fit and not by it.
LEVEL, LEVEL_SPREAD = -0.5, 0.5  # c: .37 to 1 of the BF16 peak
OWN_LEVEL_SPREAD = 0.15  # c_a
FALL, FALL_SPREAD = 0.05, 0.05  # g
OWN_FALL_SPREAD = 0.02  # g_a
NOISE = 0.015  # of one run's utilisation
WORK_SPREAD, WORK_GROWTH_SPREAD, WORK_NOISE = 10.0, 0.1, 0.05  # v, h, and runs of one size
INTERVAL_Z = 1.6449  # 90 % of a normal
ROBUST_STEPS = 30


@dataclass(frozen=True, kw_only=True)
class FittedTraining:
    """What a fit keeps. The coefficients of the curves: c, g, then c_a of every accelerator, then g_a."""

    accelerators: tuple[str, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    work_coefficients: tuple[float, float]  # v (ln of TFLOP/s x minutes, on 512 accelerators), h
    work_covariance: tuple[tuple[float, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return cast(dict[str, Any], _plain(asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FittedTraining:
        """The inverse of `to_dict`.

        Raises:
          TypeError: a field is missing, or there is one too many.
        """
        return cls(**{name: _frozen(value) for name, value in values.items()})

    def curve(self, accelerator: str) -> tuple[float, float]:
        """m0 at 512 accelerators, and the exponent g; of all accelerators together where this one was not measured."""
        level, fall = _design(self.accelerators, [accelerator], np.zeros(1)), _design(self.accelerators, [accelerator], np.ones(1))
        coefficients = np.array(self.coefficients)
        return float(np.exp((level @ coefficients)[0])), float(((level - fall) @ coefficients)[0])

    def parameters(self, max_parallel: Mapping[str, int], *, production_mfu: float = 0.42) -> TrainingParameters:
        """Parameters for planning: the curves of the two classes of domain, as production runs reach them.

        Benchmark teams run FP8 and tune for the benchmark; production is planned at `production_mfu` of the BF16 peak on 512
        accelerators in servers. Racks keep their level relative to servers, and both their exponents.

        Args:
          max_parallel:   accelerators in one domain, for the accelerators of the fit; others of the fit are left out.
          production_mfu: reported BF16 production runs reach .38 to .46.
        """
        curves = {name: self.curve(name) for name in self.accelerators if name in max_parallel}
        servers = [curve for name, curve in curves.items() if max_parallel[name] <= SERVER_DOMAIN]
        racks = [curve for name, curve in curves.items() if max_parallel[name] > SERVER_DOMAIN]
        every = [self.curve("")]  # where a class was not measured, the curve of all
        server_level, server_fall = np.mean(servers or every, axis=0)
        rack_level, rack_fall = np.mean(racks or every, axis=0)
        return TrainingParameters(
            server_mfu=production_mfu,
            server_exponent=float(server_fall),
            rack_mfu=float(production_mfu * rack_level / server_level),
            rack_exponent=float(rack_fall),
        )


@dataclass(frozen=True, kw_only=True)
class PredictedGangs:
    """Predictions with their 90 % intervals, [N] each."""

    mfu: Floats
    mfu_interval: tuple[Floats, Floats]
    minutes: Floats
    minutes_interval: tuple[Floats, Floats]


def fit_training(runs: Sequence[MeasuredGang]) -> FittedTraining:
    """Curves and work, fitted to all of the runs."""
    names = tuple(sorted({run.accelerator for run in runs}))
    x = _log_gang(runs)
    log_mfu = np.log([run.mfu for run in runs])
    count = len(names)
    mean = np.array([LEVEL, FALL, *[0.0] * (2 * count)])
    spread = np.array([LEVEL_SPREAD, FALL_SPREAD, *[OWN_LEVEL_SPREAD] * count, *[OWN_FALL_SPREAD] * count])
    coefficients, covariance = _posterior(_design(names, [run.accelerator for run in runs], x), log_mfu, mean, spread, NOISE)
    log_work = np.log([run.minutes_to_train * run.accelerators * run.bf16_tflops * run.mfu for run in runs])
    work_mean, work_spread = np.array([float(np.median(log_work)), 0.0]), np.array([WORK_SPREAD, WORK_GROWTH_SPREAD])
    work, work_covariance = _robust(_work_design(x), log_work, work_mean, work_spread, WORK_NOISE)
    return FittedTraining(
        accelerators=names,
        coefficients=tuple(coefficients.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        work_coefficients=(float(work[0]), float(work[1])),
        work_covariance=tuple(map(tuple, work_covariance.tolist())),
    )


def predict_gangs(fitted: FittedTraining, runs: Sequence[MeasuredGang]) -> PredictedGangs:
    """Utilisation and time to train of runs, their own measurements unseen. An accelerator not fitted gets what all have in common."""
    x = _log_gang(runs)
    log_mfu, mfu_variance = _predicted(fitted, [run.accelerator for run in runs], x)
    design = _work_design(x)
    log_work = design @ np.array(fitted.work_coefficients)
    work_variance = np.einsum("ni,ij,nj->n", design, np.array(fitted.work_covariance), design) + WORK_NOISE**2
    mfu, minutes = np.exp(log_mfu), np.exp(log_work - log_mfu) / np.array([run.accelerators * run.bf16_tflops for run in runs])
    # a run that uses its accelerators better than predicted ends earlier, so the two variances add
    return PredictedGangs(
        mfu=mfu,
        mfu_interval=_interval(mfu, mfu_variance),
        minutes=minutes,
        minutes_interval=_interval(minutes, mfu_variance + work_variance),
    )


def _interval(middle: Floats, variance: Floats) -> tuple[Floats, Floats]:
    wide = np.exp(INTERVAL_Z * np.sqrt(variance))
    return middle / wide, middle * wide


def _log_gang(runs: Sequence[MeasuredGang]) -> Floats:
    return cast(Floats, np.log(np.array([run.accelerators for run in runs], dtype=np.float64) / REFERENCE_GANG))


def _design(names: Sequence[str], accelerators: Sequence[str], x: Floats) -> Floats:
    """Columns of c, g, c_a, g_a, [N, 2 + 2 A]; an accelerator that is not among the names has only the common two."""
    own = np.array([[float(name == accelerator) for name in names] for accelerator in accelerators]).reshape(len(x), len(names))
    return np.concatenate([np.ones((len(x), 1)), -x[:, None], own, -x[:, None] * own], axis=1)


def _work_design(x: Floats) -> Floats:
    return np.stack([np.ones_like(x), x], axis=1)


def _posterior(design: Floats, values: Floats, mean: Floats, spread: Floats, noise: float) -> tuple[Floats, Floats]:
    """Mean and covariance of the coefficients of a normal linear model."""
    precision = np.diag(spread**-2) + design.T @ design / noise**2
    covariance: Floats = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    return covariance @ (mean / spread**2 + design.T @ values / noise**2), covariance


def _robust(design: Floats, values: Floats, mean: Floats, spread: Floats, noise: float) -> tuple[Floats, Floats]:
    """As `_posterior`, every row weighted by 1 / (1 + (error / 2 noise)^2)."""
    weights = np.ones_like(values)
    for _ in range(ROBUST_STEPS):
        root = np.sqrt(weights)
        coefficients, covariance = _posterior(design * root[:, None], values * root, mean, spread, noise)
        weights = 1.0 / (1.0 + ((values - design @ coefficients) / (2.0 * noise)) ** 2)
    return coefficients, covariance


def _predicted(fitted: FittedTraining, accelerators: Sequence[str], x: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of ln MFU, [N] each; what an unknown accelerator differs by is as wide as the prior says."""
    design = _design(fitted.accelerators, accelerators, x)
    unknown = np.array([accelerator not in fitted.accelerators for accelerator in accelerators])
    own = np.where(unknown, OWN_LEVEL_SPREAD**2 + (x * OWN_FALL_SPREAD) ** 2, 0.0)
    variance = np.einsum("ni,ij,nj->n", design, np.array(fitted.covariance), design) + own + NOISE**2
    return design @ np.array(fitted.coefficients), variance


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value
