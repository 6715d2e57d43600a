"""Sections of a report on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from optimizer.report.document import Section, heading, is_number

ROWS_SHOWN = 15  # of each table, on a terminal


def show_sections(facts: Mapping[str, str], plain: Mapping[str, object], sections: Iterable[Section]) -> None:
    """Tables below some facts on a terminal; elsewhere `name: value` lines, with all rows."""
    if sys.stdout.isatty():
        print_sections(facts, sections, Console(markup=False, highlight=False))
    else:
        print("\n".join(plain_sections(plain, sections)))


def print_sections(facts: Mapping[str, str], sections: Iterable[Section], console: Console, *, rows: int = ROWS_SHOWN) -> None:
    wide = max((len(name) for name in facts), default=0)
    for name, text in facts.items():
        console.print(f"  {name:<{wide}}  {text}")
    for section in sections:
        shown = Table(title=section.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in section.columns:
            shown.add_column(heading(column), justify="right" if is_number(column) else "left", overflow="fold")
        for row in section.rows[:rows]:
            shown.add_row(*row)
        console.print()
        console.print(shown)
        if len(section.rows) > rows:
            console.print(f"  and {len(section.rows) - rows} more, in the run's tables")


def plain_sections(plain: Mapping[str, object], sections: Iterable[Section]) -> Iterator[str]:
    for name, value in plain.items():
        yield f"{name}: {value if isinstance(value, str) else '-' if value is None else repr(value)}"
    for section in sections:
        for row in section.rows:
            yield f"{section.title.lower()}: " + " | ".join(cell or "-" for cell in row)
