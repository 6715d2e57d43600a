"""placement backtest on the smallest case, and what is said of policies over histories."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from optimizer.__main__ import main
from optimizer.planning.backtest.generated import generate
from optimizer.planning.backtest.study import COLUMNS, mean_interval
from optimizer.scenarios.deviates import Correlation
from optimizer.store.runs import run_ids
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from optimizer.tables.written import written_rows

CORRELATION = Correlation(common=0.4, workload=0.35, origin=0.1, memory_months=12.0)


@pytest.fixture(scope="module")
def backtest(tmp_path_factory):
    home = tmp_path_factory.mktemp("backtest")
    assert main(["backtest", "case=tiny", "backtest.months=3", "solver=exact", f"output.folder={home}", "output.csv=true"]) == 0
    return home / run_ids(home)[-1]


def test_policies_are_billed_and_compared(backtest):
    assert {path.stem for path in backtest.glob("*.csv")} == set(COLUMNS)
    policy = {row["policy"]: row for row in written_rows(backtest / "policies.parquet")}
    assert list(policy) == ["hold", "on_demand_only", "cheapest_first", "look_back", "ours", "hindsight"]
    assert all(row["cost_usd"] >= policy["hindsight"]["cost_usd"] for row in policy.values())
    for row in policy.values():
        assert row["regret_usd"] == pytest.approx(row["cost_usd"] - policy["hindsight"]["cost_usd"])
        assert row["regret_low_usd"] <= row["regret_usd"] <= row["regret_high_usd"]
    bills = written_rows(backtest / "bills.parquet")
    paid = sum(row["discounted_usd"] for row in bills if row["policy"] == "ours")
    assert paid == pytest.approx(policy["ours"]["cost_usd"])
    (hold,) = [row for row in written_rows(backtest / "paired.parquet") if row["policy"] == "hold"]
    assert hold["saving_usd"] == pytest.approx(policy["hold"]["cost_usd"] - policy["ours"]["cost_usd"])
    cheaper = {name for name, row in policy.items() if row["cost_usd"] < policy["ours"]["cost_usd"]} - {"hindsight"}
    assert {row["policy"] for row in written_rows(backtest / "losses.parquet")} == cheaper


def test_summary_and_page(backtest):
    summary = json.loads((backtest / "summary.json").read_text())
    assert (summary["job"], summary["verified"], summary["periods"], summary["histories"]) == ("backtest", True, 3, 1)
    assert summary["gap_usd"] == pytest.approx(summary["objective_usd"] - summary["bound_usd"])
    page = (backtest / "report.html").read_text()
    assert "look-back commitments" in page
    assert "hindsight" in page


def test_made_forecasts_cover_what_comes_as_often_as_they_say():
    case = read_case(case_folder("small"))
    inside, centred = [], []
    for seed in range(40):
        made = generate(case, months=6, correlation=CORRELATION, seed=seed)
        came = {(row.workload, row.origin, row.period): row.mean for row in made.actual}
        for vintage in made.vintages[:4]:
            for row in vintage.demand:
                value = came[row.workload, row.origin, row.period]
                inside.append(row.p10 <= value <= row.p90)
                centred.append(value <= row.p50)
    assert np.mean(inside) == pytest.approx(0.8, abs=0.06)
    assert np.mean(centred) == pytest.approx(0.5, abs=0.1)


def test_made_forecasts_grow_sharper():
    made = generate(read_case(case_folder("small")), months=6, correlation=CORRELATION, seed=0)
    last = [next(row for row in vintage.demand if row.period == made.periods[-1].name) for vintage in made.vintages]
    widths = [np.log(row.p90 / row.p10) for row in last]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.5 * widths[0]


def test_quotes_are_made_again_and_known_from_then():
    made = generate(read_case(case_folder("small")), months=9, correlation=CORRELATION, seed=0)
    again = {contract.name: contract for contract in made.case.contracts if contract.name in made.quoted_on}
    quote = again["gpu_cloud_b_mi300x of 2026-10"]
    assert (str(quote.start), str(quote.end), str(quote.sign_by)) == ("2026-12-01", "2027-06-01", "2026-11-15")
    assert str(made.quoted_on[quote.name]) == "2026-10-01"
    assert quote.exclusions[0].other == "gpu_cloud_a_b200_24m of 2026-10"
    assert again["gpu_cloud_a_b200_24m of 2026-10"].option_group != "gpu_cloud_a_b200"


def test_intervals_of_means():
    assert mean_interval(np.array([3.0])) == (3.0, 3.0, 3.0)
    rng = np.random.default_rng(1)
    covers = []
    for _ in range(100):
        _, low, high = mean_interval(rng.normal(5.0, 2.0, size=20))
        covers.append(low <= 5.0 <= high)
    assert np.mean(covers) == pytest.approx(0.95, abs=0.08)


def test_a_recorded_history_is_replayed(tmp_path):
    lab = tmp_path / "lab"
    shutil.copytree(case_folder("tiny"), lab)
    header = "workload,origin,start,end,unit,mean,prompt_tokens,output_tokens,peak_factor,source,source_kind,as_of\n"
    rows = [
        f"{name},{origin},2026-{month:02},2026-{month + 1:02},accelerators,{level + month},,,1,test,assumed,2026-05-31\n"
        for month in range(1, 8)
        for name, origin, level in (("chat", "paris", 4), ("code", "paris", 1), ("study", "", 2))
    ]
    (lab / "demand_history.csv").write_text(header + "".join(re.sub(r"2026-(\d\d),", r"2026-\1-01,", row) for row in rows))
    asked = ["backtest", f"case.path={lab}", f"output.folder={tmp_path / 'runs'}", "solver=exact"]
    assert main(asked) == 0
    run = tmp_path / "runs" / run_ids(tmp_path / "runs")[-1]
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["periods"], summary["policies"]["ours"]["cost_usd"] > 0) == (2, True)
    assert main([*asked, "backtest.histories=2"]) == 2
