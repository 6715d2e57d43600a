"""Solver calls in a process of their own, so that they run beside each other and an interrupt never waits for one.

A worker holds one subject (a program, a problem) and answers requests about it in order. Started as a module of its own, it needs no
`if __name__ == "__main__"` in a user's script and, in a session of its own, does not see the terminal's Ctrl-C. It ends with the
process that started it. Processes may be started before there is a subject (`ready`), as they import for a second or more. Where one core
is all there is, `InTurn` answers in the process that asks.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, BinaryIO, Generic, TypeVar, cast

from optimizer.errors import PlacementError, SolverFailure

Answer = TypeVar("Answer")
BEHIND = 10  # niceness: about a ninth of a core that others want
PREPARES = "compile_ahead"  # a function of a module that its process calls before there is a subject
LOOK_S = 1.0  # between two looks at whether the parent is still there
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # in what JAX says of a device


class Worker(Generic[Answer]):
    """One child process that answers `work(subject, **options)`; `work` is a function of a module."""

    def __init__(self, work: Callable[..., Answer], subject: object, *, behind: bool = False) -> None:
        """
        Args:
          behind: the child leaves the processor to others where there are not enough cores for all.
        """
        self._module = work.__module__
        self._child = _ready.pop(self._module) if self._module in _ready else _Child()
        self._sent = self._child.thread.submit(self._child.send, (work, subject, behind))

    def ask(self, **options: Any) -> Future[Answer]:
        """`work(subject, **options)`, in the child."""
        return self._child.thread.submit(self._answer, options)

    def close(self) -> None:
        """Stops the child at once, whatever it is doing."""
        self._child.kill()

    def leave(self) -> None:
        """Nobody waits any more; what the child does may go on until the block of `ready` ends, and what it compiles by then is kept."""
        if _left is None:
            self.close()
        else:
            _left.append(self._child)

    def pass_on(self) -> None:
        """Within a block of `ready`, the next worker with work of the same module takes the child, with the kernels that it has
        compiled, once it has answered what was asked; elsewhere the child is stopped."""
        if _left is None or self._module in _ready:
            self.close()
        else:
            _ready[self._module] = self._child

    def __enter__(self) -> Worker[Answer]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _answer(self, options: dict[str, Any]) -> Answer:
        try:
            self._sent.result()
            self._child.send(options)
            answer = pickle.load(cast(BinaryIO, self._child.process.stdout))
        except (EOFError, BrokenPipeError) as error:
            raise SolverFailure("the solver's process ended before it answered; it may have run out of memory") from error
        if isinstance(answer, PlacementError):
            raise answer
        return cast(Answer, answer)


class _Child:
    """A process that has imported some modules, and the thread that talks with it."""

    def __init__(self, *modules: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "optimizer.solve.worker", *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.thread = ThreadPoolExecutor(max_workers=1)

    def send(self, message: object) -> None:
        pickle.dump(message, cast(BinaryIO, self.process.stdin), protocol=pickle.HIGHEST_PROTOCOL)
        cast(BinaryIO, self.process.stdin).flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.thread.shutdown(cancel_futures=True)
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                cast(BinaryIO, pipe).close()


_ready: dict[str, _Child] = {}  # by the module whose work each is for
_left: list[_Child] | None = None  # None outside of `ready`


@contextmanager
def ready(*modules: str) -> Iterator[None]:
    """Processes that import these modules beside what goes on; the first worker that is to do a module's work takes its process.

    Those that nobody has taken by the end are ended, and so are those that were left or passed on.
    """
    global _left
    _left = []
    _ready.update({module: _Child(module) for module in modules})
    try:
        yield
    finally:
        for child in (*_left, *_ready.values()):
            child.kill()
        _ready.clear()
        _left = None


class InTurn(Generic[Answer]):
    """What `Worker` does, without a process of its own: it answers when it is asked, before anything else goes on."""

    def __init__(self, work: Callable[..., Answer], subject: object) -> None:
        self._work, self._subject = work, subject

    def ask(self, **options: Any) -> Future[Answer]:
        answer: Future[Answer] = Future()
        try:
            answer.set_result(self._work(self._subject, **options))
        except PlacementError as error:
            answer.set_exception(error)
        return answer

    def close(self) -> None:
        """There is nothing to stop."""

    def leave(self) -> None:
        """Nor to go on."""

    def pass_on(self) -> None:
        """Nor to pass on."""

    def __enter__(self) -> InTurn[Answer]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Reads what to do and the subject, then requests, and so again where another follows, until the other side closes."""
    work, subject = None, None
    while True:
        try:
            message = pickle.load(requests)
        except EOFError:
            return
        if isinstance(message, dict):
            answers.write(_answered(work, subject, message))
            answers.flush()
        else:
            work, subject, behind = message
            if behind and hasattr(os, "nice"):
                os.nice(BEHIND)


def _answered(work: Any, subject: object, options: dict[str, Any]) -> bytes:
    """An answer, or the error that whoever asked is to raise."""
    try:
        return pickle.dumps(work(subject, **options), protocol=pickle.HIGHEST_PROTOCOL)
    except PlacementError as error:
        return pickle.dumps(error)
    except Exception as error:  # noqa: BLE001 - an error of ours: it is told in short, and the log keeps where it came from
        told = f"{type(error).__name__}: {str(error).partition(os.linesep)[0]}"
        full = isinstance(error, MemoryError) or OUT_OF_MEMORY in told
        failure = SolverFailure(f"the solver's process ran out of memory ({told})" if full else f"the solver's process failed ({told})")
        failure.add_note(traceback.format_exc())
        return pickle.dumps(failure)


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent, even in the middle of a solve."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what a solver prints must not get between the answers
    for module in sys.argv[1:]:
        getattr(importlib.import_module(module), PREPARES, bool)()
    serve(sys.stdin.buffer, pipe)
