"""The suite of queueing on a file of exact M/M/c waits: the errors that it prints are those of the formula."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suites.queueing_accuracy import Settings, run
from optimizer.errors import ConfigError
from tests.benchmarks.made_data import QUEUES, queues
from tests.tolerances import ERLANG_C


def test_rows(tmp_path: Path) -> None:
    rows = list(run(Settings(reference=str(queues(tmp_path / "queues.csv", 1.0)))))
    assert {row.quantity for row in rows} == {"erlang_c", "erlang_c_worst", "wait_p95 over S+W", "wait_p99 over S+W"}
    assert {row.split for row in rows} >= {"no corrections", "shipped (fitted to all groups)", "groups held out"}
    assert all(row.p90_ape <= 100.0 * ERLANG_C for row in rows)
    assert all(row.rows == 8 for row in rows if row.quantity.startswith("wait"))


def test_errors_are_seen(tmp_path: Path) -> None:
    rows = list(run(Settings(reference=str(queues(tmp_path / "queues.csv", 1.5)))))
    assert all(row.p90_ape > 5.0 for row in rows if row.quantity.startswith("wait"))


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queues.csv"
    path.write_text(f"{QUEUES}\n1,1,mm,1,x,0,0,0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"must hold numbers >= 0; got 'x' in line 2"):
        list(run(Settings(reference=str(path))))
    path.write_text("ca2,cs2\n1,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="must have a column c"):
        list(run(Settings(reference=str(path))))


def test_the_noise_of_a_simulation_is_told_where_it_is_known(tmp_path: Path) -> None:
    path = queues(tmp_path / "queues.csv", 1.0)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    errors = [0.01 * (1.0 + float(line.split(",")[6])) for line in lines]  # 1 % of S+W
    path.write_text("\n".join([f"{header},se95", *map("{},{}".format, lines, errors)]), encoding="utf-8")
    (row,) = [row for row in run(Settings(reference=str(path))) if row.split == "noise of the simulation"]
    assert row.quantity == "wait_p95 over S+W"
    assert 0.4 < row.median_ape < 0.95  # around 0.67, the median of a normal |z|, in %
