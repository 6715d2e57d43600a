"""Offers, other spend, sites and models: figures of one row that must agree with each other."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule


@rule("offers: kind loss_share")
def on_demand_is_not_lost(tables: Tables) -> Iterator[Violation]:
    data = tables["offers"]
    wrong = (data.values["kind"] == "on_demand") & (data.values["loss_share"] != 0)
    yield from breaches(data, wrong, "loss_share", "loss_share of an on-demand offer must be 0", "Write 0, or spot as its kind.")


@rule("other_spend: supplier ContractCommitmentId", "contracts: ContractCommitmentId x_Supplier")
def spend_counts_with_its_supplier(tables: Tables) -> Iterator[Violation]:
    data, contracts = tables["other_spend"], tables["contracts"].values
    supplier = dict(zip(contracts["ContractCommitmentId"], contracts["x_Supplier"], strict=True))
    named = data.values["ContractCommitmentId"].notna()
    wrong = named & (data.values["ContractCommitmentId"].map(supplier) != data.values["supplier"])
    words = "ContractCommitmentId must be a contract of the row's supplier"
    yield from breaches(data, wrong, "ContractCommitmentId", words, "Correct the contract or the supplier.")


@rule("contracts: ContractCommitmentId BillingCurrency", "exchange_rates: currency period scenario", "calendar: period")
def currencies_have_rates(tables: Tables) -> Iterator[Violation]:
    """USD needs none; every other currency a rate for all periods, or one for each."""
    data, rates = tables["contracts"], tables["exchange_rates"].values
    calendar = tables["calendar"].values["period"]
    lacking = {}
    for currency in data.values["BillingCurrency"].unique():
        given = rates["period"][(rates["currency"] == currency) & rates["scenario"].isna()]
        if currency != "USD" and not given.isna().any() and not calendar.isin(given).all():
            lacking[currency] = calendar[~calendar.isin(given)].iat[0]
    for currency, period in lacking.items():
        words = f"BillingCurrency must have a rate in exchange_rates for every period; {period} has none"
        remedy = f"Add {currency} to exchange_rates.csv, with a blank period for a rate that holds in all."
        yield from breaches(data, data.values["BillingCurrency"] == currency, "BillingCurrency", words, remedy)


@rule("exchange_rates: currency")
def dollars_have_no_rate(tables: Tables) -> Iterator[Violation]:
    data = tables["exchange_rates"]
    words = "currency must not be USD: a rate is what the currency is worth in it"
    yield from breaches(data, data.values["currency"] == "USD", "currency", words, "Remove the row.")


@rule("models: parameters_b active_parameters_b expert_parameters_b experts experts_per_token")
def model_parts_fit(tables: Tables) -> Iterator[Violation]:
    data = tables["models"]
    for part, whole in (
        ("active_parameters_b", "parameters_b"),
        ("expert_parameters_b", "parameters_b"),
        ("experts_per_token", "experts"),
    ):
        wrong = data.values[part] > data.values[whole]
        yield from breaches(data, wrong, part, f"{part} must be <= {whole}", "Correct the architecture.")


MARKET_RULES: tuple[Rule, ...] = (
    on_demand_is_not_lost,
    spend_counts_with_its_supplier,
    currencies_have_rates,
    dollars_have_no_rate,
    model_parts_fit,
)
