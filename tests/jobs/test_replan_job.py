"""The nightly job on the smallest case: what stays, what changes in money, what is refused, what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.jobs import replan as job
from optimizer.jobs.pages import page_of_run
from optimizer.solve import price_and_assign
from optimizer.store.runs import run_ids
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from optimizer.tables.written import written_rows

CHARGED_NOTHING = "steadiness.least_saving_per_load_share=0", "steadiness.least_saving_share=0"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def first_night(tmp_path_factory):
    """A folder with a copy of tiny as lab/ and one run of replan in runs/."""
    folder = tmp_path_factory.mktemp("night")
    shutil.copytree(case_folder("tiny"), folder / "lab")
    assert replan(folder) == 0
    return folder


@pytest.fixture
def night(first_night, tmp_path):
    """The same, to change."""
    shutil.copytree(first_night, tmp_path / "copy")
    return tmp_path / "copy"


def replan(folder: Path, *settings: str) -> int:
    return main(["replan", f"case.path={folder / 'lab'}", f"output.folder={folder / 'runs'}", *settings])


def edit(folder: Path, table: str, old: str, new: str) -> None:
    file = folder / "lab" / f"{table}.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def limit(folder: Path, kind: str, value: int) -> None:
    header = "kind,supplier,period,value,source,source_kind,as_of"
    (folder / "lab" / "limits.csv").write_text(f"{header}\n{kind},,2026-06,{value},test,assumed,2026-05-31\n")


def latest(folder: Path) -> tuple[Path, dict]:
    run = folder / "runs" / run_ids(folder / "runs")[-1]
    return run, json.loads((run / "summary.json").read_text())


def test_the_first_night_has_nothing_to_compare_with(first_night):
    run, summary = latest(first_night)
    assert (summary["job"], summary["previous_run"], summary["bridge"], summary["kept_last"]) == ("replan", None, {}, False)
    assert summary["objective_usd"] == pytest.approx(75144.48335908943)
    assert written_rows(run / "changes.parquet") == []
    due = json.loads((run / "alerts.json").read_text())
    assert [(alert["kind"], alert["subject"], alert["due"]) for alert in due] == [
        ("decision_due", "quote", "2026-06-15"),
        ("unserved", "plan", None),
    ]
    assert due[0]["usd"] > 0
    assert due[0]["text"] in summary["alerts"]


def test_unchanged_input_changes_nothing(night):
    first_run, before = latest(night)
    assert replan(night) == 0
    run, summary = latest(night)
    assert (summary["previous_run"], summary["kept_last"], summary["objective_usd"]) == (first_run.name, True, before["objective_usd"])
    assert [row["kind"] for row in written_rows(run / "changes.parquet")] == ["bridge"]
    for table in ("placements", "commitments", "supply", "costs"):
        assert (run / f"{table}.parquet").read_bytes() == (first_run / f"{table}.parquet").read_bytes()


@pytest.mark.slow
def test_an_unchanged_night_is_not_searched(night, monkeypatch):
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    limits = "solver.deterministic_limit=1", "solver.time_limit_s=null"
    assert replan(night, "last=none", *limits) == 0
    first_run, before = latest(night)
    assert "phase=paths" in (first_run / "log.txt").read_text()
    assert replan(night, *limits) == 0
    run, summary = latest(night)
    assert "phase=paths" not in (run / "log.txt").read_text()
    assert summary["bound_usd"] == pytest.approx(before["bound_usd"], rel=1e-9)
    for table in ("placements", "commitments", "supply", "costs", "prices"):
        assert (run / f"{table}.parquet").read_bytes() == (first_run / f"{table}.parquet").read_bytes(), table


def test_the_bridge_sums_to_the_change_of_the_cost_and_names_its_causes(night):
    _, before = latest(night)
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,5")
    edit(night, "demand", "chat,paris,2026-07,accelerators,12", "chat,paris,2026-07,accelerators,15")
    limit(night, "moves", 5)
    assert replan(night) == 0
    run, after = latest(night)
    bridge = after["bridge"]
    assert list(bridge) == ["state", "price", "demand", "decisions"]
    assert bridge["state"] == 0.0  # a limit that does not bind costs nothing
    assert bridge["price"] > 0
    assert bridge["demand"] > 0
    assert bridge["decisions"] < 0
    assert sum(bridge.values()) == pytest.approx(after["objective_usd"] - before["objective_usd"], abs=0.005)
    rows = written_rows(run / "changes.parquet")
    told = sum((row["change_usd"] for row in rows if row["kind"] == "bridge"), Decimal(0))
    assert float(told) == pytest.approx(after["objective_usd"] - before["objective_usd"], abs=0.005)
    assert {row["subject"] for row in rows if row["kind"] == "placement"} >= {"code@paris"}
    assert after["held_usd"] > after["objective_usd"]
    (news,) = (part.values for part in page_of_run(run).top if part.title == "Since the last plan")
    cells = "demand chat paris 2026-07 mean; limits moves 2026-06; offers market_b usd_per_accelerator_hour"
    assert news["tables and settings"] == f"{cells}; and 1 more"  # the folder is a copy
    assert "pool at the start" in news["tonight"]


def test_two_nights_are_compared_to_the_cent(night):
    first_run, before = latest(night)
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,5")
    assert replan(night) == 0
    second_run, after = latest(night)
    assert main(["compare", f"output.folder={night / 'runs'}"]) == 0
    run, summary = latest(night)
    assert (summary["other"], summary["run"]) == (first_run.name, second_run.name)
    changes = sum(row["change_usd"] for row in written_rows(run / "cost_changes.parquet"))
    assert abs(changes - (Decimal(repr(after["objective_usd"])) - Decimal(repr(before["objective_usd"])))) < Decimal("0.01")


def test_tables_that_change_while_they_are_read_are_refused(night, monkeypatch, capsys):
    def edited(folder, **settings):
        case = read_case(folder, **settings)
        edit(night, "demand", "chat,paris,2026-07,accelerators,12", "chat,paris,2026-07,accelerators,15")
        return case

    monkeypatch.setattr(job, "read_case", edited)
    before = run_ids(night / "runs")
    assert replan(night, "last=none") == 2
    assert "tables must stay as they are while a job reads them; got changed tables. 1 row (first: demand.csv)" in capsys.readouterr().err
    assert run_ids(night / "runs") == before


def test_only_a_plan_of_the_case_that_is_whole_is_a_last_plan(night, capsys):
    run, _ = latest(night)
    assert main(["replan", "case=tiny", f"last={run.name}", f"output.folder={night / 'runs'}"]) == 2
    assert "last: must be a run of replan or plan of the case tiny; got one of replan of lab" in capsys.readouterr().err
    (run / "costs.parquet").write_bytes(b"PAR1")
    assert replan(night) == 2
    assert "costs.parquet: a run's tables must be as they were written" in capsys.readouterr().err


@pytest.mark.slow
def test_drifted_demand_is_told(night):
    edit(night, "demand", "code,paris,2026-06,accelerators,6", "code,paris,2026-06,accelerators,9")
    assert replan(night, "watch.fail_on_alert=true") == 6
    run, _ = latest(night)
    drifted = [alert for alert in json.loads((run / "alerts.json").read_text()) if alert["kind"] == "forecast_drift"]
    assert [(alert["subject"], alert["text"]) for alert in drifted] == [
        ("code", "demand for code is +25% against the last plan's forecast")
    ]


def alerts_of(folder: Path) -> list[dict]:
    return json.loads((latest(folder)[0] / "alerts.json").read_text())


def test_cheap_markets_minimums_that_are_missed_and_budgets_used_up_are_told(night):
    header = "observed_on,supplier,accelerator,region,term_months,kind,usd_per_accelerator_hour,source,source_kind,as_of"
    rows = [f"2026-05-30,{row},test,reported,2026-05-30" for row in ("stranger,h100,,0,quote,1.5", "cloud_a,h100,,0,list,99")]
    (night / "lab" / "price_points.csv").write_text("\n".join([header, *rows]) + "\n")
    edit(night, "contracts", "12,2,1,none", "12,2,1,20000")
    edit(night, "contracts", "Active,Usage", "Active,Spend")
    limit(night, "budget", 60_000)
    assert replan(night) == 0
    told = {alert["kind"]: alert for alert in alerts_of(night)}
    assert told["price_point"]["subject"] == "stranger"
    assert "at 1.50 USD per accelerator-hour (quote, 2026-05-30), below the break-even of" in told["price_point"]["text"]
    assert told["price_point"]["text"].endswith("; the case has no site of stranger")
    assert (told["burn_down"]["subject"], told["burn_down"]["due"]) == ("held", "2026-07-01")
    short = (20_000 - 12 * 2 * 30 * 24) + (20_000 - 12 * 2 * 31 * 24)
    assert f"by {short:,.0f} USD" in told["burn_down"]["text"]
    assert "budget" not in told
    assert replan(night, "watch.budget_share=0.1") == 0
    told = {alert["kind"]: alert for alert in alerts_of(night)}
    assert "price_point" not in told  # as the last plan knew it
    assert told["budget"]["text"].endswith("of the budget of all suppliers, 60,000 USD, is used in 2026-06")


def test_a_budget_that_is_too_small_fails_closed_and_names_itself(night, capsys):
    limit(night, "budget", 17_000)
    assert replan(night) == 8
    assert "budget" in capsys.readouterr().err


def test_today_is_planned_as_the_last_plan(night, monkeypatch):
    class June(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 6, 10, 5, 30, tzinfo=tz)

    before = run_ids(night / "runs")
    monkeypatch.setattr(job, "datetime", June)
    assert replan(night, "as_of=today", "watch.soft_age_days=9") == 0
    (run,) = set(run_ids(night / "runs")) - set(before)
    summary = json.loads((night / "runs" / run / "summary.json").read_text())
    assert (summary["as_of"], summary["back_filled"], summary["periods"]) == ("2026-06-10", False, 2)
    assert "the newest row of offers is 10 days old; the plan uses it as it is" in summary["alerts"]


@pytest.mark.slow
def test_contracts_may_be_decided_on_by_groups_of_scenarios(night, capsys):
    stages = "decided_on,scenario,group,source,source_kind,as_of"
    lines = [stages, *(f"{{day}},{name},{name},test,assumed,2026-05-31" for name in ("calm", "busy"))]
    table = night / "lab" / "decision_stages.csv"
    table.write_text("\n".join(lines).format(day="2026-06-05") + "\n")
    assert replan(night) == 0
    run, summary = latest(night)
    rows = written_rows(run / "commitments.parquet")
    assert {row["contract"] for row in rows} == {"held", "quote [calm]", "quote [busy]"}
    assert replan(night) == 0
    assert latest(night)[1]["kept_last"]
    assert latest(night)[1]["objective_usd"] == summary["objective_usd"]
    table.write_text("\n".join(lines).format(day="2026-05-31") + "\n")
    assert replan(night) == 2
    assert "decision_stages: decided_on: must be after the day of the plan" in capsys.readouterr().err


@pytest.mark.slow
def test_frozen_periods_keep_loads_where_the_last_plan_had_them(night):
    before = {(row["load"], row["period"]): row["pool"] for row in written_rows(latest(night)[0] / "placements.parquet")}
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,9")
    assert replan(night, "steadiness.frozen_periods=1") == 0
    after = {(row["load"], row["period"]): row["pool"] for row in written_rows(latest(night)[0] / "placements.parquet")}
    assert all(after[key] == before[key] for key in before if key[1] == "2026-06")
    assert replan(night) == 0
    free = {(row["load"], row["period"]): row["pool"] for row in written_rows(latest(night)[0] / "placements.parquet")}
    assert free["code@paris", "2026-06"] != before["code@paris", "2026-06"]


def test_the_limit_on_moves_holds(night):
    edit(night, "offers", "market_a,pool_a,on_demand,4", "market_a,pool_a,on_demand,30")
    assert replan(night, "steadiness.most_moves=0") == 0
    rows = written_rows(latest(night)[0] / "placements.parquet")
    pools: dict[str, set[str | None]] = {}
    for row in rows:
        pools.setdefault(row["load"], set()).add(row["pool"])
    assert all(len(places - {None}) <= 1 for places in pools.values())
    assert pools["chat@paris"] == {"pool_a"}


@pytest.mark.slow
def test_a_saving_too_small_is_not_worth_the_change(night):
    _, before = latest(night)
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,5")
    assert replan(night, "steadiness.least_saving_share=0.5") == 0
    _, after = latest(night)
    assert after["kept_last"]
    assert after["objective_usd"] == after["held_usd"] > before["objective_usd"]
    assert after["status"] == "limit"
    assert after["bound_usd"] < after["objective_usd"]


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,1"),
        pytest.param("offers", "market_a,pool_a,on_demand,4,,,100", "market_a,pool_a,on_demand,4,,,0", marks=pytest.mark.slow),
        pytest.param("demand", "code,paris,2026-06,accelerators,6", "code,paris,2026-06,accelerators,7.2", marks=pytest.mark.slow),
    ],
    ids=["a cheap offer", "an offer that is gone", "a fifth more demand"],
)
def test_what_really_changes_is_taken_up_at_once(night, table, old, new):
    first_run, _ = latest(night)
    edit(night, table, old, new)
    assert replan(night) == 0
    _, after = latest(night)
    assert replan(night, f"last={first_run.name}", *CHARGED_NOTHING) == 0
    _, free = latest(night)
    assert after["objective_usd"] == free["objective_usd"]
    assert after["elsewhere"] == free["elsewhere"]
    assert after["kept_last"] == (free["elsewhere"] == [])
    assert bool(after["elsewhere"]) == (table == "offers")


def test_a_load_is_elsewhere_than_in_the_last_plan_only_where_that_pays(night):
    first_run, before = latest(night)
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,3.9")
    assert replan(night, *CHARGED_NOTHING) == 0
    _, free = latest(night)
    assert len(free["elsewhere"]) == 2
    assert replan(night, f"last={first_run.name}") == 0
    run, after = latest(night)
    (load,) = after["elsewhere"]
    assert load in free["elsewhere"]
    least = 0.01 * before["objective_usd"] / 3  # two loads and a run
    assert free["objective_usd"] < after["objective_usd"] < free["objective_usd"] + least
    assert free["bound_usd"] <= after["bound_usd"] <= free["objective_usd"]
    (saved,) = (float(row["change_usd"]) for row in written_rows(run / "changes.parquet") if row["change_usd"] and row["subject"] == load)
    assert saved == pytest.approx(after["objective_usd"] - after["held_usd"], abs=0.01)
    assert -saved > least


@pytest.mark.slow
def test_a_night_that_is_searched_again_from_the_same_plan_gives_the_same_bytes(night, monkeypatch):
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    limits = "solver.deterministic_limit=2", "solver.time_limit_s=null"
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,3.9")
    first_run, _ = latest(night)
    runs = []
    for _ in range(2):
        assert replan(night, f"last={first_run.name}", *limits) == 0
        runs.append(latest(night)[0])
    assert "phase=paths" in (runs[0] / "log.txt").read_text()
    assert any(row["kind"] == "placement" for row in written_rows(runs[0] / "changes.parquet"))
    for table in ("placements", "commitments", "supply", "costs", "prices", "changes"):
        assert (runs[0] / f"{table}.parquet").read_bytes() == (runs[1] / f"{table}.parquet").read_bytes(), table


@pytest.mark.slow
def test_a_plan_that_changes_too_many_payments_is_not_taken(night):
    edit(night, "offers", "market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,9")
    assert replan(night, "steadiness.most_changed_spend_usd=1") == 0
    _, after = latest(night)
    assert after["kept_last"]
    assert after["objective_usd"] == after["held_usd"]
    assert [text for text in after["alerts"] if "was not taken: it changes payments to suppliers by" in text]
    assert replan(night, "steadiness.most_changed_spend_usd=1e9") == 0
    assert not latest(night)[1]["kept_last"]


def test_a_past_day_is_planned_without_becoming_the_last_plan(night):
    first_run, before = latest(night)
    assert replan(night, "as_of=2026-07-05") == 0
    _, back_filled = latest(night)
    assert (back_filled["as_of"], back_filled["periods"], back_filled["back_filled"]) == ("2026-07-05", 1, True)
    assert replan(night) == 0
    _, after = latest(night)
    assert (after["previous_run"], after["objective_usd"]) == (first_run.name, before["objective_usd"])
    assert replan(night, "as_of=2026-09-01") == 2


def test_without_a_plan_the_last_one_stays(night, capsys):
    first_run, _ = latest(night)
    metrics = night / "metrics.prom"
    (night / "lab" / "limits.csv").write_text(
        "kind,supplier,period,value,source,source_kind,as_of\nbudget,,2026-06,1,test,assumed,2026-05-31\n"
    )
    assert replan(night, f"watch.metrics_file={metrics}") == 8
    told = capsys.readouterr().err
    assert "No plan keeps all rules" in told
    assert f"No new plan was made; run {first_run.name} stays." in told
    assert run_ids(night / "runs") == (first_run.name,)
    assert "placement_replan_success 0.0" in metrics.read_text()


def test_tables_past_their_age_are_told_and_then_refused(night, capsys):
    edit(night, "offers", ",assumed,2026-05-31", ",assumed,2026-03-01")
    assert replan(night, "watch.soft_age_days=30") == 0
    assert "alert table_age: the newest row of offers is 91 days old; the plan uses it as it is" in capsys.readouterr().out
    assert replan(night, "watch.hard_age_days=90") == 8
    assert "offers (91 days)" in capsys.readouterr().err
    assert len(run_ids(night / "runs")) == 2


def test_metrics_carry_no_names_and_no_money(night):
    metrics = night / "metrics.prom"
    assert replan(night, f"watch.metrics_file={metrics}") == 0
    text = metrics.read_text()
    assert "placement_replan_success 1.0" in text
    names = {line.split()[0].partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    assert 'placement_replan_alerts{kind="decision_due"} 1' in text
    assert names == {
        f"placement_replan_{name}"
        for name in ("success", "timestamp_seconds", "gap", "unserved_share", "moves", "elsewhere", "kept_last", "solve_seconds", "alerts")
    }


def test_of_two_started_at_once_one_runs_and_the_other_is_told(night):
    """The first is stopped by SIGTERM once it plans, and still writes what it has or leaves nothing."""
    settings = [f"case.path={night / 'lab'}", f"output.folder={night / 'runs'}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        [sys.executable, "-m", "optimizer", "replan", *settings], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("progress: phase=surfaces")
        assert replan(night) == 7
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode in (0, 4)
    assert not list((night / "runs").glob(".building-*"))
    assert replan(night) == 0


@pytest.mark.parametrize(
    "setting",
    [
        "as_of=tomorrow",
        "steadiness.frozen_periods=-1",
        "watch.days=-1",
        "watch.days=1000000000",
        "steadiness.least_saving_share=1",
        "last=nope",
        "watch.unserved_share=2",
        "watch.metrics_file=/nowhere/placement.prom",
        "output.folder=/dev/null/runs",
    ],
)
def test_what_replan_refuses(night, setting):
    assert replan(night, setting) == 2
