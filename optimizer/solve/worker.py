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
THREADS = "NPROC"  # how many JAX has on a processor, in the environment where it is first asked for a device
LOOK_S = 1.0  # between two looks at whether the parent is still there
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # in what JAX says of a device


class Worker(Generic[Answer]):
    """One child process that answers `work(subject, **options)`; `work` is a function of a module."""

    def __init__(self, work: Callable[..., Answer], subject: object, *, alone: bool = False) -> None:
        """
        Args:
          alone: JAX has one thread in the child: what is many small kernels, one after another, is as soon done on half the processor time.
        """
        self._process = _ready.pop(work.__module__) if work.__module__ in _ready else _process()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._sent = self._thread.submit(self._send, (work, subject, alone))

    def ask(self, **options: Any) -> Future[Answer]:
        """`work(subject, **options)`, in the child."""
        return self._thread.submit(self._answer, options)

    def close(self) -> None:
        """Stops the child at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._thread.shutdown(cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                cast(BinaryIO, pipe).close()

    def leave(self) -> None:
        """Nobody waits any more; what the child does may go on until the block of `ready` ends, and what it compiles by then is kept."""
        if _left is None:
            self.close()
        else:
            _left.append(self)

    def __enter__(self) -> Worker[Answer]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _send(self, message: object) -> None:
        pickle.dump(message, cast(BinaryIO, self._process.stdin), protocol=pickle.HIGHEST_PROTOCOL)
        cast(BinaryIO, self._process.stdin).flush()

    def _answer(self, options: dict[str, Any]) -> Answer:
        try:
            self._sent.result()
            self._send(options)
            answer = pickle.load(cast(BinaryIO, self._process.stdout))
        except (EOFError, BrokenPipeError) as error:
            raise SolverFailure("the solver's process ended before it answered; it may have run out of memory") from error
        if isinstance(answer, PlacementError):
            raise answer
        return cast(Answer, answer)


_ready: dict[str, subprocess.Popen[bytes]] = {}  # by the module that each has imported
_left: list[Worker[Any]] | None = None  # None outside of `ready`


@contextmanager
def ready(*modules: str) -> Iterator[None]:
    """Processes that import these modules beside what goes on; the first worker that is to do a module's work takes its process.

    Those that nobody has taken by the end are ended, and so are those that were left.
    """
    global _left
    _left = []
    _ready.update({module: _process(module) for module in modules})
    try:
        yield
    finally:
        for worker in _left:
            worker.close()
        _left = None
        for process in [_ready.pop(module) for module in modules if module in _ready]:
            process.kill()
            process.communicate()


def _process(*modules: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "optimizer.solve.worker", *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


class InTurn(Generic[Answer]):
    """What `Worker` does, without a process of its own: it answers when it is asked, before anything else goes on."""

    def __init__(self, work: Callable[..., Answer], subject: object, *, alone: bool = False) -> None:
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

    def __enter__(self) -> InTurn[Answer]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Reads what to do and the subject, then requests, until the other side closes."""
    work, subject, alone = pickle.load(requests)
    if alone:
        os.environ[THREADS] = "1"
    while True:
        try:
            options = pickle.load(requests)
        except EOFError:
            return
        answers.write(_answered(work, subject, options))
        answers.flush()


def _answered(work: Callable[..., Any], subject: object, options: dict[str, Any]) -> bytes:
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
        importlib.import_module(module)
    serve(sys.stdin.buffer, pipe)
