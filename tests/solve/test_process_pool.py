"""The pool of processes: outcomes by key whatever their order, failures told, lost processes replaced, work stopped on demand."""

from __future__ import annotations

import _thread
import os
import threading
from pathlib import Path

import pytest

from optimizer.errors import Cancelled, InfeasiblePlan, SolverFailure
from optimizer.solve.executor import Lost, Tally, Task, cores
from optimizer.solve.process_pool import ProcessPool, share_of_cores
from tests.solve import pool_tasks

LONG_S = 600.0  # of a task that only ends because it is stopped


def doubles(numbers: range) -> list[Task]:
    """The first task takes longest, so that outcomes come in another order than tasks were given."""
    return [
        Task(key=f"double {number}", work=pool_tasks.double, arguments={"number": number, "seconds": 0.3 if number == 0 else 0.0})
        for number in numbers
    ]


def values(tasks: list[Task], processes: int) -> dict[str, float]:
    with ProcessPool(processes) as pool:
        for task in tasks:
            pool.submit(task)
        return {outcome.key: outcome.result() for outcome in pool.outcomes()}


def test_the_same_values_whatever_the_number_of_processes_and_the_order() -> None:
    tasks = doubles(range(6))
    serial = {task.key: task.work(**task.arguments) for task in tasks}
    assert values(tasks, 1) == serial
    assert values(tasks, 2) == serial
    assert values(tasks[::-1], 2) == serial


def test_outcomes_come_as_tasks_end_and_each_change_is_told() -> None:
    told: list[Tally] = []
    with ProcessPool(2, report=told.append) as pool:
        for task in doubles(range(3)):
            pool.submit(task)
        keys = [outcome.key for outcome in pool.outcomes()]
    assert keys[-1] == "double 0"
    assert told[0].running == ("double 0",)
    assert [tally.done for tally in told] == sorted(tally.done for tally in told)
    assert (told[-1].done, told[-1].failed, told[-1].waiting, told[-1].running) == (3, 0, 0, ())


def test_a_task_can_follow_from_an_outcome() -> None:
    found = []
    with ProcessPool(2) as pool:
        pool.submit(Task(key="2", work=pool_tasks.double, arguments={"number": 1}))
        for outcome in pool.outcomes():
            found.append(outcome.result())
            if outcome.result() < 16:
                again = {"number": outcome.result()}
                pool.submit(Task(key=str(2 * outcome.result()), work=pool_tasks.double, arguments=again))
    assert found == [2, 4, 8, 16]


def test_a_key_is_given_once() -> None:
    with ProcessPool(1) as pool:
        pool.submit(Task(key="same", work=pool_tasks.double, arguments={"number": 1}))
        with pytest.raises(ValueError, match="same"):
            pool.submit(Task(key="same", work=pool_tasks.double, arguments={"number": 1}))


def test_failures_are_told_and_the_others_go_on() -> None:
    with ProcessPool(1) as pool:
        pool.submit(Task(key="refused", work=pool_tasks.refuse, arguments={"conflict": "two rules"}))
        pool.submit(Task(key="stumbled", work=pool_tasks.stumble))
        pool.submit(Task(key="fine", work=pool_tasks.double, arguments={"number": 1}))
        outcomes = {outcome.key: outcome for outcome in pool.outcomes()}
    refused = outcomes["refused"].failure
    assert isinstance(refused, InfeasiblePlan)
    assert refused.conflicts == ("two rules",)
    assert str(refused) == str(InfeasiblePlan(["two rules"]))
    assert str(outcomes["stumbled"].failure) == "stumbled: ZeroDivisionError: division by zero"
    assert isinstance(outcomes["stumbled"].failure, SolverFailure)
    with pytest.raises(SolverFailure, match="division by zero"):
        outcomes["stumbled"].result()
    assert outcomes["fine"].result() == 2


def test_a_killed_process_fails_its_own_task_and_is_replaced() -> None:
    with ProcessPool(2) as pool:
        pool.submit(Task(key="killed", work=pool_tasks.die))
        for task in doubles(range(4)):
            pool.submit(task)
        outcomes = {outcome.key: outcome for outcome in pool.outcomes()}
    assert isinstance(outcomes["killed"].failure, Lost)
    assert "killed: its process ended before it answered (exit code -9)" in str(outcomes["killed"].failure)
    assert [outcomes[f"double {number}"].result() for number in range(4)] == [0, 2, 4, 6]


def test_a_task_whose_process_was_lost_once_is_done_again(tmp_path: Path) -> None:
    with ProcessPool(2) as pool:
        pool.submit(Task(key="again", work=pool_tasks.die_once, arguments={"mark": tmp_path / "mark"}))
        (outcome,) = pool.outcomes()
    assert outcome.result() == "done"


def test_an_answer_that_cannot_be_sent_is_a_failure() -> None:
    with ProcessPool(1) as pool:
        pool.submit(Task(key="function", work=pool_tasks.unsendable))
        (outcome,) = pool.outcomes()
    assert isinstance(outcome.failure, SolverFailure)
    assert "function: its answer cannot be sent" in str(outcome.failure)


def test_cancelling_stops_what_runs_and_what_waits() -> None:
    with ProcessPool(2) as pool:
        for number in range(4):
            pool.submit(Task(key=str(number), work=pool_tasks.double, arguments={"number": number, "seconds": LONG_S}))
        threading.Timer(0.5, pool.cancel).start()
        outcomes = {outcome.key: outcome.failure for outcome in pool.outcomes()}
    assert sorted(outcomes) == ["0", "1", "2", "3"]
    assert all(isinstance(failure, Cancelled) for failure in outcomes.values())


def test_one_task_is_cancelled_and_the_others_go_on() -> None:
    with ProcessPool(1) as pool:
        pool.submit(Task(key="long", work=pool_tasks.double, arguments={"number": 1, "seconds": LONG_S}))
        pool.submit(Task(key="short", work=pool_tasks.double, arguments={"number": 2}))
        threading.Timer(0.5, pool.cancel, ["long"]).start()
        outcomes = {outcome.key: outcome for outcome in pool.outcomes()}
    assert isinstance(outcomes["long"].failure, Cancelled)
    assert outcomes["short"].result() == 4


def test_control_c_stops_all_processes() -> None:
    pool = ProcessPool(1)
    pool.submit(Task(key="long", work=pool_tasks.double, arguments={"number": 1, "seconds": LONG_S}))
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt), pool:
        list(pool.outcomes())
    assert pool.processes() == ()


def test_each_process_keeps_to_its_share_of_the_cores() -> None:
    with ProcessPool(2) as pool:
        for name in ("a", "b"):
            pool.submit(Task(key=name, work=pool_tasks.cores_seen))
        seen = [outcome.result() for outcome in pool.outcomes()]
    shares = [set(share_of_cores(place, 2)) for place in range(2)]
    assert all(own in shares for own, _ in seen)
    assert all(ignores for _, ignores in seen)
    assert set(cores()) == os.sched_getaffinity(0)
    assert {core for place in range(3) for core in share_of_cores(place, 3)} == set(cores())
