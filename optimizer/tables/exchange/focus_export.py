"""A case's contracts as a FOCUS Contract Commitment data set.

What FOCUS has no column for stands in x_ columns, each tier of a price is a row of its own, and other tables of contracts are
files beside it. FOCUS asks for things that nobody stated: they are worked out here and named in x_Derived, so that an import
leaves them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from optimizer.domain.calendar import HOURS_PER_DAY, calendar_months
from optimizer.domain.contract import Contract, Interval, Unit, Unknown
from optimizer.tables.cells import unescaped
from optimizer.tables.columns import TableData
from optimizer.tables.contract_nouns import build_contracts
from optimizer.tables.exchange.figures import plain
from optimizer.tables.exchange.focus_children import child_tables
from optimizer.tables.exchange.focus_columns import INTERVALS, x_column
from optimizer.tables.exchange.focus_commitments import (
    DERIVED,
    EXTRA,
    FOCUS_PROVENANCE,
    KEY,
    TIER_OF,
    Version,
    in_other_words,
    own_column,
    tier_column,
)
from optimizer.tables.exchange.focus_file import write_focus
from optimizer.tables.exchange.imports import COMMITMENTS_FILE
from optimizer.tables.schemas import TABLE_BY_NAME

Tables = Mapping[str, TableData]
Cells = dict[str, str]

_DAYS = ("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "ContractPeriodStart", "ContractPeriodEnd")
_WORDS = {interval: word for word, interval in reversed(INTERVALS.items())} | {"unknown": "Custom"}


def export_commitments(tables: Tables, version: Version, folder: Path) -> tuple[Path, ...]:
    """Writes the data set and the tables beside it; returns the files."""
    contracts = build_contracts(tables)
    agreements = _agreements(contracts)
    stated = {row[KEY]: row for row in texts(tables["focus_commitments"])}
    rows = []
    absent = {column.name: column.missing for column in TABLE_BY_NAME["contracts"].columns}
    for found, contract in zip(texts(tables["contracts"]), contracts, strict=True):
        row = absent | found
        told = stated.get(contract.name, {})
        cells = _commitment(row, contract, told, agreements[contract.agreement], version)
        rows += [cells, *_tiers(cells, contract.name, tables["contract_tiers"], version)]
    columns = (*version.columns, *_x_columns(tables, version))
    files = [write_focus(folder / COMMITMENTS_FILE, columns, rows)]
    for table in child_tables():
        data = tables[table.name]
        if len(data.values):
            files.append(write_focus(folder / f"{table.name}.csv", tuple(data.cells), texts(data)))
    return tuple(files)


def texts(data: TableData) -> list[Cells]:
    """Rows of a table as texts, without the apostrophes that guard them."""
    return [{name: unescaped(cell) for name, cell in zip(data.cells, row, strict=True)} for row in zip(*data.cells.values(), strict=True)]


def _agreements(contracts: tuple[Contract, ...]) -> dict[str, tuple[date, date]]:
    """First and last days over all commitments of an agreement."""
    spans: dict[str, tuple[date, date]] = {}
    for contract in contracts:
        start, end = spans.get(contract.agreement, (contract.start, contract.end))
        spans[contract.agreement] = (min(start, contract.start), max(end, contract.end))
    return spans


def _x_columns(tables: Tables, version: Version) -> tuple[str, ...]:
    own = tuple(x for column in TABLE_BY_NAME["contracts"].columns if (x := own_column(column.name, version)))
    tiers = tuple(tier_column(name) for name in tables["contract_tiers"].cells if name != KEY)
    kept = tuple(_kept_columns(version).values()) if len(tables["focus_commitments"].values) else ()
    return (*own, *kept, DERIVED, *((TIER_OF, *tiers) if len(tables["contract_tiers"].values) else (TIER_OF,)))


def _kept_columns(version: Version) -> dict[str, str]:
    """x_ column for each column of focus_commitments that the version does not have."""
    return FOCUS_PROVENANCE | {name: x_column(name) for name in sorted(EXTRA - set(version.columns))}


def _commitment(row: Cells, contract: Contract, told: Cells, agreement: tuple[date, date], version: Version) -> Cells:
    """One row: what the contract says, what a FOCUS export said of it before, what is worked out."""
    own = {column: cell for name, cell in row.items() if (column := own_column(name, version))}
    in_contracts = {name: cell for name, cell in row.items() if name in version.columns and not in_other_words(name)}
    known = in_contracts | {name: cell for name, cell in told.items() if cell and name in version.columns and name != KEY}
    every = _worked_out(contract, row, agreement)
    worked_out = {name: cell for name, cell in every.items() if name in version.columns and not known.get(name)}
    cells = worked_out | known
    cells |= {name: f"{cells[name]}T00:00:00Z" for name in _DAYS if cells.get(name)}
    kept = {x: told[name] for name, x in _kept_columns(version).items() if name in told}
    derived = sorted(name for name, cell in worked_out.items() if cell)
    return own | cells | kept | {DERIVED: ";".join(derived)}


def _tiers(cells: Cells, name: str, tiers: TableData, version: Version) -> list[Cells]:
    """A row for each tier, as the specification has it, under an id of its own."""
    focus = {column: cells.get(column, "") for column in version.columns}
    found = [row for row in texts(tiers) if row[KEY] == name]
    return [
        focus | {KEY: f"{name}#tier{number}", TIER_OF: name} | {tier_column(column): cell for column, cell in row.items() if column != KEY}
        for number, row in enumerate(found, start=1)
    ]


def _worked_out(contract: Contract, row: Cells, agreement: tuple[date, date]) -> Cells:
    """FOCUS columns that the case does not state."""
    as_of = f"{row['as_of']}T00:00:00Z"
    pools = {"InclusionOperator": "Or", "Inclusions": [{"Dimension": "x_Pool", "Operator": "In", "Values": list(contract.pools)}]}
    cost, upfront = _cost(contract), _given(contract.upfront_share)
    return {
        "ContractCommitmentApplicability": json.dumps(pools if contract.pools else {"IsComplexScope": True}),
        "ContractCommitmentBenefitCategory": "Availability",
        "ContractCommitmentCost": cost,
        "ContractCommitmentCreated": as_of,
        "ContractCommitmentDiscountPercentage": _share(contract.discount),
        "ContractCommitmentDurationType": _duration(contract.start, contract.end),
        "ContractCommitmentFulfillmentInterval": _WORDS[contract.interval.value],
        "ContractCommitmentLastUpdated": as_of,
        "ContractCommitmentModel": "Continuous" if contract.interval.value == "hour" else "Discontinuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPaymentInterval": "One-Time" if upfront == 1.0 else "Monthly",
        "ContractCommitmentPaymentModel": "No Upfront" if not upfront else "All Upfront" if upfront == 1.0 else "Partial Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": _share(upfront),
        "ContractCommitmentQuantity": _quantity(contract),
        "ContractCommitmentType": "Capacity Commitment",
        "ContractCommitmentUnit": "" if contract.unit is Unit.UNKNOWN else f"{contract.unit.value}s".title(),
        "ContractPeriodStart": agreement[0].isoformat(),
        "ContractPeriodEnd": agreement[1].isoformat(),
        "InvoiceIssuerName": contract.supplier,
        "PricingCurrency": contract.currency,
        "PricingCurrencyContractCommitmentCost": cost,
        "ServiceProviderName": contract.supplier,
    }


def _given(clause: float | None | Unknown) -> float:
    """Nothing is paid upfront where nobody says that something is."""
    return clause if isinstance(clause, float) else 0.0


def _share(clause: float | None | Unknown) -> str:
    return plain(Decimal(repr(clause))) if isinstance(clause, float) else ""


def _duration(start: date, end: date) -> str:
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == end.day and months:
        return f"{months} Month{'s' if months > 1 else ''}"
    days = (end - start).days
    return f"{days} Day{'s' if days > 1 else ''}"


def _cost(contract: Contract) -> str:
    """Minimum spend of all lots over the term, in whole intervals and the share of the last."""
    if not isinstance(contract.minimum_spend, float) or contract.interval is Interval.UNKNOWN:
        return ""
    months = contract.interval.months
    intervals = 1.0 if months is None else calendar_months(contract.start, contract.end) / months
    return plain(Decimal(repr(contract.lots * contract.minimum_spend * intervals)))


def _quantity(contract: Contract) -> str:
    """What is paid for whether drawn or not, of all lots over the term, in the contract's unit."""
    if not isinstance(contract.take_or_pay_share, float) or not isinstance(contract.accelerators, float) or contract.unit is Unit.UNKNOWN:
        return ""
    steps = sorted(contract.ramp, key=lambda step: step.start)
    cuts = [contract.start, *(step.start for step in steps if step.start > contract.start), contract.end]
    total = 0.0
    for first, last in pairwise(cuts):
        held = [step.accelerators for step in steps if step.start <= first]
        length = calendar_months(first, last) if contract.unit is Unit.ACCELERATOR_MONTH else HOURS_PER_DAY * (last - first).days
        total += (held[-1] if held else contract.accelerators) * length
    return plain(Decimal(repr(contract.take_or_pay_share * contract.lots * total)))
