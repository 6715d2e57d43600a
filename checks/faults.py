#!/usr/bin/env python3
"""What the nightly job leaves behind when it is killed, crowded out or short of disk: whole runs and nothing else.

    .venv/bin/python checks/faults.py [--kills 100] [--seed 0]

Needs the environment that run.py makes. Each fault is played on a copy of the case tiny;
100 kills took 24 minutes on two cores that much else shared.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from optimizer.store.catalogue import FILE, runs  # noqa: E402 - found beside this folder
from optimizer.store.inputs import kept_inputs  # noqa: E402
from optimizer.store.runs import run_ids  # noqa: E402
from optimizer.store.summary import read_summary  # noqa: E402
from optimizer.tables.catalog import case_folder  # noqa: E402
from optimizer.tables.written import written_rows  # noqa: E402

TABLES = ("placements", "commitments", "supply", "prices", "costs", "unit_costs", "changes", "alerts")
WORKER = "optimizer.solve.worker"
PATIENCE_S = 300
STOPS_S = 25
LIMITED = """\
import os, resource, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
os.execv(sys.argv[2], sys.argv[2:])
"""


SHIFTED = """\
import datetime, sys
from optimizer.__main__ import main
from optimizer.jobs import replan
hours = float(sys.argv[1])
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(hours=hours)
replan.datetime = Shifted
sys.exit(main(sys.argv[2:]))
"""


class Night:
    """A folder with a case and its runs, and the job that plans it."""

    def __init__(self, folder: Path) -> None:
        self.lab, self.home = folder / "lab", folder / "runs"
        shutil.copytree(case_folder("tiny"), self.lab)

    def start(self, *settings: str, largest_file: int | None = None, hours_ahead: float = 0.0) -> subprocess.Popen[str]:
        words = [f"case.path={self.lab}", f"output.folder={self.home}", "output.pictures=false", *settings]
        program = ["-c", SHIFTED, str(hours_ahead)] if hours_ahead else ["-m", "optimizer"]
        job = [sys.executable, *program, "replan", *words]
        return subprocess.Popen(
            job if largest_file is None else [sys.executable, "-c", LIMITED, str(largest_file), *job],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        told, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, told

    def plan(self, *settings: str) -> tuple[int, str]:
        return self.end(self.start(*settings))

    def check_whole(self) -> None:
        """Every run that is listed is whole, and the catalogue lists exactly these."""
        listed = run_ids(self.home)
        assert [record.run_id for record in runs(self.home)] == list(listed)
        for run in listed:
            folder = self.home / run
            assert read_summary(folder)["verified"] is True, run
            assert all(kept.is_file() for kept in kept_inputs(folder / "inputs").values()), run
            for table in TABLES:
                written_rows(folder / f"{table}.parquet")
            assert (folder / "report.html").read_text().endswith("</html>\n"), run

    def check_next(self) -> None:
        """The next night succeeds, however the last one ended."""
        code, told = self.plan()
        assert code == 0, told
        self.check_whole()


def killed(night: Night, rng: random.Random, kills: int) -> None:
    """SIGKILL of the job and its workers at random moments."""
    began = time.monotonic()
    assert night.plan()[0] == 0
    takes = time.monotonic() - began
    for number in range(kills):
        process = night.start()
        time.sleep(rng.uniform(0.0, takes))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)
        night.check_whole()
        if number % 10 == 9:
            night.check_next()
            print(f"  {number + 1} of {kills}, {time.monotonic() - began:.0f} s", flush=True)
    night.check_next()


def two_at_once(night: Night) -> None:
    """One plans, the other is told who does."""
    first = night.start()
    assert first.stdout is not None
    first.stdout.readline()  # it holds the lock by now
    first.send_signal(signal.SIGSTOP)  # and goes on holding it
    code, told = night.plan()
    first.send_signal(signal.SIGCONT)
    assert code == 7, told
    assert "placement replan, process" in told, told
    assert night.end(first)[0] == 0
    night.check_next()


def asked_to_stop(night: Night) -> None:
    """SIGTERM while it searches: within 25 s it has written the best plan so far, or says that there is none."""
    process = night.start("solver.relative_gap=0", "solver.time_limit_s=300")
    assert process.stdout is not None
    while not process.stdout.readline().startswith("progress: phase=surfaces"):
        assert process.poll() is None, night.end(process)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, told = night.end(process)
    seconds = time.monotonic() - began
    print(f"  exit code {code} after {seconds:.1f} s", flush=True)
    assert code in (0, 4, 8), told
    assert seconds < STOPS_S, seconds
    night.check_next()


def solver_killed(night: Night) -> None:
    """A worker dies: the job says so, and the last run stays."""
    process = night.start("steadiness.least_saving_share=0.0002")  # other rules than last night's, so that there is something to search
    for worker in iter(lambda: children(process.pid), None):
        if worker:
            os.kill(worker[0], signal.SIGKILL)
            break
        assert process.poll() is None, night.end(process)
        time.sleep(0.02)
    code, told = night.end(process)
    assert code in (0, 8), told
    assert "Traceback" not in told, told
    night.check_next()


def children(parent: int) -> list[int]:
    """Solver workers among a process's children."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            words = (status.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has ended
            continue
        if int(fields[1]) == parent and WORKER in words:
            found.append(int(status.parent.name))
    return found


def disk_full(night: Night) -> None:
    """Files cannot grow beyond 100 kB, as on a disk without room: no run, one line, exit code 2."""
    before = run_ids(night.home)
    code, told = night.end(night.start(largest_file=100_000))
    assert code == 2, told
    assert ": must have room for the run; got " in told, told
    assert run_ids(night.home) == before
    night.check_next()


def read_only(night: Night) -> None:
    """A store that cannot be written: a clear refusal; lists still work. Root may write into any folder, so for root it is mounted so."""
    root, home = os.geteuid() == 0, str(night.home)
    shut = [["mount", "--bind", home, home], ["mount", "-o", "remount,ro,bind", home]] if root else [["chmod", "500", home]]
    if any(subprocess.run(words, check=False).returncode for words in shut):
        print("  left out: the folder could not be made read-only")
        return
    try:
        code, told = night.plan()
        assert code == 2, told
        assert "Traceback" not in told, told
        assert [record.run_id for record in runs(night.home)] == list(run_ids(night.home))
    finally:
        subprocess.run(["umount", home] if root else ["chmod", "700", home], check=True)
    night.check_next()


def clock_jumped(night: Night) -> None:
    """A night two days ahead of the clock, then one behind it: both plan, and both are whole."""
    for hours in (48.0, -48.0):
        code, told = night.end(night.start(hours_ahead=hours))
        assert code == 0, told
        night.check_whole()
    night.check_next()


def stale_lock(night: Night) -> None:
    """An owner's file that a killed process left says nothing: the kernel has let go of the lock."""
    for owner in (night.home / ".locks").glob("*.lock"):
        owner.with_suffix(".owner.json").write_text('{"job": "replan", "process": 1, "host": "gone", "since": "2020-01-01T00:00:00+00:00"}')
    night.check_next()


def catalogue_lost(night: Night) -> None:
    """Deleted, or damaged: made again from the runs."""
    before = runs(night.home)
    for file in night.home.glob(f"{FILE}*"):
        file.unlink()
    assert runs(night.home) == before
    (night.home / FILE).write_bytes(b"\xff" * 5000)
    assert runs(night.home) == before
    night.check_next()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as scratch:
        night = Night(Path(scratch))
        faults = (two_at_once, asked_to_stop, solver_killed, disk_full, read_only, clock_jumped, stale_lock, catalogue_lost)
        print(f"killed {asked.kills} times", flush=True)
        killed(night, rng, asked.kills)
        for fault in faults:
            print(fault.__name__.replace("_", " "), flush=True)
            fault(night)
        print(f"{len(run_ids(night.home))} runs, all whole.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
