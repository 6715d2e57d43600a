"""Clauses that fold into prices and payments: units, indices, prepayments, discounts, credits, deliveries, settlement."""

from __future__ import annotations

import math
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from optimizer.domain.contract import UNKNOWN
from optimizer.errors import Violation
from optimizer.tables.check.contracts import in_force, proposed
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.schemas.contracts import UNREAD_CLAUSES

_START, _END, _NAME = "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "ContractCommitmentId"
_UNIT, _UPFRONT, _DISCOUNT = "ContractCommitmentUnit", "ContractCommitmentPaymentUpfrontPercentage", "ContractCommitmentDiscountPercentage"


@rule(f"contracts: {_UNIT} x_AcceleratorsPerUnit")
def units_have_a_size(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    unit, size = data.values[_UNIT], data.values["x_AcceleratorsPerUnit"]
    wrong = unit.isin(["instance-hour", "rack-month", "megawatt-month"]) & size.isna()
    words = "x_AcceleratorsPerUnit must be given where the unit is an instance, a rack or a megawatt"
    yield from breaches(data, wrong, "x_AcceleratorsPerUnit", words, "Write how many accelerators the unit holds.")
    wrong = unit.isin(["accelerator-hour", "accelerator-month"]) & size.notna() & (size != 1)
    words = "x_AcceleratorsPerUnit must be blank or 1 accelerator where the unit is an accelerator's"
    yield from breaches(data, wrong, "x_AcceleratorsPerUnit", words, "Clear the cell, or correct the unit.")


@rule("contracts: x_PriceIndex x_IndexBase", "index_values: index period scenario", "calendar: period")
def indices_have_values(tables: Tables) -> Iterator[Violation]:
    """A value for every period in every scenario: rows for scenarios add to those for all."""
    data, rows = tables["contracts"], tables["index_values"].values
    calendar = tables["calendar"].values["period"]
    for index in data.values["x_PriceIndex"].dropna().unique():
        given = rows[(rows["index"] == index) & rows["scenario"].isna()]["period"]
        lacking = calendar[~calendar.isin(given)] if not given.isna().any() else calendar[:0]
        if len(lacking):
            words = f"x_PriceIndex must have a value in index_values for every period; {lacking.iat[0]} has none"
            remedy = f"Add {index} to index_values.csv, with a blank period for a value that holds in all."
            yield from breaches(data, data.values["x_PriceIndex"] == index, "x_PriceIndex", words, remedy)
    alone = data.values["x_PriceIndex"].notna() & data.values["x_IndexBase"].isna()
    words = "x_IndexBase must be given where there is a x_PriceIndex"
    yield from breaches(data, alone, "x_IndexBase", words, "Write the value of the index at which the unit price holds.")


@rule("contracts: x_IndexFloor x_IndexCap")
def collars_are_open(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    floor, cap = (pd.to_numeric(data.values[name], errors="coerce") for name in ("x_IndexFloor", "x_IndexCap"))
    yield from breaches(data, floor > cap, "x_IndexFloor", "x_IndexFloor must not be above x_IndexCap, ratio", "Correct the collar.")


NEEDED = {  # what says nothing without another column's clause
    "x_IndexBase": "x_PriceIndex",
    "x_IndexFloor": "x_PriceIndex",
    "x_IndexCap": "x_PriceIndex",
    "x_BurstPrice": "x_BurstShare",
    "x_RenewalPrice": "x_RenewalMonths",
    "x_RenewBy": "x_RenewalMonths",
    "x_OtherSpendCap": "x_MinimumSpend",
    "x_ServiceCreditCap": "x_ServiceCredits",
    "x_EarliestExit": "x_NoticePeriodDays",
}


@rule(f"contracts: {' '.join(NEEDED)} {' '.join(dict.fromkeys(NEEDED.values()))}")
def figures_have_their_clause(tables: Tables) -> Iterator[Violation]:
    """A price of burst without burst, a collar without an index: somebody has forgotten half of a clause."""
    data = tables["contracts"]
    for column, clause in NEEDED.items():
        stated, stands = data.values[column].map(_states).astype(bool), data.values[clause].map(_stands).astype(bool)
        what = "blank" if clause == "x_PriceIndex" else "none"
        words = f"{column} must not be given where {clause} is {what}"
        yield from breaches(data, stated & ~stands, column, words, f"Write {clause}, or take {column} out.")
    fees = (data.values["x_TerminationFeeSchedule"] == "given") & ~data.values["x_NoticePeriodDays"].map(_stands).astype(bool)
    words = "x_TerminationFeeSchedule must not be given where x_NoticePeriodDays is none: it may not be terminated"
    yield from breaches(data, fees, "x_TerminationFeeSchedule", words, "Write the notice, 0 if none is needed, or no fees.")


@rule("contracts: x_Anniversary x_FulfillmentInterval")
def anniversaries_begin_intervals(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    wrong = data.values["x_Anniversary"].notna() & data.values["x_FulfillmentInterval"].isin(["hour", "day", "term"])
    words = "x_Anniversary must be blank where x_FulfillmentInterval is hour, day or term: no such interval begins on it"
    yield from breaches(data, wrong, "x_Anniversary", words, "Clear the cell, or write month, quarter or year as the interval.")


def _states(cell: object) -> bool:
    """Whether a cell holds a figure or a day."""
    return cell is not None and cell is not UNKNOWN and bool(cell == cell)  # a blank one is no number, and not itself


def _stands(cell: object) -> bool:
    """Whether a contract has the clause, as far as anybody knows."""
    return cell is UNKNOWN or (_states(cell) and cell != "none")


@rule(f"contracts: {_NAME} x_ServiceCredits", f"contract_credit_steps: {_NAME}")
def given_credits_have_steps(tables: Tables) -> Iterator[Violation]:
    data, steps = tables["contracts"], tables["contract_credit_steps"]
    given = data.values["x_ServiceCredits"] == "given"
    wrong = given & ~data.values[_NAME].isin(steps.values[_NAME])
    words = "x_ServiceCredits given must have rows in contract_credit_steps"
    yield from breaches(data, wrong, "x_ServiceCredits", words, "Add the steps to contract_credit_steps.csv, or write unknown.")
    stray = ~steps.values[_NAME].isin(data.values.loc[given, _NAME])
    words = "a contract with credit steps must have x_ServiceCredits given"
    yield from breaches(steps, stray, _NAME, words, "Write given in contracts.csv, or remove the steps.")


ROWS_OF = {
    "ramp": "contract_ramp_steps",
    "tiers": "contract_tiers",
    "balance": "contract_balances",
    "most_favoured_price": "contract_comparables",
    "exclusions": "contract_exclusions",
}  # price_index has a cell


@rule(f"contracts: {_NAME} x_UnreadClauses x_PriceIndex", *(f"{table}: {_NAME}" for table in ROWS_OF.values()))
def unread_clauses_are_not_there(tables: Tables) -> Iterator[Violation]:
    """What has rows has been read."""
    data = tables["contracts"]
    unread = data.values["x_UnreadClauses"].map(lambda cell: cell if isinstance(cell, tuple) else ())
    known = {clause: data.values[_NAME].isin(tables[table].values[_NAME]) for clause, table in ROWS_OF.items()}
    known["price_index"] = data.values["x_PriceIndex"].notna()
    wrong = unread.map(lambda names: not set(names) <= set(known)).astype(bool)
    words = f"x_UnreadClauses must name some of {', '.join(UNREAD_CLAUSES)}"
    yield from breaches(data, wrong, "x_UnreadClauses", words, "Correct the name.")
    for clause, given in known.items():
        wrong = given & unread.map(lambda names, clause=clause: clause in names).astype(bool)
        words = f"x_UnreadClauses must not name {clause} where the contract has it"
        yield from breaches(data, wrong, "x_UnreadClauses", words, f"Take {clause} out of the cell.")


@rule(f"contract_credit_steps: {_NAME} availability_below credit_share")
def credits_grow_as_availability_falls(tables: Tables) -> Iterator[Violation]:
    data = tables["contract_credit_steps"]
    worse = data.values.sort_values("availability_below", ascending=False)
    wrong = (worse.groupby(_NAME)["credit_share"].diff() < 0).reindex(data.values.index)
    words = "credit_share must not be less than that of a higher availability_below"
    yield from breaches(data, wrong, "credit_share", words, "Correct the shares.")


@rule(f"contracts: x_DiscountClawbackShare {_DISCOUNT}")
def clawbacks_have_a_discount(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    clawed = pd.to_numeric(data.values["x_DiscountClawbackShare"], errors="coerce") > 0
    wrong = clawed & data.values[_DISCOUNT].map(lambda value: value is None).astype(bool)
    words = f"x_DiscountClawbackShare must be none where {_DISCOUNT} is none: there is nothing to pay back"
    yield from breaches(data, wrong, "x_DiscountClawbackShare", words, "Write the discount, or none.")


@rule("contracts: ContractCommitmentLifecycleStatus x_PrepaidBalance x_SpentSoFar x_FulfillmentInterval x_MinimumSpend")
def state_is_of_contracts_in_force(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    for column in ("x_PrepaidBalance", "x_SpentSoFar"):
        wrong = data.values[column].notna() & ~in_force(data)
        yield from breaches(data, wrong, column, f"{column} must be blank unless the contract is in force", "Clear the cell.")
    measured = pd.to_numeric(data.values["x_MinimumSpend"], errors="coerce").notna()
    wrong = data.values["x_SpentSoFar"].notna() & (~measured | data.values["x_FulfillmentInterval"].isin(["hour", "day"]))
    words = "x_SpentSoFar must be blank unless there is a x_MinimumSpend over a month or longer"
    yield from breaches(data, wrong, "x_SpentSoFar", words, "Clear the cell, or write the minimum.")


@rule("contracts: x_TimeZone")
def contract_time_zones_exist(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    unknown = [zone for zone in data.values["x_TimeZone"].dropna().unique() if not _exists(zone)]
    words = "x_TimeZone must be a time zone of the IANA database"
    yield from breaches(data, data.values["x_TimeZone"].isin(unknown), "x_TimeZone", words, "Write one such as Europe/Paris.")


def _exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@rule(f"contracts: {_NAME} {_START} {_END} x_SupplierNoticeDays", f"contract_deliveries: {_NAME} supplier_exit", "calendar: as_of")
def suppliers_leave_on_their_notice(tables: Tables) -> Iterator[Violation]:
    data, contracts = tables["contract_deliveries"], tables["contracts"].values.set_index(_NAME)
    if data.values.empty:
        return
    as_of = tables["calendar"].values["as_of"].min()
    notice = data.values[_NAME].map(contracts["x_SupplierNoticeDays"].to_dict())
    days = pd.to_numeric(notice, errors="coerce")
    leaves = data.values["supplier_exit"]
    barred = leaves.notna() & notice.map(lambda value: value is None).astype(bool)
    words = "supplier_exit must be blank where x_SupplierNoticeDays is none: the supplier may not leave"
    yield from breaches(data, barred, "supplier_exit", words, "Clear the cell, or write the supplier's notice in contracts.csv.")
    early = (leaves - as_of).dt.days < days.fillna(0)
    words = f"supplier_exit must not be before the supplier's notice from the case's date, {as_of:%Y-%m-%d}, has run"
    yield from breaches(data, early & ~barred, "supplier_exit", words, "Correct the date or x_SupplierNoticeDays.")
    late = leaves >= data.values[_NAME].map(contracts[_END])
    words = f"supplier_exit must be before the contract's {_END}"
    yield from breaches(data, late & ~barred, "supplier_exit", words, "Correct the date or clear the cell.")


@rule(f"contract_exclusions: {_NAME} kind other", f"contracts: {_NAME} x_Supplier ContractCommitmentLifecycleStatus {_START} {_END}")
def exclusions_do_not_bind_both_ways(tables: Tables) -> Iterator[Violation]:
    """Two contracts in force on one day that exclude each other, or each other's supplier: no plan can hold both."""
    data, contracts = tables["contract_exclusions"], tables["contracts"]
    held = contracts.values[in_force(contracts)].set_index(_NAME)
    barred = set()
    for row, name, kind, other in zip(data.values.index, data.values[_NAME], data.values["kind"], data.values["other"], strict=True):
        if name not in held.index or kind == "work":
            continue
        rivals = [other] if kind == "contract" else [k for k, s in held["x_Supplier"].items() if s == other and k != name]
        barred |= {(name, rival, row) for rival in rivals if rival in held.index and rival != name and _overlap(held, name, rival)}
    if barred:
        name, rival, _ = min(barred)
        yield data.violation(
            "contracts in force on the same day must not exclude each other",
            f"{name} excludes {rival}",
            sorted({row for _, _, row in barred}),
            "Correct the exclusion, or the status or the days of one of the contracts.",
        )


def _overlap(held: pd.DataFrame, one: object, other: object) -> bool:
    a, b = held.loc[str(one)], held.loc[str(other)]
    return bool(a[_START] < b[_END] and b[_START] < a[_END])


@rule(f"contracts: x_ShareOfWallet ContractCommitmentLifecycleStatus {_START} {_END}")
def wallets_can_be_shared(tables: Tables) -> Iterator[Violation]:
    """Contracts in force on one day that ask for more than all that is drawn."""
    data = tables["contracts"]
    share = pd.to_numeric(data.values["x_ShareOfWallet"], errors="coerce").where(in_force(data), 0.0).fillna(0.0)
    start, end = data.values[_START], data.values[_END]
    for day in sorted(start[share > 0]):
        there = (share > 0) & (start <= day) & (day < end)
        if math.fsum(share[there]) > 1.0:
            words = "x_ShareOfWallet of contracts in force on the same day must sum to at most 1"
            got = f"{math.fsum(share[there]):g} on {day:%Y-%m-%d}"
            yield from breaches(data, there, "x_ShareOfWallet", words, "Correct the shares, the status or the days.", got)
            return


@rule(f"contracts: x_OptionGroup ContractCommitmentLifecycleStatus {_NAME}")
def option_groups_are_open(tables: Tables) -> Iterator[Violation]:
    """At most one contract of a group may be held; two in force cannot both be kept."""
    data = tables["contracts"]
    held = data.values[in_force(data) & data.values["x_OptionGroup"].notna()]
    twice = held[held.duplicated("x_OptionGroup", keep=False)].index
    wrong = pd.Series(data.values.index.isin(twice), index=data.values.index)
    words = "x_OptionGroup must have at most one contract in force"
    yield from breaches(data, wrong, "x_OptionGroup", words, "Clear the group of contracts signed apart.")
    taken = data.values["x_OptionGroup"].isin(held["x_OptionGroup"]) & proposed(data)
    words = "x_OptionGroup of a Proposed contract must not hold one in force: the alternative is taken"
    yield from breaches(data, taken, "x_OptionGroup", words, "Clear the group, or set the quote to Canceled.")


@rule(f"contract_tiers: {_NAME} from_quantity", f"contracts: {_NAME} x_UnitPrice ContractCommitmentCategory")
def tiers_leave_no_gap(tables: Tables) -> Iterator[Violation]:
    """A tier ends where the next begins; below the first one the contract's own price holds, if it is use of capacity that is committed."""
    data, contracts = tables["contract_tiers"], tables["contracts"].values
    known = pd.to_numeric(contracts["x_UnitPrice"], errors="coerce").notna() | (contracts["ContractCommitmentCategory"] != "Usage")
    priced = contracts.loc[known, _NAME]
    first = data.values.groupby(_NAME)["from_quantity"].transform("min")
    wrong = (data.values["from_quantity"] == first) & (first > 0) & ~data.values[_NAME].isin(priced)
    words = "from_quantity of a contract's first tier must be 0 units where x_UnitPrice is unknown: below it there is a gap"
    yield from breaches(data, wrong, "from_quantity", words, "Add the tier from 0, or write x_UnitPrice in contracts.csv.")


CLAUSE_RULES: tuple[Rule, ...] = (
    units_have_a_size,
    indices_have_values,
    collars_are_open,
    figures_have_their_clause,
    anniversaries_begin_intervals,
    unread_clauses_are_not_there,
    given_credits_have_steps,
    credits_grow_as_availability_falls,
    clawbacks_have_a_discount,
    state_is_of_contracts_in_force,
    contract_time_zones_exist,
    suppliers_leave_on_their_notice,
    exclusions_do_not_bind_both_ways,
    wallets_can_be_shared,
    option_groups_are_open,
    tiers_leave_no_gap,
)
