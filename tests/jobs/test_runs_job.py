"""`placement runs`, and a plan made again from what a run kept."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from optimizer.__main__ import main
from optimizer.store.runs import run_ids
from optimizer.tables.catalog import case_folder


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """(folder that holds runs/, the id of a plan of one's own copy of tiny, the folder of its tables)."""
    folder = tmp_path_factory.mktemp("lab")
    own = folder / "tables"
    shutil.copytree(case_folder("tiny"), own)
    settings = [f"case.path={own}", "seed=3", "solver.deterministic_limit=1000", f"output.folder={folder / 'runs'}"]
    assert main(["plan", *settings]) == 0
    (run,) = run_ids(folder / "runs")
    return folder, run, own


def summary(folder, run):
    return json.loads((folder / "runs" / run / "summary.json").read_text())


def test_a_plan_is_made_again_when_its_tables_have_changed(planned, monkeypatch):
    folder, run, own = planned
    monkeypatch.chdir(folder)
    shutil.rmtree(own)
    assert main(["plan", f"from_run={run}"]) == 0
    again = run_ids(folder / "runs")[-1]
    first, second = summary(folder, run), summary(folder, again)
    assert second["objective_usd"] == first["objective_usd"]
    assert (second["case"], second["seed"], second["previous_run"]) == (first["case"], 3, run)
    for table in ("placements", "commitments", "supply", "costs"):
        kept, made = (folder / "runs" / name / f"{table}.parquet" for name in (run, again))
        assert kept.read_bytes() == made.read_bytes()
    config = yaml.safe_load((folder / "runs" / again / "config.yaml").read_text())
    assert (config["from_run"], config["case"]["path"]) == (run, str(own))


def test_settings_beside_from_run_override_its_own(planned, monkeypatch):
    folder, run, _ = planned
    monkeypatch.chdir(folder)
    assert main(["plan", f"from_run={run}", "seed=4", "solver=exact"]) == 0
    config = yaml.safe_load((folder / "runs" / run_ids(folder / "runs")[-1] / "config.yaml").read_text())
    assert (config["seed"], config["solver"]["name"], config["solver"]["deterministic_limit"]) == (4, "exact", 1000)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["from_run=latest", "case=small"], "a plan from a run reads what that run read; got case beside from_run"),
        (["from_run=20280103T060000.123Z-000000"], "run: must be latest, previous or the id of a run of placement plan"),
    ],
)
def test_what_a_plan_from_a_run_refuses(planned, monkeypatch, capsys, words, told):
    folder, _, _ = planned
    monkeypatch.chdir(folder)
    assert main(["plan", *words]) == 2
    assert told in capsys.readouterr().err


def test_inputs_that_were_changed_since_are_refused(planned, tmp_path, capsys):
    folder, run, _ = planned
    shutil.copytree(folder / "runs" / run, tmp_path / "runs" / run)
    for copy in (tmp_path / "runs" / run / "inputs").glob("*.csv"):
        copy.write_text("changed")
    assert main(["plan", f"from_run={run}", f"output.folder={tmp_path / 'runs'}"]) == 2
    told = capsys.readouterr().err
    assert "copies of a run's inputs must be as they were" in told
    assert run_ids(tmp_path / "runs") == (run,)


def test_runs_are_listed_approved_pinned_and_pruned(planned, tmp_path, monkeypatch, capsys):
    folder, run, _ = planned
    later = run[:-6] + "ffffff"
    for name in (run, later):
        shutil.copytree(folder / "runs" / run, tmp_path / "runs" / name)
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "action=approve", f"run={run}", 'by="capacity planning"']) == 0
    assert main(["runs", "action=pin"]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"run {run}", f"run {later}"]
    assert "pinned=False approved_by=capacity planning" in lines[0]
    assert "pinned=True approved_by=-" in lines[1]
    assert main(["runs", "action=unpin"]) == 0
    assert main(["runs", "action=prune", "older_than_days=0", "keep=0"]) == 0
    assert f"would remove: runs/{later}" in capsys.readouterr().out
    assert run_ids(tmp_path / "runs") == (run, later)
    assert main(["runs", "action=prune", "older_than_days=0", "keep=0", "dry_run=false"]) == 0
    assert run_ids(tmp_path / "runs") == (run,)


@pytest.mark.parametrize("words", [["action=erase"], ["action=approve"], ["limit=0"], ["action=pin", "run=absent"], ["keep=-1"]])
def test_what_runs_refuses(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    assert main(["runs", *words]) == 2


def test_a_folder_without_runs_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "No such run in runs.\n"
