"""A page to share: without prices, without the names of suppliers, or without both; what is left out is nowhere in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from optimizer.report.document import MONEY, PRICES, SUPPLIERS, Bullets, Chart, Facts, Page, Part, Section

HIDDEN = "…"
MONEY_WORDS = re.compile(r"\b(USD|EUR|GBP|JPY|CNY|CHF|price|cost|fee|spend|penalt|save|pay)", re.IGNORECASE)
FIGURE = re.compile(r"(?<![\w-])[+\u2212-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?[kM]?(?![\w-]|[.,]\d| ?%)")
SHARED = (  # of summary.json: no money, no names
    *("schema_version", "run_id", "job", "case", "as_of", "status", "gap", "unserved_share", "seconds", "loads", "pools"),
    *("periods", "blocks", "scenarios", "contracts", "solver", "device", "seed", "versions", "verified"),
)
NO_TEXT = ("field", "type", "aggregate", "op", "name", "param", "as", "test", "expr", "groupby", "encodings", "fields", "signal", "filter")

Change = Callable[[str], str]


def redacted(page: Page, hidden: Collection[str]) -> Page:
    """The page without what `hidden` names, `prices` or `suppliers`.

    Prices: columns, charts and figures of money go; shares of accelerators, gaps and dates stay. Suppliers: names of suppliers, contracts,
    agreements, sites, pools and offers become numbers, the map goes. Parts that quote tables or documents go with either.
    """
    if not hidden:
        return page
    changes: list[Change] = []
    if SUPPLIERS in hidden:
        changes.append(_renaming(page.names))
    if PRICES in hidden:
        changes.append(_without_figures)

    def change(text: str) -> str:
        return reduce(lambda told, one: one(told), changes, text)

    def kept(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(_changed(part, change, hidden) for part in parts if not set(hidden) & set(getattr(part, "gives", ())))

    return Page(
        title=change(page.title),
        top=kept(page.top),
        parts=kept(page.parts),
        summary={name: page.summary[name] for name in SHARED if name in page.summary} | {"left_out": sorted(hidden)},
    )


def _changed(part: Part, change: Change, hidden: Collection[str]) -> Part:
    match part:
        case Facts():
            return replace(part, values={change(name): change(text) for name, text in part.values.items()})
        case Bullets():
            return replace(part, items=tuple(map(change, part.items)))
        case Section():
            return _section(part, change, without_money=PRICES in hidden)
        case Chart():
            return replace(part, caption=change(part.caption), specification=_renamed(part.specification, change))


def _section(part: Section, change: Change, *, without_money: bool) -> Section:
    kept = [i for i, column in enumerate(part.columns) if not (without_money and column.endswith(MONEY))]
    rows = tuple(tuple(change(row[i]) for i in kept) for row in part.rows)
    return replace(part, columns=tuple(part.columns[i] for i in kept), rows=rows)


def _renamed(value: Any, change: Change) -> Any:
    """A specification with every text of its data changed, and those that only steer the drawing as they are."""
    if isinstance(value, Mapping):
        return {key: each if key in NO_TEXT else _renamed(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def _renaming(names: Mapping[str, str]) -> Change:
    """Whole words, in any case, the longest first: `cloud_a` goes out of `cloud_a_h100` too."""
    if not names:
        return lambda text: text
    stands_for = {name.casefold(): other for name, other in names.items()}
    listed = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![^\W_])(?:{listed})(?![^\W_])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: stands_for[found.group().casefold()], text)


def _without_figures(text: str) -> str:
    """Figures of texts that speak of money; dates and shares stay."""
    return FIGURE.sub(HIDDEN, text) if MONEY_WORDS.search(text) else text
