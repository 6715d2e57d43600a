"""What export writes, import reads back: the same tables, to the cell."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from optimizer.tables.case_files import write_tables
from optimizer.tables.catalog import case_folder
from optimizer.tables.exchange.focus_commitments import FOCUS_1_3, FOCUS_1_4
from optimizer.tables.exchange.focus_costs import export_actuals
from optimizer.tables.exchange.focus_export import export_commitments
from optimizer.tables.exchange.imports import import_file
from optimizer.tables.exchange.reading import Request
from optimizer.tables.read import look_at_tables, read_tables
from optimizer.tables.schemas import TABLES
from tests.samples import one_in
from tests.tables.exchange.files import charge, costs, focus_1_4, imported
from tests.tables.minimal import tables, write, write_parquet

VERSIONS = {"focus_1_3": FOCUS_1_3, "focus_1_4": FOCUS_1_4}
OF_CONTRACTS = tuple(
    table.name
    for table in TABLES
    if table.name == "contracts" or any(column.refers_to == "contracts" and column.key for column in table.columns)
)
APPLIED = {
    "ContractId": "north_2027",
    "ContractCommitmentId": "held",
    "ContractCommitmentAppliedCost": 100.10,
}
HOURS = {
    "ContractId": "north_2027",
    "ContractCommitmentId": "held",
    "ContractCommitmentAppliedQuantity": 50.25,
    "ContractCommitmentAppliedUnit": "GPU-Hours",
}


FILLED = {"contracts", "focus_commitments", "actuals", "clause_register"} | {
    f"contract_{name}" for name in ("pools", "ramp_steps", "tiers", "fee_steps", "credit_steps", "deliveries", "exclusions")
}
PROVENANCE = {"source": "made up", "source_kind": "assumed", "as_of": "2028-01-01"}


def full_case(folder: Path) -> Path:
    """Tiers, ramps, fee steps, pools, exclusions, hostile texts, a contract that came from FOCUS, and charges."""
    made = tables()
    made["contracts"][0]["ContractCommitmentDescription"] = '\'=HYPERLINK("here"), with a comma'
    made["contracts"][1]["ContractCommitmentDescription"] = "two\nlines"
    made["contract_tiers"].append(
        made["contract_tiers"][0] | {"ContractCommitmentId": "held", "from_quantity": "1000000.5", "source": "'+1"}
    )
    made["contracts"][0] |= {"x_ServiceCredits": "given", "ContractCommitmentDiscountPercentage": "0.25", "x_AnnualEscalator": "unknown"}
    made["contracts"][1] |= {"x_ServiceCredits": "none", "ContractCommitmentDiscountPercentage": "none", "x_AnnualEscalator": "0.03"}
    made["contract_credit_steps"] = [{"ContractCommitmentId": "held", "availability_below": "0.99", "credit_share": "0.1"} | PROVENANCE]
    made["contract_deliveries"] = [
        {"ContractCommitmentId": "held", "scenario": "boom", "delay_days": "30", "supplier_exit": ""} | PROVENANCE
    ]
    made["clause_register"] = [
        {
            "ContractCommitmentId": "held",
            "section": "9.1",
            "category": "assignment",
            "text": "-none without consent, ever",
            "owner": "legal",
        }
        | {"blocks_multi_supplier": "false", "reviewed_on": ""}
        | PROVENANCE
    ]
    case = write(folder, made)
    for source, content in (
        ("focus_1_4", focus_1_4({"ContractCommitmentUnit": "GPU-Hours", "ContractCommitmentQuantity": "12"})),
        ("focus_costs", costs(charge("2027-11-30", "2027-12-01", APPLIED), charge("2028-01-03", "2028-01-04", APPLIED, HOURS))),
    ):
        write_tables(case, {name: table.cells for name, table in imported(case, source, content).changes.items()})
    return case


def take(case: Path, source: str, path: Path) -> None:
    found = import_file(case, source, path, Request(as_of=date(2020, 1, 1)))
    assert [entry.reason for entry in found.not_taken] == []
    write_tables(case, {name: table.cells for name, table in found.changes.items()})


def without_contracts(case: Path, folder: Path) -> Path:
    """The case as it was before anybody had a contract."""
    shutil.copytree(case, folder)
    for name in OF_CONTRACTS:
        (folder / f"{name}.csv").unlink(missing_ok=True)
    return folder


def assert_same(first: Path, second: Path) -> None:
    before, after = look_at_tables(first)[0], look_at_tables(second)[0]
    for name in OF_CONTRACTS:
        key = list(before[name].table.key)
        frames = [found[name].values.sort_values(key, ignore_index=True) for found in (before, after)]
        pd.testing.assert_frame_equal(*frames)


@pytest.mark.parametrize("source", one_in(2, VERSIONS))
def test_a_case_without_contracts_gets_all_of_them_back(tmp_path, source):
    case, version = full_case(tmp_path / "lab"), VERSIONS[source]
    assert {name for name in OF_CONTRACTS if len(read_tables(case)[name].values)} >= FILLED
    out = tmp_path / "focus"
    out.mkdir()
    export_commitments(read_tables(case), version, out)
    export_actuals(read_tables(case), version, "lab", out / "cost_and_usage.csv")
    empty = without_contracts(case, tmp_path / "empty")
    take(empty, source, out)
    take(empty, "focus_costs", out / "cost_and_usage.csv")
    assert_same(case, empty)


@pytest.mark.parametrize("source", one_in(2, VERSIONS))
def test_the_case_itself_does_not_change(tmp_path, source):
    case = full_case(tmp_path / "lab")
    out = tmp_path / "focus"
    out.mkdir()
    export_commitments(read_tables(case), VERSIONS[source], out)
    export_actuals(read_tables(case), VERSIONS[source], "lab", out / "cost_and_usage.csv")
    for kind, path in ((source, out), ("focus_costs", out / "cost_and_usage.csv")):
        assert not import_file(case, kind, path, Request(as_of=date(2020, 1, 1))).changes


@pytest.mark.parametrize("name", ["frontier_lab", "small"])
def test_shipped_contracts_come_back(tmp_path, name):
    out = tmp_path / "focus"
    out.mkdir()
    export_commitments(read_tables(case_folder(name)), FOCUS_1_4, out)
    empty = without_contracts(case_folder(name), tmp_path / name)
    (empty / "pins.csv").unlink(missing_ok=True)
    (empty / "other_spend.csv").unlink(missing_ok=True)
    take(empty, "focus_1_4", out)
    assert_same(case_folder(name), empty)


def test_steps_that_an_export_no_longer_has_go(tmp_path):
    case, out = full_case(tmp_path / "lab"), tmp_path / "focus"
    out.mkdir()
    export_commitments(read_tables(case), FOCUS_1_4, out)
    ramp = out / "contract_ramp_steps.csv"
    ramp.write_text("".join(ramp.read_text().splitlines(keepends=True)[:-1]))
    found = import_file(case, "focus_1_4", out, Request())
    assert {name: change.removed for name, change in found.changes.items()} == {"contract_ramp_steps": ("held/2028-01-15",)}


def test_a_case_in_parquet_stays_in_parquet(tmp_path):
    made = tables()
    case = write_parquet(tmp_path / "lab", made)
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentDescription": "=1+1"}))
    write_tables(case, {name: change.cells for name, change in found.changes.items()})
    assert sorted(path.name for path in case.glob("*.csv")) == ["focus_commitments.csv"]
    same = write(tmp_path / "csv", made)
    write_tables(
        same,
        {
            name: change.cells
            for name, change in imported(same, "focus_1_4", focus_1_4({"ContractCommitmentDescription": "=1+1"})).changes.items()
        },
    )
    assert_same(same, case)
    assert "=1+1" in set(read_tables(case)["contracts"].values["ContractCommitmentDescription"])


def test_an_element_of_1_4_has_a_cost_or_a_quantity_and_one_of_1_3_both(tmp_path):
    case = full_case(tmp_path / "lab")
    elements = {}
    for source, version in VERSIONS.items():
        export_actuals(read_tables(case), version, "lab", tmp_path / f"{source}.csv")
        with (tmp_path / f"{source}.csv").open(encoding="utf-8", newline="") as file:
            elements[source] = [json.loads(row["ContractApplied"])["Elements"] for row in csv.DictReader(file)][-1]
    cost = {"ContractId": "north_2027", "ContractCommitmentId": "held", "ContractCommitmentAppliedCost": 100.1}
    hours = {"ContractId": "north_2027", "ContractCommitmentId": "held"}
    hours |= {"ContractCommitmentAppliedQuantity": 50.25, "ContractCommitmentAppliedUnit": "GPU-Hours"}
    assert elements["focus_1_4"] == [cost, hours]
    old = {"ContractID": "north_2027", "ContractCommitmentID": "held", "ContractCommitmentAppliedCost": 100.1}
    assert elements["focus_1_3"] == [old | {"ContractCommitmentAppliedQuantity": 50.25, "ContractCommitmentAppliedUnit": "GPU-Hours"}]
