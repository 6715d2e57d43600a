"""Broken contracts through `placement check`: exit code 2, and a message with the file, the rule, the value and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from optimizer.__main__ import main
from tests.tables.minimal import Tables, added, changed, tables, write

_NAME = "ContractCommitmentId"
IN_ALL = (
    "must make less than 1e+18 in all, of the contract's currency and of USD: of all lots, drawn in full for a fulfilment interval, "
    "with its rates, index and escalator"
)
SMALLER = "Correct the amount, the lots, or what it is multiplied by."


def with_rows(name: str, *rows: dict[str, str]) -> Tables:
    """The case with rows added to a table, which may have had none."""
    made = tables()
    provenance = {"source": "made up", "source_kind": "assumed", "as_of": "2028-01-01"}
    made[name] = [*made.get(name, []), *(row | provenance for row in rows)]
    return made


def tier_gap() -> Tables:
    made = tables()
    made["contract_tiers"] = [made["contract_tiers"][1]]  # from 10 on; x_UnitPrice is unknown
    return made


def both_ways() -> Tables:
    made = changed("contracts", 1, ContractCommitmentLifecycleStatus="Active", x_OptionGroup="")
    made["contract_exclusions"] = [
        {_NAME: "quote", "kind": "contract", "other": "held"} | provenance(made),
        {_NAME: "held", "kind": "supplier", "other": "south"} | provenance(made),
    ]
    return made


def provenance(made: Tables) -> dict[str, str]:
    return {name: made["contract_pools"][0][name] for name in ("source", "source_kind", "as_of")}


def minimum_above_capacity() -> Tables:
    made = changed("contracts", 0, x_MinimumSpend="150000")
    made["other_spend"] = []
    return made


def taken_group() -> Tables:
    made = changed("contracts", 0, x_OptionGroup="south")
    return made


def two_of_a_group() -> Tables:
    made = changed("contracts", 0, x_OptionGroup="south")
    made["contracts"][1]["ContractCommitmentLifecycleStatus"] = "Active"
    made["contract_exclusions"] = []
    return made


def supplier_exit(notice: str, day: str) -> Tables:
    made = with_rows("contract_deliveries", {_NAME: "held", "scenario": "boom", "delay_days": "0", "supplier_exit": day})
    for row in made["contracts"]:
        row["x_SupplierNoticeDays"] = notice
    return made


def clause(**cells: str) -> Tables:
    """The held contract with cells in columns that the file may lack; `none` or blank in the others' rows."""
    made = tables()
    words = {"x_AcceleratorsPerUnit", "x_PriceIndex", "x_IndexBase", "x_ServiceCredits", "x_SpentSoFar", "x_PrepaidBalance", "x_TimeZone"}
    words |= {"x_BurstPrice", "x_UnreadClauses", "x_Anniversary"}
    for row in made["contracts"]:
        row |= {name: "" if name in words else "none" for name in cells if name not in row}
    made["contracts"][0] |= cells
    return made


def two_wallets() -> Tables:
    made = clause(x_ShareOfWallet="0.7")
    made["contracts"][1] |= {"x_ShareOfWallet": "0.6", "ContractCommitmentLifecycleStatus": "Active", "x_OptionGroup": "", "x_SignBy": ""}
    made["contracts"][1]["ContractCommitmentPeriodStart"] = "2028-01-01"
    made["contract_exclusions"] = []
    return made


def credit_steps(*steps: tuple[str, str]) -> list[dict[str, str]]:
    rows = ({_NAME: "held", "availability_below": below, "credit_share": share} for below, share in steps)
    return with_rows("contract_credit_steps", *rows)["contract_credit_steps"]


def named_as_renewed() -> Tables:
    """The quote is called as the prolonged term of the other contract would be."""
    made = clause(x_RenewalMonths="12")
    return {
        name: [{column: "held/renewed" if cell == "quote" else cell for column, cell in row.items()} for row in rows]
        for name, rows in made.items()
    }


BROKEN: dict[str, tuple[Tables, str]] = {
    "tiers with a gap": (
        tier_gap(),
        "contract_tiers.csv: from_quantity of a contract's first tier must be 0 units where x_UnitPrice is unknown: below it there is a "
        "gap; got 10. 1 row (first: quote/10). Add the tier from 0, or write x_UnitPrice in contracts.csv.",
    ),
    "a tier twice": (
        added("contract_tiers", 1),
        "contract_tiers.csv: (ContractCommitmentId, from_quantity) must be unique; got quote/10 more than once. 2 rows (first: quote/10 in "
        "row 2, quote/10 in row 3). Keep one row of each.",
    ),
    "ramp past the term": (
        changed("contract_ramp_steps", 0, start="2029-06-01"),
        "contract_ramp_steps.csv: start must be within the contract's term; got 2029-06-01. 1 row (first: held/2029-06-01). "
        "Correct the date or remove the step.",
    ),
    "ramp before the start": (
        changed("contract_ramp_steps", 1, start="2027-05-31"),
        "contract_ramp_steps.csv: start must be within the contract's term; got 2027-05-31. 1 row (first: held/2027-05-31). "
        "Correct the date or remove the step.",
    ),
    "fee after the end": (
        changed("contract_fee_steps", 0, start="2029-06-02"),
        "contract_fee_steps.csv: start must not be after the contract's ContractCommitmentPeriodEnd; got 2029-06-02. 1 row (first: "
        "held/2029-06-02). Correct the date or remove the step.",
    ),
    "notice longer than the term": (
        changed("contracts", 0, x_NoticePeriodDays="732"),
        "contracts.csv: x_NoticePeriodDays must not be longer than the contract's term in days; got 732. 1 row (first: held). "
        "Correct it, or write none if it may not be terminated.",
    ),
    "unknown currency": (
        changed("contracts", 1, BillingCurrency="GBP"),
        "contracts.csv: BillingCurrency must have a rate in exchange_rates for every period; 2028-01 has none; got GBP. 1 row (first: "
        "quote). Add GBP to exchange_rates.csv, with a blank period for a rate that holds in all.",
    ),
    "minimum above capacity": (
        minimum_above_capacity(),
        "contracts.csv: x_MinimumSpend must be at most what the whole lot costs, 141,312.00 contract currency per lot and fulfilment "
        "interval; got 150000. 1 row (first: held). Correct the minimum, the price or the lot; or write Spend as its category if other "
        "purchases count.",
    ),
    "exclusivity both ways": (
        both_ways(),
        "contract_exclusions.csv: contracts in force on the same day must not exclude each other; got held excludes quote. 2 rows (first: "
        "quote/contract/held, held/supplier/south). Correct the exclusion, or the status or the days of one of the contracts.",
    ),
    "negative price": (
        changed("contracts", 0, x_UnitPrice="-2"),
        "contracts.csv: x_UnitPrice must be >= 0 and <= 1e+12 contract currency / unit; got -2. 1 row (first: held). "
        "Correct the value or remove the row.",
    ),
    "negative fee": (
        changed("contract_fee_steps", 0, fee_per_lot="-1"),
        "contract_fee_steps.csv: fee_per_lot must be >= 0 and <= 1e+18 contract currency / lot; got -1. 1 row (first: held/2028-06-01). "
        "Correct the value or remove the row.",
    ),
    "signed after the start": (
        changed("contracts", 1, x_SignBy="2028-02-02"),
        "contracts.csv: x_SignBy must not be after ContractCommitmentPeriodStart; got 2028-02-02. 1 row (first: quote). "
        "Correct one of the dates.",
    ),
    "index without values": (
        clause(x_PriceIndex="power", x_IndexBase="100"),
        "contracts.csv: x_PriceIndex must have a value in index_values for every period; 2028-01 has none; got power. 1 row (first: held). "
        "Add power to index_values.csv, with a blank period for a value that holds in all.",
    ),
    "index without a base": (
        clause(x_PriceIndex="power", x_IndexBase="")
        | {"index_values": with_rows("index_values", {"index": "power", "period": "", "scenario": "", "value": "1"})["index_values"]},
        "contracts.csv: x_IndexBase must be given where there is a x_PriceIndex; got a blank cell. 1 row (first: held). "
        "Write the value of the index at which the unit price holds.",
    ),
    "collar upside down": (
        clause(x_IndexFloor="1.2", x_IndexCap="0.9", x_PriceIndex="power", x_IndexBase="100")
        | {"index_values": with_rows("index_values", {"index": "power", "period": "", "scenario": "", "value": "1"})["index_values"]},
        "contracts.csv: x_IndexFloor must not be above x_IndexCap, ratio; got 1.2. 1 row (first: held). Correct the collar.",
    ),
    "collar of no index": (
        clause(x_IndexCap="1.2"),
        "contracts.csv: x_IndexCap must not be given where x_PriceIndex is blank; got 1.2. 1 row (first: held). "
        "Write x_PriceIndex, or take x_IndexCap out.",
    ),
    "a price of burst without burst": (
        clause(x_BurstShare="none", x_BurstPrice="9"),
        "contracts.csv: x_BurstPrice must not be given where x_BurstShare is none; got 9. 1 row (first: held). "
        "Write x_BurstShare, or take x_BurstPrice out.",
    ),
    "fees where nothing can be left": (
        clause(x_NoticePeriodDays="none", x_EarliestExit=""),
        "contracts.csv: x_TerminationFeeSchedule must not be given where x_NoticePeriodDays is none: it may not be terminated; got given. "
        "1 row (first: held). Write the notice, 0 if none is needed, or no fees.",
    ),
    "a contract without an end": (
        clause(ContractCommitmentPeriodEnd="9999-12-31"),
        "contracts.csv: ContractCommitmentPeriodEnd must be within 100 years of the case's date; got 9999-12-31. 1 row (first: held). "
        "Write the first day on which nothing binds any more.",
    ),
    "a renewal beyond all dates": (
        clause(x_RenewalMonths="1000000000"),
        "contracts.csv: x_RenewalMonths must be > 0 and <= 1200 months; got 1000000000. 1 row (first: held). "
        "Correct the value or remove the row.",
    ),
    "an absurd price": (
        clause(x_UnitPrice="1e300"),
        "contracts.csv: x_UnitPrice must be >= 0 and <= 1e+12 contract currency / unit; got 1e300. 1 row (first: held). "
        "Correct the value or remove the row.",
    ),
    "an absurd price of burst": (
        clause(x_BurstShare="0.5", x_BurstPrice="1e300"),
        "contracts.csv: x_BurstPrice must be >= 0 and <= 1e+12 contract currency / unit; got 1e300. 1 row (first: held). "
        "Correct the value or remove the row.",
    ),
    "an absurd price of a tier": (
        changed("contract_tiers", 1, unit_price="1e300"),
        "contract_tiers.csv: unit_price must be >= 0 and <= 1e+12 contract currency / unit; got 1e300. 1 row (first: quote/10). "
        "Correct the value or remove the row.",
    ),
    "an absurd fee": (
        changed("contract_fee_steps", 0, fee_per_lot="1e300"),
        "contract_fee_steps.csv: fee_per_lot must be >= 0 and <= 1e+18 contract currency / lot; got 1e300. 1 row (first: "
        "held/2028-06-01). Correct the value or remove the row.",
    ),
    "an absurd price of an offer": (
        changed("offers", 0, usd_per_accelerator_hour="1e300"),
        "offers.csv: usd_per_accelerator_hour must be > 0 and <= 1e+12 USD / accelerator-hour; got 1e300. 1 row (first: oslo_now). "
        "Correct the value or remove the row.",
    ),
    "a fee beyond reason for all lots": (
        changed("contract_fee_steps", 0, fee_per_lot="9e17"),
        f"contract_fee_steps.csv: fee_per_lot {IN_ALL}; got 9e17. 1 row (first: held/2028-06-01). {SMALLER}",
    ),
    "a price beyond reason for all that is drawn": (
        clause(x_UnitPrice="1e9", x_AcceleratorsPerLot="1e9"),
        f"contracts.csv: x_UnitPrice {IN_ALL}; got 1e9. 1 row (first: held). {SMALLER}",
    ),
    "an escalator beyond reason": (
        clause(x_AnnualEscalator="1", ContractCommitmentPeriodEnd="2099-06-01") | {"contract_ramp_steps": []},
        f"contracts.csv: x_UnitPrice {IN_ALL}; got 2.00. 1 row (first: held). {SMALLER}",
    ),
    "an anniversary of the whole term": (
        clause(x_FulfillmentInterval="term", x_Anniversary="2028-01-01"),
        "contracts.csv: x_Anniversary must be blank where x_FulfillmentInterval is hour, day or term: no such interval begins on it; got "
        "2028-01-01. 1 row (first: held). Clear the cell, or write month, quarter or year as the interval.",
    ),
    "more than the whole wallet": (
        two_wallets(),
        "contracts.csv: x_ShareOfWallet of contracts in force on the same day must sum to at most 1; got 1.3 on 2028-01-01. 2 rows (first: "
        "held, quote). Correct the shares, the status or the days.",
    ),
    "exclusion of its own supplier": (
        with_rows("contract_exclusions", {_NAME: "held", "kind": "supplier", "other": "north"}),
        "contract_exclusions.csv: a contract must not exclude its own supplier; got north. 1 row (first: held/supplier/north). "
        "Remove the row.",
    ),
    "exclusion of itself": (
        with_rows("contract_exclusions", {_NAME: "held", "kind": "contract", "other": "held"}),
        "contract_exclusions.csv: a contract must not exclude itself; got held. 1 row (first: held/contract/held). Remove the row.",
    ),
    "credits that shrink as availability falls": (
        clause(x_ServiceCredits="given") | {"contract_credit_steps": credit_steps(("0.999", "0.5"), ("0.95", "0.1"))},
        "contract_credit_steps.csv: credit_share must not be less than that of a higher availability_below; got 0.1. 1 row (first: "
        "held/0.95). Correct the shares.",
    ),
    "a balance above its cap": (
        with_rows("contract_balances", {_NAME: "held", "kind": "make_up", "opening": "100", "cap": "10", "expires_after": ""}),
        "contract_balances.csv: opening must not be above cap, contract currency; got 100. 1 row (first: held). Correct one of them.",
    ),
    "a balance of a quote": (
        with_rows("contract_balances", {_NAME: "quote", "kind": "rollover", "opening": "100", "cap": "", "expires_after": ""}),
        "contract_balances.csv: opening must be blank or 0 unless the contract is in force; got 100. 1 row (first: quote). "
        "Clear the cell: nothing has been brought forward yet.",
    ),
    "the name of a prolonged term": (
        named_as_renewed(),
        "contracts.csv: ContractCommitmentId must not be that of another contract's prolonged term; got held/renewed. 1 row (first: "
        "held/renewed). Rename it.",
    ),
    "unread and yet there": (
        clause(x_UnreadClauses="tiers;ramp"),
        "contracts.csv: x_UnreadClauses must not name ramp where the contract has it; got tiers;ramp. 1 row (first: held). "
        "Take ramp out of the cell.",
    ),
    "unread and no clause": (
        clause(x_UnreadClauses="everything"),
        "contracts.csv: x_UnreadClauses must name some of ramp, tiers, price_index, balance, most_favoured_price, exclusions; got "
        "everything. 1 row (first: held). Correct the name.",
    ),
    "option group of one in force": (
        taken_group(),
        "contracts.csv: x_OptionGroup of a Proposed contract must not hold one in force: the alternative is taken; got south. "
        "1 row (first: quote). Clear the group, or set the quote to Canceled.",
    ),
    "two of an option group in force": (
        two_of_a_group(),
        "contracts.csv: x_OptionGroup must have at most one contract in force; got south. 2 rows (first: held, quote). "
        "Clear the group of contracts signed apart.",
    ),
    "a rack without accelerators": (
        clause(ContractCommitmentUnit="rack-month", x_AcceleratorsPerUnit=""),
        "contracts.csv: x_AcceleratorsPerUnit must be given where the unit is an instance, a rack or a megawatt; got a blank cell. "
        "1 row (first: held). Write how many accelerators the unit holds.",
    ),
    "clawback of no discount": (
        clause(x_DiscountClawbackShare="0.5"),
        "contracts.csv: x_DiscountClawbackShare must be none where ContractCommitmentDiscountPercentage is none: there is nothing to pay "
        "back; got 0.5. 1 row (first: held). Write the discount, or none.",
    ),
    "credits without steps": (
        clause(x_ServiceCredits="given"),
        "contracts.csv: x_ServiceCredits given must have rows in contract_credit_steps; got given. 1 row (first: held). "
        "Add the steps to contract_credit_steps.csv, or write unknown.",
    ),
    "spend so far without a minimum": (
        clause(x_SpentSoFar="1000"),
        "contracts.csv: x_SpentSoFar must be blank unless there is a x_MinimumSpend over a month or longer; got 1000. 1 row (first: held). "
        "Clear the cell, or write the minimum.",
    ),
    "a supplier that may not leave": (
        supplier_exit("none", "2028-06-01"),
        "contract_deliveries.csv: supplier_exit must be blank where x_SupplierNoticeDays is none: the supplier may not leave; got "
        "2028-06-01. 1 row (first: held/boom). Clear the cell, or write the supplier's notice in contracts.csv.",
    ),
    "a supplier that leaves before its notice": (
        supplier_exit("90", "2028-02-01"),
        "contract_deliveries.csv: supplier_exit must not be before the supplier's notice from the case's date, 2028-01-01, has run; got "
        "2028-02-01. 1 row (first: held/boom). Correct the date or x_SupplierNoticeDays.",
    ),
    "a notice beyond all dates": (
        supplier_exit("1e300", "2028-06-01"),
        "contracts.csv: x_SupplierNoticeDays must be >= 0 and <= 36525 days; got 1e300. 2 rows (first: held, quote). "
        "Correct the value or remove the row.",
    ),
    "a delivery beyond all dates": (
        with_rows("contract_deliveries", {_NAME: "held", "scenario": "boom", "delay_days": "999999999999", "supplier_exit": ""}),
        "contract_deliveries.csv: delay_days must be >= 0 and <= 36525 days; got 999999999999. 1 row (first: held/boom). "
        "Correct the value or remove the row.",
    ),
    "a rate of the dollar": (
        added("exchange_rates", 0, currency="USD"),
        "exchange_rates.csv: currency must not be USD: a rate is what the currency is worth in it; got USD. 1 row (first: USD). "
        "Remove the row.",
    ),
    "upfront above all": (
        clause(ContractCommitmentPaymentUpfrontPercentage="20"),
        "contracts.csv: ContractCommitmentPaymentUpfrontPercentage must be >= 0 and <= 1 share; got 20. 1 row (first: held). "
        "Correct the value or remove the row.",
    ),
    "a time zone that is none": (
        clause(x_TimeZone="Mars/Olympus"),
        "contracts.csv: x_TimeZone must be a time zone of the IANA database; got Mars/Olympus. 1 row (first: held). "
        "Write one such as Europe/Paris.",
    ),
    "a registered clause of no contract": (
        with_rows(
            "clause_register",
            {
                _NAME: "hold",
                "section": "12.3",
                "category": "assignment",
                "text": "may not be assigned",
                "blocks_multi_supplier": "true",
                "owner": "legal",
                "reviewed_on": "",
            },
        ),
        "clause_register.csv: ContractCommitmentId must name a row of contracts; got hold. 1 row (first: hold/12.3). "
        "Add the row to contracts.csv, or correct the name (nearest: held).",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_contract_is_named_with_what_to_do(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, message = BROKEN[case]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)  # figures are shown on a terminal only
    assert main(["check", f"case.path={write(tmp_path / 'lab', made)}"]) == 2
    assert capsys.readouterr().err.splitlines() == [message]
