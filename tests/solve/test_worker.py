"""Processes that are started before there is anything to do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from optimizer.errors import SolverFailure
from optimizer.solve import worker
from optimizer.solve.worker import Worker, ready

WORK_S = 0.3
PATIENCE_S = 30.0  # of a machine that does much else


def own_number(subject: str, *, wait_s: float = 0.0) -> int:
    """The process that answers."""
    time.sleep(wait_s)
    return os.getpid()


def test_a_worker_takes_the_process_that_is_ready_for_its_work() -> None:
    with ready(own_number.__module__):
        first = worker._ready[own_number.__module__].process.pid
        with Worker(own_number, "subject") as one, Worker(own_number, "subject") as other:
            assert one.ask().result() == first
            assert other.ask().result() != first


def test_processes_that_nobody_takes_end() -> None:
    with pytest.raises(KeyboardInterrupt), ready(own_number.__module__):
        process = worker._ready[own_number.__module__].process
        raise KeyboardInterrupt
    assert process.returncode is not None
    assert not worker._ready


def test_what_is_left_goes_on_until_the_end(tmp_path: Path) -> None:
    begun, done = tmp_path / "begun", tmp_path / "done"
    with ready():
        left = Worker(_written, done)
        left.ask(begun=begun)
        _wait_for(begun)
        left.leave()
        _wait_for(done)
    assert left._child.process.returncode is not None


def test_a_worker_takes_what_was_passed_on_once_it_has_answered() -> None:
    with ready():
        first = Worker(own_number, "subject")
        asked = first.ask(wait_s=WORK_S)
        first.pass_on()
        with Worker(own_number, "another") as other:
            assert other.ask().result() == asked.result()
    last = Worker(own_number, "subject")
    last.pass_on()
    assert last._child.process.returncode is not None


def test_what_is_passed_on_ends_where_nobody_takes_it() -> None:
    with ready():
        passed = Worker(own_number, "subject")
        passed.pass_on()
    assert passed._child.process.returncode is not None
    assert not worker._ready


def test_what_is_left_ends_at_once_where_nothing_follows(tmp_path: Path) -> None:
    left = Worker(_written, tmp_path / "done")
    left.leave()
    assert left._child.process.returncode is not None


def test_what_broke_in_a_child_is_told_to_whoever_asked(capfd: pytest.CaptureFixture[str]) -> None:
    with Worker(_broken, "subject") as child:
        with pytest.raises(SolverFailure, match=r"failed \(ZeroDivisionError: ") as broken:
            child.ask(how="divide").result()
        assert any("_broken" in note for note in broken.value.__notes__)
        with pytest.raises(SolverFailure, match="out of memory"):
            child.ask(how="fill").result()
        with pytest.raises(SolverFailure, match="pickle"):
            child.ask(how="hide").result()
    assert capfd.readouterr().err == ""


def _broken(subject: str, *, how: str) -> object:
    if how == "fill":
        raise MemoryError
    return 1 / 0 if how == "divide" else lambda: None


def _written(done: Path, *, begun: Path) -> None:
    begun.touch()
    time.sleep(WORK_S)
    done.touch()


def _wait_for(file: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert file.exists()
