"""Tasks that the tests of the pool give to its processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from optimizer.errors import InfeasiblePlan


def double(number: float, seconds: float = 0.0) -> float:
    time.sleep(seconds)
    return 2 * number


def refuse(conflict: str) -> None:
    raise InfeasiblePlan([conflict])


def stumble() -> float:
    return 1 / 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path) -> str:
    """Ends its worker where nobody has left the mark yet."""
    if mark.exists():
        return "done"
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


def cores_seen() -> tuple[set[int], bool]:
    """Cores that the process may use, and whether it ignores Ctrl-C."""
    return os.sched_getaffinity(0), signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def unsendable() -> Any:
    return lambda: None
