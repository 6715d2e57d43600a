"""The plan job on the smallest case, from the command line to the run folder."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from optimizer.__main__ import main
from optimizer.planning.outputs import COLUMNS
from optimizer.store.inputs import kept_index
from optimizer.store.runs import find_run, run_ids
from optimizer.store.summary import KEYS
from optimizer.tables.catalog import case_folder
from optimizer.tables.frame import as_frame
from tests.tolerances import CP_SAT_AGAINST_HIGHS

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("placements", "commitments", "supply", "prices", "costs", "unit_costs", "sensitivities", "alternatives", "risk", "stress")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """(completed process, run folder) of `placement plan case=tiny` from an empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "plan", "case=tiny", "output.csv=true"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done, folder / done.stdout.splitlines()[-1].removeprefix("run: ")


def test_the_last_line_names_the_run_and_nothing_else_is_left(planned):
    done, run = planned
    assert done.stdout.splitlines()[-1] == f"run: runs/{run.name}"
    assert [path.name for path in run.parent.parent.iterdir()] == ["runs"]
    assert [path.name for path in run.parent.iterdir()] == [run.name]
    assert find_run(run.parent, "latest") == run


def test_the_run_holds_everything_for_its_owner_only(planned):
    _, run = planned
    tables = {f"{name}.{ending}" for name in TABLES for ending in ("parquet", "csv")}
    others = {"summary.json", "config.yaml", "inputs", "report.html", "page.json", "log.txt"}
    assert {path.name for path in run.iterdir()} == tables | others
    assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_the_summary_says_what_the_terminal_said(planned):
    done, run = planned
    summary = json.loads((run / "summary.json").read_text())
    assert list(summary)[: len(KEYS)] == list(KEYS)
    assert (summary["job"], summary["case"], summary["run_id"], summary["verified"]) == ("plan", "tiny", run.name, True)
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    for key in ("objective_usd", "bound_usd", "gap_usd", "gap", "unserved_share"):
        assert float(told[key]) == summary[key]
    assert told["status"] == summary["status"] == "optimal"
    assert summary["bound_usd"] <= summary["objective_usd"]
    assert {"hold", "on_demand_only", "cheapest_first"} <= {key.removeprefix("baseline ") for key in told if key.startswith("baseline ")}


def test_the_run_can_be_made_again_from_what_it_kept(planned):
    _, run = planned
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["case"] == {"name": "tiny", "path": None}
    index = kept_index(run / "inputs")
    for file in case_folder("tiny").glob("*.csv"):
        assert (run / "inputs" / index[file.name]).read_bytes() == file.read_bytes()


def test_a_sweep_makes_one_run_for_each_combination(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "-m", "case=tiny", "seed=3,4"]) == 0
    runs = [line.removeprefix("run: ") for line in capsys.readouterr().out.splitlines() if line.startswith("run: ")]
    assert runs == [f"runs/{name}" for name in run_ids(tmp_path / "runs")]
    summaries = [json.loads((tmp_path / run / "summary.json").read_text()) for run in runs]
    assert [summary["seed"] for summary in summaries] == [3, 4]


@pytest.mark.slow
def test_a_sweep_over_workers_makes_the_runs_that_one_after_another_makes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["plan", "-m", "case=tiny", "seed=3,4", "solver.threads=1"]
    costs = []
    for how in ([], ["executor.workers=2"]):
        assert main([*words, *how]) == 0
        said = capsys.readouterr().out.splitlines()
        headings = {" ".join(["# case=tiny", f"seed={seed}", "solver.threads=1", *how]) for seed in (3, 4)}
        assert {line for line in said if line.startswith("# ")} == headings
        runs = [line.removeprefix("run: ") for line in said if line.startswith("run: ")]
        found = [json.loads((tmp_path / run / "summary.json").read_text()) for run in runs]
        costs.append({run["seed"]: (run["status"], run["objective_usd"]) for run in found})
    assert costs[0] == costs[1]
    assert set(costs[0]) == {3, 4}


@pytest.mark.slow
def test_a_sweep_tells_what_cannot_be_made_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "-m", "case.path=/no/such,/nor/this", "executor.workers=2"]) == 2
    told = capsys.readouterr()
    assert told.out.count("# ") == told.err.count("must be a folder") == 2
    assert main(["plan", "-m", "case=tiny", "seed=3,4", "executor.workers=2", "risk.information=true"]) == 2
    assert "executor.workers: must be 1 in a sweep with risk.information=true" in capsys.readouterr().err


def test_an_internal_failure_exits_5_with_one_line_and_its_log(tmp_path, monkeypatch, capsys):
    def broken(*arguments: object, **settings: object) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("optimizer.jobs.plan.make_plan", broken)
    assert main(["plan", "case=tiny"]) == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    log = tmp_path / told.err.strip().split("The traceback is in ")[1]
    assert "deep inside" in log.read_text()
    assert run_ids(tmp_path / "runs") == ()


def test_killing_a_plan_leaves_no_run_and_the_next_one_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "optimizer", "plan", "case=small"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 600
        while not list(tmp_path.glob("runs/.building-*/config.yaml")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=120)
    assert len(list(tmp_path.glob("runs/.building-*"))) == 1
    assert run_ids(tmp_path / "runs") == ()
    assert main(["plan", "case=tiny"]) == 0
    assert len(run_ids(tmp_path / "runs")) == 1


def test_ctrl_c_in_the_search_writes_the_best_plan_so_far(tmp_path):
    command = [sys.executable, "-m", "optimizer", "plan", "case=small", "solver.time_limit_s=120", "solver.relative_gap=0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) and "incumbent_usd=" not in line:
            pass
        process.send_signal(signal.SIGINT)
        told, complaint = process.communicate(timeout=600)
    assert process.returncode == 0, complaint
    summary = json.loads((tmp_path / told.splitlines()[-1].removeprefix("run: ") / "summary.json").read_text())
    assert summary["verified"] is True
    assert summary["status"] in ("limit", "optimal", "within_gap")


def test_a_table_without_rows_has_its_columns(planned):
    _, folder = planned
    for name, columns in COLUMNS.items():
        header = (folder / f"{name}.csv").read_text().splitlines()[0]
        assert tuple(header.split(",")) == columns
        assert tuple(as_frame([], columns).columns) == columns


@pytest.mark.slow
def test_a_plan_found_without_prices_is_explained_if_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "case=tiny", "solver.explain=true", "output.csv=true"]) == 0
    folder = find_run(tmp_path / "runs", "latest")
    told = {name: (folder / f"{name}.csv").read_text().splitlines() for name in ("sensitivities", "alternatives")}
    assert any(line.startswith("contracts,held,x_UnitPrice,") for line in told["sensitivities"])
    assert {line.split(",")[0] for line in told["alternatives"][1:]} >= {"chat@paris", "code@paris", "study"}
    assert "What moves the cost" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_two_solvers_agree_on_the_small_case(tmp_path, monkeypatch):
    """Each proves its plan to be optimal, and both cost the same."""
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "experiment=two_solvers_agree", "-m", "solver.backend=highs,cp_sat"]) == 0
    found = [json.loads((find_run(tmp_path / "runs", run) / "summary.json").read_text()) for run in run_ids(tmp_path / "runs")]
    assert sorted(run["solver"] for run in found) == ["exact/cp_sat", "exact/highs"]
    assert {run["status"] for run in found} == {"optimal"}
    assert found[0]["objective_usd"] == pytest.approx(found[1]["objective_usd"], rel=CP_SAT_AGAINST_HIGHS)
