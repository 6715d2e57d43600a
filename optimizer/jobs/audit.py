"""placement audit: read contracts to their ends, plan the horizon, price clauses by plans without them, write, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimizer.domain.case import Case
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.inputs import Inputs, inputs_of
from optimizer.jobs.overview import known
from optimizer.jobs.pages import supplier_names, write_page
from optimizer.jobs.plan import executor, run_summary, solve_settings, with_scenarios, write_rows
from optimizer.jobs.progress import phases, shown_progress
from optimizer.jobs.sections import show_sections
from optimizer.jobs.settings import AuditJob
from optimizer.jobs.time_left import time_left
from optimizer.planning.audit.audit import Audit, audit, plannable
from optimizer.planning.audit.losses import SITE, SUPPLIER, losses
from optimizer.planning.audit.prices import Price, answers, questions
from optimizer.planning.audit.tables import ALL, COLUMNS, Rows, alerts, tables, totals
from optimizer.planning.calibration import read_calibration
from optimizer.planning.plan import PlanResult, make_plan
from optimizer.report.audit_page import AuditView, audit_page, headline, sections
from optimizer.solve.executor import Tally
from optimizer.solve.search import Progress, SolveSettings
from optimizer.store.catalogue import runs
from optimizer.store.runs import RunDraft, new_run, run_path
from optimizer.store.summary import write_summary
from optimizer.tables.read import case_of, read_tables, source_kinds

PLANNING = 0.35  # of the time goes into the plan


def run(settings: AuditJob) -> int:
    """Audits the case's contracts and writes the run. Ctrl-C keeps what was found until then."""
    began, home = time.monotonic(), Path(settings.output.folder)
    inputs = inputs_of(settings)
    read = read_tables(inputs.folder)
    whole, (case, unplanned) = case_of(inputs.folder, read), plannable(case_of(inputs.folder, read, periods=settings.horizon.periods))
    case, notes = with_scenarios(case, settings)
    kinds = {table: source_kinds(read, table) for table in ("contracts", "offers")}
    before = runs(home, job="audit", case=case.name)
    with new_run(home, now=datetime.now(UTC)) as draft:
        draft.path("config.yaml").write_text(as_yaml(settings))
        inputs.keep(draft.path("inputs"))
        draft.log(f"run {draft.run_id}: audit of {case.name}")
        with shown_progress(draft.log) as progress:
            base = _plan(settings, case, inputs, progress)
            found = audit(whole, base, unplanned)
            prices = _prices(settings, found, progress, began) if settings.audit.prices else []
            phases(progress, began)("writing")
            written = tables(found, prices, within_days=settings.audit.within_days)
            told = totals(found, written, kinds)
            previous = before[-1].run_id if before else None
            noted = (*inputs.notes, *notes, *alerts(found, prices))
            summary = run_summary(draft, settings, base, job="audit", previous=previous, seconds=time.monotonic() - began)
            summary |= {"alerts": list(noted), "audit": told}
            view = AuditView(
                case=case.name,
                as_of=case.as_of,
                within_days=settings.audit.within_days,
                whole=ALL,
                totals=told,
                gap=known(base.gap),
                tables=written,
                alerts=noted,
            )
            _write(draft, written, view, summary, supplier_names(whole), csv=settings.output.csv)
    show_sections(headline(view), _plain(view), sections(view), view.alerts)
    print(f"run: {run_path(draft)}")
    return 0


def _plan(settings: AuditJob, case: Case, inputs: Inputs, progress: Callable[[Progress], None]) -> PlanResult:
    return make_plan(
        case,
        annual_discount_rate=settings.economics.annual_discount_rate,
        calibration=read_calibration(inputs.calibration),
        settings=_plan_settings(settings),
        progress=progress,
    )


def _plan_settings(settings: AuditJob) -> SolveSettings:
    """All prices stand on the plan: where they are asked for, it is searched for a part of the whole time, if that is more."""
    search = solve_settings(settings)
    if not settings.audit.prices or search.time_limit_s is None:
        return search
    return replace(search, time_limit_s=max(search.time_limit_s, PLANNING * settings.audit.time_limit_s))


def _prices(settings: AuditJob, found: Audit, progress: Callable[[Progress], None], began: float) -> list[Price]:
    lost = losses(found.position)
    suppliers, sites = ([row["name"] for row in lost if row["event"] == event] for event in (SUPPLIER, SITE))
    rate = settings.economics.annual_discount_rate
    asked = questions(found.base.case, found.terms, found.curves, annual_rate=rate, suppliers=suppliers, sites=sites)

    def tell(tally: Tally) -> None:
        in_all = tally.done + len(tally.running) + tally.waiting
        progress(Progress(phase="prices", seconds=time.monotonic() - began, done=tally.done, of=in_all))

    return answers(
        found.base,
        asked,
        settings=solve_settings(settings),
        seconds=time_left(settings.audit.time_limit_s, time.monotonic() - began, found.base.phases),
        executor=executor(settings.executor),
        report=tell,
    )


def _plain(view: AuditView) -> dict[str, object]:
    flat = {name: value for name, value in view.totals.items() if not isinstance(value, dict)}
    states = {f"clauses {state}": number for state, number in view.totals["clauses"].items()}
    return flat | states | {"gap": view.gap}


def _write(
    draft: RunDraft, written: Mapping[str, Rows], view: AuditView, summary: dict[str, Any], names: Mapping[str, str], *, csv: bool
) -> None:
    for name, rows in written.items():
        write_rows(draft, name, rows, COLUMNS[name], csv=csv)
    write_page(draft, audit_page(view, summary, names=names))
    write_summary(summary, draft.path("summary.json"))
