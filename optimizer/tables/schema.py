"""What one table is: its columns with type, unit, bounds, keys, meaning. Everything about files is driven by this."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """How a cell is read."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"  # true | false
    DATE = "date"  # YYYY-MM-DD
    CLAUSE = "clause"  # none | unknown | a number; blank is unknown
    LIST = "list"  # texts separated by ;
    INTEGER_LIST = "list of integers"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds of a number, of a clause's number, or of each number of a list."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        signs = ((">", self.above), (">=", self.at_least), ("<", self.below), ("<=", self.at_most))
        return " and ".join(f"{sign} {limit:g}" for sign, limit in signs if limit is not None)


ANY = Bounds()
POSITIVE = Bounds(above=0)
NOT_NEGATIVE = Bounds(at_least=0)
SHARE = Bounds(at_least=0, at_most=1)
POSITIVE_SHARE = Bounds(above=0, at_most=1)
AT_LEAST_ONE = Bounds(at_least=1)

MOST_PAID = 1e18
"""Of a currency: beyond it an amount is a mistake, and a plan would lose cents."""
MOST_PRICE = 1e12
"""Of a currency, for one unit of anything: beyond it a price is a mistake, and solvers lose all others beside it."""

AMOUNT = Bounds(at_least=0, at_most=MOST_PAID)
PRICE = Bounds(above=0, at_most=MOST_PRICE)
PRICE_OR_FREE = Bounds(at_least=0, at_most=MOST_PRICE)
CHARGE_OR_CREDIT = Bounds(at_least=-MOST_PAID, at_most=MOST_PAID)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `absent` says what a blank cell means; None: the cell must be filled in."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    key: bool = False
    absent: str | None = None
    bounds: Bounds = ANY
    allowed: tuple[str, ...] = ()  # texts; for a clause the words besides a number
    refers_to: str | None = None  # table whose single key this cell names
    without: str = ""  # characters that a name must not contain, because other names are built with them
    missing: str = ""  # what every cell says where the file lacks the column

    @property
    def required(self) -> bool:
        return self.absent is None

    @property
    def form(self) -> str:
        """What a cell must be, in words, without bounds."""
        unit = f" ({self.unit})" if self.unit else ""
        words = {
            Kind.TEXT: "text",
            Kind.NUMBER: f"a number{unit}",
            Kind.INTEGER: f"a whole number{unit}",
            Kind.BOOLEAN: "true or false",
            Kind.DATE: "a date YYYY-MM-DD",
            Kind.CLAUSE: " or ".join(self.allowed) + f" or a number{unit}",
            Kind.LIST: "texts separated by ;",
            Kind.INTEGER_LIST: f"whole numbers separated by ;{unit}",
        }
        return f"one of {', '.join(self.allowed)}" if self.allowed and self.kind is Kind.TEXT else words[self.kind]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table; its file is `<name>.csv` or `<name>.parquet`."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    absent: str | None = None  # what a missing table means; None: the table must be there
    may_be_empty: bool = True
    reference: bool = False  # shipped with the planner; a case's own rows are added or replace by key

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    @property
    def required(self) -> bool:
        return self.absent is None

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


PROVENANCE = (
    Column(name="source", kind=Kind.TEXT, meaning="Where the figures come from: a document, a page, a contract, or who assumed them."),
    Column(
        name="source_kind",
        kind=Kind.TEXT,
        allowed=("list", "reported", "assumed"),
        meaning="list: published by the supplier; reported: measured or reported by somebody; assumed: nobody has published it.",
    ),
    Column(name="as_of", kind=Kind.DATE, meaning="Day on which the row's figures were true."),
)


def table(
    name: str,
    meaning: str,
    *columns: Column,
    absent: str | None = None,
    may_be_empty: bool = True,
    reference: bool = False,
) -> Table:
    """A table of these columns and, as in every table, the provenance of each row."""
    return Table(
        name=name,
        meaning=meaning,
        columns=(*columns, *PROVENANCE),
        absent=absent,
        may_be_empty=may_be_empty,
        reference=reference,
    )


def text(
    name: str,
    meaning: str,
    *,
    key: bool = False,
    absent: str | None = None,
    allowed: tuple[str, ...] = (),
    refers_to: str | None = None,
    without: str = "",
) -> Column:
    return Column(name=name, kind=Kind.TEXT, meaning=meaning, key=key, absent=absent, allowed=allowed, refers_to=refers_to, without=without)


def number(name: str, unit: str, meaning: str, bounds: Bounds = ANY, *, key: bool = False, absent: str | None = None) -> Column:
    return Column(name=name, kind=Kind.NUMBER, unit=unit, meaning=meaning, bounds=bounds, key=key, absent=absent)


def integer(name: str, unit: str, meaning: str, bounds: Bounds = ANY, *, key: bool = False, absent: str | None = None) -> Column:
    return Column(name=name, kind=Kind.INTEGER, unit=unit, meaning=meaning, bounds=bounds, key=key, absent=absent)


def boolean(name: str, meaning: str) -> Column:
    return Column(name=name, kind=Kind.BOOLEAN, meaning=meaning)


def day(name: str, meaning: str, *, key: bool = False, absent: str | None = None) -> Column:
    return Column(name=name, kind=Kind.DATE, meaning=meaning, key=key, absent=absent)


def rare_clause(name: str, unit: str, meaning: str, bounds: Bounds = NOT_NEGATIVE) -> Column:
    """A clause that few contracts have: a file without the column says that none has it. A blank is unknown, as of every clause."""
    return replace(clause(name, unit, meaning, bounds), absent="unknown; none in a file without the column", missing="none")


def clause(name: str, unit: str, meaning: str, bounds: Bounds = NOT_NEGATIVE) -> Column:
    """A clause: `none`, `unknown` or a number. A blank is unknown, never none and never free."""
    return Column(
        name=name,
        kind=Kind.CLAUSE,
        unit=unit,
        meaning=meaning,
        bounds=bounds,
        allowed=("none", "unknown"),
        absent="unknown",
    )
