"""Runs of earlier layouts, one kept of each, brought to the present one and read back."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.errors import ConfigError
from optimizer.jobs.inputs import inputs_of_run
from optimizer.jobs.news import run_tables
from optimizer.store.catalogue import runs
from optimizer.store.layout import SCHEMA_VERSION, STEPS, check_layout
from optimizer.store.marks import read_marks
from optimizer.store.runs import find_run, run_ids
from optimizer.tables.read import read_case

LAYOUTS = Path(__file__).parent / "layouts"


@pytest.fixture(params=sorted(STEPS))
def home(request, tmp_path):
    """A folder with one run of replan of the case tiny, approved, in an earlier layout."""
    with zipfile.ZipFile(LAYOUTS / f"{request.param}.zip") as kept:
        kept.extractall(tmp_path / "runs")
    return tmp_path / "runs"


def migrate(home: Path, *settings: str) -> int:
    return main(["migrate", f"output.folder={home}", *settings])


def files(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_every_earlier_layout_has_a_run():
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))
    assert {path.stem for path in LAYOUTS.glob("*.zip")} == {str(version) for version in STEPS}


def test_an_old_run_is_listed_and_refused_until_it_is_migrated(home, capsys):
    assert [record.approved_by for record in runs(home)] == ["capacity planning"]
    with pytest.raises(ConfigError, match=r"Bring runs up to date with placement migrate\."):
        find_run(home, "latest")
    before = files(home)
    assert migrate(home) == 0
    assert "1 of 1 runs would change. dry_run=false changes them." in capsys.readouterr().out
    assert {path: content for path, content in files(home).items() if path in before} == before
    assert migrate(home, "dry_run=false") == 0
    assert "1 of 1 runs changed." in capsys.readouterr().out
    run = find_run(home, "latest")
    assert read_marks(run).approvals[0].by == "capacity planning"
    assert {json.loads((run / name).read_text())["schema_version"] for name in ("summary.json", "marks.json", "inputs/index.json")} == {2}
    assert run_tables(run).summary["objective_usd"] == pytest.approx(75144.48335908943)
    with inputs_of_run(run) as inputs:
        assert read_case(inputs.folder).name == "tiny"
    assert migrate(home, "dry_run=false") == 0
    assert "0 of 1 runs changed." in capsys.readouterr().out


def test_a_step_that_was_cut_short_is_taken_again(home):
    run = home / run_ids(home)[0]
    for _ in range(2):
        STEPS[json.loads((run / "summary.json").read_text())["schema_version"]].take(run)
    assert migrate(home, "dry_run=false") == 0
    assert find_run(home, "latest") == run
    assert "calendar.csv" in run_tables(run).inputs


def test_a_run_of_a_later_planner_is_left_alone(home, capsys):
    run = home / run_ids(home)[0]
    summary = json.loads((run / "summary.json").read_text()) | {"schema_version": SCHEMA_VERSION + 1}
    (run / "summary.json").write_text(json.dumps(summary))
    assert migrate(home, "dry_run=false") == 0
    assert f"schema_version {SCHEMA_VERSION + 1} is not known to this planner" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="or a later planner"):
        check_layout(run)


@pytest.mark.slow
def test_the_night_after_starts_from_a_migrated_run(home):
    last = run_ids(home)[0]
    words = ["replan", "case=tiny", f"output.folder={home}", "output.pictures=false"]
    assert main(words) == 2
    assert migrate(home, "dry_run=false") == 0
    assert main(words) == 0
    assert json.loads((home / run_ids(home)[-1] / "summary.json").read_text())["previous_run"] == last


def test_a_run_without_inputs_is_migrated_too(home):
    (run,) = (home / run_id for run_id in run_ids(home))
    shutil.rmtree(run / "inputs")  # as a comparison has none
    assert migrate(home, "dry_run=false") == 0
    check_layout(run)
