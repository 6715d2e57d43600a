"""Facts and tables of a report on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from optimizer.report.document import Section, heading, is_number

ROWS_SHOWN = 15  # of each table, on a terminal


def show_sections(
    facts: Mapping[str, str], plain: Mapping[str, object], sections: Iterable[Section], alerts: Sequence[str] = ()
) -> None:
    """Tables below some facts on a terminal; elsewhere `name: value` lines, with all rows."""
    if sys.stdout.isatty():
        console = Console(markup=False, highlight=False)
        print_facts(facts, console)
        print_sections(sections, console)
        print_alerts(alerts, console)
    else:
        print("\n".join([*plain_sections(plain, sections), *(f"alert: {alert}" for alert in alerts)]))


def print_facts(facts: Mapping[str, str], console: Console, title: str = "") -> None:
    """Names beside texts, those too long for a line going on below their own beginning."""
    if not facts:
        return
    shown = Table.grid(padding=(0, 2))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, text in facts.items():
        shown.add_row(f"  {name}", text)
    if title:
        console.print(f"\n{title}", style="bold")
    console.print(shown)


def print_sections(sections: Iterable[Section], console: Console, *, rows: int | None = ROWS_SHOWN) -> None:
    """The tables that have rows, the first so many of them (None: all) and the total."""
    for section in sections:
        if section.rows:
            console.print()
            console.print(rich_table(section, rows))
            if rows is not None and len(section.rows) > rows:
                console.print(f"  and {len(section.rows) - rows} more, in the run's tables")


def print_alerts(alerts: Sequence[str], console: Console) -> None:
    """After the tables, as what is read last stays in sight."""
    console.print()
    for alert in alerts:
        console.print(f"! {alert}")


def rich_table(section: Section, rows: int | None = None) -> Table:
    shown = Table(title=section.title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in section.columns:
        right = is_number(column)
        shown.add_column(heading(column), justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in section.rows[:rows]:
        shown.add_row(*row)
    if section.total:
        shown.add_section()
        shown.add_row(*section.total)
    return shown


def plain_sections(plain: Mapping[str, object], sections: Iterable[Section]) -> Iterator[str]:
    for name, value in plain.items():
        yield f"{name}: {value if isinstance(value, str) else '-' if value is None else repr(value)}"
    for section in sections:
        for row in section.lines:
            yield f"{section.title.lower()}: " + " | ".join(cell or "-" for cell in row)
