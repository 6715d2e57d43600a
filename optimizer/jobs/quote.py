"""placement quote: what quotes are worth, at which price and volume they pay, and what to negotiate."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.errors import ConfigError
from optimizer.jobs.cases import folder_of
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.inputs import Inputs
from optimizer.jobs.overview import known
from optimizer.jobs.pages import supplier_names, write_page
from optimizer.jobs.plan import executor, run_summary, solve_settings, with_scenarios, write_rows
from optimizer.jobs.progress import phases, shown_progress
from optimizer.jobs.sections import show_sections
from optimizer.jobs.settings import QuoteJob
from optimizer.jobs.time_left import time_left
from optimizer.planning.calibration import Calibration, read_calibration
from optimizer.planning.plan import make_plan
from optimizer.planning.quote.asked import asked_contracts, asked_offers, beyond, periods_to_end
from optimizer.planning.quote.findings import finding
from optimizer.planning.quote.offers import unused_offers
from optimizer.planning.quote.outputs import COLUMNS, QuoteResult, Rows, summary, tables, told_amounts
from optimizer.planning.quote.study import Limits, study
from optimizer.planning.quote.variants import without_pins_on
from optimizer.report.quote_page import QuoteView, quote_page, sections, verdicts
from optimizer.solve.executor import Tally
from optimizer.solve.search import Progress
from optimizer.store.runs import RunDraft, new_run, run_path
from optimizer.store.summary import write_summary
from optimizer.tables.calibration_file import shipped_calibration_file
from optimizer.tables.read import read_case

UNPROVEN = ("break_even_found", "break_even_relaxed")  # told beside what is proven
OFFERS = 0.3  # of what is left after the joint plan goes into offers that are asked about by name
Report = Callable[[Progress], None]


def run(settings: QuoteJob) -> int:
    """Judges quotes and writes the run."""
    began = time.monotonic()
    path = settings.calibration.path
    inputs = Inputs(folder=folder_of(settings.case), calibration=shipped_calibration_file() if path is None else Path(path))
    case, contracts = _case(inputs.folder, settings)
    case, notes = with_scenarios(case, settings)
    offers = asked_offers(case, settings.quote.offers or ())
    with new_run(Path(settings.output.folder), now=datetime.now(UTC)) as draft:
        draft.path("config.yaml").write_text(as_yaml(settings))
        inputs.keep(draft.path("inputs"))
        draft.log(f"run {draft.run_id}: quotes of {case.name}")
        with shown_progress(draft.log) as progress:
            result = _judge(case, contracts, offers, settings, read_calibration(inputs.calibration), progress, began)
            phases(progress, began)("writing")
            result = replace(result, alerts=(*notes, *result.alerts))
            rows = tables(result)
            about = _summary(draft, settings, result, seconds=time.monotonic() - began)
            view = _view(result, rows, {contract.name: contract.last_day_to_sign for contract in contracts})
            _write(draft, rows, view, about, supplier_names(case), csv=settings.output.csv)
    _show(view)
    print(f"run: {run_path(draft)}")
    return 0


def _case(folder: Path, settings: QuoteJob) -> tuple[Case, tuple[Contract, ...]]:
    """The case to the end of the last quote asked about, free of pins on quotes, and the quotes.

    Raises:
      ConfigError: a quote begins after the horizon that was asked for.
    """
    whole = read_case(folder)
    asked = asked_contracts(whole, settings.quote.contracts or ())
    periods = settings.horizon.periods or periods_to_end(whole, asked)
    case = without_pins_on(read_case(folder, periods=periods), [contract.name for contract in asked])
    late = [contract.name for contract in asked if contract.start >= case.calendar.end]
    if late:
        rule, got = "must reach beyond the first day of every quote asked about", f"{periods}, to {case.calendar.end}: {', '.join(late)}"
        raise ConfigError("horizon.periods", rule, f"{got} begins later", "Look further ahead, or name quotes with quote.contracts.")
    return case, asked_contracts(case, [contract.name for contract in asked])


def _judge(
    case: Case,
    contracts: Sequence[Contract],
    offers: Sequence[str],
    settings: QuoteJob,
    calibration: Calibration,
    progress: Report,
    began: float,
) -> QuoteResult:
    """
    Args:
      began: when the job did, on the monotonic clock.
    """
    solving = solve_settings(settings)
    rate = settings.economics.annual_discount_rate
    joint = make_plan(case, annual_discount_rate=rate, calibration=calibration, settings=solving, progress=progress)
    asked = settings.quote
    limit = math.inf if asked.time_limit_s is None else asked.time_limit_s
    where, left = executor(settings.executor), time_left(limit, time.monotonic() - began, joint.phases)
    of_offers = OFFERS * left if offers else 0.0
    limits = Limits(width=asked.width, time_limit_s=left - of_offers if offers else left, executor=where)
    found = study(joint, contracts, settings=solving, limits=limits, report=_told(progress, "quotes"))
    told = _told(progress, "offers")
    unused = unused_offers(joint, offers, share=asked.least_use, settings=solving, seconds=of_offers, executor=where, report=told)
    return QuoteResult(
        joint=joint,
        findings=tuple(finding(joint, quote) for quote in found.asked),
        unused=unused,
        alerts=(*beyond(case, contracts), *joint.alerts, *found.alerts),
        seconds=time.monotonic() - began,
    )


def _told(progress: Report, phase: str) -> Callable[[Tally], None]:
    return lambda tally: progress(
        Progress(phase=phase, seconds=tally.seconds, done=tally.done, of=tally.done + len(tally.running) + tally.waiting)
    )


def _summary(draft: RunDraft, settings: QuoteJob, result: QuoteResult, *, seconds: float) -> dict[str, Any]:
    """The keys of the joint plan, then what is said of quotes."""
    joint = run_summary(draft, settings, result.joint, job="quote", previous=None, seconds=seconds)
    return joint | {"alerts": list(result.alerts)} | summary(result)


def _view(result: QuoteResult, rows: Mapping[str, Rows], act_by: Mapping[str, date]) -> QuoteView:
    joint = result.joint
    return QuoteView(
        case=joint.case.name,
        as_of=joint.case.as_of.isoformat(),
        objective_usd=joint.objective_usd,
        gap=known(joint.gap),
        act_by=act_by,
        alerts=result.alerts,
        **rows,
    )


def _write(
    draft: RunDraft, rows: Mapping[str, Rows], view: QuoteView, about: dict[str, Any], names: Mapping[str, str], *, csv: bool
) -> None:
    for name, table in rows.items():
        write_rows(draft, name, told_amounts(table), COLUMNS[name], csv=csv)
    write_page(draft, quote_page(view, about, names=names))
    write_summary(about, draft.path("summary.json"))
    for row in view.quotes:
        draft.log(f"{row['contract']}: {row['verdict']}")


def _show(view: QuoteView) -> None:
    """Tables on a terminal, `name: value` lines elsewhere."""
    if not sys.stdout.isatty():
        values = {row["contract"]: {name: row[name] for name in UNPROVEN} for row in view.quote_values}
        for row in view.quotes:
            told = {name: row[name] for name in list(row)[1:]} | values[row["contract"]]
            print(f"quote {row['contract']}:", *(f"{name}={_figure(value)}" for name, value in told.items()))
        for alert in view.alerts:
            print(f"alert: {alert}")
        return
    show_sections(verdicts(view), {}, sections(view), view.alerts)


def _figure(value: object) -> str:
    """Example: 2.4999999999999996 is told as 2.5"""
    return f"{value:.12g}" if isinstance(value, float) else repr(value)
