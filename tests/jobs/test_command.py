"""The command line as a user meets it: in a process of its own, from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.errors import ConfigError, DataError, InfeasiblePlan, Violation
from optimizer.jobs.catalog import JOBS
from optimizer.jobs.configs import job_keys
from optimizer.jobs.messages import HIDDEN, message
from optimizer.jobs.usage import keys

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("jax", "pandas", "ortools", "numpy", "hydra", "omegaconf", "rich", "pyarrow")


def placement(*words: str, folder: Path, program: tuple[str, ...] = ("-m", "optimizer")) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.run([sys.executable, *program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], *([job, "--help"] for job in JOBS)], ids=" ".join)
def test_help_imports_nothing_heavy(words, tmp_path):
    watch = (
        "import sys; from optimizer.__main__ import main; code = main(sys.argv[1:]); "
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = placement(*words, folder=tmp_path, program=("-c", watch))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_help_lists_the_jobs_that_there_are_and_no_others(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out.split("jobs:")[1].split("options:")[0]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "] == list(JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_the_help_of_a_job_has_every_key(job, capsys):
    assert main([job, "--help"]) == 0
    told = capsys.readouterr().out
    for key in keys(JOBS[job].settings):
        shown = f"  {key.name.removesuffix('.name')}=NAME" if key.name.endswith(".name") else f"  {key.name}="
        assert shown in told
    for key in job_keys(JOBS[job]):
        assert f"  {key.name}={key.default}" in told


def test_an_unknown_job_exits_2_and_lists_the_jobs(capsys):
    assert main(["nope"]) == 2
    assert f"got nope. Jobs: {', '.join(JOBS)}." in capsys.readouterr().err


def test_an_unknown_option_exits_2(capsys):
    assert main(["plan", "--fast"]) == 2
    assert "must be an option of placement; got --fast" in capsys.readouterr().err


def test_an_unknown_key_exits_2_without_a_traceback_or_a_file(tmp_path):
    done = placement("plan", "+solver.foo=1", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_exits_2_and_leaves_nothing(tmp_path):
    done = placement("plan", "case.path=no/such/folder", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("case.path: must be a folder of tables; got no/such/folder.")
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_failure_is_one_line_with_the_log(monkeypatch, capsys):
    def broken(settings: object) -> int:
        raise ZeroDivisionError("secret 3.14")

    monkeypatch.setattr("optimizer.jobs.check.run", broken)
    assert main(["check", "case=tiny"]) == 5
    told = capsys.readouterr().err
    assert told.startswith("Internal failure (ZeroDivisionError). The traceback is in ")
    assert told.count("\n") == 1
    log = Path(told.strip().split(" is in ")[1])
    assert "ZeroDivisionError: secret 3.14" in log.read_text()
    assert main(["check", "case=tiny", "--debug"]) == 5
    assert "Traceback" in capsys.readouterr().err


PRICE = Violation(where="offers.csv", rule="usd_per_accelerator_hour must be > 0 USD", got="-1.2", rows=("a",), remedy="Correct it.")
MISSING = Violation(where="offers.csv", rule="usd_per_accelerator_hour must be given in USD", got="nothing", rows=("b",))
HOURS = Violation(where="blocks.csv", rule="start_hour_utc must be an hour of the day", got="25", rows=("night",))


def test_prices_are_left_out_of_errors_away_from_a_terminal():
    error = DataError([PRICE, MISSING, HOURS])
    assert message(error, terminal=True) == str(error)
    told = message(error, terminal=False).splitlines()
    assert told[0] == f"offers.csv: usd_per_accelerator_hour must be > 0 USD; got {HIDDEN}. 1 row (first: a). Correct it."
    assert told[1:] == [str(MISSING), str(HOURS)]


def test_other_errors_read_the_same_everywhere():
    for error in (InfeasiblePlan(["contract a: its minimum in 2028-03"]), ConfigError("seed", "must be >= 0", -1, "Correct it.")):
        assert message(error, terminal=False) == str(error)


def test_a_reader_that_leaves_early_is_told_in_one_line(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "--help"],
        cwd=tmp_path,
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 5
    assert done.stderr == "Nobody reads the output any more. Runs that were written are kept.\n"
