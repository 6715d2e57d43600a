"""Workers as processes of this machine, which a fork server starts.

Every process keeps to its share of the cores, and does not see the terminal's Ctrl-C, which ends the pool in the process that waits. A
script that uses a pool stands under `if __name__ == "__main__":`, as with any pool of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType

from optimizer.errors import Cancelled, SolverFailure
from optimizer.solve.executor import RETRIES, Lost, Outcome, Tally, Task, cores, done

LOOK_S = 0.1  # between two looks at what was cancelled
GOODBYE_S = 5.0  # that a stopped process has to be gone


@dataclass
class _Seat:
    """One process of the pool and what it works on."""

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    began: float = 0.0


class ProcessPool:
    """A `Pool` of processes."""

    def __init__(self, processes: int, *, report: Callable[[Tally], None] | None = None, shared: object = None) -> None:
        """
        Args:
          processes: at once; each may use its share of the cores that this process may use.
          report: called when a task begins or ends.
          shared: what every task begins with, sent to each process once; the same object in all tasks of a process.
        """
        self._shared = shared
        self._context = multiprocessing.get_context("forkserver")
        self._seats: list[_Seat | None] = [None] * processes
        self._report = report
        self._waiting: deque[Task] = deque()
        self._keys: set[str] = set()
        self._cancelled: set[str] = set()
        self._losses: Counter[str] = Counter()  # of workers, by task
        self._done = self._failed = 0
        self._began = time.monotonic()

    def submit(self, task: Task) -> None:
        if task.key in self._keys:
            raise ValueError(f"{task.key}: a pool has one task of each key")
        self._keys.add(task.key)
        self._waiting.append(task)

    def cancel(self, key: str | None = None) -> None:
        self._cancelled |= set(self._keys) if key is None else {key}

    def outcomes(self) -> Iterator[Outcome]:
        while self._waiting or self._running():
            self._dispatch()
            for outcome in self._ended():
                self._done += 1
                self._failed += outcome.failure is not None
                self._tell()
                yield outcome

    def close(self) -> None:
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
        return [(place, seat) for place, seat in enumerate(self._seats) if seat is not None and seat.task is not None]

    def _dispatch(self) -> None:
        """Gives waiting tasks to processes that have none."""
        for place in range(len(self._seats)):
            if not self._waiting:
                return
            seat = self._seats[place] or self._start(place)
            self._seats[place] = seat
            if seat.task is None:
                _send(seat, self._waiting[0])
                seat.task, seat.began = self._waiting.popleft(), time.monotonic()
                self._tell()

    def _start(self, place: int) -> _Seat:
        here, there = self._context.Pipe()
        own_cores = share_of_cores(place, len(self._seats))
        process = self._context.Process(target=_serve, args=(there, own_cores, self._shared), daemon=True)
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
            if seat.task is not None and (seat.pipe in ready or seat.process.sentinel in ready):
                yield from self._answer(place, seat, seat.task)

    def _answer(self, place: int, seat: _Seat, task: Task) -> Iterator[Outcome]:
        """The outcome of a task whose process has answered or is gone; none where the task is to be done again."""
        seconds = time.monotonic() - seat.began
        try:
            value, failure = seat.pipe.recv() if seat.pipe.poll() else (None, _lost(seat, task))
        except (EOFError, OSError):
            value, failure = None, _lost(seat, task)
        seat.task = None
        if not seat.process.is_alive() or isinstance(failure, Lost):
            self._empty(place)
        self._losses[task.key] += isinstance(failure, Lost)
        if isinstance(failure, Lost) and self._losses[task.key] <= RETRIES:
            self._waiting.appendleft(task)
        else:
            yield Outcome(key=task.key, value=value, failure=failure, seconds=seconds)

    def _drop_cancelled(self) -> Iterator[Outcome]:
        dropped = [task for task in self._waiting if task.key in self._cancelled]
        for task in dropped:
            self._waiting.remove(task)
            yield Outcome(key=task.key, failure=Cancelled(f"{task.key} was cancelled before it began"))
        for place, seat in self._running():
            if seat.task is not None and seat.task.key in self._cancelled:
                self._empty(place)
                failure = Cancelled(f"{seat.task.key} was cancelled")
                yield Outcome(key=seat.task.key, failure=failure, seconds=time.monotonic() - seat.began)

    def _empty(self, place: int) -> None:
        seat = self._seats[place]
        self._seats[place] = None
        if seat is not None:
            seat.process.kill()
            seat.process.join(GOODBYE_S)
            seat.pipe.close()

    def _tell(self) -> None:
        if self._report is not None:
            running = tuple(seat.task.key for _, seat in self._running() if seat.task is not None)
            seconds = time.monotonic() - self._began
            self._report(Tally(done=self._done, failed=self._failed, waiting=len(self._waiting), running=running, seconds=seconds))


def share_of_cores(place: int, processes: int) -> tuple[int, ...]:
    """Cores of one process of several: each core is one process's, as far as there are enough."""
    free = cores()
    return free[place::processes] or (free[place % len(free)],)


def _send(seat: _Seat, task: Task) -> None:
    """A process that is gone is noticed when its answer is awaited."""
    with suppress(BrokenPipeError, ConnectionResetError):
        seat.pipe.send(task)


def _lost(seat: _Seat, task: Task) -> Lost:
    seat.process.join(GOODBYE_S)
    code = seat.process.exitcode
    return Lost(f"{task.key}: its process ended before it answered (exit code {code}); it may have run out of memory")


def _serve(pipe: Connection, own_cores: tuple[int, ...], shared: object) -> None:
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
        answer = done(task, shared)
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - pickling may fail in any way
            pipe.send((None, SolverFailure(f"{task.key}: its answer cannot be sent: {error}")))
