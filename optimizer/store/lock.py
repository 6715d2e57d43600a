"""One writer at a time for each case.

The lock is the kernel's, on a file under `<runs>/.locks`: it goes with the process that holds it, however that
process ends, so there are no stale locks to break. A second file says who holds it and since when.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from optimizer.errors import PlacementError
from optimizer.store.local_disk import check_local
from optimizer.store.runs import OWNER_ONLY, unwritable


class LockHeld(PlacementError):
    """Another run writes for this case. Exit code 7."""

    exit_code = 7


@contextmanager
def sole_writer(home: Path, case: Path, *, job: str, now: datetime) -> Iterator[None]:
    """Holds the case's lock for the block.

    Args:
      home: folder of all runs.
      case: folder of the case's tables; its resolved path is what is locked.

    Raises:
      LockHeld: another process holds it; the message names it and its age.
      ConfigError: the folder of runs is on a network file system, or cannot be written.
    """
    check_local(home)
    locks, name = home / ".locks", _name(case)
    lock, owner = FileLock(locks / f"{name}.lock", timeout=0), locks / f"{name}.owner.json"
    try:
        locks.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LockHeld(_held(owner, case, now)) from None
    except OSError as error:
        raise unwritable(home, error) from error
    try:
        _write_owner(owner, job, now)
        yield
        owner.unlink(missing_ok=True)
    finally:
        lock.release()


def _name(case: Path) -> str:
    """Example: "frontier_lab-3fa91c0b" """
    place = case.resolve()
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', place.name)[:60]}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}"


def _write_owner(owner: Path, job: str, now: datetime) -> None:
    about = {"job": job, "process": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}
    draft = owner.with_suffix(".draft")
    draft.write_text(json.dumps(about) + "\n")
    os.replace(draft, owner)


def _held(owner: Path, case: Path, now: datetime) -> str:
    remedy = "Wait until it has ended, or stop it."
    try:
        about = json.loads(owner.read_text())
        age = now - datetime.fromisoformat(about["since"]).astimezone(UTC)
        who = f"placement {about['job']}, process {about['process']} on {about['host']}, for {_age(age.total_seconds())}"
    except (OSError, ValueError, KeyError):  # it has just begun, or just ended
        who = "a process that has not said yet who it is"
    return f"case {case.name}: one run at a time may write for a case; got a second while {who} holds the lock. {remedy}"


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
