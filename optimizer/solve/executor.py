"""Many solves beside each other, through one interface: a pool of processes on this machine, or Ray on a cluster.

A task is a function of a module with arguments that can be pickled, and a key. Outcomes come in the order in which tasks end. A worker
that is lost is replaced, and its task done once more; a task that loses its worker twice has failed, alone.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from optimizer.errors import Cancelled, PlacementError, SolverFailure

RETRIES = 1  # of a task whose worker was lost
LOOK_S = 0.1  # between two looks at what was cancelled


@dataclass(frozen=True, kw_only=True)
class Task:
    """`work(**arguments)`, to be done by some worker; `work(shared, **arguments)` in a pool whose workers share something."""

    key: str  # unique among the tasks of a pool
    work: Callable[..., Any]  # of a module, so that it can be pickled
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a task ended: with a value, or with the failure that ended it."""

    key: str
    value: Any = None
    failure: Exception | None = None
    seconds: float = 0.0  # from when a worker began with it, or from when it was given to the cluster

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


class Lost(SolverFailure):
    """A worker ended before it answered."""


class Pool(ABC):
    """Does tasks and keeps count of them; how workers come by them is each kind's own. Leaving the `with` block stops what still runs."""

    def __init__(self, report: Callable[[Tally], None] | None) -> None:
        """
        Args:
          report: called when a task begins or ends.
        """
        self._report = report
        self._waiting: deque[Task] = deque()
        self._keys: set[str] = set()
        self._cancelled: set[str] = set()
        self._over = False
        self._done = self._failed = 0
        self._began = time.monotonic()

    def submit(self, task: Task) -> None:
        """Adds a task, also while outcomes are being read.

        Raises:
          ValueError: there is a task of that key.
        """
        if task.key in self._keys:
            raise ValueError(f"{task.key}: a pool has one task of each key")
        self._keys.add(task.key)
        self._waiting.append(task)
        if self._over:
            self._cancelled.add(task.key)

    def cancel(self, key: str | None = None) -> None:
        """Stops a task, or all, those submitted later too: each ends as `Cancelled`. For other threads and reports too."""
        if key is not None:
            self._cancelled.add(key)
            return
        self._over = True
        self._cancelled.update(tuple(self._keys))

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all tasks, as they end; further tasks may be submitted meanwhile."""
        while self._waiting or self._keys_running():
            self._dispatch()
            for outcome in self._ended():
                self._done += 1
                self._failed += outcome.failure is not None
                self._tell()
                yield outcome

    @abstractmethod
    def close(self) -> None:
        """Stops all workers at once, whatever they are doing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @abstractmethod
    def _keys_running(self) -> tuple[str, ...]:
        """Keys of the tasks that workers have."""

    @abstractmethod
    def _dispatch(self) -> None:
        """Gives waiting tasks to workers that have none."""

    @abstractmethod
    def _ended(self) -> Iterator[Outcome]:
        """What has ended by now, or within a short while, cancelled tasks with it."""

    def _drop_waiting(self) -> Iterator[Outcome]:
        """Waiting tasks that were cancelled."""
        for task in [task for task in self._waiting if task.key in self._cancelled]:
            self._waiting.remove(task)
            yield Outcome(key=task.key, failure=Cancelled(f"{task.key} was cancelled before it began"))

    def _tell(self) -> None:
        if self._report is not None:
            running, seconds = self._keys_running(), time.monotonic() - self._began
            self._report(Tally(done=self._done, failed=self._failed, waiting=len(self._waiting), running=running, seconds=seconds))


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Where solves are done."""

    workers: int = field(default_factory=lambda: len(cores()))  # at once
    ray: bool = False  # on a Ray cluster; else in processes of this machine
    address: str | None = None  # of the cluster's head; None: one on this machine, for as long as the pool is there

    def pool(self, most: int | None = None, *, report: Callable[[Tally], None] | None = None, shared: object = None) -> Pool:
        """
        Args:
          most: workers that there is work for; None: any number.
          report: called when a task begins or ends.
          shared: what every task begins with, sent to each worker once; in a process of this machine all tasks see the same object.

        Raises:
          ConfigError: Ray is not installed, or no cluster answers at the address.
        """
        workers = self.workers if most is None else max(1, min(self.workers, most))
        if self.ray:
            from optimizer.solve.ray_pool import RayPool

            return RayPool(workers, address=self.address, report=report, shared=shared)
        from optimizer.solve.process_pool import ProcessPool

        return ProcessPool(workers, report=report, shared=shared)


def cores() -> tuple[int, ...]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def done(task: Task, shared: object = None) -> tuple[Any, Exception | None]:
    """Does a task: its value, or its failure as one of this program's."""
    try:
        return task.work(*(() if shared is None else (shared,)), **task.arguments), None
    except PlacementError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - a task's failure is told to who asked for it, whatever it is
        return None, SolverFailure(f"{task.key}: {type(error).__name__}: {error}")
