"""What a plan looks like on the terminal, and as plain lines where the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from optimizer.jobs.speech import Lines, Speech, speech
from optimizer.report.document import Section, heading, is_number
from optimizer.report.headline import due_section, headline, news_facts
from optimizer.report.overview import Overview
from optimizer.report.risk import risk_section, stress_section
from optimizer.report.wording import BASELINES, count, day, gap_text, money, money_unit, percent
from optimizer.solve.search import Progress

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown_progress(log: Callable[[str], None]) -> Iterator[Callable[[Progress], None]]:
    """A function to call with each step: one line kept up to date on a terminal; elsewhere, and in the log, a line now and then."""
    console = Console(stderr=True, markup=False, highlight=False)
    if speech() is not Speech.FULL:
        yield _now_and_then(log, _event)
    elif not console.is_terminal:
        yield _now_and_then(log, _line)
    else:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            logged = _now_and_then(log)

            def show(step: Progress) -> None:
                logged(step)
                live.update(Text(progress_text(step), no_wrap=True, overflow="ellipsis"), refresh=True)

            yield show


def _now_and_then(log: Callable[[str], None], tell: Callable[[Progress], None] | None = None) -> Callable[[Progress], None]:
    """The first step of each phase, and of the others one in SECONDS_BETWEEN_LINES: a search takes many thousands."""
    seen: set[str] = set()
    told = 0.0

    def show(step: Progress) -> None:
        nonlocal told
        if step.phase in seen and step.seconds - told < SECONDS_BETWEEN_LINES:
            return
        seen.add(step.phase)
        told = step.seconds
        log(progress_fields(step))
        if tell is not None:
            tell(step)

    return show


def _event(step: Progress) -> None:
    if isinstance(sys.stdout, Lines):  # where the job says events
        sys.stdout.event("progress", **asdict(step))


def _line(step: Progress) -> None:
    print(f"progress: {progress_fields(step)}", file=sys.stderr, flush=True)


def progress_text(step: Progress) -> str:
    """Example: solve     12 s   best 1,234.50 M USD   bound 1,200.10 M USD   gap 2.8 %"""
    parts = [f"{step.phase:<10}{step.seconds:>4.0f} s"]
    for name, value in (("best", step.incumbent_usd), ("bound", step.bound_usd)):
        if value is not None:
            parts.append(f"{name} {money(value, money_unit(value))} {money_unit(value)}")
    if step.gap is not None:
        parts.append(f"gap {gap_text(step.gap)}")
    return "   ".join(parts)


def progress_fields(step: Progress) -> str:
    named = {"incumbent_usd": step.incumbent_usd, "bound_usd": step.bound_usd, "gap": step.gap}
    fields = [f"phase={step.phase}", f"seconds={step.seconds:.1f}"]
    return " ".join(fields + [f"{name}={value!r}" for name, value in named.items() if value is not None])


def show_plan(view: Overview) -> None:
    """The plan on standard output: tables on a terminal, `name: value` lines elsewhere."""
    if sys.stdout.isatty():
        print_tables(view, Console(markup=False, highlight=False))
    else:
        print("\n".join(plain_lines(view)))


def print_tables(view: Overview, console: Console) -> None:
    unit = money_unit(view.objective_usd)
    console.print(f"\n{view.case}")
    for name, text in headline(view).items():
        console.print(f"  {name:<14} {text}")
    if view.news is not None:
        console.print("\nSince the last plan")
        for name, text in news_facts(view.news).items():
            console.print(f"  {name:<20} {text}")
    outside = (_section(risk_section(view)), _section(stress_section(view)))
    inside = (_section(due_section(view)), _suppliers(view, unit), _contracts(view), _baselines(view, unit), _obligations(view))
    for table in (*inside, *outside):
        if table.row_count:
            console.print()
            console.print(table)
    console.print()
    for alert in view.alerts:
        console.print(f"! {alert}")


def _table(title: str, *columns: str) -> Table:
    """Columns whose name ends in > hold numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def _section(section: Section) -> Table:
    table = _table(section.title, *(f"{heading(name)}>" if is_number(name) else name for name in section.columns))
    for row in section.rows:
        table.add_row(*row)
    return table


def _suppliers(view: Overview, unit: str) -> Table:
    table = _table("By supplier", "supplier", f"expected spend, {unit}>", "share>", "accelerator-hours>", "share>")
    for line in view.suppliers:
        spend = money(line.spend_usd, unit), percent(line.spend_share)
        table.add_row(line.supplier, *spend, count(line.accelerator_hours), percent(line.hours_share))
    return table


def _contracts(view: Overview) -> Table:
    table = _table("Contracts", "contract", "decision", "lots>", "from>", "act by>", "ends>")
    for line in view.contracts:
        table.add_row(line.contract, line.decision, str(line.lots), day(line.starts), day(line.act_by), day(line.ends))
    return table


def _baselines(view: Overview, unit: str) -> Table:
    table = _table("Beside what planners do without it", "policy", f"cost, {unit}>", f"plan saves, {unit}>", "note")
    for line in view.baselines:
        name = BASELINES.get(line.name, line.name)
        table.add_row(name, money(line.cost_usd, unit), money(line.saving_usd, unit), line.note)
    return table


def _obligations(view: Overview) -> Table:
    unit = money_unit(max((line.remaining_usd for line in view.obligations), default=0.0))
    columns = ("contract", "lots>", "until>", f"least payments, {unit}>")
    table = _table("Committed beyond the horizon, undiscounted", *columns)
    for line in view.obligations:
        table.add_row(line.contract, str(line.lots), day(line.until), money(line.remaining_usd, unit))
    return table


def plain_lines(view: Overview) -> Iterator[str]:
    """`name: value` and `kind name: field=value ...`; figures in full, `-` where there is none."""
    yield f"status: {view.status}"
    if view.omega > 0.0:
        yield f"expected_usd: {view.expected_usd!r}"
        yield f"cvar_usd: {view.cvar_usd!r}"
    for name in ("objective_usd", "bound_usd", "gap_usd", "gap", "unserved_share", "shortage_usd"):
        value = getattr(view, name)
        yield f"{name}: {'-' if value is None else repr(value)}"
    for step in view.news.steps if view.news is not None else ():
        yield f"since_last_plan {step.line}: change_usd={step.usd!r}"
    for due in view.due:
        yield f"due {due.contract}: act_by={day(due.act_by)} decision={due.decision} lots={due.lots} if_not_usd={_figure(due.idle_usd)}"
    for supplier in view.suppliers:
        figures = f"spend_usd={supplier.spend_usd:.2f} spend_share={supplier.spend_share:.4f}"
        hours = f"accelerator_hours={supplier.accelerator_hours:.1f} hours_share={supplier.hours_share:.4f}"
        yield f"supplier {supplier.supplier}: {figures} {hours}"
    for line in view.contracts:
        dates = f"from={day(line.starts)} act_by={day(line.act_by)} ends={day(line.ends)}"
        yield f"contract {line.contract}: decision={line.decision} lots={line.lots} {dates}"
    for baseline in view.baselines:
        yield f"baseline {baseline.name}: cost_usd={_figure(baseline.cost_usd)} saving_usd={_figure(baseline.saving_usd)}"
    for obligation in view.obligations:
        owed = f"until={day(obligation.until)} remaining_usd={obligation.remaining_usd:.2f}"
        yield f"obligation {obligation.contract}: lots={obligation.lots} {owed}"
    for risk in view.risks:
        yield f"risk {risk.measure}: usd={_figure(risk.usd)} low_usd={_figure(risk.low_usd)} high_usd={_figure(risk.high_usd)}"
    for stress in view.stress:
        yield f"stress {stress.case}: more_usd={stress.more_usd:.2f} more_unserved_accelerator_hours={stress.more_unserved_hours:.1f}"
    for alert in view.alerts:
        yield f"alert: {alert}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
