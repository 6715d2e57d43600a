"""One pass of each suite, as small as it can be."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.registry import suites
from tests.benchmarks import made_data

PASSES = {
    "pricing_speed": ["loads=[4]", "pools=2", "periods=2", "steps=50"],
    "surface_speed": ["cases=[m_m_c]", "loads=2", "pools=2", "periods=2", "blocks=2", "scenarios=2", "repeats=1"],
    "memory": ["cases=[loads]", "factors=[1]", "loads=4", "pools=2", "periods=2", "scenarios=4", "steps=50"],
    "search_growth": ["loads=[4,8]", "pools=2", "periods=2", "gap=0.05", "time_limit_s=5"],
    "planning": ["cases=[seed-0]", "time_limit_s=1", "peers=false", "root=false"],
    "clauses": ["case=small", "periods=2", "time_limit_s=1", "cases=[plain]"],
    "risk": ["cases=[small]", "omegas=[0.5]", "time_limit_s=1"],
    "replan": ["cases=[tiny]", "time_limit_s=1", "nights=0"],
    "start_up": ["cases=[help]", "repeats=1"],
    "gap": ["path=DATA", "time_limit_s=2"],
    "sscflp": ["path=DATA", "time_limit_s=2"],
    "forecast_accuracy": ["path=DATA", "cases=[code_20s]", "origins=5"],
    "backtest": ["path=DATA", "months=2", "windows=1", "time_limit_s=1"],
    "queueing_accuracy": ["reference=DATA/queues.csv"],
    "network_accuracy": ["fit=DATA/trips.csv", "test=DATA/other_trips.csv"],
    "training_accuracy": ["fit=DATA/gangs.csv"],
    "serving_accuracy": ["fit=DATA/runs.csv", "test=DATA/runs.csv", "peers=false"],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    made_data.assignments(folder)
    made_data.traces(folder)
    made_data.queues(folder / "queues.csv")
    made_data.gangs(folder / "gangs.csv")
    made_data.serving(folder)
    made_data.trips(folder / "trips.csv", ["london", "milan", "ashburn", "tokyo", "singapore"])
    made_data.trips(folder / "other_trips.csv", ["paris", "madrid", "dallas", "sydney"])
    return folder


def test_every_suite_has_a_pass() -> None:
    assert set(PASSES) == set(suites())


@pytest.mark.parametrize("suite", PASSES)
def test_a_suite_measures_something(suite: str, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    words = [word.replace("DATA", str(data)) for word in PASSES[suite]]
    assert main([f"suite={suite}", *words, f"out={out}"]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["suite"] for row in rows} == {suite}
    assert any(row["seconds"] for row in rows)
