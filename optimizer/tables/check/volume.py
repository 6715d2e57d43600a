"""Prices of a contract that depend on its volume: those that can follow one another, and that do not speak of the same units."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from optimizer.errors import Violation
from optimizer.tables.check.contracts import in_force
from optimizer.tables.check.rule import Rule, Tables, breaches, rule

_NAME = "ContractCommitmentId"


@rule(f"contract_tiers: {_NAME} kind")
def tiers_are_of_one_kind(tables: Tables) -> Iterator[Violation]:
    data = tables["contract_tiers"]
    wrong = data.values.groupby(_NAME)["kind"].transform("nunique") > 1
    words = "kind must be the same for all tiers of a contract"
    yield from breaches(data, wrong, "kind", words, "Write all_units or incremental in all of its rows.")


@rule(f"contract_tiers: {_NAME}", f"contracts: {_NAME} x_UnitPrice")
def tiers_have_a_price_below_them(tables: Tables) -> Iterator[Violation]:
    """The contract's own price holds below the first tier, and moves the tiers' prices with it."""
    data, contracts = tables["contract_tiers"], tables["contracts"].values
    price = pd.Series(contracts["x_UnitPrice"].to_numpy(), index=contracts[_NAME], dtype=object)
    wrong = data.values[_NAME].map(price).map(lambda value: isinstance(value, (int, float)) and value == 0)
    words = "x_UnitPrice of a contract with tiers must be > 0 contract currency / unit"
    yield from breaches(data, wrong.astype(bool), _NAME, words, "Write the price below the first tier into contracts.", got="0")


@rule(f"contract_tiers: {_NAME}", f"contract_comparables: {_NAME}", f"contracts: {_NAME} x_TrueUpPrice")
def units_have_one_price(tables: Tables) -> Iterator[Violation]:
    """Tiers, a true-up and a most favoured price would each price what is drawn beyond the commitment."""
    data = tables["contracts"]
    priced = {
        "a true-up price": data.values["x_TrueUpPrice"].map(lambda value: isinstance(value, (int, float))).astype(bool),
        "volume tiers": data.values[_NAME].isin(tables["contract_tiers"].values[_NAME]),
        "a most favoured price": data.values[_NAME].isin(tables["contract_comparables"].values[_NAME]),
    }
    for (one, has_one), (other, has_other) in combinations(priced.items(), 2):
        words = f"a contract must not have both {one} and {other}: both price what is drawn beyond the commitment"
        yield from breaches(data, has_one & has_other, _NAME, words, "Remove one of them.")


@rule(f"contract_comparables: {_NAME} comparable", f"contracts: {_NAME}")
def comparables_are_contracts(tables: Tables) -> Iterator[Violation]:
    data = tables["contract_comparables"]
    wrong = ~data.values["comparable"].isin(tables["contracts"].values[_NAME])
    wrong |= data.values["comparable"] == data.values[_NAME]
    words = "comparable must be another contract"
    yield from breaches(data, wrong, "comparable", words, "Correct the name or remove the row.")


@rule(f"contract_balances: {_NAME} opening cap", f"contracts: {_NAME} ContractCommitmentLifecycleStatus")
def openings_are_there(tables: Tables) -> Iterator[Violation]:
    data, contracts = tables["contract_balances"], tables["contracts"]
    high = data.values["opening"] > data.values["cap"]
    yield from breaches(data, high, "opening", "opening must not be above cap, contract currency", "Correct one of them.")
    early = (data.values["opening"] > 0) & ~data.values[_NAME].isin(contracts.values.loc[in_force(contracts), _NAME])
    words = "opening must be blank or 0 unless the contract is in force"
    yield from breaches(data, early, "opening", words, "Clear the cell: nothing has been brought forward yet.")


@rule(f"contracts: {_NAME} x_RenewalMonths")
def renewals_have_names_of_their_own(tables: Tables) -> Iterator[Violation]:
    """The prolonged term of a contract is called NAME/renewed."""
    data = tables["contracts"]
    renewable = pd.to_numeric(data.values["x_RenewalMonths"], errors="coerce") > 0
    wrong = data.values[_NAME].isin(data.values.loc[renewable, _NAME] + "/renewed")
    words = f"{_NAME} must not be that of another contract's prolonged term"
    yield from breaches(data, wrong, _NAME, words, "Rename it.")


@rule("contracts: x_RenewalMonths")
def renewals_are_whole_months(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    months = pd.to_numeric(data.values["x_RenewalMonths"], errors="coerce")
    yield from breaches(data, months % 1 > 0, "x_RenewalMonths", "x_RenewalMonths must be whole months", "Write a whole number.")


@rule(f"contracts: {_NAME} x_RenewBy ContractCommitmentPeriodEnd")
def renewals_are_decided_before_the_end(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    wrong = data.values["x_RenewBy"] > data.values["ContractCommitmentPeriodEnd"]
    words = "x_RenewBy must not be after ContractCommitmentPeriodEnd"
    yield from breaches(data, wrong, "x_RenewBy", words, "Correct one of the dates.")


@rule(f"contract_balances: {_NAME}", f"contract_tiers: {_NAME}", f"contracts: {_NAME} x_FulfillmentInterval")
def volumes_need_months(tables: Tables) -> Iterator[Violation]:
    """Hours and days are settled together, period by period: they have no volume of their own."""
    data = tables["contracts"]
    short = data.values["x_FulfillmentInterval"].isin(["hour", "day"])
    for table, what in (("contract_tiers", "volume tiers"), ("contract_balances", "a balance")):
        wrong = short & data.values[_NAME].isin(tables[table].values[_NAME])
        words = f"x_FulfillmentInterval of a contract with {what} must be month, quarter, year or term"
        yield from breaches(data, wrong, "x_FulfillmentInterval", words, "Write the interval in which the volume is measured.")


@rule(f"contract_balances: {_NAME}", f"contracts: {_NAME} x_MinimumMeasuredAt x_OtherSpendCap")
def balances_are_measured_as_billed(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    balanced = data.values[_NAME].isin(tables["contract_balances"].values[_NAME])
    listed = balanced & (data.values["x_MinimumMeasuredAt"] == "list")
    words = "x_MinimumMeasuredAt of a contract with a balance must be net"
    yield from breaches(data, listed, "x_MinimumMeasuredAt", words, "Restate the minimum after the discount, or remove the balance.")
    capped = balanced & data.values["x_OtherSpendCap"].map(lambda value: value is not None and value == value).astype(bool)
    words = "x_OtherSpendCap of a contract with a balance must be none"
    yield from breaches(data, capped, "x_OtherSpendCap", words, "Write none, or remove the balance.")


@rule(f"contract_balances: {_NAME} kind", f"contracts: {_NAME} x_TakeOrPayShare x_MinimumSpend")
def balances_have_a_level(tables: Tables) -> Iterator[Violation]:
    """What is not taken, or taken beyond it, is measured against a commitment; what is not spent against a minimum."""
    data, contracts = tables["contract_balances"], tables["contracts"].values
    for kinds, column in ((("make_up", "carry_forward"), "x_TakeOrPayShare"), (("rollover",), "x_MinimumSpend")):
        level = pd.Series(contracts[column].to_numpy(), index=contracts[_NAME], dtype=object)
        none = data.values[_NAME].map(level).map(lambda value: value is None)
        wrong = data.values["kind"].isin(kinds) & none.astype(bool)
        words = f"kind {' or '.join(kinds)} must belong to a contract with {column}"
        yield from breaches(data, wrong, "kind", words, f"Write the contract's {column}, or remove the row.")


VOLUME_RULES: tuple[Rule, ...] = (
    tiers_are_of_one_kind,
    tiers_have_a_price_below_them,
    units_have_one_price,
    comparables_are_contracts,
    openings_are_there,
    renewals_have_names_of_their_own,
    volumes_need_months,
    balances_are_measured_as_billed,
    balances_have_a_level,
    renewals_are_whole_months,
    renewals_are_decided_before_the_end,
)
