"""Workers as processes of this machine, which a fork server starts.

Every process keeps to its share of the cores, and does not see the terminal's Ctrl-C, which ends the pool in the process that waits. A
script that uses a pool stands under `if __name__ == "__main__":`, as with any pool of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from optimizer.errors import Cancelled, SolverFailure
from optimizer.solve.executor import LOOK_S, RETRIES, Lost, Outcome, Pool, Tally, Task, cores, done

GOODBYE_S = 5.0  # that a stopped process has to be gone


@dataclass
class _Seat:
    """One process of the pool and what it works on."""

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    began: float = 0.0


class ProcessPool(Pool):
    """A `Pool` of processes."""

    def __init__(self, processes: int, *, report: Callable[[Tally], None] | None = None, shared: object = None) -> None:
        """
        Args:
          processes: at once; each may use its share of the cores that this process may use.
          report: called when a task begins or ends.
          shared: what every task begins with, sent to each process once; the same object in all tasks of a process.
        """
        super().__init__(report)
        self._shared = shared
        self._context = multiprocessing.get_context("forkserver")
        self._seats: list[_Seat | None] = [None] * processes
        self._losses: Counter[str] = Counter()  # of workers, by task

    def close(self) -> None:
        self._waiting.clear()
        for place in range(len(self._seats)):
            self._empty(place)

    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that are there."""
        return tuple(seat.process.pid or 0 for seat in self._seats if seat is not None)

    # ---- inside

    def _running(self) -> list[tuple[int, _Seat]]:
        return [(place, seat) for place, seat in enumerate(self._seats) if seat is not None and seat.task is not None]

    def _keys_running(self) -> tuple[str, ...]:
        return tuple(seat.task.key for _, seat in self._running() if seat.task is not None)

    def _dispatch(self) -> None:
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
        yield from self._drop_waiting()
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
