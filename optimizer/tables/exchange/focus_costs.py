"""Charges as a FOCUS Cost and Usage data set: those that were billed, as actuals has them, and those that a plan expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet

from optimizer.domain.calendar import first_of_next_month
from optimizer.tables.columns import TableData
from optimizer.tables.exchange.figures import plain
from optimizer.tables.exchange.focus_charges import PLANNED
from optimizer.tables.exchange.focus_columns import COSTS, COSTS_1_3_ONLY
from optimizer.tables.exchange.focus_commitments import FOCUS_1_3, Version
from optimizer.tables.exchange.focus_export import texts
from optimizer.tables.exchange.focus_file import write_focus
from optimizer.tables.rows import rows

Tables = Mapping[str, TableData]
Cells = dict[str, str]

_ID_COLUMNS = ("ContractId", "ContractCommitmentId")
_PURCHASES = ("fixed fee", "minimum shortfall", "exit fee", "prepayment")


def export_actuals(tables: Tables, version: Version, case: str, path: Path) -> tuple[Path, ...]:
    """Writes what `actuals` holds, a charge for each of its rows; nothing where it has none."""
    contracts = {row["ContractCommitmentId"]: row for row in rows(tables["contracts"])}
    charges = []
    for row, cells in zip(rows(tables["actuals"]), texts(tables["actuals"]), strict=True):
        bill, start, end = row["billing_period_start"], row["interval_start"], row["interval_end"]
        contract = contracts[row["ContractCommitmentId"]]
        charges.append(
            _charge(case, contract["x_Supplier"], contract["BillingCurrency"], cells.get("applied_cost") or "0", version)
            | _days(bill, first_of_next_month(bill), bill if start <= bill < end else start, row["charged_until"])
            | {"ChargeCategory": "Usage", "ChargeDescription": f"charges that count towards {contract['ContractCommitmentId']}"}
            | {"PricingQuantity": cells.get("applied_quantity", ""), "PricingUnit": cells.get("unit", "")}
            | {"ContractApplied": _applied(contract, cells, version)}
            | {"x_Source": cells["source"], "x_SourceKind": cells["source_kind"], "x_AsOf": cells["as_of"]}
        )
    return (write_focus(path, (*_columns(version), "x_Source", "x_SourceKind", "x_AsOf"), charges),) if charges else ()


def export_planned(tables: Tables, version: Version, case: str, run: Path, path: Path) -> tuple[Path, ...]:
    """Writes the costs of a plan that somebody is paid; each is marked as planned, so that nobody takes it for a bill.

    Money is cash when settled, undiscounted, expected over scenarios, in the currency of the payment.
    """
    contracts = {row["ContractCommitmentId"]: row for row in rows(tables["contracts"])}
    periods = {row["period"]: row for row in rows(tables["calendar"])}
    charges = []
    for row in pyarrow.parquet.read_table(run / "costs.parquet").to_pylist():
        period = periods.get(row["period"])
        if not row["supplier"] or period is None:
            continue
        cost = plain(Decimal(repr(row["cash_in_currency"])))
        contract = contracts.get(row["payee"]) if row["payee_kind"] == "contract" else None
        applied = "" if contract is None else _applied(contract, {"applied_cost": cost}, version)
        bill = period["start"].replace(day=1)
        charges.append(
            _charge(case, row["supplier"], row["currency"], cost, version)
            | _days(bill, max(period["end"], first_of_next_month(bill)), period["start"], period["end"])
            | {"ChargeCategory": "Purchase" if row["line"] in _PURCHASES else "Usage", "ContractApplied": applied}
            | {"ChargeDescription": f"planned: {row['line']} of {row['payee']}"}
            | {PLANNED: "true", "x_RunId": run.name, "x_Payee": row["payee"], "x_PayeeKind": row["payee_kind"], "x_Line": row["line"]}
        )
    columns = (*_columns(version), PLANNED, "x_RunId", "x_Payee", "x_PayeeKind", "x_Line")
    return (write_focus(path, columns, charges),)


def _columns(version: Version) -> tuple[str, ...]:
    return tuple(sorted((*COSTS, *COSTS_1_3_ONLY))) if version is FOCUS_1_3 else COSTS


def _charge(case: str, supplier: str, currency: str, cost: str, version: Version) -> Cells:
    """No list price is known: the list cost is what is paid."""
    names = ("HostProviderName", "InvoiceIssuerName", "ServiceProviderName", *(COSTS_1_3_ONLY if version is FOCUS_1_3 else ()))
    costs = dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost)
    account = {"BillingAccountId": case, "BillingAccountName": case, "BillingCurrency": currency}
    return costs | account | dict.fromkeys(names, supplier) | {"ServiceCategory": "Compute", "ServiceName": "Accelerators"}


def _days(bill_start: date, bill_end: date, start: date, end: date) -> Cells:
    names = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
    return {name: f"{day.isoformat()}T00:00:00Z" for name, day in zip(names, (bill_start, bill_end, start, end), strict=True)}


def _applied(contract: Mapping[str, Any], cells: Mapping[str, str], version: Version) -> str:
    """ContractApplied; an element of version 1.4 has a cost or a quantity, one of 1.3 may have both."""
    ids = ("ContractID", "ContractCommitmentID") if version is FOCUS_1_3 else ("ContractId", "ContractCommitmentId")
    names = ", ".join(f"{json.dumps(name)}: {json.dumps(contract[column])}" for name, column in zip(ids, _ID_COLUMNS, strict=True))
    cost, quantity, unit = (cells.get(name, "") for name in ("applied_cost", "applied_quantity", "unit"))
    parts = [f'"ContractCommitmentAppliedCost": {plain(Decimal(cost))}'] if cost else []
    if quantity:
        amount = plain(Decimal(quantity))
        parts.append(f'"ContractCommitmentAppliedQuantity": {amount}, "ContractCommitmentAppliedUnit": {json.dumps(unit)}')
    if version is FOCUS_1_3:
        parts = [", ".join(parts)]
    return '{"Elements": [' + ", ".join(f"{{{names}, {part}}}" for part in parts) + "]}"
