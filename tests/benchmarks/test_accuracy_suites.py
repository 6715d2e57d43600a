"""The accuracy suites on measurements that are made here: what is held out is never fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.accuracy import accuracy_row
from benchmarks.suites import network_accuracy, training_accuracy
from tests.benchmarks.made_data import CITIES, gangs, trips
from tests.tolerances import KERNEL_AGAINST_LOOP


def test_errors_are_of_the_measurement_in_percent():
    row = accuracy_row(
        suite="s",
        case="c",
        split="x",
        quantity="q",
        measured=np.array([10.0, 20.0, 40.0]),
        predicted=np.array([11.0, 20.0, 30.0]),
        seconds=1.0,
        interval=(np.array([9.0, 21.0, 39.0]), np.array([12.0, 22.0, 41.0])),
    )
    assert (row.rows, row.median_ape) == (3, pytest.approx(10.0, rel=KERNEL_AGAINST_LOOP))
    assert row.p90_ape == pytest.approx(10 + 0.8 * 15, rel=KERNEL_AGAINST_LOOP)
    assert row.coverage_90 == pytest.approx(2 / 3, rel=KERNEL_AGAINST_LOOP)


@pytest.mark.slow
def test_network_rows_of_regions_held_out(tmp_path, capsys):
    file = trips(tmp_path / "fit.csv", list(CITIES))
    rows = list(network_accuracy.run(network_accuracy.Settings(fit=file)))
    assert [(row.case, row.split.split(",")[1].strip()) for row in rows[:6]] == [
        (case, split) for split in ("one at a time", "a quarter at a time") for case in ("fitted", "form", "great_circle")
    ]
    assert rows[0].rows == 72  # every pair from both of its ends
    assert all(0 < row.median_ape <= row.p90_ape for row in rows)
    assert main(["suite=network_accuracy", f"fit={file}", "cases=[form]"]) == 0
    assert "great_circle" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_held_out_region_moves_none_of_its_own_predictions(monkeypatch, tmp_path):
    """What is predicted for a region's pairs is the same whatever was measured on them."""
    predicted = []

    def noted(graph, fit, test):
        compared = real(graph, fit, test)
        if all("tokyo" in (trip.start, trip.end) for trip in test):
            predicted.append([row[0] for row in compared.fitted])
        return compared

    real = network_accuracy._compare
    monkeypatch.setattr(network_accuracy, "_compare", noted)
    for factor in (1.0, 3.0):
        file = trips(tmp_path / "fit.csv", list(CITIES), tokyo=factor)
        rows = network_accuracy.run(network_accuracy.Settings(fit=file, peers=False, cases=["fitted"]))
        next(rows)
    first, second = predicted
    assert len(first) == 8
    np.testing.assert_allclose(second, first, rtol=KERNEL_AGAINST_LOOP)


def test_a_second_file_is_predicted_whole(tmp_path):
    fit = trips(tmp_path / "fit.csv", ["london", "milan", "ashburn", "tokyo", "singapore"])
    test = trips(tmp_path / "test.csv", ["paris", "madrid", "dallas", "sydney"])
    rows = list(network_accuracy.run(network_accuracy.Settings(fit=fit, test=test)))
    assert [(row.case, row.split, row.rows) for row in rows] == [
        (case, "all pairs of test", 6) for case in ("fitted", "form", "great_circle")
    ]
    assert 0 <= rows[0].coverage_90 <= 1


def test_pairs_that_were_fitted_are_refused_as_a_test(tmp_path, capsys):
    fit = trips(tmp_path / "fit.csv", ["london", "milan", "tokyo"])
    assert main(["suite=network_accuracy", f"fit={fit}", f"test={fit}"]) == 2
    assert capsys.readouterr().err == "test: must share no pair with fit; got 3 shared pairs. Remove them from one of the files.\n"
    assert main(["suite=network_accuracy", f"fit={fit}"]) == 2
    assert "must have 8 regions or more to hold some out; got 3" in capsys.readouterr().err


def test_bad_measurements_are_one_line(tmp_path, capsys):
    fit = Path(trips(tmp_path / "fit.csv", ["london", "milan", "tokyo"]))
    fit.write_text(fit.read_text().replace("milan,london,", "milan,milan,"))
    assert main(["suite=network_accuracy", f"fit={fit}"]) == 2
    assert "from_region and to_region must be two regions" in capsys.readouterr().err


def test_training_rows(tmp_path):
    rows = list(training_accuracy.run(training_accuracy.Settings(fit=gangs(tmp_path / "fit.csv"))))
    assert [(row.split.split(",")[0], row.case, row.quantity) for row in rows] == [
        (split, case, quantity)
        for split in ("runs", "platforms", "accelerators")
        for case in ("fitted", "perfect_scaling")
        for quantity in ("mfu", "minutes_to_train")
    ]
    assert all(row.rows == 9 for row in rows)
    assert rows[0].median_ape < 1 < rows[2].median_ape


def test_a_platform_held_out_moves_none_of_its_own_predictions(tmp_path):
    changed = [training_accuracy.read_measured_gangs(Path(gangs(tmp_path / "x.csv", two=level))) for level in (0.7, 0.3)]
    held = training_accuracy.SPLITS["platforms, one at a time"]
    folds = [training_accuracy._folds(runs, held) for runs in changed]
    first, second = (next(training_accuracy._fitted(kept, out) for kept, out in parts if out[0].platform == "two") for parts in folds)
    np.testing.assert_allclose(first, second, rtol=KERNEL_AGAINST_LOOP)
