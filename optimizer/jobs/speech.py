"""How much a job says: everything, its last line only, or everything as JSON lines for programs."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from optimizer.errors import PlacementError
from optimizer.jobs.messages import message


class Speech(StrEnum):
    FULL = "full"
    QUIET = "--quiet"
    JSON = "--json"


RUN = "run: "  # how the line begins that names a run's folder
_speech: ContextVar[Speech] = ContextVar("speech", default=Speech.FULL)


def speech() -> Speech:
    """How much the job that runs says."""
    return _speech.get()


@contextmanager
def spoken(asked: Speech) -> Iterator[None]:
    """What a job prints within the block is said in the way asked for; a block that fails says nothing more."""
    if asked is Speech.FULL:
        yield
        return
    out, token = sys.stdout, _speech.set(asked)
    said: Lines | _Last = Lines(out) if asked is Speech.JSON else _Last()
    try:
        with redirect_stdout(said):
            yield
    finally:
        _speech.reset(token)
    said.end(out)


def event(out: TextIO, kind: str, **values: Any) -> None:
    """One JSON line; a figure that is not finite is null."""
    known = {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
    print(json.dumps({"event": kind} | known), file=out, flush=True)


def told(error: PlacementError, asked: Speech) -> int:
    """Says what is wrong, as an event where events are asked for; returns the exit code."""
    if asked is Speech.JSON:
        event(sys.stdout, "error", message=message(error, terminal=False), exit_code=error.exit_code)
    else:
        print(message(error, terminal=sys.stderr.isatty()), file=sys.stderr)
    return error.exit_code


class _Last(io.StringIO):
    """Keeps what is said and says its last line."""

    def end(self, out: TextIO) -> None:
        lines = self.getvalue().splitlines()
        if lines:
            print(lines[-1], file=out, flush=True)


class Lines(io.TextIOBase):
    """Every line an event; the one that names the run brings its summary with it."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._rest = out, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._say(line)
        return len(text)

    def event(self, kind: str, **values: Any) -> None:
        event(self._out, kind, **values)

    def end(self, out: TextIO) -> None:
        if self._rest:
            self._say(self._rest)

    def _say(self, line: str) -> None:
        summary = Path(line.removeprefix(RUN)) / "summary.json"
        if line.startswith(RUN) and summary.is_file():
            self.event("run", path=line.removeprefix(RUN), summary=json.loads(summary.read_text()))
        elif line:
            self.event("line", text=line)
