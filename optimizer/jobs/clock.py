"""When the job that runs began: with the program, before anything heavy was imported; in a sweep each with itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_began: ContextVar[float | None] = ContextVar("began", default=None)


def began() -> float:
    """`time.monotonic()` at the beginning of the job; now, where nobody has said when that was."""
    known = _began.get()
    return time.monotonic() if known is None else known


@contextmanager
def counted_from(moment: float) -> Iterator[None]:
    """A job within the block began at that `time.monotonic()`."""
    token = _began.set(moment)
    try:
        yield
    finally:
        _began.reset(token)
