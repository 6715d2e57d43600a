"""Solver calls in a process of their own, so that they run beside each other and an interrupt never waits for one.

A worker holds one program and answers requests for it in order. Started as `python -m optimizer.solve.worker`, it needs no
`if __name__ == "__main__"` in a user's script and, in a session of its own, does not see the terminal's Ctrl-C.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, cast

from optimizer.errors import PlacementError, SolverFailure
from optimizer.integer.model import Program
from optimizer.integer.solver import Answer, solve_program


class Worker:
    """One child process that solves one program under changing bounds."""

    def __init__(self, program: Program) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "optimizer.solve.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._sent = self._thread.submit(self._send, program)

    def ask(self, **options: Any) -> Future[Answer]:
        """`solve_program(program, **options)`, in the child."""
        return self._thread.submit(self._answer, options)

    def close(self) -> None:
        """Stops the child at once, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._thread.shutdown(cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                cast(BinaryIO, pipe).close()

    def __enter__(self) -> Worker:
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
            answer = pickle.load(cast(BinaryIO, self._process.stdout))  # noqa: S301 - our own child
        except (EOFError, BrokenPipeError) as error:
            raise SolverFailure("the solver's process ended before it answered; it may have run out of memory") from error
        if isinstance(answer, PlacementError):
            raise answer
        return cast(Answer, answer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Reads a program, then requests, until the other side closes."""
    program = pickle.load(requests)  # noqa: S301 - written by the parent
    while True:
        try:
            options = pickle.load(requests)  # noqa: S301
        except EOFError:
            return
        answer: Answer | PlacementError
        try:
            answer = solve_program(program, **options)
        except PlacementError as error:
            answer = error
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
