"""Curves of utilisation, fitted to runs that were made from known curves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from optimizer.domain.measured_gang import MeasuredGang
from optimizer.surfaces.training_fit import FittedTraining, fit_training, predict_gangs
from tests.tolerances import FIT_RECOVERS

CURVES = {"h100": (0.8, 0.06), "gb200": (0.7, 0.045)}
PEAKS = {"h100": 989.0, "gb200": 2500.0}
WORK = 1e8  # TFLOP/s x minutes


def made(accelerator: str, gang: int, *, platform: str = "p", error: float = 1.0) -> MeasuredGang:
    level, fall = CURVES[accelerator]
    mfu = level * (gang / 512) ** -fall * error
    minutes = WORK * (gang / 512) ** 0.05 / (gang * PEAKS[accelerator] * mfu)
    return MeasuredGang(
        platform=platform, accelerator=accelerator, accelerators=gang, bf16_tflops=PEAKS[accelerator], minutes_to_train=minutes, mfu=mfu
    )


RUNS = [made(accelerator, gang) for accelerator in CURVES for gang in (256, 512, 1024, 2048, 4096, 8192)]


def test_curves_are_recovered() -> None:
    fitted = fit_training(RUNS)
    for accelerator, (level, fall) in CURVES.items():
        found = fitted.curve(accelerator)
        assert found[0] == pytest.approx(level, rel=FIT_RECOVERS)
        assert found[1] == pytest.approx(fall, abs=FIT_RECOVERS * fall + 0.003)
    predicted = predict_gangs(fitted, [made("h100", 16_384)])
    assert predicted.mfu[0] == pytest.approx(made("h100", 16_384).mfu, rel=FIT_RECOVERS)
    assert predicted.minutes[0] == pytest.approx(made("h100", 16_384).minutes_to_train, rel=FIT_RECOVERS)


def test_what_is_known_less_has_a_wider_interval() -> None:
    fitted = fit_training(RUNS)
    known = made("h100", 1024)
    far = made("h100", 1_000_000)
    stranger = MeasuredGang(platform="p", accelerator="new", accelerators=1024, bf16_tflops=1000.0, minutes_to_train=1.0, mfu=0.5)
    low, high = predict_gangs(fitted, [known, far, stranger]).mfu_interval
    width = np.log(high / low)
    assert width[0] < width[1] < width[2]
    assert low[0] <= known.mfu <= high[0]
    assert low[2] < 0.7 < 0.8 < high[2]


def test_intervals_hold_what_they_say() -> None:
    rng = np.random.default_rng(0)
    fitted = fit_training([made(a, g, error=float(np.exp(rng.normal(0, 0.015)))) for a in CURVES for g in (256, 512, 1024, 2048, 4096)])
    new = [made(a, g, error=float(np.exp(rng.normal(0, 0.015)))) for a in CURVES for g in range(300, 8000, 100)]
    predicted = predict_gangs(fitted, new)
    measured = np.array([run.mfu for run in new])
    inside = np.mean((measured >= predicted.mfu_interval[0]) & (measured <= predicted.mfu_interval[1]))
    assert 0.8 < inside < 0.99


def test_an_accelerator_measured_once_keeps_near_the_fall_of_the_others() -> None:
    once = MeasuredGang(platform="p", accelerator="new", accelerators=2048, bf16_tflops=1000.0, minutes_to_train=30.0, mfu=0.5)
    fitted = fit_training([*RUNS, once])
    level, fall = fitted.curve("new")
    assert 0.03 < fall < 0.08
    assert level * (2048 / 512) ** -fall == pytest.approx(0.5, rel=FIT_RECOVERS)


def test_work_counted_in_another_way_moves_no_prediction() -> None:
    other = MeasuredGang(platform="q", accelerator="h100", accelerators=1024, bf16_tflops=989.0, minutes_to_train=10.0, mfu=0.77)
    asked = [made("h100", 3000)]
    plain, with_other = (predict_gangs(fit_training(runs), asked).minutes[0] for runs in (RUNS, [*RUNS, other]))
    assert with_other == pytest.approx(plain, rel=FIT_RECOVERS)


def test_planning_parameters_keep_the_classes_apart() -> None:
    parameters = fit_training(RUNS).parameters({"h100": 8, "gb200": 72}, production_mfu=0.4)
    assert parameters.server_mfu == 0.4
    assert parameters.rack_mfu == pytest.approx(0.4 * 0.7 / 0.8, rel=FIT_RECOVERS)
    assert parameters.server_exponent > parameters.rack_exponent > 0.03
    only_servers = fit_training(RUNS[:6]).parameters({"h100": 8})
    assert only_servers.rack_exponent > 0.03


def test_a_fit_goes_through_json() -> None:
    fitted = fit_training(RUNS)
    assert FittedTraining.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    with pytest.raises(TypeError):
        FittedTraining.from_dict({"accelerators": []})
