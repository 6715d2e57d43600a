"""Cost and Usage as actuals: burn-down by contract, bill and fulfilment interval, through ContractApplied."""

from __future__ import annotations

import pytest

from optimizer.errors import DataError
from optimizer.tables.case_files import write_tables
from optimizer.tables.read import read_tables
from tests.tables.exchange.files import charge, costs, csv_rows, imported, reasons, rows_of
from tests.tables.minimal import tables, write

# The contract held runs from 2027-06-01 to 2029-06-01 in EUR; its fulfilment interval is a quarter.
COST = {"ContractId": "north_2027", "ContractCommitmentId": "held", "ContractCommitmentAppliedCost": 100.10}
HOURS = {
    "ContractId": "north_2027",
    "ContractCommitmentId": "held",
    "ContractCommitmentAppliedQuantity": 50,
    "ContractCommitmentAppliedUnit": "GPU-Hours",
}


@pytest.fixture
def case(tmp_path):
    return write(tmp_path / "lab", tables())


def actuals(found):
    names = ("ContractCommitmentId", "billing_period_start", "interval_start", "interval_end", "charged_until")
    amounts = ("applied_cost", "applied_quantity", "unit")
    return [tuple(row.get(name, "") for name in (*names, *amounts)) for row in rows_of(found, "actuals")]


def test_charges_of_a_bill_are_summed_by_fulfilment_interval(case):
    found = imported(
        case,
        "focus_costs",
        costs(
            charge("2028-01-03T10:00:00Z", "2028-01-03T11:00:00Z", COST, HOURS),
            charge("2028-01-04T00:00:00Z", "2028-01-05T00:00:00Z", COST),
            charge("2027-11-30T00:00:00Z", "2027-12-01T00:00:00Z", COST | {"ContractCommitmentAppliedCost": -20}, ChargeClass="Correction"),
        ),
    )
    assert actuals(found) == [
        ("held", "2028-01-01", "2027-09-01", "2027-12-01", "2027-12-01", "-20", "", ""),
        ("held", "2028-01-01", "2027-12-01", "2028-03-01", "2028-01-05", "200.2", "50", "GPU-Hours"),
    ]
    assert [(read.rows, read.taken) for read in found.reads] == [(3, 3)]


def test_ids_of_version_1_3_are_read_too(case):
    old = {"ContractID": "north_2027", "ContractCommitmentID": "held", "ContractCommitmentAppliedCost": 1.5}
    old |= {"ContractCommitmentAppliedQuantity": 2, "ContractCommitmentAppliedUnit": "GPU-Hours"}
    found = imported(case, "focus_costs", costs(charge("2028-01-03", "2028-01-04", old)))
    assert actuals(found) == [("held", "2028-01-01", "2027-12-01", "2028-03-01", "2028-01-04", "1.5", "2", "GPU-Hours")]


def test_a_bill_that_comes_again_replaces_itself_and_leaves_other_bills(case):
    january = costs(
        charge("2027-11-30", "2027-12-01", COST),
        charge("2028-01-03", "2028-01-04", COST),
    )
    february = costs(charge("2028-02-03", "2028-02-04", COST, bill="2028-02-01"))
    for bill in (january, february):
        write_tables(case, {name: table.cells for name, table in imported(case, "focus_costs", bill).changes.items()})
    assert not imported(case, "focus_costs", january).changes
    restated = imported(case, "focus_costs", costs(charge("2028-01-03", "2028-01-05", COST | {"ContractCommitmentAppliedCost": 7})))
    assert (restated.changes["actuals"].replaced, restated.changes["actuals"].removed) == (
        ("held/2028-01-01/2027-12-01",),
        ("held/2028-01-01/2027-09-01",),
    )
    write_tables(case, {"actuals": restated.changes["actuals"].cells})
    assert len(read_tables(case)["actuals"].values) == 2
    assert [row["applied_cost"] for row in csv_rows(case / "actuals.csv")] == ["7", "100.1"]


def test_without_an_interval_the_term_is_the_interval(tmp_path):
    made = tables()
    made["contracts"][0]["x_FulfillmentInterval"] = "unknown"
    found = imported(write(tmp_path / "lab", made), "focus_costs", costs(charge("2028-01-03", "2028-01-04", COST)))
    assert actuals(found)[0][2:4] == ("2027-06-01", "2029-06-01")


GOOD = charge("2028-01-03", "2028-01-04", COST)
BAD = {
    "no contract": (GOOD | {"ContractApplied": ""}, "the charge counts towards no contract"),
    "null": (GOOD | {"ContractApplied": "null"}, "the charge counts towards no contract"),
    "no JSON": (GOOD | {"ContractApplied": "{"}, "ContractApplied must be a JSON object"),
    "deep JSON": (GOOD | {"ContractApplied": "[" * 100_000}, "ContractApplied must be a JSON object"),
    "a list": (GOOD | {"ContractApplied": "[1]"}, "ContractApplied must have a list of objects, Elements"),
    "no elements": (GOOD | {"ContractApplied": '{"Elements": []}'}, "ContractApplied must have a list of objects, Elements"),
    "elements of another kind": (
        GOOD | {"ContractApplied": '{"Elements": ["held"]}'},
        "ContractApplied must have a list of objects, Elements",
    ),
    "no id": (charge("2028-01-03", "2028-01-04", {"ContractCommitmentAppliedCost": 1}), "an element must name its ContractCommitmentId"),
    "no amount": (charge("2028-01-03", "2028-01-04", {"ContractCommitmentId": "held"}), "an element must have an applied cost or quantity"),
    "an amount in words": (
        charge("2028-01-03", "2028-01-04", COST | {"ContractCommitmentAppliedCost": "12"}),
        "applied costs and quantities must be JSON numbers",
    ),
    "a boolean": (
        charge("2028-01-03", "2028-01-04", COST | {"ContractCommitmentAppliedCost": True}),
        "applied costs and quantities must be JSON numbers",
    ),
    "not a number": (
        GOOD | {"ContractApplied": '{"Elements": [{"ContractCommitmentId": "held", "ContractCommitmentAppliedCost": NaN}]}'},
        "ContractApplied must be a JSON object",
    ),
    "a quantity of nothing": (
        charge("2028-01-03", "2028-01-04", {"ContractCommitmentId": "held", "ContractCommitmentAppliedQuantity": 3}),
        "an applied quantity must have a unit, and only it",
    ),
    "another contract": (
        charge("2028-01-03", "2028-01-04", COST | {"ContractCommitmentId": "elsewhere"}),
        "the contract is not in contracts; import the commitments first",
    ),
    "another currency": (GOOD | {"BillingCurrency": "USD"}, "BillingCurrency must be the contract's"),
    "before the contract": (charge("2027-05-31", "2027-06-01", COST), "the charge must begin within the contract's term"),
    "after the contract": (charge("2029-06-01", "2029-06-02", COST), "the charge must begin within the contract's term"),
    "an end that is inclusive": (
        charge("2028-01-03", "2028-01-03", COST),
        "ChargePeriodEnd must be after ChargePeriodStart; ends are exclusive",
    ),
    "no end": (charge("2028-01-03", "", COST), "ChargePeriodEnd is not stated"),
    "a bill within a month": (GOOD | {"BillingPeriodStart": "2028-01-15"}, "BillingPeriodStart must be the first day of a month"),
    "a plan's cost": (GOOD | {"x_Planned": "true"}, "the cost is a plan's and was never billed"),
    "another unit": (
        charge("2028-01-03", "2028-01-04", HOURS | {"ContractCommitmentAppliedUnit": "Seats"}),
        "the unit must be that of the contract's other charges, GPU-Hours",
    ),
}


@pytest.mark.parametrize(("row", "rule"), BAD.values(), ids=BAD)
def test_a_charge_that_cannot_be_counted_is_listed_and_the_others_are(case, row, rule):
    content = costs(charge("2028-01-02", "2028-01-03", HOURS), row)
    if "x_Planned" in row:
        first, *lines = content.splitlines()
        content = "\n".join([f"{first},x_Planned", *(line + end for line, end in zip(lines, (",", ",true"), strict=True)), ""])
    found = imported(case, "focus_costs", content)
    assert reasons(found) == [(2, rule)]
    assert [(read.rows, read.taken) for read in found.reads] == [(2, 1)]
    assert [row[6] for row in actuals(found)] == ["50"]


def test_a_file_without_the_column_is_refused(case):
    with pytest.raises(DataError, match="a FOCUS Cost and Usage export must have columns BillingPeriodStart"):
        imported(case, "focus_costs", "BillingCurrency\nEUR\n")
