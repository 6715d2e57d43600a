"""Contracts: their dates, the pools that they cover, and minimums that a lot can reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from optimizer.domain.contract import Status
from optimizer.errors import Violation
from optimizer.tables.check.money import most_units
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.columns import TableData

_START, _END = "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd"
_NAME, _STATUS = "ContractCommitmentId", "ContractCommitmentLifecycleStatus"


def in_force(data: TableData) -> pd.Series[bool]:
    return data.values[_STATUS].isin([status.value for status in Status if status.in_force])


def proposed(data: TableData) -> pd.Series[bool]:
    return data.values[_STATUS] == Status.PROPOSED.value


@rule(f"contracts: {_START} {_END}")
def contracts_have_days(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    wrong = data.values[_END] <= data.values[_START]
    yield from breaches(data, wrong, _END, f"{_END} must be after {_START}", "Write the first day no longer in force.")


FARTHEST_YEARS = 100  # of a contract's days from the case's date: what has no end is not a commitment


@rule(f"contracts: {_START} {_END}", "calendar: as_of")
def contracts_are_of_this_age(tables: Tables) -> Iterator[Violation]:
    """Exports write 9999-12-31 where a contract has no end."""
    data, as_of = tables["contracts"], tables["calendar"].values["as_of"].min()
    for column, remedy in ((_START, "Correct the date."), (_END, "Write the first day on which nothing binds any more.")):
        wrong = (data.values[column].dt.year - as_of.year).abs() > FARTHEST_YEARS
        yield from breaches(data, wrong, column, f"{column} must be within {FARTHEST_YEARS} years of the case's date", remedy)


@rule(f"contracts: {_START} {_STATUS}", "calendar: as_of")
def quotes_are_not_past(tables: Tables) -> Iterator[Violation]:
    data, as_of = tables["contracts"], tables["calendar"].values["as_of"].min()
    wrong = proposed(data) & (data.values[_START] < as_of)
    words = f"{_START} of a Proposed contract must be the case's date, {as_of:%Y-%m-%d}, or later"
    yield from breaches(data, wrong, _START, words, "Ask for a new start, or correct the status.")


@rule(f"contracts: {_END} {_STATUS}", "calendar: as_of")
def in_force_is_not_over(tables: Tables) -> Iterator[Violation]:
    data, as_of = tables["contracts"], tables["calendar"].values["as_of"].min()
    wrong = in_force(data) & (data.values[_END] <= as_of)
    words = f"{_END} of a contract in force must be after the case's date, {as_of:%Y-%m-%d}"
    yield from breaches(data, wrong, _END, words, "Correct the date, or set the status to Expired.")


@rule(f"contracts: {_START} x_SignBy")
def signed_before_it_starts(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    wrong = data.values["x_SignBy"] > data.values[_START]
    yield from breaches(data, wrong, "x_SignBy", f"x_SignBy must not be after {_START}", "Correct one of the dates.")


@rule(f"contracts: {_NAME} x_Supplier", f"contract_pools: {_NAME} pool", "pools: pool site", "sites: site supplier")
def pools_are_the_suppliers(tables: Tables) -> Iterator[Violation]:
    data, contracts, pools, sites = (tables[name] for name in ("contract_pools", "contracts", "pools", "sites"))
    supplier_of_site = dict(zip(sites.values["site"], sites.values["supplier"], strict=True))
    supplier_of_pool = dict(zip(pools.values["pool"], pools.values["site"].map(supplier_of_site), strict=True))
    supplier_of_contract = dict(zip(contracts.values[_NAME], contracts.values["x_Supplier"], strict=True))
    wrong = data.values["pool"].map(supplier_of_pool) != data.values[_NAME].map(supplier_of_contract)
    words = "pool must be one of the contract's supplier"
    yield from breaches(data, wrong, "pool", words, "Correct the pool or the contract's x_Supplier.")


@rule(f"contracts: {_NAME} ContractId {_START} {_END} {_STATUS}", f"contract_pools: {_NAME} pool")
def commitments_do_not_overlap(tables: Tables) -> Iterator[Violation]:
    """Two rows in force of one agreement, on one pool and on one day, would be paid twice."""
    data, pools = tables["contracts"], tables["contract_pools"].values[[_NAME, "pool"]]
    held = data.values.loc[in_force(data), [_NAME, "ContractId", _START, _END]]
    covers = held.assign(row=held.index).merge(pools, on=_NAME)
    pairs = covers.merge(covers, on=["ContractId", "pool"], suffixes=("", "_other"))
    clash = (pairs["row"] < pairs["row_other"]) & (pairs[_START] < pairs[f"{_END}_other"]) & (pairs[f"{_START}_other"] < pairs[_END])
    pairs = pairs[clash]
    if len(pairs):
        first = pairs.iloc[0]
        yield data.violation(
            "commitments in force of one ContractId must not cover the same pool on the same day",
            f"{first[_NAME]} and {first[f'{_NAME}_other']} both on pool {first['pool']} "
            f"from {max(first[_START], first[f'{_START}_other']):%Y-%m-%d} to {min(first[_END], first[f'{_END}_other']):%Y-%m-%d}",
            sorted({*pairs["row"], *pairs["row_other"]}),
            f"Correct {_START} or {_END}, or set the older one to Superseded.",
        )


@rule(
    f"contracts: {_NAME} {_START} {_END} {_STATUS} ContractCommitmentCategory ContractCommitmentUnit x_FulfillmentInterval",
    "contracts: x_AcceleratorsPerLot x_AcceleratorsPerUnit x_UnitPrice x_MinimumSpend x_FixedMonthlyFee x_PriceIndex x_AnnualEscalator",
    "contracts: ContractCommitmentDiscountPercentage x_MinimumMeasuredAt",
    f"contract_ramp_steps: {_NAME} accelerators_per_lot unit_price",
    f"other_spend: {_NAME}",
)
def minimums_can_be_spent(tables: Tables) -> Iterator[Violation]:
    """Minimum spend beyond what a lot can cost even if all of it is drawn on the longest interval, at its fullest and dearest."""
    data = tables["contracts"]
    values = data.values
    if values.empty:
        return
    minimum = pd.to_numeric(values["x_MinimumSpend"], errors="coerce")
    # a fee, known or not, and eligible other spend count towards the minimum
    fee = values["x_FixedMonthlyFee"].notna() & (values["x_FixedMonthlyFee"] != 0)
    helped = fee | values[_NAME].isin(tables["other_spend"].values[_NAME])
    moving = values["x_PriceIndex"].notna() | values["x_AnnualEscalator"].map(lambda value: value is not None).astype(bool)
    helped |= moving | (values["x_MinimumMeasuredAt"] == "list")  # what a lot costs, or counts, is then not its price
    binding = (in_force(data) | proposed(data)) & (values["ContractCommitmentCategory"] == "Usage") & ~helped
    most = _most_per_interval(tables)
    wrong = binding & (minimum > most)
    rows = wrong.to_numpy().nonzero()[0]
    if len(rows):
        unit = "contract currency per lot and fulfilment interval"
        words = f"x_MinimumSpend must be at most what the whole lot costs, {most.iat[rows[0]]:,.2f} {unit}"
        remedy = "Correct the minimum, the price or the lot; or write Spend as its category if other purchases count."
        yield from breaches(data, wrong, "x_MinimumSpend", words, remedy)


def _most_per_interval(tables: Tables) -> pd.Series[float]:
    """Cost of a lot drawn in full over the longest interval, at its fullest and dearest ramp step; nan where a price is unknown."""
    values = tables["contracts"].values
    steps = tables["contract_ramp_steps"].values.groupby(_NAME)["unit_price"].max()
    price = pd.to_numeric(values["x_UnitPrice"], errors="coerce")
    dearest = price.combine(values[_NAME].map(steps), np.fmax).where(price.notna())
    return dearest * most_units(tables)


CONTRACT_RULES: tuple[Rule, ...] = (
    contracts_have_days,
    contracts_are_of_this_age,
    quotes_are_not_past,
    in_force_is_not_over,
    signed_before_it_starts,
    pools_are_the_suppliers,
    commitments_do_not_overlap,
    minimums_can_be_spent,
)
