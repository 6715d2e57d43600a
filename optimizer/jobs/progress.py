"""How far a job is: a bar on a terminal, a plain line now and then elsewhere, events for programs, everything in the log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from optimizer.jobs.speech import Lines, Speech, speech
from optimizer.report.wording import gap_text, large_money
from optimizer.solve.search import Progress

SECONDS_BETWEEN_LINES = 5.0
BAR = 24  # columns
REDRAWN = 4  # times a second

Report = Callable[[Progress], None]


@contextmanager
def shown_progress(log: Callable[[str], None]) -> Iterator[Report]:
    """A function to call with each step: one line with a bar on a terminal; elsewhere, and in the log, a line now and then."""
    console = Console(stderr=True, markup=False, highlight=False)
    if speech() is not Speech.FULL:
        yield _now_and_then(log, _event)
    elif not console.is_terminal:
        yield _now_and_then(log, _plain_line)
    else:
        line, logged = _Line(), _now_and_then(log)
        with Live(line, console=console, transient=True, refresh_per_second=REDRAWN):

            def show(step: Progress) -> None:
                logged(step)
                line.tell(step)

            yield show


def phases(report: Report, began: float) -> Callable[[str], None]:
    """Tells of steps of a job by their names.

    Args:
      began: when the job did, on the monotonic clock.
    """
    return lambda phase: report(Progress(phase=phase, seconds=time.monotonic() - began))


class _Line:
    """The last step told, its clock going on while nothing new is told."""

    def __init__(self) -> None:
        self.step, self.at = Progress(phase="start", seconds=0.0), time.monotonic()

    def tell(self, step: Progress) -> None:
        self.step, self.at = step, time.monotonic()

    def __rich__(self) -> RenderableType:
        since = time.monotonic() - self.at
        share = progress_share(self.step, since)
        bar = ProgressBar(total=1.0, completed=share or 0.0, width=BAR, pulse=share is None)
        line = Table.grid(padding=(0, 2))
        line.add_column(no_wrap=True, min_width=10)
        line.add_column(width=BAR)
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(phase_text(self.step), bar, Text(progress_text(self.step, since), no_wrap=True, overflow="ellipsis"))
        return line


def _now_and_then(log: Callable[[str], None], tell: Report | None = None) -> Report:
    """The first step of each phase, and of the others one in SECONDS_BETWEEN_LINES: a search takes many thousands."""
    seen: set[str] = set()
    told = 0.0

    def show(step: Progress) -> None:
        nonlocal told
        if step.phase in seen and step.seconds - told < SECONDS_BETWEEN_LINES:
            return
        seen.add(step.phase)
        told = step.seconds
        log(progress_fields(step))
        if tell is not None:
            tell(step)

    return show


def _event(step: Progress) -> None:
    if isinstance(sys.stdout, Lines):  # where the job says events
        sys.stdout.event("progress", **asdict(step))


def _plain_line(step: Progress) -> None:
    print(f"progress: {progress_fields(step)}", file=sys.stderr, flush=True)


def progress_share(step: Progress, since: float = 0.0) -> float | None:
    """How much of a phase is done, from 0 to 1: of its parts, or of its time; None where neither is known.

    Args:
      since: seconds since the step was told.
    """
    if step.of:
        return step.done / step.of
    return min(1.0, (step.seconds + since) / step.limit_s) if step.limit_s else None


def phase_text(step: Progress) -> str:
    return f"{step.phase} {step.done}/{step.of}" if step.of else step.phase


def progress_text(step: Progress, since: float = 0.0) -> str:
    """Example:   12 s   best 1.23 bn USD   bound 1.20 bn USD   gap 2.8 %"""
    parts = [f"{step.seconds + since:>4.0f} s"]
    for name, value in (("best", step.incumbent_usd), ("bound", step.bound_usd)):
        if value is not None:
            parts.append(f"{name} {large_money(value)}")
    if step.gap is not None:
        parts.append(f"gap {gap_text(step.gap)}")
    return "   ".join(parts)


def progress_fields(step: Progress) -> str:
    fields = [f"phase={step.phase}", *([f"done={step.done}/{step.of}"] if step.of else []), f"seconds={step.seconds:.1f}"]
    named = {"incumbent_usd": step.incumbent_usd, "bound_usd": step.bound_usd, "gap": step.gap}
    return " ".join(fields + [f"{name}={value!r}" for name, value in named.items() if value is not None])
