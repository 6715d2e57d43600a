"""`python -m benchmarks`: arguments, errors in one line, rows that are kept."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import registry
from benchmarks.__main__ import main
from benchmarks.rows import AccuracyRow, ResultRow, Row, columns
from benchmarks.settings import AccuracySettings, argument, chosen, file_named, require

ROOT = Path(__file__).resolve().parents[2]
RESULT = "suite,case,size,solver,device,seconds,compile_seconds,status,objective,bound,gap,best_known,ratio,commit,versions"
ACCURACY = "suite,case,split,quantity,rows,median_ape,p90_ape,coverage_90,commit,versions,machine,seconds"


@dataclass(kw_only=True)
class TrialSettings(AccuracySettings):
    sizes: list[int] = argument((1, 2), "sizes to try")  # noqa: RUF009 - a field with a factory
    stop_after: int | None = argument(None, "stop after so many")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.sizes), "sizes", "must not be empty", self.sizes)


def run_trial(settings: TrialSettings) -> Iterator[Row]:
    file_named("fit", settings.fit)
    for case in chosen(settings, ["a", "b"]):
        for size in settings.sizes:
            if size == settings.stop_after:
                raise KeyboardInterrupt
            yield AccuracyRow(suite="trial", case=case, split=f"{size} rows", quantity="rtt", rows=size, median_ape=100 / 3, p90_ape=50.0)


@pytest.fixture
def trial(monkeypatch, tmp_path):
    """A suite that measures nothing and takes no time."""
    (tmp_path / "trial.py").write_text('"""Tries the command.\n\nMore.\n"""\n')
    (tmp_path / "_part.py").write_text('"""No suite."""\n')
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    monkeypatch.setattr(registry.Suite, "_module", lambda suite: SimpleNamespace(Settings=TrialSettings, run=run_trial))
    file = tmp_path / "measured.csv"
    file.write_text("")
    return file


def refused(capsys, *words: str) -> str:
    assert main(list(words)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return told.err.strip()


def test_help_imports_no_jax_and_names_every_suite():
    code = "import sys; from benchmarks.__main__ import main; main(['--help']); sys.exit('jax' in sys.modules or 'hydra' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for name, suite in registry.suites().items():
        assert suite.summary
        assert f"  {name} " in done.stdout


def test_every_suite_has_arguments_that_help_can_tell(capsys):
    for name in registry.suites():
        assert main([f"suite={name}", "--help"]) == 0
        assert "seed=0" in capsys.readouterr().out


def test_suites_are_the_public_modules(trial, capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert "trial  Tries the command." in told
    assert "_part" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["suite=nope"], "suite: must be one of trial; got nope. Write suite=NAME; see --help."),
        (["fit=x"], "suite: must be one of trial; got nothing. Write suite=NAME; see --help."),
        (["suite=trial", "suite=trial"], "suite: must be given once; got trial, trial. Run one suite at a time."),
        (["suite=trial"], "fit: must name a file; got nothing. Add fit=FILE; benchmarks/README.md says where its data comes from."),
        (["suite=trial", "fit=/no/such"], "fit: must be a file that is there; got /no/such. Correct the path."),
        (["suite=trial", "seed=abc"], "seed: must be a whole number; got abc. Correct the value."),
        (["suite=trial", "seed=-1"], "seed: must be >= 0; got -1. Correct the value."),
        (["suite=trial", "time_limit_s=0"], "time_limit_s: must be > 0 s, or null for none; got 0.0. Correct the value."),
        (["suite=trial", "sizes=[a]"], "sizes: must be a list of whole numbers, [1,2]; got [a]. Correct the value."),
        (["suite=trial", "sizes=[]"], "sizes: must not be empty; got []. Correct the value."),
        (["suite=trial", "cases=a"], "cases: must be a list, [a,b]; got a. Correct the value."),
        (["suite=trial", "seed=1,2"], "command line: must be one value; got seed=1,2. Put a list in brackets: key=[a,b]."),
        (["suite=trial", "+seed=1"], "command line: an argument can only be given a value; got +seed=1. Write key=value."),
        (["suite=trial", "~seed"], "command line: an argument can only be given a value; got ~seed. Write key=value."),
        (["suite=trial", "tset=x"], "tset=x: must be an argument of suite=trial; got tset. Nearest: test. See suite=trial --help."),
        (["suite=trial", "out=rows.txt"], "out: must end with .csv; got rows.txt. Name a CSV file."),
    ],
)
def test_one_line_says_what_was_wrong(trial, capsys, words, told):
    assert refused(capsys, *words) == told


def test_a_case_that_is_not_there(trial, capsys):
    assert refused(capsys, "suite=trial", f"fit={trial}", "cases=[a,c]") == "cases: must be among a, b; got c. Choose from them."


def test_rows_are_added_to_both_files(trial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for case in ("a", "b"):
        assert main(["suite=trial", f"fit={trial}", f"cases=[{case}]", "out=rows.csv"]) == 0
    with Path("rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["split"], row["median_ape"], row["coverage_90"]) for row in rows] == [
        (case, f"{size} rows", "33.3333333", "") for case in "ab" for size in (1, 2)
    ]
    assert all("numpy" in row["versions"] and row["machine"] for row in rows)
    kept = [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    assert [row["case"] for row in kept] == ["a", "a", "b", "b"]
    assert all(row["coverage_90"] is None and {"card", "driver", "machine"} <= row.keys() for row in kept)
    assert not Path("outputs").exists()


def test_rows_measured_before_a_stop_are_kept(trial, tmp_path, capsys):
    assert main(["suite=trial", f"fit={trial}", "stop_after=2", f"out={tmp_path}/rows.csv"]) == 4
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 2
    assert capsys.readouterr().err == "Stopped. Rows measured before are kept.\n"


def test_a_file_of_other_rows_is_left_alone(trial, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("name,price\n")
    assert main(["suite=trial", f"fit={trial}", f"out={other}"]) == 2
    assert "other.csv with name, price. Name another file." in capsys.readouterr().err
    assert other.read_text() == "name,price\n"


def test_columns_are_those_that_other_tools_read():
    assert ",".join(columns(ResultRow(suite="s", case="c", size="1", solver="x", seconds=1.0))) == RESULT
    accuracy = AccuracyRow(suite="s", case="c", split="", quantity="q", rows=1, median_ape=0.0, p90_ape=0.0)
    assert ",".join(columns(accuracy)) == ACCURACY
