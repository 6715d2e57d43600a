from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from optimizer.errors import ConfigError, InfeasiblePlan, SolverFailure
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import RunDraft, RunFailed, find_run, new_run, run_ids, run_path

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2028, 1, 3, 6, 0, 0, 123_000, tzinfo=UTC)


def fill(draft: RunDraft) -> None:
    draft.path("summary.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION}))


def a_run(home: Path, now: datetime = NOW) -> str:
    with new_run(home, now=now) as draft:
        fill(draft)
    return draft.run_id


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_appears_when_it_is_whole(tmp_path):
    home = tmp_path / "runs"
    with new_run(home, now=NOW) as draft:
        fill(draft)
        assert run_ids(home) == ()
        assert not run_path(draft).exists()
    assert run_ids(home) == (draft.run_id,)
    assert draft.run_id.startswith("20280103T060000.123Z-")
    assert [path.name for path in home.iterdir()] == [draft.run_id]


def test_folders_are_for_their_owner_only(tmp_path):
    previous = os.umask(0)
    try:
        home = tmp_path / "runs"
        run = home / a_run(home)
    finally:
        os.umask(previous)
    assert (mode(home), mode(run)) == (0o700, 0o700)


def test_runs_of_one_moment_do_not_collide(tmp_path):
    assert len({a_run(tmp_path) for _ in range(5)}) == len(run_ids(tmp_path)) == 5


def test_latest_and_previous_are_read_off_the_list(tmp_path):
    first, second, third = (a_run(tmp_path, NOW + timedelta(minutes=minute)) for minute in (2, 0, 1))
    assert run_ids(tmp_path) == (second, third, first)
    assert find_run(tmp_path, "latest").name == first
    assert find_run(tmp_path, "previous").name == third
    assert find_run(tmp_path, second).name == second


@pytest.mark.parametrize("name", ["latest", "previous", "../secrets", "20280103T060000.123Z-000000"])
def test_a_run_that_is_not_there_is_an_error(tmp_path, name):
    with pytest.raises(ConfigError, match="run: must be latest, previous or the id of a run"):
        find_run(tmp_path / "absent", name)


def test_one_run_has_no_previous(tmp_path):
    a_run(tmp_path)
    with pytest.raises(ConfigError):
        find_run(tmp_path, "previous")


@pytest.mark.parametrize("error", [InfeasiblePlan(["a"]), KeyboardInterrupt(), ConfigError("a", "b", "c", "d")])
def test_a_run_that_the_user_must_mend_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)), new_run(tmp_path, now=NOW) as draft:
        fill(draft)
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "told"), [(ZeroDivisionError("secret"), "ZeroDivisionError"), (SolverFailure("does not verify"), "does not verify")]
)
def test_an_internal_failure_leaves_its_log_and_no_run(tmp_path, error, told):
    with pytest.raises(RunFailed) as caught, new_run(tmp_path, now=NOW) as draft:
        draft.log("reading")
        fill(draft)
        raise error
    assert caught.value.exit_code == 5
    assert str(caught.value) == f"Internal failure: {told}. The traceback is in {caught.value.log}"
    assert run_ids(tmp_path) == ()
    assert [path.name for path in tmp_path.iterdir()] == [f"failed-{draft.run_id}"]
    log = caught.value.log.read_text()
    assert "reading" in log
    assert "Traceback" in log
    assert str(error) in log


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, number):
    with pytest.raises(ConfigError, match=r"output\.folder: must have room for the run"), new_run(tmp_path, now=NOW) as draft:
        fill(draft)
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"output\.folder: must be a folder that can be written"), new_run(tmp_path / "file", now=NOW):
        pass


def test_killing_the_process_leaves_no_listed_run(tmp_path):
    script = (
        "import sys, time\nfrom datetime import UTC, datetime\nfrom pathlib import Path\nfrom optimizer.store.runs import new_run\n"
        "with new_run(Path(sys.argv[1]), now=datetime.now(UTC)) as draft:\n"
        "    draft.path('summary.json').write_text('{}')\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=120)
    assert run_ids(tmp_path) == ()
    assert len(list(tmp_path.iterdir())) == 1
    following = a_run(tmp_path)
    assert run_ids(tmp_path) == (following,)
