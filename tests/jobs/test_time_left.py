"""What a job leaves for what follows its plan."""

from __future__ import annotations

import math

import pytest

from optimizer.jobs.time_left import LEAST_S, time_left

PHASES = {"surfaces": 1.5, "problem": 0.5, "solve": 98.0}


def test_a_slower_machine_is_left_more_to_write() -> None:
    assert time_left(300.0, 100.0, PHASES) == pytest.approx(171.0)
    assert time_left(300.0, 100.0, PHASES | {"surfaces": 3.5}) == pytest.approx(147.0)


def test_there_is_always_some_and_without_a_limit_no_end() -> None:
    assert time_left(60.0, 59.0, PHASES) == LEAST_S
    assert time_left(math.inf, 1e6, PHASES) == math.inf
