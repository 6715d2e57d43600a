"""One folder per run, built under a temporary name and renamed when whole.

runs/
  20280103T060000.123Z-3fa91c/     a run, listed
  .building-20280103T070000...     one being made, or what a killed process left: never listed
  failed-20280103T080000...        the log of a run that an internal failure ended: never listed
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optimizer.errors import ConfigError, PlacementError, without_room
from optimizer.store.layout import check_layout
from optimizer.store.local_disk import check_local

OWNER_ONLY = 0o700
PLANNING = ("replan", "plan")  # jobs whose runs hold a plan to follow; a night starts from the first of them
RUN_ID = re.compile(r"^\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}$")


class RunFailed(PlacementError):
    """An internal failure ended a run; its log says where."""

    exit_code = 5

    def __init__(self, reason: str, log: Path) -> None:
        self.log = log
        super().__init__(f"Internal failure: {reason}. The traceback is in {log}")


@dataclass(frozen=True, kw_only=True)
class RunDraft:
    """A run being made."""

    run_id: str
    folder: Path  # temporary until the run is whole
    home: Path  # the folder of all runs

    def path(self, name: str) -> Path:
        return self.folder / name

    def log(self, text: str) -> None:
        """Adds a line with its UTC time to log.txt."""
        with self.path("log.txt").open("a") as log:
            log.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")


@contextmanager
def new_run(home: Path, *, now: datetime) -> Iterator[RunDraft]:
    """A draft to fill; it becomes a run when the block ends, and nothing when the block fails.

    Args:
      now: UTC time of the run's start, the first part of its id.

    Raises:
      ConfigError: the folder cannot be written.
      RunFailed: the block failed in a way that is not the user's to mend; the log is kept.
    """
    draft = _begin(home, now)
    try:
        yield draft
    except BaseException as error:
        _abandon(draft, error)
        raise
    os.rename(draft.folder, home / draft.run_id)


def unwritable(home: Path, error: OSError) -> ConfigError:
    """The error to tell where a folder of runs cannot be made or written."""
    got = f"{home} ({error.strerror or type(error).__name__})"
    return ConfigError("output.folder", "must be a folder that can be written", got, "Name another folder.")


def run_path(draft: RunDraft) -> Path:
    """Where the draft will lie, or lies, as a run."""
    return draft.home / draft.run_id


def _begin(home: Path, now: datetime) -> RunDraft:
    run_id = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"
    folder = home / f".building-{run_id}"
    check_local(home)
    try:
        home.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        folder.mkdir(mode=OWNER_ONLY)
    except OSError as error:
        raise unwritable(home, error) from error
    return RunDraft(run_id=run_id, folder=folder, home=home)


def _abandon(draft: RunDraft, error: BaseException) -> None:
    """Removes the draft. After an internal failure the log stays, beside the runs and not among them."""
    full = without_room(error, "output.folder", str(draft.home))
    if full is not None:
        shutil.rmtree(draft.folder)
        raise full from error
    internal = isinstance(error, Exception) and getattr(error, "exit_code", 5) == 5
    if not internal:
        shutil.rmtree(draft.folder)
        return
    draft.log(traceback.format_exc())
    kept = draft.home / f"failed-{draft.run_id}"
    kept.mkdir(mode=OWNER_ONLY)
    os.rename(draft.path("log.txt"), kept / "log.txt")
    shutil.rmtree(draft.folder)
    reason = str(error) if isinstance(error, PlacementError) else type(error).__name__
    raise RunFailed(reason, kept / "log.txt") from error


def run_ids(home: Path) -> tuple[str, ...]:
    """All whole runs, oldest first."""
    if not home.is_dir():
        return ()
    return tuple(sorted(path.name for path in home.iterdir() if RUN_ID.match(path.name) and (path / "summary.json").is_file()))


def find_run(home: Path, name: str, *, jobs: tuple[str, ...] = (), having: str | None = None) -> Path:
    """The folder of the run `latest`, `previous` or with this id; of the runs of some jobs, or of those that have a file, where named.

    Raises:
      ConfigError: there is no such run, or it is of another layout than this planner reads.
    """
    ids = tuple(run for run in run_ids(home) if not jobs or _job(home / run) in jobs)
    ids = ids if having is None else tuple(run for run in ids if (home / run / having).is_file())
    places = {"latest": ids[-1:], "previous": ids[-2:-1]}
    found = places.get(name, tuple(run for run in ids if run == name))
    if not found:
        listed = ", ".join(ids[-3:]) or "none"
        kind = f"a run of placement {' or '.join(jobs)}" if jobs else "a run"
        kind += "" if having is None else f" that has {having}"
        raise ConfigError("run", f"must be latest, previous or the id of {kind} in {home}", name, f"Last runs: {listed}.")
    check_layout(home / found[0])
    return home / found[0]


def _job(run: Path) -> str | None:
    try:
        job: str = json.loads((run / "summary.json").read_text())["job"]
    except (ValueError, KeyError):
        return None
    return job


def remove_run(run: Path) -> None:
    """Removes a run: it is off the list before the first of its files goes."""
    leaving = run.with_name(f".removing-{run.name}")
    os.rename(run, leaving)
    shutil.rmtree(leaving)


def leftovers(home: Path, before: datetime) -> tuple[Path, ...]:
    """What killed processes left: drafts and half-removed runs that nothing has written to since `before`."""
    if not home.is_dir():
        return ()
    left = [path for path in home.iterdir() if path.name.startswith((".building-", ".removing-"))]
    return tuple(sorted(path for path in left if path.stat().st_mtime < before.timestamp()))
