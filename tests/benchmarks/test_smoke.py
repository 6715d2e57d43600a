"""One pass of each suite that needs no data, at the smallest size. `start_up` runs in test_tables; suites of accuracy and of assignment
files have tests of their own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.__main__ import main

PASSES = {
    "pricing_speed": ["loads=[8]", "pools=2", "periods=2", "steps=50"],
    "surface_speed": ["loads=2", "pools=2", "periods=2", "blocks=2", "scenarios=2", "repeats=1"],
    "memory": ["cases=[loads]", "factors=[1,2]", "loads=4", "pools=2", "periods=2", "scenarios=2", "steps=50"],
    "clauses": ["case=small", "periods=2", "time_limit_s=1", "cases=[plain]"],
    "risk": ["cases=[small]", "time_limit_s=2"],
    "replan": ["cases=[small]", "time_limit_s=2", "nights=2"],
    "search_growth": ["loads=[4,8]", "pools=2", "periods=2", "gap=0.05", "time_limit_s=5"],
    "planning": ["cases=[seed-0]", "time_limit_s=1", "peers=false", "root=false"],
}
QUICK = ("planning",)


@pytest.mark.parametrize("suite", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in PASSES])
def test_a_suite_measures_something(suite: str, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    assert main([f"suite={suite}", *PASSES[suite], f"out={out}"]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["suite"] for row in rows} == {suite}
    assert any(row["seconds"] for row in rows)
