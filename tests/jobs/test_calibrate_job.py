"""The calibrate job, from tables of measurements to a plan that uses what it found."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from optimizer.__main__ import main
from optimizer.errors import DataError
from optimizer.planning.calibration import Calibration, Dates, read_calibration, shipped_calibration
from optimizer.planning.needs import compute_needs
from optimizer.store.inputs import kept_index
from optimizer.tables.calibration_file import shipped_calibration_file
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.docs.named_files import round_trips, served, training_runs

SLOWER_MS = 40.0  # added to every way, so that a fit must move
SOURCE = 'source="made for a test"'


@pytest.fixture
def measured(tmp_path) -> dict[str, str]:
    """Files of round trips and of training runs."""
    (tmp_path / "trips.csv").write_text("".join(round_trips(SLOWER_MS)))
    (tmp_path / "gangs.csv").write_text("".join(training_runs()))
    return {"round_trips": str(tmp_path / "trips.csv"), "training": str(tmp_path / "gangs.csv")}


def calibrated(folder: Path, *overrides: str) -> Path:
    assert main(["calibrate", SOURCE, f"output.folder={folder}", *overrides]) == 0
    return max(folder.glob("*/calibration.json"))


def test_a_calibration_is_written_with_its_errors(tmp_path, measured, capsys):
    file = calibrated(tmp_path / "runs", "base=none", *(f"{key}={value}" for key, value in measured.items()))
    found = read_calibration(file)
    assert found.source == "made for a test"
    assert [(row.part, row.split) for row in found.accuracy] == [
        ("network", "fit"),
        ("network", "each region held out"),
        ("training", "fit"),
        ("training", "each run held out"),
    ]
    assert [row.rows for row in found.accuracy] == [10, 20, 4, 4]
    assert found.training is not None
    level, fall = found.training.curve("h100")
    assert level == pytest.approx(0.5, rel=0.05)
    assert 0.05 < fall < 0.12  # between the prior's fall and that of the runs
    summary = json.loads((file.parent / "summary.json").read_text())
    assert (summary["job"], summary["calibration"]) == ("calibrate", found.version)
    assert f"calibration: {found.version}" in capsys.readouterr().out
    assert sorted(path.name for path in (file.parent / "pictures").iterdir()) == ["network_round_trips.svg", "training_mfu.svg"]


def test_the_days_of_measurements_are_told(tmp_path, measured, capsys):
    file = Path(measured["training"])
    lines = file.read_text().splitlines()
    days = ["as_of", "2026-03-01", "2025-11-30", "", "2026-02-01"]
    file.write_text("\n".join(f"{line},{day}" for line, day in zip(lines, days, strict=True)) + "\n")
    found = read_calibration(calibrated(tmp_path / "runs", f"training={file}", "output.pictures=false"))
    assert found.measured == {"training": Dates(first=date(2025, 11, 30), last=date(2026, 3, 1), rows=3)}
    assert "training was measured from 2025-11-30 to 2026-03-01 (3 rows whose day is recorded)" in capsys.readouterr().out
    undated = read_calibration(calibrated(tmp_path / "runs", f"round_trips={measured['round_trips']}", "output.pictures=false"))
    assert undated.measured == {}


def test_parts_without_measurements_stay_as_they_are(tmp_path, measured):
    found = read_calibration(calibrated(tmp_path / "runs", f"training={measured['training']}"))
    assert found.network == shipped_calibration().network
    assert found.training != shipped_calibration().training
    assert {row.part for row in found.accuracy} == {row.part for row in shipped_calibration().accuracy}


@pytest.mark.slow
def test_a_plan_uses_the_calibration_and_says_which(tmp_path, measured, monkeypatch):
    file = calibrated(tmp_path / "runs", "base=none", "output.pictures=false", f"round_trips={measured['round_trips']}")
    assert not (file.parent / "pictures").exists()
    case = read_case(case_folder("tiny"))
    plain = compute_needs(case, Calibration(made_on="", source="")).round_trip_ms
    slower = compute_needs(case, read_calibration(file)).round_trip_ms
    routed = ~np.isnan(plain)
    assert routed.any()
    assert (slower > plain)[routed].all()
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "case=tiny", f"calibration.path={file}", "output.folder=plans"]) == 0
    (summary,) = tmp_path.glob("plans/*/summary.json")
    assert json.loads(summary.read_text())["calibration"] == read_calibration(file).version
    assert "calibration.json" in kept_index(summary.parent / "inputs")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "calibration.json: must be JSON"),
        ("[1]", "calibration.json: must be a calibration of format 1; got no format"),
        ('{"format": 1, "made_on": "2026-01-01"}', "calibration.json: source must be whole"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, capsys, content, told):
    (tmp_path / "calibration.json").write_text(content)
    assert main(["plan", "case=tiny", f"calibration.path={tmp_path / 'calibration.json'}"]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("part", "field"), [("network", "weight"), ("network", "start"), ("serving", "theta"), ("serving", "cell_place")])
def test_a_calibration_with_figures_missing_is_refused(tmp_path, part, field):
    values = json.loads(shipped_calibration_file().read_text())
    values[part][field] = values[part][field][:-1]
    file = tmp_path / "cut.json"
    file.write_text(json.dumps(values))
    with pytest.raises(DataError, match=f"cut.json: {part} must be whole"):
        read_calibration(file)


def test_a_calibration_of_figures_that_are_none_is_refused(tmp_path):
    values = json.loads(shipped_calibration_file().read_text())
    values["serving"]["theta"][0] = float("nan")
    file = tmp_path / "nan.json"
    file.write_text(json.dumps(values))
    with pytest.raises(DataError, match=r"nan\.json: must be JSON"):
        read_calibration(file)


def test_bad_measurements_are_refused_and_nothing_is_written(tmp_path, measured, capsys):
    file = Path(measured["training"])
    file.write_text(file.read_text().replace("h100,512,", "h100,-512,"))
    assert main(["calibrate", SOURCE, f"training={file}", f"output.folder={tmp_path / 'runs'}"]) == 2
    told = capsys.readouterr().err
    assert "gangs.csv: accelerators must be" in told
    assert "-512" in told
    assert not list(tmp_path.glob("runs/*"))


def test_nothing_to_fit_is_refused(capsys):
    assert main(["calibrate", SOURCE]) == 2
    assert "must name a file of measurements" in capsys.readouterr().err


@pytest.mark.slow
def test_anchors_of_configurations_that_the_model_does_not_know_are_taken(tmp_path):
    file = tmp_path / "ours.csv"
    file.write_text("".join(served(("llama_3_8b",))).replace("vllm", "engine"))
    found = read_calibration(calibrated(tmp_path / "runs", f"anchors={file}", "output.pictures=false")).serving
    assert found is not None
    assert "h100|llama_3_8b|engine|fp8" in found.rows
    assert [len(names) for names in found.groups[: len(found.offsets)]] == [len(table) for table in found.offsets]
