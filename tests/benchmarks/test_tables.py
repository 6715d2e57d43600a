"""The tables of benchmarks/results: runs of their own, kept where they end well, with a page over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.__main__ import main
from benchmarks.registry import suites
from benchmarks.rows import SURROUNDINGS

HELP = "suite=start_up cases=[help] repeats=1"


def test_rows_are_kept_under_what_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "RUNS", {"start_up": HELP, "gap": "suite=gap path=DATA"})
    (tmp_path / "start_up.csv").write_text("of an earlier run")
    assert main(["tables", f"out={tmp_path}"]) == 0
    row = json.loads((tmp_path / "start_up.jsonl").read_text())
    assert set(SURROUNDINGS) <= set(row)
    assert (tmp_path / "start_up.csv").read_text().startswith("suite,case,")
    page = (tmp_path / "README.md").read_text()
    assert f"    python -m benchmarks {HELP}" in page
    assert f"commit {row['commit']}, {row['date']}; load average before: {row['load_before']}" in page
    assert "| case | solver | device | seconds | status |" in page
    assert "gap" not in page


def test_a_run_that_fails_leaves_the_table_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(tables, "RUNS", {"start_up": "suite=start_up cases=[nope]"})
    (tmp_path / "start_up.csv").write_text("of an earlier run")
    assert main(["tables", f"out={tmp_path}"]) == 2
    assert (tmp_path / "start_up.csv").read_text() == "of an earlier run"
    assert capsys.readouterr().err.splitlines()[-1].startswith("tables: every run must end with exit code 0; got start_up.")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "out: must name a folder; got nothing."),
        (["out=/no/such"], "out: must be a folder that is there; got /no/such."),
        (["out=.", "only=nope"], "only: must be among serving_accuracy,"),
        (["out=.", "only=gap"], "data: must name the folder of data for gap; got nothing. Add data=FOLDER."),
        (["out=.", "repeats=0"], "repeats: must be a whole number >= 1; got 0."),
        (["out=.", "seed=1"], "tables: must be given out, data, only and repeats alone; got seed."),
    ],
)
def test_one_line_says_what_was_wrong(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", *words]) == 2
    assert capsys.readouterr().err.startswith(told)


def test_tables_name_suites_that_exist() -> None:
    named = {word.removeprefix("suite=") for run in tables.RUNS.values() for word in run.split() if word.startswith("suite=")}
    assert named <= set(suites())
