"""What a rule across rows or tables is, and when it can be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from optimizer.errors import Violation
from optimizer.tables.columns import TableData

Tables = Mapping[str, TableData]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule and the columns it needs; it is checked only where all of these are sound on their own."""

    needs: Mapping[str, tuple[str, ...]]
    check: Callable[[Tables], Iterable[Violation]]

    def ready(self, tables: Tables) -> bool:
        return not any(tables[name].broken & set(columns) for name, columns in self.needs.items())


def rule(*needs: str) -> Callable[[Callable[[Tables], Iterable[Violation]]], Rule]:
    """Makes a rule of a function; `needs` are texts such as `calendar: period start end`."""
    columns: dict[str, tuple[str, ...]] = {}
    for need in needs:
        name, _, words = need.partition(":")
        columns[name] = (*columns.get(name, ()), *words.split())
    return lambda check: Rule(needs=columns, check=check)


def breaches(data: TableData, wrong: pd.Series[bool], column: str, rule: str, remedy: str, got: str | None = None) -> Iterator[Violation]:
    """One violation for all rows where `wrong` holds, with the first one's cell of `column`; none if there is no such row."""
    rows = [int(row) for row in wrong.to_numpy(dtype=bool).nonzero()[0]]
    if rows:
        cell = data.cells[column][rows[0]] if column in data.cells else ""
        yield data.violation(rule, got or cell or "a blank cell", rows, remedy)
