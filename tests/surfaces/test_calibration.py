"""Calibration on runs made up from known parameters: it finds them, learns from anchors, and says how sure it is."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from optimizer.surfaces.arrays import in_double
from optimizer.surfaces.calibrated_serving import calibrated_rows, evaluate, row_groups
from optimizer.surfaces.calibration import QUANTITIES, Calibration, HeldOut, columns_of, fitted, updated
from optimizer.surfaces.calibration_document import from_dict, to_dict
from optimizer.surfaces.calibration_intervals import HeldOutRuns, anchors_of, calibrate, conformal_factor, deal
from optimizer.surfaces.operating import ServingRows, calibrated_points
from optimizer.surfaces.prediction import UNCALIBRATED_FACTOR, interval_factor, predict, regimes
from optimizer.surfaces.serving_basis import COORDINATES, SIZE, features, surface
from optimizer.surfaces.serving_fit import OFFSET_SD
from optimizer.surfaces.serving_groups import CONFIGURATION, PAIR, labels, serving_runs
from optimizer.surfaces.serving_residuals import first_scales
from tests.surfaces.differences import check_gradient
from tests.surfaces.serving_world import ACCELERATORS, DEPLOYMENTS, MODELS, Deployment, measured, setups_of
from tests.tolerances import CALIBRATED_SINGLE, CALIBRATION_ROUNDED, FITTED_KNOWN, FITTED_NEW_PAIR, KERNEL_AGAINST_LOOP

NEW_PAIR = Deployment(accelerator="large", model="big", framework="quick")
KNOWN = Deployment(accelerator="small", model="big", framework="quick")
SCALES = [first_scales(OFFSET_SD["deployment"])] * 2  # not fitted where a test does not ask how
NEW_LENGTHS = ((512.0, 512.0), (2048.0, 512.0), (3000.0, 1500.0), (600.0, 1200.0))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted(measured(), scales=SCALES)


def errors(calibration: Calibration, deployments: tuple[Deployment, ...], speed: float = 0.0) -> np.ndarray:
    """Absolute log errors of TPOT, TTFT and throughput without noise, [N, 3]."""
    truth = measured(deployments, noise=0.0, speed=speed)
    told = predict(calibration, truth.setups, ACCELERATORS, MODELS)
    return np.abs(np.log(np.stack([told.tpot_s, told.ttft_s, told.tokens_per_s], axis=1) / columns_of(truth)))


@pytest.mark.slow
def test_known_parameters_are_found(calibration: Calibration) -> None:
    assert np.median(errors(calibration, DEPLOYMENTS)) < FITTED_KNOWN
    assert np.median(errors(calibration, (NEW_PAIR,))) < FITTED_NEW_PAIR
    assert all(median < 100.0 * FITTED_KNOWN for median, _ in calibration.fit.values())


@pytest.mark.slow
def test_less_known_runs_have_wider_intervals(calibration: Calibration) -> None:
    kinds = {"known": KNOWN, "new_pair": NEW_PAIR, "new_part": replace(NEW_PAIR, model="unheard")}
    models = MODELS | {"unheard": replace(MODELS["big"], name="unheard")}
    widths = []
    for regime, deployment in kinds.items():
        setups = setups_of((deployment,))
        assert set(regimes(calibration, setups)) == {regime}
        told = predict(calibration, setups, ACCELERATORS, models)
        widths.append(np.median(told.log_sd, axis=0))
        assert (told.tpot_interval[0] < told.tpot_s).all()
        assert (told.tpot_s < told.tpot_interval[1]).all()
    assert (2.0 * widths[0] < widths[1]).all()
    assert (2.0 * widths[0] < widths[2]).all()


@pytest.mark.slow
def test_anchors_draw_predictions_towards_themselves(calibration: Calibration) -> None:
    """A new pair that is 35 % slower than the equations say: 8 runs tell."""
    slower = measured((NEW_PAIR,), speed=0.3)
    rows = np.arange(len(slower))
    ((anchors, rest),) = anchors_of(slower, rows, count=8, seed=0)
    moved = updated(calibration, slower.taken(anchors))
    before, after = errors(calibration, (NEW_PAIR,), 0.3), errors(moved, (NEW_PAIR,), 0.3)
    assert (np.median(after[anchors], axis=0) < 0.2 * np.median(before[anchors], axis=0)).all()
    assert (np.median(after[rest], axis=0) < 0.4 * np.median(before[rest], axis=0)).all()
    told = [predict(which, slower.setups, ACCELERATORS, MODELS) for which in (calibration, moved)]
    assert (told[1].log_sd < told[0].log_sd).all()
    assert set(told[1].regime) == {"anchored"}
    other = [predict(which, setups_of((KNOWN,)), ACCELERATORS, MODELS).tpot_s for which in (calibration, moved)]
    np.testing.assert_allclose(other[0], other[1], rtol=KERNEL_AGAINST_LOOP)  # other pairs stay


@pytest.mark.slow
def test_no_anchors_change_nothing_and_new_names_are_taken_in(calibration: Calibration) -> None:
    assert updated(calibration, measured().taken(np.array([], dtype=np.int64))) is calibration
    strange = replace(measured((NEW_PAIR,), speed=0.3), models=MODELS | {"own": replace(MODELS["big"], name="own")})
    setups = replace(strange.setups, model=("own",) * len(strange), framework=("homemade",) * len(strange))
    moved = updated(calibration, replace(strange, setups=setups))
    told = predict(moved, setups, ACCELERATORS, strange.models)
    assert np.median(np.abs(np.log(told.tpot_s / strange.tpot_s))) < FITTED_KNOWN
    assert moved.rows["large|own|homemade|fp8"] == len(strange)


@pytest.mark.slow
def test_a_document_holds_the_calibration_and_no_measured_run(calibration: Calibration) -> None:
    whole = replace(
        calibration, held_out={"known": {name: HeldOut(rows=1, median_ape=1.0, p90_ape=2.0, factor=1.5) for name in QUANTITIES}}
    )
    text = json.dumps(to_dict(whole))
    again = from_dict(json.loads(text))
    setups = setups_of((*DEPLOYMENTS, NEW_PAIR))
    one, other = predict(whole, setups, ACCELERATORS, MODELS), predict(again, setups, ACCELERATORS, MODELS)
    for name in ("tpot_s", "ttft_s", "tokens_per_s", "log_sd"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=CALIBRATION_ROUNDED)
    assert one.regime == other.regime
    assert json.dumps(to_dict(again)) == text
    runs = measured()
    assert not any(f"{value:.5g}" in text for value in runs.tpot_s[:20])
    assert not any(name in text for name in np.unique([row[CONFIGURATION] for row in labels(runs.setups)]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"), [({"format": 0}, "format must be 1; got 0"), ({"form": {}}, "the parameters and the basis")]
)
def test_documents_of_another_form_are_refused(calibration: Calibration, change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dict(to_dict(calibration) | change)


@pytest.mark.slow
def test_kernels_predict_what_the_calibration_predicts(calibration: Calibration) -> None:
    setups = setups_of((*DEPLOYMENTS, NEW_PAIR))
    told = predict(calibration, setups, ACCELERATORS, MODELS)
    runs = serving_runs(setups, calibration.groups, ACCELERATORS, MODELS)
    rows = calibrated_rows(calibration, row_groups(calibration, setups.accelerator, setups.model, setups.precision, setups.framework))

    @jax.jit
    def kernel(_: None, row: tuple) -> tuple[jax.Array, ...]:
        serving, run = row
        point = evaluate(serving, run.model, run.chip, run.lengths, run.parallel, run.concurrency, run.expert_parallel)
        return point.tpot_s, point.ttft_s, point.tokens_per_s

    double = in_double(kernel, None, (rows, runs), chunk=len(setups))
    single = kernel(None, jax.tree.map(lambda leaf: jax.numpy.asarray(leaf, "float32"), (rows, runs)))
    for name, values, low in zip(("tpot_s", "ttft_s", "tokens_per_s"), double, single, strict=True):
        np.testing.assert_allclose(values, getattr(told, name), rtol=KERNEL_AGAINST_LOOP)
        assert low.dtype == np.float32
        np.testing.assert_allclose(low, values, rtol=CALIBRATED_SINGLE)


@pytest.mark.slow
def test_operating_points_are_calibrated(calibration: Calibration) -> None:
    """The point chosen at a parallelism has the times that the calibration predicts there."""
    setups = setups_of((KNOWN,), lengths=((1000.0, 500.0),)).taken(np.array([0]))
    runs = serving_runs(setups, calibration.groups, ACCELERATORS, MODELS)
    limits = {"ttft_limit_s": np.array([2.0]), "tpot_limit_s": np.array([0.04])}
    rows = ServingRows(model=runs.model, chip=runs.chip, lengths=runs.lengths, **limits)
    serving = calibrated_rows(calibration, row_groups(calibration, ["small"], ["big"], ["fp8"], [None]))
    points = in_double(calibrated_points, None, (serving, rows), chunk=1)
    assert points.feasible[0, 2]
    at = replace(setups, concurrency=points.concurrency[0, 2:3], parallel=np.array([4.0]))
    told = predict(calibration, at, ACCELERATORS, MODELS)
    np.testing.assert_allclose(points.tpot_s[0, 2], told.tpot_s[0], rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(points.tokens_per_s[0, 2], told.tokens_per_s[0], rtol=KERNEL_AGAINST_LOOP)
    assert (points.tpot_s[points.feasible] <= 0.04).all()


@pytest.mark.slow
def test_gradients_of_calibrated_times(calibration: Calibration) -> None:
    setups = setups_of((replace(NEW_PAIR, accelerator="small"),)).taken(np.array([1]))
    runs = jax.tree.map(jax.numpy.asarray, serving_runs(setups, calibration.groups, ACCELERATORS, MODELS))
    groups = row_groups(calibration, ["small"], ["big"], ["fp8"], ["quick"])
    serving = jax.tree.map(jax.numpy.asarray, calibrated_rows(calibration, groups))

    @jax.jit
    def total(x: jax.Array) -> jax.Array:
        lengths = replace(runs.lengths, prompt=x[0:1], output=x[1:2])
        chip = replace(runs.chip, memory_bytes_per_s=runs.chip.memory_bytes_per_s * x[3:4])
        point = evaluate(serving, runs.model, chip, lengths, x[4:5], x[2:3])
        return jax.numpy.sum(point.ttft_s + 10.0 * point.tpot_s)

    check_gradient(total, np.array([1500.0, 300.0, 20.0, 1.0, 4.0]))


@pytest.mark.slow
def test_more_requests_at_once_never_shorten_the_time_per_token(calibration: Calibration) -> None:
    setups = setups_of((*DEPLOYMENTS, NEW_PAIR))
    told = predict(calibration, setups, ACCELERATORS, MODELS)
    assert (np.diff(told.tpot_s.reshape(-1, 4), axis=1) > 0.0).all()


@pytest.mark.slow
def test_held_out_errors_set_the_intervals() -> None:
    found = calibrate(measured(noise=0.05), regimes=("known",))
    assert set(found.held_out) == {"known"}
    told = found.held_out["known"]["tpot"]
    assert told.rows == len(measured())
    assert 0.0 < told.median_ape < told.p90_ape < 25.0
    assert interval_factor(found, "anchored", "tpot") == told.factor  # the nearest regime that was held out
    assert interval_factor(replace(found, held_out={}), "known", "tpot") == UNCALIBRATED_FACTOR
    fresh = measured(noise=0.05, seed=7, lengths=NEW_LENGTHS)
    known = predict(found, fresh.setups, ACCELERATORS, MODELS)
    inside = (fresh.tpot_s >= known.tpot_interval[0]) & (fresh.tpot_s <= known.tpot_interval[1])
    assert inside.mean() > 0.8  # of 80 runs


def test_the_interval_of_a_run_held_out_is_as_wide_as_the_other_hold_outs_ask_for() -> None:
    runs = measured(DEPLOYMENTS[:2])
    part, sd = np.arange(len(runs)) % 4, np.full((len(runs), 3), 0.1)
    told = HeldOutRuns(measured=runs, part=part, logs=np.log(columns_of(runs)) + 0.1 * (1.0 + part[:, None]), log_sd=sd)
    low, high = told.comparison("ttft").interval or (np.zeros(0), np.zeros(0))
    factors = np.where(part == 3, 3.0, 4.0)  # errors are of 1, 2, 3, 4 standard deviations; the part of 4 does not see its own
    np.testing.assert_allclose(np.log(high / low), 2.0 * 0.1 * factors, rtol=KERNEL_AGAINST_LOOP)
    assert told.comparison("ttft").coverage_90 == 0.75
    alone = HeldOutRuns(measured=runs, part=np.zeros(len(runs)), logs=told.logs, log_sd=sd)
    assert alone.comparison("ttft").coverage_90 is None


def test_parts_keep_groups_whole_and_fill_evenly() -> None:
    runs = measured()
    part = deal(runs, PAIR, seed=3, parts=3)
    names = np.array([row[PAIR] for row in labels(runs.setups)])
    assert all(len(set(part[names == name])) == 1 for name in np.unique(names))
    assert set(part) == {0, 1, 2}


def test_conformal_factor_covers_its_share() -> None:
    draws = np.random.default_rng(0).standard_normal(9999)
    assert conformal_factor(np.abs(draws)) == pytest.approx(UNCALIBRATED_FACTOR, rel=0.03)
    assert conformal_factor(np.array([3.0, 1.0])) == 3.0  # too few for 90 %: the largest


def test_a_surface_is_its_features_times_its_weights() -> None:
    draws = np.random.default_rng(1)
    place = tuple(jax.numpy.asarray(draws.uniform(0.0, 8.0, 20)) for _ in COORDINATES)
    weights = draws.standard_normal((20, SIZE))
    expected = np.sum(np.asarray(jax.jit(features)(place)) * weights, axis=1)
    at = jax.jit(surface)
    np.testing.assert_allclose(at(jax.numpy.asarray(weights), place), expected, rtol=1e3 * KERNEL_AGAINST_LOOP)
    far = tuple(jax.numpy.full(20, 50.0) for _ in COORDINATES)
    np.testing.assert_allclose(at(jax.numpy.asarray(weights), far), weights[:, 0], rtol=KERNEL_AGAINST_LOOP)


@pytest.mark.slow
def test_the_framework_with_most_runs_is_taken_where_none_is_named(calibration: Calibration) -> None:
    chosen = row_groups(calibration, ["small", "large", "other"], ["big", "big", "big"], ["fp8", "fp8", "bf16"], [None] * 3)
    names = calibration.groups[1]
    assert names[chosen[0, 1]] == "quick"
    assert chosen[1, PAIR] == -1
    assert chosen[1, 1] >= 0
    assert (chosen[2] == [-1, -1, -1, names_code(calibration, "big"), -1, -1, -1]).all()


def names_code(calibration: Calibration, model: str) -> int:
    return calibration.groups[3].index(model)
