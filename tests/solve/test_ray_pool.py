"""Ray keeps what a pool promises: where it is installed (the extra `distributed`), on a cluster of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from optimizer.errors import Cancelled, ConfigError, InfeasiblePlan
from optimizer.solve.executor import Executor, Lost, Pool, Tally, Task
from tests.solve import pool_tasks

LONG_S = 600.0  # of a task that only ends because it is stopped

installed = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture
def told() -> list[Tally]:
    return []


@pytest.fixture
def pool(told: list[Tally]) -> Iterator[Pool]:
    with Executor(workers=2, ray=True).pool(report=told.append) as opened:
        yield opened


@installed
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_of_forty_tasks_with_lost_workers_and_one_cancelled_all_are_accounted_for(
    pool: Pool, told: list[Tally], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.submit(Task(key="long", work=pool_tasks.double, arguments={"number": 1, "seconds": LONG_S}))
    pool.submit(Task(key="lost", work=pool_tasks.die))
    pool.submit(Task(key="again", work=pool_tasks.die_once, arguments={"mark": tmp_path / "mark"}))
    pool.submit(Task(key="refused", work=pool_tasks.refuse, arguments={"conflict": "two rules"}))
    pool.submit(Task(key="stumbled", work=pool_tasks.stumble))
    for number in range(35):
        pool.submit(Task(key=f"double {number}", work=pool_tasks.double, arguments={"number": number}))
    threading.Timer(8.0, pool.cancel, ["long"]).start()
    outcomes = {outcome.key: outcome for outcome in pool.outcomes()}
    assert len(outcomes) == 40
    assert [outcomes[f"double {number}"].result() for number in range(35)] == [2 * number for number in range(35)]
    assert isinstance(outcomes["long"].failure, Cancelled)
    assert isinstance(outcomes["lost"].failure, Lost)
    assert outcomes["again"].result() == "done"
    assert isinstance(outcomes["refused"].failure, InfeasiblePlan)
    assert str(outcomes["stumbled"].failure) == "stumbled: ZeroDivisionError: division by zero"
    assert (told[-1].done, told[-1].failed, told[-1].waiting, told[-1].running) == (40, 4, 0, ())
    assert capsys.readouterr().out == ""


@installed
def test_no_cluster_at_the_address_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"executor\.address: must name the head of a Ray cluster that answers"):
        Executor(workers=1, ray=True, address="127.0.0.1:1").pool()


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_that_is_not_installed_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="executor: ray must be installed"):
        Executor(workers=1, ray=True).pool()
