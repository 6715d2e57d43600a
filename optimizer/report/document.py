"""A page as a document: its parts in their order. A file can hold it, a browser page is made of it, a shared page is it with less."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from optimizer.errors import DataError, Violation

PAGE_VERSION = 1
NUMBER, MONEY = ">", "$"  # last letter of the name of a column that holds numbers, or prices and other amounts of money
PRICES, SUPPLIERS = "prices", "suppliers"  # what a page to share may leave out


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names with a text each. Amounts of money in a text have USD behind them."""

    title: str = ""
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of a report, the same on a page and on a terminal. Columns whose name ends in > hold numbers, in $ money."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    gives: tuple[str, ...] = ()  # what the whole of it gives away
    total: tuple[str, ...] = ()  # a last row that stays last; empty: none
    folded: bool = False  # on a page: closed until a reader opens it, as a chart before it shows the same

    @property
    def lines(self) -> tuple[tuple[str, ...], ...]:
        """The rows, then their total."""
        return (*self.rows, self.total) if self.total else self.rows


@dataclass(frozen=True, kw_only=True)
class Bullets:
    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Vega-Lite specification with its data inside, and what to see in it."""

    title: str
    caption: str
    specification: Mapping[str, Any]
    gives: tuple[str, ...] = ()


Part = Facts | Section | Bullets | Chart
KINDS: Mapping[str, type[Part]] = {"facts": Facts, "section": Section, "bullets": Bullets, "chart": Chart}


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page. Parts without rows, items or values are not shown."""

    title: str
    top: tuple[Part, ...]  # beside each other on the first screen
    parts: tuple[Part, ...]
    summary: Mapping[str, Any]  # of the run that it is about
    names: Mapping[str, str] = field(default_factory=dict)  # that say who supplies, and what stands for them on a page to share

    def __iter__(self) -> Iterator[Part]:
        return iter((*self.top, *self.parts))


def with_tables(charts: Sequence[Chart], under: Mapping[str, Sequence[Section]]) -> Iterator[Part]:
    """Each chart with the tables that belong below it; what has no chart to stand below comes last, open to be read.

    Args:
      under: tables by the title of their chart.
    """
    for chart in charts:
        yield chart
        yield from under.get(chart.title, ())
    drawn = {chart.title for chart in charts}
    yield from (replace(table, folded=False) for title, tables in under.items() if title not in drawn for table in tables)


def heading(column: str) -> str:
    """A column's name as readers see it."""
    return column.rstrip(NUMBER + MONEY)


def is_number(column: str) -> bool:
    return column.endswith((NUMBER, MONEY))


def page_text(page: Page) -> str:
    """The document as JSON."""
    return json.dumps({"page_version": PAGE_VERSION} | asdict(page) | {name: _kinds(getattr(page, name)) for name in ("top", "parts")})


def _kinds(parts: Sequence[Part]) -> list[dict[str, Any]]:
    kind = {made: name for name, made in KINDS.items()}
    return [{"kind": kind[type(part)]} | asdict(part) for part in parts]


def page_of(text: str, file: str) -> Page:
    """The document that a file holds.

    Raises:
      DataError: it was written by another version.
    """
    held = json.loads(text)
    if held.pop("page_version") != PAGE_VERSION:
        rule, remedy = f"must be of page_version {PAGE_VERSION}", "Make the run again: placement plan from_run=ID."
        raise DataError([Violation(where=file, rule=rule, got="another one", remedy=remedy)])
    return Page(**held | {name: tuple(map(_part, held[name])) for name in ("top", "parts")})


def _part(held: Mapping[str, Any]) -> Part:
    values = {name: _tuples(value) if name in ("columns", "rows", "items", "gives", "total") else value for name, value in held.items()}
    return KINDS[values.pop("kind")](**values)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
