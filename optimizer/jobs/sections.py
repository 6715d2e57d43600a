"""Facts and tables of a report on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from optimizer.report.document import Section, heading, is_number

ROWS_SHOWN = 15  # of each table, on a terminal
LEAST = 12  # letters of a text that stay on one line, however narrow the terminal
BETWEEN = 3  # blanks between columns


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
            print_section(section, console, rows)
            if rows is not None and len(section.rows) > rows:
                console.print(f"  and {len(section.rows) - rows} more, in the run's tables")


def print_alerts(alerts: Sequence[str], console: Console) -> None:
    """After the tables, as what is read last stays in sight."""
    console.print()
    for alert in alerts:
        console.print(f"! {alert}")


def print_section(section: Section, console: Console, rows: int | None = None) -> None:
    """As a table; where that does not fit, row by row, each figure beside its heading."""
    shown = (*section.rows[:rows], *([section.total] if section.total else ()))
    widths = _widths(section.columns, shown, console.width)
    if widths is not None:
        console.print(_table(section, rows, widths))
        return
    if section.title:
        console.print(section.title, style="bold")
    for row in shown:
        beside = Table.grid(padding=(0, 2))
        for column, cell in zip(section.columns, row, strict=True):
            if cell:
                beside.add_row(f"  {heading(column)}", cell)
        console.print(beside, "")


def _table(section: Section, rows: int | None, widths: Sequence[int]) -> Table:
    """Headings and texts wrap, figures do not."""
    shown = Table(title=section.title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)
    shown.padding, shown.pad_edge = (0, BETWEEN - 1, 0, 0), False
    for column, width in zip(section.columns, widths, strict=True):
        shown.add_column(heading(column), justify="right" if is_number(column) else "left", width=width, overflow="fold")
    for row in section.rows[:rows]:
        shown.add_row(*row)
    if section.total:
        shown.add_section()
        shown.add_row(*section.total)
    return shown


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Of each column: room for its cells and its heading in one line, else for its cells, else its least; None: even that is too much."""
    cells = [max((cell_len(row[i]) for row in rows), default=0) for i in range(len(columns))]
    words = [max(map(cell_len, heading(column).split()), default=0) for column in columns]
    least = [max(word, cell if is_number(column) else min(cell, LEAST)) for word, cell, column in zip(words, cells, columns, strict=True)]
    sizes = [least, [max(*each) for each in zip(least, cells, strict=True)]]
    sizes.append([max(each, cell_len(heading(column))) for each, column in zip(sizes[-1], columns, strict=True)])
    room = width - BETWEEN * (len(columns) - 1)
    fitting = [size for size in sizes if sum(size) <= room]
    if not fitting or len(fitting) == len(sizes):
        return fitting[-1] if fitting else None
    held, wanted = fitting[-1], sizes[len(fitting)]
    more, left = [b - a for a, b in zip(held, wanted, strict=True)], room - sum(held)
    return [a + left * each // sum(more) for a, each in zip(held, more, strict=True)]


def plain_sections(plain: Mapping[str, object], sections: Iterable[Section]) -> Iterator[str]:
    for name, value in plain.items():
        yield f"{name}: {value if isinstance(value, str) else '-' if value is None else repr(value)}"
    for section in sections:
        for row in section.lines:
            yield f"{section.title.lower()}: " + " | ".join(cell or "-" for cell in row)
