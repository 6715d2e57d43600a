"""A new user's path: a plan, a changed assumption, a second plan, what differs."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal

import pytest

from optimizer.__main__ import main
from optimizer.store.runs import run_ids
from optimizer.tables.catalog import case_folder
from optimizer.tables.written import written_rows


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """(folder of runs, ids of first plan, second plan, comparison)"""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(case_folder("tiny"), folder / "lab")
    runs = folder / "runs"
    settings = [f"case.path={folder / 'lab'}", f"output.folder={runs}"]
    assert main(["plan", *settings]) == 0
    offers = folder / "lab" / "offers.csv"
    offers.write_text(offers.read_text().replace("market_b,pool_b,on_demand,3", "market_b,pool_b,on_demand,5"))
    assert main(["plan", *settings]) == 0
    assert main(["compare", f"output.folder={runs}", "output.csv=true"]) == 0
    return runs, *run_ids(runs)


def test_the_comparison_reconciles_to_the_cent(compared):
    runs, first, second, comparison = compared
    objectives = [json.loads((runs / run / "summary.json").read_text())["objective_usd"] for run in (first, second)]
    summary = json.loads((runs / comparison / "summary.json").read_text())
    assert (summary["job"], summary["other"], summary["run"]) == ("compare", first, second)
    changes = sum(row["change_usd"] for row in written_rows(runs / comparison / "cost_changes.parquet"))
    assert abs(changes - (Decimal(repr(objectives[1])) - Decimal(repr(objectives[0])))) < Decimal("0.01")
    assert changes > 0


def test_the_changed_assumption_is_named(compared):
    runs, *_, comparison = compared
    assert written_rows(runs / comparison / "input_changes.parquet") == [
        {"table": "offers", "row": "market_b", "column": "usd_per_accelerator_hour", "first": "3", "second": "5"}
    ]
    page = (runs / comparison / "report.html").read_text()
    assert "usd_per_accelerator_hour" in page
    assert page.count("<script") == 1  # the page's own: no chart, no viewer


def test_only_plans_are_compared(compared, capsys):
    runs, _, _, comparison = compared
    assert main(["compare", f"run={comparison}", f"output.folder={runs}"]) == 2
    assert "must be latest, previous or the id of a run of placement plan" in capsys.readouterr().err


def test_one_plan_has_nothing_to_be_compared_with(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare"]) == 2
    assert "Last runs: none" in capsys.readouterr().err
