"""Many solves beside each other, through one interface: a pool of processes that a fork server starts.

A task is a function of a module with arguments that can be pickled, and a key. Outcomes come in the order in which tasks end. A
process that is lost fails its own task alone and is replaced. Every process keeps to its share of the cores, and does not see the
terminal's Ctrl-C, which ends the pool in the process that waits. A script that uses a pool stands under
`if __name__ == "__main__":`, as with any pool of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from optimizer.errors import Cancelled, PlacementError, SolverFailure

LOOK_S = 0.1  # between two looks at what was cancelled
GOODBYE_S = 5.0  # that a stopped process has to be gone


@dataclass(frozen=True, kw_only=True)
class Task:
    """`work(**arguments)`, to be done in some process."""

    key: str  # unique among the tasks of a pool
    work: Callable[..., Any]  # of a module, so that it can be pickled
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a task ended: with a value, or with the failure that ended it."""

    key: str
    value: Any = None
    failure: Exception | None = None
    seconds: float = 0.0  # from when a process began with it

    def result(self) -> Any:
        """The value.

        Raises:
          the failure, where there is one.
        """
        if self.failure is not None:
            raise self.failure
        return self.value


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Where a pool stands."""

    done: int
    failed: int  # of those done
    waiting: int
    running: tuple[str, ...]  # keys
    seconds: float


@dataclass
class _Seat:
    """One process of the pool and what it works on."""

    process: BaseProcess
    pipe: Connection
    key: str | None = None
    began: float = 0.0


class ProcessPool:
    """Does tasks in `processes` processes. Leaving the `with` block stops what still runs."""

    def __init__(self, processes: int, *, report: Callable[[Tally], None] | None = None) -> None:
        """
        Args:
          processes: at once; each may use its share of the cores that this process may use.
          report: called when a task begins or ends.
        """
        self._context = multiprocessing.get_context("forkserver")
        self._seats: list[_Seat | None] = [None] * processes
        self._report = report
        self._waiting: deque[Task] = deque()
        self._keys: set[str] = set()
        self._cancelled: set[str] = set()
        self._done = self._failed = 0
        self._began = time.monotonic()

    def submit(self, task: Task) -> None:
        """Adds a task, also while outcomes are being read."""
        if task.key in self._keys:
            raise ValueError(f"{task.key}: a pool has one task of each key")
        self._keys.add(task.key)
        self._waiting.append(task)

    def cancel(self, key: str | None = None) -> None:
        """Stops a task, or all there are: each ends as `Cancelled`. It may be called from another thread or from `report`."""
        self._cancelled |= set(self._keys) if key is None else {key}

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all tasks, as they end; further tasks may be submitted meanwhile."""
        while self._waiting or self._running():
            self._dispatch()
            for outcome in self._ended():
                self._done += 1
                self._failed += outcome.failure is not None
                self._tell()
                yield outcome

    def close(self) -> None:
        """Stops all processes at once, whatever they are doing."""
        self._waiting.clear()
        for place in range(len(self._seats)):
            self._empty(place)

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that are there."""
        return tuple(seat.process.pid or 0 for seat in self._seats if seat is not None)

    # ---- inside

    def _running(self) -> list[tuple[int, _Seat]]:
        return [(place, seat) for place, seat in enumerate(self._seats) if seat is not None and seat.key is not None]

    def _dispatch(self) -> None:
        """Gives waiting tasks to processes that have none."""
        for place in range(len(self._seats)):
            if not self._waiting:
                return
            seat = self._seats[place] or self._start(place)
            self._seats[place] = seat
            if seat.key is None:
                _send(seat, self._waiting[0])
                seat.key, seat.began = self._waiting.popleft().key, time.monotonic()
                self._tell()

    def _start(self, place: int) -> _Seat:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, share_of_cores(place, len(self._seats))), daemon=True)
        process.start()
        there.close()  # so that the end of the process is the end of the pipe
        return _Seat(process, here)

    def _ended(self) -> Iterator[Outcome]:
        """What has ended by now, or within a short while."""
        yield from self._drop_cancelled()
        running = self._running()
        signs = [sign for _, seat in running for sign in (seat.pipe, seat.process.sentinel)]
        ready = wait(signs, timeout=LOOK_S) if signs else []
        for place, seat in running:
            if seat.pipe in ready or seat.process.sentinel in ready:
                yield self._answer(place, seat)

    def _answer(self, place: int, seat: _Seat) -> Outcome:
        key, seconds = str(seat.key), time.monotonic() - seat.began
        try:
            value, failure = seat.pipe.recv() if seat.pipe.poll() else (None, _lost(seat))
        except (EOFError, OSError):
            value, failure = None, _lost(seat)
        seat.key = None
        if not seat.process.is_alive() or isinstance(failure, Lost):
            self._empty(place)
        return Outcome(key=key, value=value, failure=failure, seconds=seconds)

    def _drop_cancelled(self) -> Iterator[Outcome]:
        dropped = [task for task in self._waiting if task.key in self._cancelled]
        for task in dropped:
            self._waiting.remove(task)
            yield Outcome(key=task.key, failure=Cancelled(f"{task.key} was cancelled before it began"))
        for place, seat in self._running():
            if seat.key in self._cancelled:
                self._empty(place)
                yield Outcome(key=seat.key, failure=Cancelled(f"{seat.key} was cancelled"), seconds=time.monotonic() - seat.began)

    def _empty(self, place: int) -> None:
        seat = self._seats[place]
        self._seats[place] = None
        if seat is not None:
            seat.process.kill()
            seat.process.join(GOODBYE_S)
            seat.pipe.close()

    def _tell(self) -> None:
        if self._report is not None:
            running = tuple(str(seat.key) for _, seat in self._running())
            seconds = time.monotonic() - self._began
            self._report(Tally(done=self._done, failed=self._failed, waiting=len(self._waiting), running=running, seconds=seconds))


class Lost(SolverFailure):
    """A process ended before it answered."""


def cores() -> tuple[int, ...]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def share_of_cores(place: int, processes: int) -> tuple[int, ...]:
    """Cores of one process of several: each core is one process's, as far as there are enough."""
    free = cores()
    return free[place::processes] or (free[place % len(free)],)


def _send(seat: _Seat, task: Task) -> None:
    """A process that is gone is noticed when its answer is awaited."""
    with suppress(BrokenPipeError, ConnectionResetError):
        seat.pipe.send(task)


def _lost(seat: _Seat) -> Lost:
    seat.process.join(GOODBYE_S)
    code = seat.process.exitcode
    return Lost(f"{seat.key}: its process ended before it answered (exit code {code}); it may have run out of memory")


def _serve(pipe: Connection, own_cores: tuple[int, ...]) -> None:
    """Does tasks until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, own_cores)  # threads of JAX and of solvers are as many as there are cores
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes may share one card
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        answer = _done(task)
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - pickling may fail in any way
            pipe.send((None, SolverFailure(f"{task.key}: its answer cannot be sent: {error}")))


def _done(task: Task) -> tuple[Any, Exception | None]:
    try:
        return task.work(**task.arguments), None
    except PlacementError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - a task's failure is told to who asked for it, whatever it is
        return None, SolverFailure(f"{task.key}: {type(error).__name__}: {error}")
