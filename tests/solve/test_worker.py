"""Processes that are started before there is anything to do."""

from __future__ import annotations

import os

import pytest

from optimizer.solve import worker
from optimizer.solve.worker import Worker, ready


def own_number(subject: str) -> int:
    """The process that answers."""
    return os.getpid()


def test_a_worker_takes_the_process_that_is_ready_for_its_work() -> None:
    with ready(own_number.__module__):
        first = worker._ready[own_number.__module__].pid
        with Worker(own_number, "subject") as one, Worker(own_number, "subject") as other:
            assert one.ask().result() == first
            assert other.ask().result() != first


def test_processes_that_nobody_takes_end() -> None:
    with pytest.raises(KeyboardInterrupt), ready(own_number.__module__):
        process = worker._ready[own_number.__module__]
        raise KeyboardInterrupt
    assert process.returncode is not None
    assert not worker._ready
