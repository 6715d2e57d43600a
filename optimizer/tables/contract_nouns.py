"""Contracts with the rows of their child tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from optimizer.domain.contract import (
    UNKNOWN,
    Contract,
    Exclusion,
    ExclusionKind,
    FeeStep,
    Interval,
    RampStep,
    Status,
    Tier,
    Unit,
    Unknown,
)
from optimizer.tables.columns import TableData
from optimizer.tables.rows import rows

Rows = list[dict[str, Any]]


def build_contracts(tables: Mapping[str, TableData]) -> tuple[Contract, ...]:
    pools = _by_contract(tables["contract_pools"])
    ramps = _by_contract(tables["contract_ramp_steps"], "start")
    tiers = _by_contract(tables["contract_tiers"], "from_quantity")
    fees = _by_contract(tables["contract_fee_steps"], "start")
    exclusions = _by_contract(tables["contract_exclusions"])
    contracts = []
    for row in rows(tables["contracts"]):
        name = row["ContractCommitmentId"]
        contracts.append(
            Contract(
                **_identity(row),
                **_terms(row),
                pools=tuple(child["pool"] for child in pools[name]),
                fee_steps=_fee_steps(row["x_TerminationFeeSchedule"], fees[name]),
                ramp=tuple(
                    RampStep(start=child["start"], accelerators=child["accelerators_per_lot"], price=child["unit_price"])
                    for child in ramps[name]
                ),
                tiers=tuple(
                    Tier(from_quantity=child["from_quantity"], price=child["unit_price"], kind=child["kind"]) for child in tiers[name]
                ),
                exclusions=tuple(Exclusion(kind=ExclusionKind(child["kind"]), other=child["other"]) for child in exclusions[name]),
            )
        )
    return tuple(contracts)


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


def _terms(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lots": row["x_Lots"],
        "accelerators": row["x_AcceleratorsPerLot"],
        "unit": Unit(row["ContractCommitmentUnit"] or Unit.UNKNOWN),
        "price": row["x_UnitPrice"],
        "currency": row["BillingCurrency"],
        "interval": Interval(row["x_FulfillmentInterval"] or Interval.UNKNOWN),
        "take_or_pay_share": row["x_TakeOrPayShare"],
        "minimum_spend": row["x_MinimumSpend"],
        "fixed_monthly_fee": row["x_FixedMonthlyFee"],
        "share_of_wallet": row["x_ShareOfWallet"],
        "notice_days": row["x_NoticePeriodDays"],
        "earliest_exit": row["x_EarliestExit"],
        "terminal_use": row["x_TerminalUseShare"] or 0.0,
    }


def _fee_steps(schedule: str | None, steps: Rows) -> tuple[FeeStep, ...] | None | Unknown:
    """A blank schedule is unknown, as every blank clause."""
    if schedule == "given":
        return tuple(FeeStep(start=step["start"], fee=step["fee_per_lot"]) for step in steps)
    return None if schedule == "none" else UNKNOWN
