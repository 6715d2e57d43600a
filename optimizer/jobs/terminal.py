"""What a plan looks like on the terminal, and as plain lines where the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console

from optimizer.jobs.sections import print_alerts, print_facts, print_sections
from optimizer.report.headline import due_section, headline, news_facts
from optimizer.report.overview import Overview
from optimizer.report.plan_tables import baselines_section, contracts_section, obligations_section, suppliers_section
from optimizer.report.risk import risk_section, stress_section
from optimizer.report.wording import day, money_unit


def show_plan(view: Overview) -> None:
    """The plan on standard output: tables on a terminal, `name: value` lines elsewhere."""
    if sys.stdout.isatty():
        print_tables(view, Console(markup=False, highlight=False))
    else:
        print("\n".join(plain_lines(view)))


def print_tables(view: Overview, console: Console) -> None:
    unit = money_unit(view.objective_usd)
    print_facts(headline(view), console, view.case)
    print_facts(news_facts(view.news), console, "Since the last plan")
    tables = (
        due_section(view),
        suppliers_section(view, unit),
        contracts_section(view),
        baselines_section(view, unit),
        obligations_section(view),
        risk_section(view),
        stress_section(view),
    )
    print_sections(tables, console, rows=None)
    print_alerts(view.alerts, console)


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
