"""Contracts with the rows of their child tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from optimizer.domain.contract import (
    UNKNOWN,
    Balance,
    BalanceKind,
    Contract,
    CreditStep,
    Delivery,
    Exclusion,
    ExclusionKind,
    FeeStep,
    Interval,
    Proration,
    RampStep,
    Renewal,
    Status,
    Tier,
    Unit,
    Unknown,
)
from optimizer.tables.burn_down import spent_so_far
from optimizer.tables.columns import TableData
from optimizer.tables.rows import rows

Rows = list[dict[str, Any]]


def build_contracts(tables: Mapping[str, TableData]) -> tuple[Contract, ...]:
    pools = _by_contract(tables["contract_pools"])
    ramps = _by_contract(tables["contract_ramp_steps"], "start")
    tiers = _by_contract(tables["contract_tiers"], "from_quantity")
    fees = _by_contract(tables["contract_fee_steps"], "start")
    exclusions = _by_contract(tables["contract_exclusions"])
    credits = _by_contract(tables["contract_credit_steps"], "availability_below")
    deliveries = _by_contract(tables["contract_deliveries"])
    balances = _by_contract(tables["contract_balances"])
    comparables = _by_contract(tables["contract_comparables"])
    charged = spent_so_far(tables)
    contracts = []
    for row in rows(tables["contracts"]):
        name, size = row["ContractCommitmentId"], row["x_AcceleratorsPerUnit"] or 1.0
        unread = row["x_UnreadClauses"] or ()
        contracts.append(
            Contract(
                **_identity(row),
                **_terms(row, size),
                **_pricing(row),
                **_settlement(row, charged.get(row["ContractCommitmentId"])),
                credits=_credits(row["x_ServiceCredits"], credits[name]),
                deliveries=tuple(
                    Delivery(scenario=child["scenario"], delay_days=child["delay_days"], supplier_exit=child["supplier_exit"])
                    for child in deliveries[name]
                ),
                pools=tuple(child["pool"] for child in pools[name]),
                fee_steps=_fee_steps(row["x_TerminationFeeSchedule"], fees[name]),
                ramp=tuple(
                    RampStep(
                        start=child["start"],
                        accelerators=child["accelerators_per_lot"],
                        price=_per_accelerator(child["unit_price"], size),
                    )
                    for child in ramps[name]
                ),
                tiers=tuple(
                    Tier(from_quantity=child["from_quantity"] * size, price=child["unit_price"] / size, kind=child["kind"])
                    for child in tiers[name]
                ),
                balance=UNKNOWN if "balance" in unread else _balance(balances[name]),
                comparables=UNKNOWN if "most_favoured_price" in unread else tuple(child["comparable"] for child in comparables[name]),
                unread=tuple(clause for clause in unread if clause not in ("balance", "most_favoured_price")),
                renewal=_renewal(row),
                exclusions=tuple(Exclusion(kind=ExclusionKind(child["kind"]), other=child["other"]) for child in exclusions[name]),
            )
        )
    return tuple(contracts)


def with_renewals(contracts: tuple[Contract, ...]) -> tuple[Contract, ...]:
    """The contracts, then the terms that renewal options can add to them, as quotes."""
    return (*contracts, *(renewed for contract in contracts if (renewed := contract.renewed) is not None))


def _by_contract(data: TableData, order: str | None = None) -> Mapping[str, Rows]:
    """Rows of a child table by contract, in the order of a column where one is named."""
    children: dict[str, Rows] = defaultdict(list)
    for row in rows(data):
        children[row["ContractCommitmentId"]].append(row)
    if order is not None:
        for found in children.values():
            found.sort(key=lambda row: row[order])
    return children


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": row["ContractCommitmentId"],
        "agreement": row["ContractId"],
        "supplier": row["x_Supplier"],
        "status": Status(row["ContractCommitmentLifecycleStatus"]),
        "start": row["ContractCommitmentPeriodStart"],
        "end": row["ContractCommitmentPeriodEnd"],
        "sign_by": row["x_SignBy"],
        "option_group": row["x_OptionGroup"],
    }


def _terms(row: Mapping[str, Any], size: float) -> dict[str, Any]:
    """`size`: accelerators in a unit; prices become those of an accelerator."""
    return {
        "lots": row["x_Lots"],
        "accelerators": row["x_AcceleratorsPerLot"],
        "unit": _UNITS[row["ContractCommitmentUnit"] or "unknown"],
        "price": _per_accelerator(row["x_UnitPrice"], size),
        "currency": row["BillingCurrency"],
        "interval": Interval(row["x_FulfillmentInterval"] or Interval.UNKNOWN),
        "take_or_pay_share": row["x_TakeOrPayShare"],
        "minimum_spend": row["x_MinimumSpend"],
        "fixed_monthly_fee": row["x_FixedMonthlyFee"],
        "share_of_wallet": row["x_ShareOfWallet"],
        "notice_days": row["x_NoticePeriodDays"],
        "earliest_exit": row["x_EarliestExit"],
        "terminal_use": row["x_TerminalUseShare"] or 0.0,
        "burst_share": row["x_BurstShare"],
        "burst_price": row["x_BurstPrice"],
        "true_up_price": row["x_TrueUpPrice"],
    }


_UNITS = {
    "accelerator-hour": Unit.ACCELERATOR_HOUR,
    "instance-hour": Unit.ACCELERATOR_HOUR,
    "accelerator-month": Unit.ACCELERATOR_MONTH,
    "rack-month": Unit.ACCELERATOR_MONTH,
    "megawatt-month": Unit.ACCELERATOR_MONTH,
    "unknown": Unit.UNKNOWN,
}


def _per_accelerator(price: Any, size: float) -> Any:
    """A price of a unit as that of an accelerator; what is not a number stays as it is."""
    return price / size if isinstance(price, (int, float)) else price


def _pricing(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "annual_escalator": row["x_AnnualEscalator"],
        "price_index": row["x_PriceIndex"],
        "index_base": row["x_IndexBase"],
        "index_floor": row["x_IndexFloor"],
        "index_cap": row["x_IndexCap"],
        "upfront_share": row["ContractCommitmentPaymentUpfrontPercentage"],
        "prepaid_balance": row["x_PrepaidBalance"],
        "discount": row["ContractCommitmentDiscountPercentage"],
        "clawback_share": row["x_DiscountClawbackShare"],
        "credit_cap": row["x_ServiceCreditCap"],
        "supplier_notice_days": row["x_SupplierNoticeDays"],
    }


def _settlement(row: Mapping[str, Any], charged: float | None) -> dict[str, Any]:
    """`charged`: what bills say was spent; what somebody wrote in the contract's row counts instead."""
    return {
        "minimum_at_list": row["x_MinimumMeasuredAt"] == "list",
        "other_spend_cap": row["x_OtherSpendCap"],
        "spent_so_far": charged if row["x_SpentSoFar"] is None and _has_minimum(row) else row["x_SpentSoFar"],
        "anniversary": row["x_Anniversary"],
        "proration": Proration(row["x_Proration"] or "days"),
        "time_zone": row["x_TimeZone"] or "UTC",
    }


def _has_minimum(row: Mapping[str, Any]) -> bool:
    return isinstance(row["x_MinimumSpend"], float) and Status(row["ContractCommitmentLifecycleStatus"]).in_force


def _credits(state: str | None, steps: Rows) -> tuple[CreditStep, ...] | None | Unknown:
    if state == "given":
        return tuple(CreditStep(availability_below=step["availability_below"], share=step["credit_share"]) for step in steps)
    return UNKNOWN if state == "unknown" else None


def _balance(found: Rows) -> Balance | None:
    """Contracts without a row bring nothing forward."""
    if not found:
        return None
    row = found[0]
    return Balance(kind=BalanceKind(row["kind"]), opening=row["opening"] or 0.0, cap=row["cap"], expires_after=row["expires_after"])


def _renewal(row: Mapping[str, Any]) -> Renewal | None | Unknown:
    months = row["x_RenewalMonths"]
    if not isinstance(months, (int, float)):
        return UNKNOWN if months is UNKNOWN else None
    return Renewal(months=int(months), price=row["x_RenewalPrice"], decide_by=row["x_RenewBy"])


def _fee_steps(schedule: str | None, steps: Rows) -> tuple[FeeStep, ...] | None | Unknown:
    """A blank schedule is unknown, as every blank clause."""
    if schedule == "given":
        return tuple(FeeStep(start=step["start"], fee=step["fee_per_lot"]) for step in steps)
    return None if schedule == "none" else UNKNOWN
