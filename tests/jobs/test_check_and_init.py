from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.__main__ import main
from optimizer.domain.contract import UNKNOWN, Interval, Status, Unit
from optimizer.errors import DataError
from optimizer.jobs.check import leans_on, missing_for_plan
from optimizer.planning.assemble.contracts import plannable_contracts
from optimizer.tables.catalog import case_folder, case_names
from optimizer.tables.read import read_case


@pytest.mark.parametrize("name", case_names())
def test_every_shipped_case_is_ready_to_plan(name, capsys):
    assert main(["check", f"case={name}"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"case: {case_folder(name)}\n")
    assert f"suppliers: {len(read_case(case_folder(name)).suppliers)}\n" in told
    assert ": 0" not in told
    listed = {line.split(":")[0] for line in told.splitlines()} | set(told.split("without rows: ")[1].split("\n")[0].split(", "))
    assert {"offers", "decision_stages", "demand_history", "calendar"} <= listed
    assert told.endswith("The tables keep every rule, and a plan needs nothing more.\n")


def with_contract(**changes: object):
    """The small case, its first contract changed."""
    case = read_case(case_folder("small"))
    first, *others = case.contracts
    return first.name, replace(case, contracts=(replace(first, **changes), *others))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"price": UNKNOWN}, "its unit price, x_UnitPrice is unknown"),
        ({"unit": Unit.UNKNOWN}, "what the price is paid for, ContractCommitmentUnit is unknown"),
        ({"accelerators": UNKNOWN}, "its capacity, x_AcceleratorsPerLot is unknown"),
        ({"interval": Interval.UNKNOWN}, "its fulfilment interval, x_FulfillmentInterval is unknown"),
        ({"pools": ()}, "the pools that it covers"),
        ({"interval": Interval.HOUR, "take_or_pay_share": 0.5}, "x_FulfillmentInterval hour is planned where x_TakeOrPayShare is none, 0"),
        ({"prepaid_balance": 1e15}, "x_PrepaidBalance must be at most what is still committed"),
    ],
)
def test_what_a_plan_still_needs_is_named_by_contract(changes, told):
    name, case = with_contract(**changes)
    (need,) = missing_for_plan(case)
    assert need.startswith(f"contract {name}: {told}")


def test_a_plan_refuses_what_nobody_has_read_all_of_it_at_once():
    name, case = with_contract(price=UNKNOWN, unit=Unit.UNKNOWN, accelerators=UNKNOWN, interval=Interval.UNKNOWN, pools=())
    with pytest.raises(DataError) as refused:
        plannable_contracts(case)
    columns = ("x_UnitPrice", "ContractCommitmentUnit", "x_AcceleratorsPerLot", "x_FulfillmentInterval")
    rules = [f"{column} must be given before a plan can use the contract" for column in columns]
    assert [violation.rule for violation in refused.value.violations] == [
        *rules,
        "a contract must cover at least one pool before a plan can use it",
    ]
    assert {violation.rows for violation in refused.value.violations} == {(name,)}


def test_a_contract_that_is_over_needs_nothing():
    _, case = with_contract(price=UNKNOWN, status=Status.EXPIRED)
    assert list(missing_for_plan(case)) == []


def test_an_unread_clause_is_a_note_and_not_an_error():
    name, case = with_contract(notice_days=UNKNOWN)
    assert list(missing_for_plan(case)) == []
    assert any(note.startswith(f"contract {name}: nobody has read ") and "notice days" in note for note in leans_on(case))


def test_a_workload_without_demand_is_named():
    case = read_case(case_folder("small"))
    gone = case.demand[0].workload
    without = replace(case, demand=tuple(row for row in case.demand if row.workload != gone))
    assert list(missing_for_plan(without)) == [f"workload {gone}: at least one row in demand. Add it, or remove the workload."]


def test_init_writes_a_case_to_fill_in(tmp_path, capsys):
    assert main(["init", f"folder={tmp_path / 'lab'}"]) == 0
    assert f"placement check case.path={tmp_path / 'lab'}" in capsys.readouterr().out
    assert {"calendar.csv", "contracts.csv", "demand.csv", "offers.csv"} <= {path.name for path in (tmp_path / "lab").iterdir()}


def test_init_never_writes_over_anything(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("mine")
    assert main(["init", f"folder={tmp_path}"]) == 2
    assert "folder: must be new or empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_init_needs_a_folder(capsys):
    assert main(["init"]) == 2
    assert capsys.readouterr().err == "folder: must name a new or empty folder; got nothing. Add folder=NAME.\n"


def test_a_case_that_is_not_filled_in_yet_is_told_what_it_lacks(tmp_path, capsys):
    assert main(["init", f"folder={tmp_path / 'lab'}"]) == 0
    assert main(["check", f"case.path={tmp_path / 'lab'}"]) == 2
    told = capsys.readouterr().err
    assert "calendar" in told
    assert "Traceback" not in told


def test_a_shipped_case_is_copied_to_be_changed(tmp_path, capsys):
    assert main(["init", f"folder={tmp_path / 'lab'}", "from_case=tiny"]) == 0
    assert (tmp_path / "lab" / "offers.csv").read_bytes() == (case_folder("tiny") / "offers.csv").read_bytes()
    assert not (tmp_path / "lab" / "accelerators.csv").exists()  # comes with the planner anyway
    assert main(["init", f"folder={tmp_path / 'other'}", "from_case=nobody"]) == 2
    assert "got nobody" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
