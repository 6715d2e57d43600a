"""Contract Commitment exports of both versions: what they state is taken, what they do not state stays unknown."""

from __future__ import annotations

from datetime import date

import pytest

from optimizer.domain.contract import UNKNOWN, Interval, Status, Unit
from optimizer.errors import ConfigError, DataError
from optimizer.jobs.check import missing_for_plan
from optimizer.tables.case_files import write_tables
from optimizer.tables.exchange.focus_columns import COMMITMENT_1_3, COMMITMENT_1_4, STATUSES, unit_of
from optimizer.tables.read import read_case
from tests.samples import one_in
from tests.tables.exchange.files import (
    FOCUS_1_3,
    FOCUS_1_4_COLUMNS,
    csv_rows,
    focus_1_4,
    imported,
    reasons,
    rows_of,
)
from tests.tables.minimal import tables, write


@pytest.fixture
def case(tmp_path):
    return write(tmp_path / "lab", tables())


def taken_into(case, found):
    write_tables(case, {name: table.cells for name, table in found.changes.items()})
    return {contract.name: contract for contract in read_case(case).contracts}


def test_the_column_lists_are_the_published_ones():
    assert len(COMMITMENT_1_3) == 13
    assert FOCUS_1_4_COLUMNS == COMMITMENT_1_4
    assert len(COMMITMENT_1_4) == 30
    assert set(COMMITMENT_1_3) < set(COMMITMENT_1_4)
    assert tuple(status.value for status in Status) == STATUSES


def test_version_1_3_gives_contracts_whose_rates_and_pools_are_unknown(case):
    found = imported(case, "focus_1_3", FOCUS_1_3, supplier="north", as_of=date(2028, 1, 1))
    contracts = taken_into(case, found)
    pool, gpus = contracts["pool-2027"], contracts["gpus-2028"]
    assert (pool.status, pool.start, pool.end) == (Status.ACTIVE, date(2027, 1, 1), date(2030, 1, 1))
    assert (gpus.status, gpus.unit, gpus.currency, gpus.supplier) == (Status.PENDING, Unit.ACCELERATOR_HOUR, "EUR", "north")
    for contract in (pool, gpus):
        assert (contract.price, contract.accelerators, contract.interval, contract.pools) == (UNKNOWN, UNKNOWN, Interval.UNKNOWN, ())
        assert (contract.minimum_spend, contract.notice_days, contract.fee_steps) == (UNKNOWN, UNKNOWN, UNKNOWN)
    kept = {row["ContractCommitmentId"]: row for row in csv_rows(case / "focus_commitments.csv")}
    assert (kept["pool-2027"]["ContractCommitmentCost"], kept["gpus-2028"]["ContractCommitmentQuantity"]) == ("3000000", "140160")
    assert kept["gpus-2028"]["ContractCommitmentUnit"] == "GPU-Hours"


def test_check_names_what_a_plan_still_needs(case):
    taken_into(case, imported(case, "focus_1_3", FOCUS_1_3, supplier="north", as_of=date(2028, 1, 1)))
    needs = [need for need in missing_for_plan(read_case(case)) if "gpus-2028" in need]
    assert [need.split(":")[1].split(".")[0].strip() for need in needs] == [
        "its unit price, x_UnitPrice is unknown",
        "its capacity, x_AcceleratorsPerLot is unknown",
        "its fulfilment interval, x_FulfillmentInterval is unknown",
        "the pools that it covers",
    ]


def test_version_1_3_needs_a_day(case):
    with pytest.raises(ConfigError, match="as_of: must be the day of the export"):
        imported(case, "focus_1_3", FOCUS_1_3, supplier="north")


def test_version_1_4_states_status_interval_and_minimum(case):
    contracts = taken_into(case, imported(case, "focus_1_4", focus_1_4({})))
    contract = contracts["spend-001"]
    assert (contract.status, contract.interval, contract.minimum_spend, contract.lots) == (Status.ACTIVE, Interval.TERM, 925000.0, 1)
    assert (contract.discount, contract.upfront_share) == (0.15, 0.0)
    (kept,) = csv_rows(case / "focus_commitments.csv")
    assert (kept["ContractCommitmentModel"], kept["as_of"]) == ("Discontinuous", "2027-12-15")


def test_clauses_that_an_export_cannot_state_are_unknown_and_those_of_other_contracts_stay(case):
    before = {contract.name: contract for contract in read_case(case).contracts}
    contracts = taken_into(case, imported(case, "focus_1_4", focus_1_4({})))
    unread = {
        "annual_escalator",
        "index_cap",
        "clawback_share",
        "supplier_notice_days",
        "credits",
        "credit_cap",
        "notice_days",
        "fee_steps",
        *("ramp", "tiers", "price_index", "balance", "comparables", "exclusions"),
    }
    assert unread <= set(contracts["spend-001"].unknown_clauses)
    assert {name: contracts[name] for name in before} == before


@pytest.mark.parametrize("status", one_in(2, STATUSES))
def test_every_status_is_read(case, status):
    start = {"Proposed": "2028-02-01", "Pending": "2028-02-01"}.get(status, "2027-01-01")
    row = {"ContractCommitmentLifecycleStatus": status, "ContractCommitmentPeriodStart": f"{start}T00:00:00Z"}
    assert taken_into(case, imported(case, "focus_1_4", focus_1_4(row)))["spend-001"].status == Status(status)


def test_a_quarter_is_a_quarter_and_its_cost_is_no_minimum_of_an_interval(case):
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentFulfillmentInterval": "Quarterly"}))
    contract = taken_into(case, found)["spend-001"]
    assert (contract.interval, contract.minimum_spend) == (Interval.QUARTER, UNKNOWN)


def test_an_interval_that_contracts_does_not_know_stays_unknown_and_is_kept(case):
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentFulfillmentInterval": "Custom"}))
    assert taken_into(case, found)["spend-001"].interval is Interval.UNKNOWN
    assert csv_rows(case / "focus_commitments.csv")[0]["ContractCommitmentFulfillmentInterval"] == "Custom"


def test_each_tier_is_a_row_with_an_id_of_its_own(case):
    rows = ({"ContractCommitmentId": "tier-1"}, {"ContractCommitmentId": "tier-2", "ContractCommitmentDiscountPercentage": "0.25"})
    found = imported(case, "focus_1_4", focus_1_4(*rows))
    assert found.changes["contracts"].added == ("tier-1", "tier-2")
    assert [row["ContractCommitmentDiscountPercentage"] for row in rows_of(found, "contracts")[-2:]] == ["0.15", "0.25"]


def test_rows_of_one_id_are_not_guessed_to_be_tiers(case):
    found = imported(case, "focus_1_4", focus_1_4({}, {"ContractCommitmentDiscountPercentage": "0.25"}))
    assert found.changes["contracts"].added == ("spend-001",)
    assert reasons(found) == [
        (2, "row 1 has the same ContractCommitmentId; if it is a further tier, FOCUS states neither its price nor its quantity")
    ]


def test_tiers_with_price_and_quantity_in_x_columns_are_tiers(case):
    x = "x_TierOf,x_TierFromQuantity,x_TierUnitPrice,x_TierKind,x_TierSource,x_TierSourceKind,x_TierAsOf"
    lines = focus_1_4({}, {"ContractCommitmentId": "spend-001#2"}).splitlines()
    tail = ("," * 7, ",spend-001,0,1.25,incremental,contract,reported,2027-12-15")
    content = "\n".join([f"{lines[0]},{x}", *(line + end for line, end in zip(lines[1:], tail, strict=True)), ""])
    contract = taken_into(case, imported(case, "focus_1_4", content))["spend-001"]
    assert [(tier.from_quantity, tier.price, tier.kind) for tier in contract.tiers] == [(0.0, 1.25, "incremental")]


def test_a_reimport_replaces_what_it_states_and_keeps_what_somebody_has_read(case):
    taken_into(case, imported(case, "focus_1_4", focus_1_4({})))
    text = (case / "contracts.csv").read_text()
    header, *lines = text.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("spend-001")]
    cells = dict(zip(header.split(","), lines[place].split(","), strict=True)) | {
        "x_UnitPrice": "2.5",
        "x_Lots": "3",
        "source": "the contract",
    }
    lines[place] = ",".join(cells.values())
    (case / "contracts.csv").write_text("\n".join([header, *lines, ""]))
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentLifecycleStatus": "Exhausted"}))
    assert (found.changes["contracts"].added, found.changes["contracts"].replaced) == ((), ("spend-001",))
    contract = taken_into(case, found)["spend-001"]
    assert (contract.status, contract.price, contract.lots) == (Status.EXHAUSTED, 2.5, 3)
    assert "the contract" in (case / "contracts.csv").read_text()
    assert not imported(case, "focus_1_4", focus_1_4({"ContractCommitmentLifecycleStatus": "Exhausted"})).changes


BAD = {
    "an inclusive end": ({"ContractCommitmentPeriodEnd": "2030-11-30T23:59:59Z"}, "ContractCommitmentPeriodEnd must be midnight UTC"),
    "a local midnight": (
        {"ContractCommitmentPeriodStart": "2027-12-01T00:00:00+02:00"},
        "ContractCommitmentPeriodStart must be midnight UTC",
    ),
    "no date": ({"ContractCommitmentPeriodStart": "soon"}, "ContractCommitmentPeriodStart must be a date"),
    "no start": ({"ContractCommitmentPeriodStart": ""}, "ContractCommitmentPeriodStart is not stated"),
    "no id": ({"ContractCommitmentId": ""}, "ContractCommitmentId is not stated"),
    "an unknown status": ({"ContractCommitmentLifecycleStatus": "Signed"}, "ContractCommitmentLifecycleStatus must be one of Proposed"),
    "an unknown category": ({"ContractCommitmentCategory": "Both"}, "ContractCommitmentCategory must be one of Spend, Usage"),
    "a cost in words": ({"ContractCommitmentCost": "1 million"}, "ContractCommitmentCost must be a plain decimal"),
    "a negative cost": ({"ContractCommitmentCost": "-1"}, "ContractCommitmentCost must be >= 0"),
    "a cost beyond numbers": ({"ContractCommitmentCost": "1e9999"}, "ContractCommitmentCost must be a plain decimal"),
    "a discount in percent": ({"ContractCommitmentDiscountPercentage": "15"}, "ContractCommitmentDiscountPercentage must be a share"),
    "no JSON": ({"ContractCommitmentApplicability": "everything"}, "ContractCommitmentApplicability must be a JSON object"),
    "a supplier that is not there": ({"ServiceProviderName": "nobody"}, "x_Supplier must name a row of suppliers"),
    "an end before the start": (
        {"ContractCommitmentPeriodEnd": "2027-11-01T00:00:00Z", "ContractCommitmentLifecycleStatus": "Expired"},
        "ContractCommitmentPeriodEnd must be after",
    ),
    "active and over": (
        {"ContractCommitmentPeriodStart": "2026-01-01T00:00:00Z", "ContractCommitmentPeriodEnd": "2027-01-01T00:00:00Z"},
        "ContractCommitmentPeriodEnd of a contract in force must be after the case's date",
    ),
    "a currency without a rate": ({"BillingCurrency": "JPY"}, "BillingCurrency must have a rate in exchange_rates"),
}


@pytest.mark.parametrize(("change", "rule"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_taken_is_listed_and_the_others_are(case, change, rule):
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentId": "sound"}, change))
    assert found.changes["contracts"].added == ("sound",)
    assert [row["ContractCommitmentId"] for row in rows_of(found, "focus_commitments")] == ["sound"]
    assert {row for row, _ in reasons(found)} == {2}
    assert reasons(found)[0][1].startswith(rule)
    assert [(read.rows, read.taken) for read in found.reads] == [(2, 1)]


def test_a_file_of_another_version_is_refused(case):
    with pytest.raises(DataError, match=r"focus_1_4\.csv: a FOCUS 1\.4 Contract Commitment export must have columns ContractCommitmentApp"):
        imported(case, "focus_1_4", FOCUS_1_3)


def test_a_file_with_statuses_is_not_read_as_one_without(case):
    rule = r"focus_1_3\.csv: a FOCUS 1\.3 Contract Commitment export must have no column ContractCommitmentLifecycleStatus"
    with pytest.raises(DataError, match=rule):  # its quotes would be in force by their dates
        imported(case, "focus_1_3", focus_1_4({"ContractCommitmentLifecycleStatus": "Proposed"}), as_of=date(2028, 1, 1))


@pytest.mark.parametrize(
    ("unit", "ours"),
    [
        ("GPU-Hours", "accelerator-hour"),
        ("Accelerator-Months", "accelerator-month"),
        ("Seats", "unknown"),
        ("Instance-Hours", "unknown"),
        ("", "unknown"),
    ],
)
def test_units_that_count_accelerators_are_known(unit, ours):
    assert unit_of(unit) == ours
