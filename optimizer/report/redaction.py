"""A page to share: without prices, without the names of suppliers, or without both; what is left out is nowhere in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
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
BETWEEN = r"[\s_\-\u2010-\u2015]*"  # words of a name, however it is spelt
APART = re.compile(r"[\s_\-\u2010-\u2015]+")
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

    def left(row: Sequence[str]) -> tuple[str, ...]:
        return tuple(change(row[i]) for i in kept) if row else ()

    return replace(part, columns=tuple(part.columns[i] for i in kept), rows=tuple(map(left, part.rows)), total=left(part.total))


def _renamed(value: Any, change: Change, steering: Collection[str] = NO_TEXT) -> Any:
    """A specification with every text of its data changed, and those that only steer the drawing as they are."""
    if isinstance(value, Mapping):
        kept = {key: () if key in ("values", "datasets") else steering for key in value}  # columns of data may bear any name
        return {key: each if key in steering else _renamed(each, change, kept[key]) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, change, steering) for each in value]
    return change(value) if isinstance(value, str) else value


def _renaming(names: Mapping[str, str]) -> Change:
    """Whole words, in any case, the longest first: `cloud_a` goes out of `cloud_a_h100` too.

    Between the words of a name may stand what people write there: Cloud A's, cloud-a, CloudA and cloud_a are one name.
    """
    stands_for = {_bare(name): other for name, other in names.items() if _bare(name)}
    if not stands_for:
        return lambda text: text
    spelt = {_bare(name): BETWEEN.join(map(re.escape, APART.split(name.strip("_- ")))) for name in names if _bare(name)}
    listed = "|".join(spelt[name] for name in sorted(spelt, key=len, reverse=True))
    pattern = re.compile(rf"(?<![^\W_])(?:{listed})(?![^\W_])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: stands_for[_bare(found.group())], text)


def _bare(name: str) -> str:
    return APART.sub("", name).casefold()


def _without_figures(text: str) -> str:
    """Figures of texts that speak of money; dates and shares stay."""
    return FIGURE.sub(HIDDEN, text) if MONEY_WORDS.search(text) else text
