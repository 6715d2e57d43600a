from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from optimizer.errors import ConfigError
from optimizer.store import local_disk
from optimizer.store.catalogue import FILE, runs
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.local_disk import check_local, file_system
from optimizer.store.lock import LockHeld, sole_writer
from optimizer.store.marks import Approval, approve, pin, read_marks
from optimizer.store.retention import prunable
from optimizer.store.runs import leftovers, new_run, remove_run, run_ids
from optimizer.store.summary import KEYS, write_summary

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2028, 1, 3, 6, tzinfo=UTC)


def a_run(home: Path, *, at: datetime = NOW, job: str = "plan", case: str = "lab", objective_usd: float | None = 2.0) -> str:
    with new_run(home, now=at) as draft:
        about = {"schema_version": SCHEMA_VERSION, "run_id": draft.run_id, "job": job, "case": case}
        about |= {"as_of": "2028-01-03", "status": "optimal"}
        write_summary(
            dict.fromkeys(KEYS) | about | {"objective_usd": objective_usd, "seconds": 1.5, "verified": True}, draft.path("summary.json")
        )
    return draft.run_id


def ids(home: Path, **asked: str) -> list[str]:
    return [record.run_id for record in runs(home, **asked)]


def test_runs_are_listed_oldest_first_with_what_their_summaries_say(tmp_path):
    second, first = a_run(tmp_path, at=NOW + timedelta(hours=1), job="audit", objective_usd=None), a_run(tmp_path)
    assert ids(tmp_path) == [first, second]
    record = runs(tmp_path)[0]
    assert (record.job, record.case_name, record.objective_usd, record.verified, record.pinned) == ("plan", "lab", 2.0, True, False)
    assert ids(tmp_path, job="audit") == [second]
    assert ids(tmp_path, job="plan", case="elsewhere") == []
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_folder_without_runs_lists_none_and_stays_as_it_is(tmp_path):
    assert runs(tmp_path / "absent") == ()
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_bytes(b"not a database" * 100)])
def test_a_catalogue_that_is_lost_or_damaged_is_made_again(tmp_path, harm):
    run = a_run(tmp_path)
    approve(tmp_path / run, by="finance", now=NOW)
    before = runs(tmp_path)
    for beside in ("-wal", "-shm"):
        (tmp_path / f"{FILE}{beside}").unlink(missing_ok=True)
    harm(tmp_path / FILE)
    assert runs(tmp_path) == before
    assert before[0].approved_by == "finance"
    assert sqlite3.connect(tmp_path / FILE).execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_a_run_that_somebody_damaged_is_listed_without_figures(tmp_path):
    whole, damaged = a_run(tmp_path), a_run(tmp_path, at=NOW + timedelta(hours=1))
    (tmp_path / damaged / "summary.json").write_text('{"job": ')
    assert [(record.run_id, record.job) for record in runs(tmp_path)] == [(whole, "plan"), (damaged, None)]


def test_removed_runs_leave_the_list(tmp_path):
    gone, stays = a_run(tmp_path), a_run(tmp_path, at=NOW + timedelta(hours=1))
    assert ids(tmp_path) == [gone, stays]
    remove_run(tmp_path / gone)
    assert ids(tmp_path) == [stays]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [stays]


def test_marks_are_kept_beside_the_run_and_listed(tmp_path):
    run = a_run(tmp_path)
    assert not runs(tmp_path)[0].pinned
    pin(tmp_path / run, pinned=True)
    approve(tmp_path / run, by="planning", now=NOW)
    approve(tmp_path / run, by="finance", now=NOW + timedelta(days=1))
    assert read_marks(tmp_path / run).approvals == (
        Approval(by="planning", at="2028-01-03T06:00:00+00:00"),
        Approval(by="finance", at="2028-01-04T06:00:00+00:00"),
    )
    record = runs(tmp_path)[0]
    assert (record.pinned, record.approved_by, record.approved_at) == (True, "finance", "2028-01-04T06:00:00+00:00")
    pin(tmp_path / run, pinned=False)
    assert not runs(tmp_path)[0].pinned
    assert run_ids(tmp_path) == (run,)


def test_pruning_spares_young_newest_pinned_and_approved_runs(tmp_path):
    old = [a_run(tmp_path, at=NOW - timedelta(days=100 - day)) for day in range(5)]
    other = a_run(tmp_path, at=NOW - timedelta(days=100), job="audit")
    young = a_run(tmp_path, at=NOW - timedelta(days=1))
    pin(tmp_path / old[0], pinned=True)
    approve(tmp_path / old[1], by="finance", now=NOW)
    going = prunable(runs(tmp_path), now=NOW, older_than_days=30, keep=2)
    assert [record.run_id for record in going] == [old[2], old[3]]  # old[4] and young are the newest two of plan, other the newest of audit
    all_but_kept = prunable(runs(tmp_path), now=NOW, older_than_days=30, keep=0)
    assert [record.run_id for record in all_but_kept] == sorted([old[2], old[3], old[4], other])
    assert young not in {record.run_id for record in all_but_kept}


def test_only_drafts_that_nothing_writes_to_are_leftovers(tmp_path):
    draft = tmp_path / ".building-20280103T060000.123Z-000000"
    draft.mkdir()
    now = datetime.now(UTC)
    assert leftovers(tmp_path, now - timedelta(days=1)) == ()
    assert leftovers(tmp_path, now + timedelta(seconds=5)) == (draft,)


def test_many_processes_list_and_write_at_once(tmp_path):
    """Each writes five runs and lists after each: none fails, and every run is listed in the end."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom datetime import UTC, datetime\n"
        "from tests.store.test_catalogue import a_run, runs\nhome = Path(sys.argv[1])\n"
        "for _ in range(5):\n    run = a_run(home, at=datetime.now(UTC))\n    assert run in [record.run_id for record in runs(home)]\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert len(runs(tmp_path)) == 20
    assert ids(tmp_path) == list(run_ids(tmp_path))


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path):
    case = tmp_path / "lab"
    with sole_writer(tmp_path / "runs", case, job="replan", now=NOW):
        words = r"case lab: one run at a time .* placement replan, process \d+ on .*, for 90 s holds the lock"
        with (
            pytest.raises(LockHeld, match=words) as caught,
            sole_writer(tmp_path / "runs", case, job="replan", now=NOW + timedelta(seconds=90)),
        ):
            pass
        assert caught.value.exit_code == 7
        with sole_writer(tmp_path / "runs", tmp_path / "other" / "lab", job="replan", now=NOW):
            pass  # another case of the same name
    with sole_writer(tmp_path / "runs", case, job="replan", now=NOW):
        pass


def test_a_lock_goes_with_the_process_that_held_it(tmp_path):
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom datetime import UTC, datetime\nfrom optimizer.store.lock import sole_writer\n"
        "with sole_writer(Path(sys.argv[1]), Path('lab'), job='replan', now=datetime.now(UTC)):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockHeld), sole_writer(tmp_path, ROOT / "lab", job="replan", now=NOW):
            pass
        process.kill()
        process.wait(timeout=120)
    with sole_writer(tmp_path, ROOT / "lab", job="replan", now=NOW):
        owner = json.loads(next((tmp_path / ".locks").glob("*.owner.json")).read_text())
        assert owner["job"] == "replan"


MOUNTED = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:33 / /mnt/shared\\040disk rw,relatime shared:2 - nfs4 server:/export rw
41 22 0:34 / /mnt/shared rw,relatime - tmpfs tmpfs rw
"""


def test_network_file_systems_are_refused(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTED)
    assert file_system(Path("/mnt/shared disk/runs"), mounts) == "nfs4"
    assert file_system(Path("/mnt/shared/runs"), mounts) == "tmpfs"
    assert file_system(Path("/var/runs"), mounts) == "ext4"
    with pytest.raises(ConfigError, match=r"output\.folder: must be on local disk.*got /mnt/shared disk/runs \(nfs4\)"):
        check_local(Path("/mnt/shared disk/runs"), mounts)
    check_local(tmp_path, mounts)
    assert file_system(tmp_path, tmp_path / "absent") is None
    assert "ext4" not in local_disk.NETWORK
