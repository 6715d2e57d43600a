"""Amounts of contracts that each may be meant, and that come to more than anybody pays with their lots, units, rates and indices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.schema import MOST_PAID

_START, _END, _NAME = "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "ContractCommitmentId"
_UNITS = f"contracts: {_NAME} {_START} {_END} ContractCommitmentUnit x_FulfillmentInterval x_AcceleratorsPerLot x_AcceleratorsPerUnit"
_GROWTH = "contracts: BillingCurrency x_AnnualEscalator x_PriceIndex x_IndexBase x_IndexCap"

OF_UNITS = {  # prices, each of one unit
    "contracts": ("x_UnitPrice", "x_BurstPrice", "x_TrueUpPrice", "x_RenewalPrice"),
    "contract_ramp_steps": ("unit_price",),
    "contract_tiers": ("unit_price",),
}
OF_LOTS = {"contracts": ("x_MinimumSpend", "x_FixedMonthlyFee"), "contract_fee_steps": ("fee_per_lot",)}


def _amounts_can_be_paid(table: str) -> Rule:
    of_units, of_lots = OF_UNITS.get(table, ()), OF_LOTS.get(table, ())
    columns = (*of_units, *of_lots)

    @rule(
        _UNITS,
        _GROWTH,
        "contracts: x_Lots",
        f"contract_ramp_steps: {_NAME} accelerators_per_lot",
        "exchange_rates: currency usd_per_unit",
        "index_values: index value",
        f"{table}: {_NAME} {' '.join(columns)}",
    )
    def amounts_can_be_paid(tables: Tables) -> Iterator[Violation]:
        """What all lots pay in an interval: drawn in full, at the highest rate and index, after the last rise."""
        data, contracts = tables[table], tables["contracts"].values
        if data.values.empty:
            return
        lots = contracts["x_Lots"] * _dearest_currency(tables)
        drawn = lots * most_units(tables).fillna(1.0) * _most_growth(tables)
        for column in columns:
            times = pd.Series((drawn if column in of_units else lots).to_numpy(), index=contracts[_NAME])
            wrong = pd.to_numeric(data.values[column], errors="coerce") * data.values[_NAME].map(times) > MOST_PAID
            words = f"{column} must make less than {MOST_PAID:g} in all, of the contract's currency and of USD: "
            words += "of all lots, drawn in full for a fulfilment interval, with its rates, index and escalator"
            yield from breaches(data, wrong, column, words, "Correct the amount, the lots, or what it is multiplied by.")

    return amounts_can_be_paid


_LONGEST_MONTHS = {"hour": 1 / 672, "day": 1 / 28, "month": 1, "quarter": 3, "year": 12}
_LONGEST_DAYS = {"hour": 1 / 24, "day": 1, "month": 31, "quarter": 92, "year": 366}
_YEAR_DAYS = 365


def most_units(tables: Tables) -> pd.Series[float]:
    """Units of a lot drawn in full over the longest interval, at its fullest ramp step; nan where its capacity is unknown."""
    values = tables["contracts"].values
    steps = tables["contract_ramp_steps"].values.groupby(_NAME)["accelerators_per_lot"].max()
    fullest = pd.to_numeric(values["x_AcceleratorsPerLot"], errors="coerce").combine(values[_NAME].map(steps), np.fmax)
    term_days = (values[_END] - values[_START]).dt.days
    days = values["x_FulfillmentInterval"].map(_LONGEST_DAYS).fillna(np.inf).clip(upper=term_days)
    # a term of whole or part months touches at most this many of them
    term_months = np.ceil(term_days / 28)
    months = values["x_FulfillmentInterval"].map(_LONGEST_MONTHS).fillna(np.inf).clip(upper=term_months)
    by_hour = values["ContractCommitmentUnit"].isin(["accelerator-hour", "instance-hour"])
    return fullest / values["x_AcceleratorsPerUnit"].fillna(1.0) * (days * HOURS_PER_DAY).where(by_hour, months)


def _dearest_currency(tables: Tables) -> pd.Series[float]:
    """USD for a unit of the contract's currency at its highest rate, at least 1."""
    rates = tables["exchange_rates"].values.groupby("currency")["usd_per_unit"].max()
    return _at_least_one(tables["contracts"].values["BillingCurrency"].map(rates))


def _most_growth(tables: Tables) -> pd.Series[float]:
    """By how much a unit price may grow: the highest index, after the last rise of the escalator; none of them below 1."""
    values, indices = tables["contracts"].values, tables["index_values"].values
    index = values["x_PriceIndex"].map(indices.groupby("index")["value"].max()) / values["x_IndexBase"]
    index = index.combine(pd.to_numeric(values["x_IndexCap"], errors="coerce"), np.fmin)
    years = (values[_END] - values[_START]).dt.days // _YEAR_DAYS
    rises = (1.0 + pd.to_numeric(values["x_AnnualEscalator"], errors="coerce")) ** years
    return _at_least_one(index) * _at_least_one(rises)


def _at_least_one(factor: pd.Series[float]) -> pd.Series[float]:
    return factor.astype(np.float64).fillna(1.0).clip(lower=1.0)


MONEY_RULES: tuple[Rule, ...] = tuple(_amounts_can_be_paid(table) for table in (*OF_UNITS, "contract_fee_steps"))
