"""From text cells to values, column by column: numbers, dates, clauses; what cannot be read is reported, never guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from optimizer.domain.contract import UNKNOWN, Unknown
from optimizer.tables.schema import Column, Kind

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ESCAPED = re.compile(r"'('*[=+\-@].*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Rows of a column that break one rule."""

    rule: str
    remedy: str
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Values of a column, missing where the cell is blank or faulty; clauses are None, UNKNOWN or a number."""

    values: pd.Series
    faults: tuple[Fault, ...] = ()


class _Bad:
    """Stands in for the value of a cell that cannot be read."""


_UNREADABLE: Final = _Bad()
_INFINITE: Final = _Bad()


def parse(cells: Sequence[str], column: Column) -> Parsed:
    """Reads one column's cells; equal cells are read once."""
    read, blank = _READERS[column.kind], UNKNOWN if column.kind is Kind.CLAUSE else None
    known = {cell: read(cell) if cell else blank for cell in dict.fromkeys(cells)}
    faults = []
    if column.required and "" in known:
        faults.append(_fault(cells, {""}, f"{column.name} must be given, as {column.form}", "Fill in the cell or remove the row."))
    infinite = {cell for cell, value in known.items() if value is _INFINITE}
    if infinite:
        faults.append(_fault(cells, infinite, f"{column.name} must be a finite number{_unit(column)}", _FIGURE))
    unreadable = {cell for cell, value in known.items() if value is _UNREADABLE}
    if unreadable:
        faults.append(_fault(cells, unreadable, f"{column.name} must be {_form(column)}", _REMEDIES[column.kind]))
    known |= dict.fromkeys(infinite | unreadable, blank)
    return Parsed(values=_series([known[cell] for cell in cells], column.kind), faults=tuple(faults))


def _fault(cells: Sequence[str], wrong: set[str], rule: str, remedy: str) -> Fault:
    return Fault(rule=rule, remedy=remedy, rows=tuple(row for row, cell in enumerate(cells) if cell in wrong))


def _unit(column: Column) -> str:
    return f" ({column.unit})" if column.unit else ""


def _form(column: Column) -> str:
    return "text without spaces around it" if column.kind is Kind.TEXT else column.form


def _series(values: list[Any], kind: Kind) -> pd.Series:
    if kind is Kind.TEXT:
        return pd.Series(values, dtype="str")
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return pd.Series(values, dtype=np.float64)  # integers are exact: at most 15 digits
    if kind is Kind.DATE:
        return pd.Series(np.array(values, dtype="datetime64[us]"))
    cells = np.empty(len(values), dtype=object)  # filled one by one: a list of tuples would become a matrix
    for row, value in enumerate(values):
        cells[row] = value
    return pd.Series(cells)


def _text(cell: str) -> str | _Bad:
    """Texts stay as they are, but for the apostrophe that `write_table` sets before = + - @."""
    return _UNREADABLE if cell != cell.strip() else unescaped(cell)


def unescaped(cell: str) -> str:
    """A text without the apostrophe that keeps spreadsheets from running it. Example: '=A1 is =A1."""
    escaped = _ESCAPED.fullmatch(cell)
    return escaped.group(1) if escaped else cell


def _number(cell: str) -> float | _Bad:
    """The float nearest to the exact decimal figure."""
    if not _NUMBER.fullmatch(cell):
        return _INFINITE if _NOT_FINITE.fullmatch(cell) else _UNREADABLE
    value = float(Decimal(cell))
    return value if math.isfinite(value) else _INFINITE


def _integer(cell: str) -> int | _Bad:
    if not _INTEGER.fullmatch(cell):
        return _INFINITE if _NOT_FINITE.fullmatch(cell) else _UNREADABLE
    return int(cell)


def _boolean(cell: str) -> bool | _Bad:
    return cell == "true" if cell in ("true", "false") else _UNREADABLE


def _date(cell: str) -> date | _Bad:
    try:
        return date.fromisoformat(cell) if _DATE.fullmatch(cell) else _UNREADABLE
    except ValueError:
        return _UNREADABLE


def _clause(cell: str) -> float | Unknown | None | _Bad:
    if cell == "none":
        return None
    return UNKNOWN if cell == "unknown" else _number(cell)


def _list(cell: str) -> tuple[str, ...] | _Bad:
    items = tuple(unescaped(cell).split(";"))
    return items if all(item and item == item.strip() for item in items) else _UNREADABLE


def _integer_list(cell: str) -> tuple[int, ...] | _Bad:
    items = cell.split(";")
    return tuple(map(int, items)) if all(map(_INTEGER.fullmatch, items)) else _UNREADABLE


_READERS: dict[Kind, Callable[[str], object]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.CLAUSE: _clause,
    Kind.LIST: _list,
    Kind.INTEGER_LIST: _integer_list,
}

_FIGURE = "Write the figure or remove the row."
_REMEDIES = {
    Kind.TEXT: "Remove the spaces.",
    Kind.NUMBER: "Write a plain decimal such as 1234.5, without thousands separators or a unit.",
    Kind.INTEGER: "Write a plain whole number such as 1234, without a decimal point or a unit.",
    Kind.BOOLEAN: "Write true or false.",
    Kind.DATE: "Write year, month and day of a day that exists, such as 2027-01-31.",
    Kind.CLAUSE: "Write one of the words, or a plain decimal such as 1234.5.",
    Kind.LIST: "Separate the texts by ; without spaces.",
    Kind.INTEGER_LIST: "Separate the numbers by ; without spaces, such as 64;128.",
}
