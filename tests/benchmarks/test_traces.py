"""Public traces as series and as a history, on files that are made here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.suites.forecast_accuracy import Series, naive, pinball
from benchmarks.trace_history import KNOWN, PARTS, trace_history
from benchmarks.traces import ARRIVALS, JOBS, accelerators_in_use, read_arrivals
from optimizer.domain.demand import QUANTILES
from optimizer.planning.backtest.history import known
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.benchmarks.made_data import traces


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return traces(tmp_path_factory.mktemp("traces"))


def test_arrivals_become_rates(folder):
    arrivals = read_arrivals(folder, "conv")
    assert arrivals.rates(2) == pytest.approx([0.5, 1.0], rel=1e-2)
    assert arrivals.prompt_tokens[:3].tolist() == [100.0, 101.0, 102.0]


def test_jobs_become_accelerators_in_use(folder, tmp_path):
    (tmp_path / JOBS).write_text("submit_time,duration,num_gpu\n0,3600,4\n1800,3600,2\n7200,10,8\n")
    assert accelerators_in_use(tmp_path, 3600.0).tolist() == [4.0 + 1.0, 1.0]
    assert accelerators_in_use(folder, 6 * 3600.0)[0] == 1.0


def test_a_trace_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["suite=forecast_accuracy", f"path={tmp_path}"]) == 2
    assert f"must hold {ARRIVALS['code']}" in capsys.readouterr().err
    (tmp_path / ARRIVALS["code"]).write_text("when,what\n1,2\n")
    assert main(["suite=forecast_accuracy", f"path={tmp_path}", "cases=[code_20s]"]) == 2
    assert "must have the columns TIMESTAMP, ContextTokens, GeneratedTokens" in capsys.readouterr().err


def test_pinball_by_hand():
    told = np.array([[[1.0, 2.0, 4.0]]])
    assert pinball(told, np.array([[3.0]])) == pytest.approx((0.1 * 2 + 0.5 * 1 + 0.1 * 1) / 3)


def test_seasonal_naive_repeats_the_last_season():
    values = np.tile([1.0, 5.0, 3.0], 20)
    series = Series(values=values, season=3, horizon=4)
    told = naive(series, 30, np.array([30, 31]))
    assert told.shape == (2, 4, len(QUANTILES))
    assert told[0, :, 1].tolist() == values[30:34].tolist()
    assert told[1, :, 1].tolist() == values[31:35].tolist()


def test_demand_moves_as_the_traces_do(folder):
    case = read_case(case_folder("small"))
    made = trace_history(case, folder, months=4, first_part=PARTS // 2 - KNOWN - 2)
    assert [period.name for period in made.periods] == ["2026-07", "2026-08", "2026-09", "2026-10"]
    chat = [row.mean for row in made.actual if (row.workload, row.origin) == ("chat", "tokyo")]
    assert chat[3] / chat[0] == pytest.approx(2.0, rel=0.05)  # the second hour is twice as dense
    asked = [row for row in known(made, 0).demand if row.workload == "chat"]
    assert {row.origin for row in asked} == {"new_york", "frankfurt", "tokyo", "sao_paulo"}
    assert asked[0].p50 == pytest.approx(next(row for row in made.actual if row.origin == asked[0].origin).mean, rel=0.2)
    assert all(each.issued_at == period.start for each, period in zip(made.vintages, made.periods, strict=True))
    assert {workload.name for workload in made.case.workloads} == {"chat", "assistant", "study"}
