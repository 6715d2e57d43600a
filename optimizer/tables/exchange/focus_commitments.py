"""FOCUS Contract Commitment exports of versions 1.3 and 1.4.

An export states what was agreed and seldom at which rate, for which capacity or in which pools. What it states is taken,
what it does not state stays unknown; `placement check` then names what a plan still needs. A file that `placement export`
wrote carries everything else in x_ columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from optimizer.errors import ConfigError
from optimizer.tables.exchange.figures import NotAFigure, decimal, midnight, moment, plain
from optimizer.tables.exchange.focus_columns import (
    COMMITMENT_1_3,
    COMMITMENT_1_4,
    CONDITIONAL_1_4,
    INTERVALS,
    STATUSES,
    unit_of,
    x_column,
)
from optimizer.tables.exchange.foreign import Foreign, Row
from optimizer.tables.exchange.machines import Tables
from optimizer.tables.exchange.reading import Reading, Record, Request, Whole
from optimizer.tables.rows import values_of
from optimizer.tables.schema import Kind
from optimizer.tables.schemas import TABLE_BY_NAME
from optimizer.tables.schemas.contracts import UNREAD_CLAUSES

KEY, STATUS = "ContractCommitmentId", "ContractCommitmentLifecycleStatus"
TIER_OF = "x_TierOf"
DERIVED = "x_Derived"
"""Columns that export worked out because FOCUS asks for them; nobody stated them, so import leaves them."""

FOCUS_PROVENANCE = {"source": "x_FocusSource", "source_kind": "x_FocusSourceKind", "as_of": "x_FocusAsOf"}
EXTRA = frozenset(column.name for column in TABLE_BY_NAME["focus_commitments"].columns) - {KEY, *FOCUS_PROVENANCE}
"""FOCUS columns that focus_commitments keeps."""

_DAYS = ("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "ContractPeriodStart", "ContractPeriodEnd")
_MOMENTS = ("ContractCommitmentCreated", "ContractCommitmentLastUpdated")


@dataclass(frozen=True, kw_only=True)
class Version:
    """What differs between versions of the specification."""

    name: str
    columns: tuple[str, ...]
    conditional: tuple[str, ...] = ()


FOCUS_1_3 = Version(name="1.3", columns=COMMITMENT_1_3)
FOCUS_1_4 = Version(name="1.4", columns=COMMITMENT_1_4, conditional=CONDITIONAL_1_4)


def read_focus_1_3(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Version 1.3 has no status: signed commitments are Pending, Active or Expired by their dates."""
    if request.as_of is None:
        rule = "must be the day of the export: version 1.3 states neither a status nor when a row was changed"
        raise ConfigError("as_of", rule, "nothing", "Add as_of=YYYY-MM-DD.")
    file.refuse(STATUS, kind="a FOCUS 1.3 Contract Commitment export")  # with dates in its place a quote would bind
    return _read(file, request, tables, FOCUS_1_3)


def read_focus_1_4(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Version 1.4 states status, fulfilment interval, payment and, for each tier a row of its own, a discount."""
    return _read(file, request, tables, FOCUS_1_4)


def _read(file: Foreign, request: Request, tables: Tables, version: Version) -> Reading:
    required = [name for name in version.columns if name not in version.conditional]
    file.require(*required, kind=f"a FOCUS {version.name} Contract Commitment export")
    suppliers = frozenset(values_of(tables["suppliers"], "supplier"))
    records: list[Record] = []
    not_taken, first = list(file.ragged), dict[str, int]()
    for number, row in file.rows:
        name = row[KEY]
        if name in first:
            words = f"row {first[name]} has the same {KEY}; if it is a further tier, FOCUS states neither its price nor its quantity"
            not_taken.append(file.without(number, name, KEY, name, words))
            continue
        try:
            records += _records(number, row, request, suppliers, version, file)
        except _Refused as refused:
            not_taken.append(file.without(number, name, refused.column, row.get(refused.column, ""), str(refused)))
            continue
        first[name] = number
    whole = {"contract_tiers": contracts_of(records)} if TIER_OF in file.columns else {}
    return Reading(file=file, records=tuple(records), not_taken=tuple(not_taken), whole=whole)


def contracts_of(records: Iterable[Record]) -> Whole:
    """The contracts of an export, all of whose tiers, pools and so on it holds if it is one of our own."""
    return Whole(columns=(KEY,), cells=frozenset((record.stated[KEY],) for record in records if record.table == "contracts"))


class _Refused(ValueError):
    """A row that cannot be taken; its text is the rule."""

    def __init__(self, column: str, rule: str) -> None:
        self.column = column
        super().__init__(rule)


def _records(number: int, row: Row, request: Request, suppliers: frozenset[str], version: Version, file: Foreign) -> Iterator[Record]:
    if row.get(TIER_OF):
        yield Record(table="contract_tiers", stated=_tier(row), rows=(number,))
        return
    derived = frozenset(row.get(DERIVED, "").split(";"))
    stated = {name: value for name in version.columns if name not in derived and (value := _value(row, name))}
    own = {column.name: row[x] for column in TABLE_BY_NAME["contracts"].columns if (x := own_column(column.name, version)) in row}
    provenance = _provenance(stated, request, version, file)
    contract = _contract(stated, suppliers, request) | own
    otherwise = _otherwise(stated, request, version, tiered=TIER_OF in file.columns)
    yield Record(table="contracts", stated=contract, otherwise=otherwise | provenance, rows=(number,))
    beyond = {name: value for name in sorted(EXTRA - set(version.columns)) if (value := row.get(x_column(name), ""))}
    extra = {name: value for name, value in stated.items() if name in EXTRA} | beyond
    if extra:
        kept = {name: row[x] for name, x in FOCUS_PROVENANCE.items() if row.get(x)}
        yield Record(table="focus_commitments", stated={KEY: row[KEY]} | extra | kept, otherwise=provenance, rows=(number,))


def own_column(name: str, version: Version) -> str:
    """The column of an export that holds a column of contracts which FOCUS does not have, or has in other words."""
    return x_column(name) if name not in version.columns or in_other_words(name) else ""


def in_other_words(name: str) -> bool:
    """Columns of contracts that are none, unknown or given, or have units of their own."""
    column = next((column for column in TABLE_BY_NAME["contracts"].columns if column.name == name), None)
    return column is not None and (column.kind is Kind.CLAUSE or name == "ContractCommitmentUnit")


def _value(row: Row, name: str) -> str:
    """A cell of a FOCUS column as the case's tables have it."""
    text = row.get(name, "")
    if not text or text.lower() == "null":
        return ""
    check = _CHECKS.get(name)
    try:
        return check(text) if check else text
    except NotAFigure as error:
        raise _Refused(name, str(error)) from None


def _day(name: str, text: str) -> str:
    return midnight(text, name).isoformat()


def _moment(name: str, text: str) -> str:
    moment(text, name)
    return text


def _number(name: str, text: str) -> str:
    return plain(decimal(text, name))


def _share(name: str, text: str) -> str:
    value = decimal(text, name)
    if not 0 <= value <= 1:
        raise NotAFigure(f"{name} must be a share from 0 to 1")
    return plain(value)


def _not_negative(name: str, text: str) -> str:
    value = decimal(text, name)
    if value < 0:
        raise NotAFigure(f"{name} must be >= 0")
    return plain(value)


def _one_of(name: str, words: tuple[str, ...], text: str) -> str:
    if text not in words:
        raise NotAFigure(f"{name} must be one of {', '.join(words)}")
    return text


def _object(name: str, text: str) -> str:
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotAFigure(f"{name} must be a JSON object")
    return text


_CHECKS: dict[str, Callable[[str], str]] = {
    **{name: partial(_day, name) for name in _DAYS},
    **{name: partial(_moment, name) for name in _MOMENTS},
    **{name: partial(_not_negative, name) for name in ("ContractCommitmentCost", "ContractCommitmentQuantity")},
    "PricingCurrencyContractCommitmentCost": partial(_not_negative, "PricingCurrencyContractCommitmentCost"),
    "ContractCommitmentDiscountPercentage": partial(_share, "ContractCommitmentDiscountPercentage"),
    "ContractCommitmentPaymentUpfrontPercentage": partial(_share, "ContractCommitmentPaymentUpfrontPercentage"),
    STATUS: partial(_one_of, STATUS, STATUSES),
    "ContractCommitmentCategory": partial(_one_of, "ContractCommitmentCategory", ("Spend", "Usage")),
    "ContractCommitmentFulfillmentInterval": partial(_one_of, "ContractCommitmentFulfillmentInterval", tuple(INTERVALS)),
    "ContractCommitmentModel": partial(_one_of, "ContractCommitmentModel", ("Continuous", "Discontinuous")),
    "ContractCommitmentApplicability": partial(_object, "ContractCommitmentApplicability"),
}


def _contract(stated: Mapping[str, str], suppliers: frozenset[str], request: Request) -> dict[str, str]:
    """Cells of contracts that a row states, in the words of contracts."""
    known = {column.name: column for column in TABLE_BY_NAME["contracts"].columns}
    cells = {name: value for name, value in stated.items() if name in known and not in_other_words(name)}
    cells |= {name: value for name, value in stated.items() if name in known and known[name].kind is Kind.CLAUSE}
    for name in ("ContractCommitmentId", "ContractId", "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "BillingCurrency"):
        if name not in cells:
            raise _Refused(name, f"{name} is not stated")
    if "ContractCommitmentUnit" in stated:
        cells["ContractCommitmentUnit"] = unit_of(stated["ContractCommitmentUnit"])
    interval = INTERVALS.get(stated.get("ContractCommitmentFulfillmentInterval", ""), "unknown")
    if interval != "unknown" and interval in known["x_FulfillmentInterval"].allowed:
        cells["x_FulfillmentInterval"] = interval
    whole_term = interval == "term" and stated.get("ContractCommitmentCategory") == "Spend"
    if whole_term and "ContractCommitmentCost" in stated:
        cells["x_MinimumSpend"] = stated["ContractCommitmentCost"]
    supplier = request.supplier or stated.get("ServiceProviderName", "")
    if supplier in suppliers:
        cells["x_Supplier"] = supplier
    return cells


def _otherwise(stated: Mapping[str, str], request: Request, version: Version, *, tiered: bool) -> dict[str, str]:
    """Cells of a contract that is new: one lot, every clause unknown, a status by its dates where the version has none.

    Args:
      tiered: whether the file tells tiers.
    """
    cells = {column.name: "unknown" for column in TABLE_BY_NAME["contracts"].columns if "unknown" in column.allowed}
    cells["x_UnreadClauses"] = ";".join(clause for clause in UNREAD_CLAUSES if not (tiered and clause == "tiers"))
    cells |= {"x_Lots": "1", "x_Supplier": request.supplier or stated.get("ServiceProviderName", "")}
    if version is FOCUS_1_3 and request.as_of is not None:
        cells[STATUS] = _status(stated, request.as_of.isoformat())
    return cells


def _status(stated: Mapping[str, str], as_of: str) -> str:
    """ISO dates sort as text."""
    if stated["ContractCommitmentPeriodStart"] > as_of:
        return "Pending"
    return "Active" if stated["ContractCommitmentPeriodEnd"] > as_of else "Expired"


def _provenance(stated: Mapping[str, str], request: Request, version: Version, file: Foreign) -> dict[str, str]:
    changed = stated.get("ContractCommitmentLastUpdated")
    told = moment(changed, "ContractCommitmentLastUpdated").date() if changed else None
    day = "" if (known := request.as_of or told) is None else known.isoformat()
    return {"source": request.source or f"FOCUS {version.name} export {file.label}", "source_kind": "reported", "as_of": day}


def _tier(row: Row) -> dict[str, str]:
    """A tier's row of an export: its quantity and price stand in x_ columns, FOCUS has none for them."""
    columns = TABLE_BY_NAME["contract_tiers"].columns
    return {column.name: row[TIER_OF] if column.name == KEY else row.get(tier_column(column.name), "") for column in columns}


def tier_column(name: str) -> str:
    """Example: unit_price is x_TierUnitPrice."""
    return "x_Tier" + x_column(name).removeprefix("x_")
