"""A new user's path, as README has it: a plan, a changed assumption, a second plan, what differs; and its page, to share."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from optimizer.__main__ import main
from optimizer.jobs.pages import page_of_run
from optimizer.store.runs import run_ids
from optimizer.tables.written import written_rows
from tests.docs.blocks import RUN, commands_marked, run


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The commands of README's first steps: (folder of runs, ids of first plan, second plan, comparison)."""
    folder = tmp_path_factory.mktemp("new")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in commands_marked("README.md", RUN):
            run(command)
    return folder / "runs", *run_ids(folder / "runs")


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
    assert "From one cost to the other" in page


def test_the_second_plan_says_what_differs_from_the_first(compared):
    runs, first, second, _ = compared
    (news,) = (part.values for part in page_of_run(runs / second).top if part.title == "Since the last plan")
    assert news["last plan"] == first
    assert news["elsewhere"] == "2 loads or runs"
    assert news["tables and settings"] == "offers market_b usd_per_accelerator_hour"
    assert "moving" not in news  # it comes to the same


def test_only_plans_are_compared(compared, capsys):
    runs, _, _, comparison = compared
    assert main(["compare", f"run={comparison}", f"output.folder={runs}"]) == 2
    assert "must be latest, previous or the id of a run of placement replan or plan" in capsys.readouterr().err


def test_one_plan_has_nothing_to_be_compared_with(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare"]) == 2
    assert "Last runs: none" in capsys.readouterr().err


@pytest.mark.parametrize("job", ["plan", "compare"])
def test_a_page_to_share_has_no_price_and_no_supplier(compared, tmp_path, capsys, job):
    runs, _, plan, comparison = compared
    run, file = (plan if job == "plan" else comparison), tmp_path / "shared.html"
    whole = (runs / run / "report.html").read_text()
    assert main(["report", f"run={run}", "redact=prices,suppliers", f"file={file}", f"output.folder={runs}"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [f"page: {file}, without prices and suppliers", f"run: {runs / run}"]
    objective = json.loads((runs / run / "summary.json").read_text())["objective_usd" if job == "plan" else "change_usd"]
    private = ["cloud_a", "cloud_b", "site_a", "site_b", "pool_a", "pool_b", "market_a", "market_b", f"{objective:,.2f}", str(objective)]
    assert "cloud_b" in whole
    assert f"{objective:,.2f}" in whole
    assert not [word for word in private if word.encode() in file.read_bytes()]
    assert main(["report", f"run={run}", f"file={file}", f"output.folder={runs}"]) == 0
    assert file.read_text() == whole
    assert file.stat().st_mode & 0o777 == 0o600


def test_only_what_can_be_left_out_is(compared, capsys):
    runs, first, *_ = compared
    assert main(["report", f"output.folder={runs}", "redact=[prices,names]"]) == 2
    assert "redact: must be of prices, suppliers; got names." in capsys.readouterr().err
    assert main(["report", f"output.folder={runs}", f"run={first}", "file=/nowhere/page.html"]) == 2
    assert "file: must be a file that can be written; got /nowhere/page.html" in capsys.readouterr().err
    (runs / first / "page.json").rename(runs / first / "page.old")
    assert main(["report", f"output.folder={runs}", f"run={first}"]) == 2
    assert "the id of a run that has page.json" in capsys.readouterr().err
