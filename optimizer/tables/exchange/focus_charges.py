"""FOCUS Cost and Usage exports as actuals: what was charged against each contract, by bill and fulfilment interval.

ContractApplied names the contracts that a charge counts towards. In version 1.3 its ids are written ContractID and
ContractCommitmentID, in 1.4 ContractId and ContractCommitmentId, and an element of 1.4 has either a cost or a quantity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from optimizer.domain.calendar import fulfilment_interval
from optimizer.domain.contract import Interval
from optimizer.tables.columns import TableData
from optimizer.tables.exchange.figures import NotAFigure, midnight, moment, plain
from optimizer.tables.exchange.foreign import Foreign, Row
from optimizer.tables.exchange.machines import Tables
from optimizer.tables.exchange.reading import Reading, Record, Request, Whole
from optimizer.tables.rows import rows

_COLUMNS = ("BillingCurrency", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "ContractApplied")
_SHORT = ("hour", "day")
"""Intervals that are summed by month."""
_IDS = ("ContractCommitmentId", "ContractCommitmentID")
_TERM_COLUMNS = frozenset(
    ("ContractCommitmentId", "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "BillingCurrency", "x_FulfillmentInterval")
)
PLANNED = "x_Planned"
"""true in costs that export took from a plan: nobody has billed them."""
_PROVENANCE = {"source": "x_Source", "source_kind": "x_SourceKind", "as_of": "x_AsOf"}
LOOKED_AT = frozenset((*_COLUMNS, "ResourceId", PLANNED, *_PROVENANCE.values()))
"""Bills have millions of rows and dozens of columns: these are kept."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """An element of ContractApplied."""

    contract: str
    cost: Decimal | None
    quantity: Decimal | None
    unit: str


@dataclass(frozen=True, kw_only=True)
class Term:
    """What a charge must agree with in a contract."""

    start: date
    end: date
    months: int | None  # of the fulfilment interval; None: the term, or unknown
    counted_from: date  # a day on which an interval begins
    currency: str


@dataclass
class _Sum:
    until: date
    unit: str = ""
    cost: Decimal | None = None
    quantity: Decimal | None = None
    rows: list[int] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=dict)


class _Refused(ValueError):
    def __init__(self, column: str, got: str, rule: str) -> None:
        self.column, self.got = column, got
        super().__init__(rule)


def read_focus_costs(file: Foreign, request: Request, tables: Tables) -> Reading:
    """A file replaces what is known of the bills' months that it holds, contract by contract; it is added to nothing."""
    file.require(*_COLUMNS, kind="a FOCUS Cost and Usage export")
    terms, sums, not_taken = _terms(tables["contracts"]), dict[tuple[str, date, date], _Sum](), list(file.ragged)
    ends = dict[tuple[str, date, date], date]()
    for number, row in file.rows:
        try:
            if row.get(PLANNED) == "true":
                raise _Refused(PLANNED, "true", "the cost is a plan's and was never billed")
            elements = tuple(_elements(row["ContractApplied"]))
        except _Refused as refused:
            not_taken.append(file.without(number, row.get("ResourceId", ""), refused.column, refused.got, str(refused)))
            continue
        for element in elements:
            try:
                key, end = _key(row, element, terms)
                _add(sums, key, row, element, number)
                ends[key] = end
            except _Refused as refused:
                not_taken.append(file.without(number, element.contract, refused.column, refused.got, str(refused)))
    records = tuple(_record(key, ends[key], total, request, file) for key, total in sorted(sums.items()))
    bills = frozenset((contract, bill.isoformat()) for contract, bill, _ in sums)
    whole = Whole(columns=("ContractCommitmentId", "billing_period_start"), cells=bills)
    return Reading(file=file, records=records, not_taken=tuple(not_taken), whole={"actuals": whole})


def _terms(contracts: TableData) -> dict[str, Term]:
    if contracts.broken & _TERM_COLUMNS:
        return {}
    return {
        row["ContractCommitmentId"]: Term(
            start=row["ContractCommitmentPeriodStart"],
            end=row["ContractCommitmentPeriodEnd"],
            months=_months(row["x_FulfillmentInterval"]),
            counted_from=row.get("x_Anniversary") or row["ContractCommitmentPeriodStart"],
            currency=row["BillingCurrency"],
        )
        for row in rows(contracts)
    }


def _months(interval: str | None) -> int | None:
    return 1 if interval in _SHORT else Interval(interval or Interval.UNKNOWN).months


def _elements(text: str) -> Iterator[Applied]:
    """The contracts that a charge counts towards."""
    if not text or text.lower() == "null":
        raise _Refused("ContractApplied", "", "the charge counts towards no contract")
    try:
        found: Any = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _Refused("ContractApplied", text[:80], "ContractApplied must be a JSON object") from None
    elements = found.get("Elements", found.get("ContractApplied")) if isinstance(found, dict) else None
    if not isinstance(elements, list) or not elements or not all(isinstance(element, dict) for element in elements):
        raise _Refused("ContractApplied", text[:80], "ContractApplied must have a list of objects, Elements")
    for element in elements:
        yield _applied(element, text)


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _applied(element: Mapping[str, Any], text: str) -> Applied:
    names = [element[key] for key in _IDS if isinstance(element.get(key), str) and element[key]]
    cost, quantity = (element.get(f"ContractCommitmentApplied{what}") for what in ("Cost", "Quantity"))
    unit = element.get("ContractCommitmentAppliedUnit")
    if not names:
        raise _Refused("ContractApplied", text[:80], "an element must name its ContractCommitmentId")
    if cost is None and quantity is None:
        raise _Refused("ContractApplied", text[:80], "an element must have an applied cost or quantity")
    if not all(value is None or isinstance(value, Decimal) for value in (cost, quantity)):
        raise _Refused("ContractApplied", text[:80], "applied costs and quantities must be JSON numbers")
    if (quantity is not None) != (isinstance(unit, str) and bool(unit)):
        raise _Refused("ContractApplied", text[:80], "an applied quantity must have a unit, and only it")
    return Applied(contract=names[0], cost=cost, quantity=quantity, unit=unit or "")


def _key(row: Row, element: Applied, terms: Mapping[str, Term]) -> tuple[tuple[str, date, date], date]:
    """Contract, bill and first day of the fulfilment interval in which the charge begins; and the day after that interval."""
    term = terms.get(element.contract)
    if term is None:
        raise _Refused("ContractApplied", element.contract, "the contract is not in contracts; import the commitments first")
    if row["BillingCurrency"] != term.currency:
        raise _Refused("BillingCurrency", row["BillingCurrency"], "BillingCurrency must be the contract's")
    bill = _day(row, "BillingPeriodStart")
    if bill.day != 1:
        raise _Refused("BillingPeriodStart", row["BillingPeriodStart"], "BillingPeriodStart must be the first day of a month")
    first = _moment(row, "ChargePeriodStart")
    if not term.start <= first < term.end:
        raise _Refused("ChargePeriodStart", row["ChargePeriodStart"], "the charge must begin within the contract's term")
    if term.months is None:
        return (element.contract, bill, term.start), term.end
    start, end = fulfilment_interval(term.counted_from, term.months, first)
    return (element.contract, bill, max(start, term.start)), min(end, term.end)


def _day(row: Row, name: str) -> date:
    try:
        return midnight(row[name], name)
    except NotAFigure as error:
        raise _Refused(name, row[name], str(error)) from None


def _moment(row: Row, name: str) -> date:
    try:
        return moment(row[name], name).date()
    except NotAFigure as error:
        raise _Refused(name, row[name], str(error)) from None


def _until(row: Row) -> date:
    """First day after the charge: ends are exclusive, a charge that ends within a day counts the day."""
    try:
        end = moment(row["ChargePeriodEnd"], "ChargePeriodEnd")
        start = moment(row["ChargePeriodStart"], "ChargePeriodStart")
    except NotAFigure as error:
        raise _Refused("ChargePeriodEnd", row["ChargePeriodEnd"], str(error)) from None
    if end <= start:
        raise _Refused("ChargePeriodEnd", row["ChargePeriodEnd"], "ChargePeriodEnd must be after ChargePeriodStart; ends are exclusive")
    return (end - timedelta(microseconds=1)).date() + timedelta(days=1)


def _add(sums: dict[tuple[str, date, date], _Sum], key: tuple[str, date, date], row: Row, element: Applied, number: int) -> None:
    until = _until(row)
    total = sums.get(key) or _Sum(until=until, unit=element.unit)
    if element.unit and total.unit and element.unit != total.unit:
        raise _Refused("ContractApplied", element.unit, f"the unit must be that of the contract's other charges, {total.unit}")
    if not total.rows:
        total.provenance = {name: row[column] for name, column in _PROVENANCE.items() if row.get(column)}
    sums[key] = total
    total.until, total.unit = max(total.until, until), total.unit or element.unit
    if element.cost is not None:
        total.cost = (total.cost or Decimal(0)) + element.cost
    if element.quantity is not None:
        total.quantity = (total.quantity or Decimal(0)) + element.quantity
    total.rows.append(number)


def _record(key: tuple[str, date, date], end: date, total: _Sum, request: Request, file: Foreign) -> Record:
    contract, bill, start = key
    stated = {
        "ContractCommitmentId": contract,
        "billing_period_start": bill.isoformat(),
        "interval_start": start.isoformat(),
        "interval_end": end.isoformat(),
        "charged_until": total.until.isoformat(),
        "applied_cost": "" if total.cost is None else plain(total.cost),
        "applied_quantity": "" if total.quantity is None else plain(total.quantity),
        "unit": total.unit,
        "source": request.source or f"FOCUS Cost and Usage export {file.label}",
        "source_kind": "reported",
        "as_of": (request.as_of or total.until).isoformat(),
    }
    return Record(table="actuals", stated=stated | total.provenance, rows=tuple(dict.fromkeys(total.rows)))
