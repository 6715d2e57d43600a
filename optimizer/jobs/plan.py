"""placement plan: read, plan, verify, write, report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from optimizer.domain.case import Case
from optimizer.domain.risk import Risk
from optimizer.domain.stages import in_stages
from optimizer.errors import ConfigError
from optimizer.integer.backend import Backend
from optimizer.jobs.clock import began
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.inputs import Inputs, inputs_of, inputs_of_run
from optimizer.jobs.news import due_lines, news_between
from optimizer.jobs.overview import known, overview, with_outlook
from optimizer.jobs.pages import supplier_names, viewer, write_page
from optimizer.jobs.progress import phases, shown_progress
from optimizer.jobs.series import plan_series
from optimizer.jobs.settings import BacktestJob, ExecutorSettings, PlanJob, PlanSettings, QuoteJob, ReplanJob
from optimizer.jobs.terminal import show_plan
from optimizer.planning import outputs
from optimizer.planning.calibration import Calibration, read_calibration
from optimizer.planning.forecasts import correlation_from, with_forecasts
from optimizer.planning.outputs import Rows
from optimizer.planning.outside.outlook import COLUMNS as RISK_COLUMNS
from optimizer.planning.outside.outlook import Outlook, outlook, risk_rows, stress_rows
from optimizer.planning.plan import PlanResult, make_plan
from optimizer.planning.replan.plan import axes_of
from optimizer.planning.scenarios import sample_scenarios
from optimizer.planning.service_sensitivities import COLUMNS as SERVICE_COLUMNS
from optimizer.planning.service_sensitivities import service_sensitivity_rows
from optimizer.planning.services import services
from optimizer.report.overview import Overview
from optimizer.scenarios.deviates import Correlation
from optimizer.solve.climb import price_more
from optimizer.solve.executor import Executor, cores
from optimizer.solve.price_and_assign import SMALL
from optimizer.solve.search import Method, SolveSettings
from optimizer.solve.walking import walk_more
from optimizer.solve.worker import ready
from optimizer.store.catalogue import runs
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import RunDraft, find_run, new_run, run_path
from optimizer.store.summary import versions, write_summary
from optimizer.store.warm_prices import keep_prices
from optimizer.tables.frame import as_frame
from optimizer.tables.read import read_case
from optimizer.tables.write import write_table

BESIDE = 2  # threads in which pictures are drawn and scenarios run while tables are made and decisions priced


def run(settings: PlanJob) -> int:
    """Plans the case and writes the run. Ctrl-C while it searches keeps the best plan so far."""
    if settings.from_run is None:
        return _plan(settings, inputs_of(settings))
    with inputs_of_run(find_run(Path(settings.output.folder), settings.from_run, jobs=("plan",))) as inputs:
        return _plan(settings, inputs)


def _plan(settings: PlanJob, inputs: Inputs) -> int:
    start = began()
    case, notes = with_scenarios(read_case(inputs.folder, periods=settings.horizon.periods), settings, in_groups=True)
    if case.stages:
        notes = (*notes, "with decision_stages a plan is not priced outside its scenarios: no group is known there")
    calibration = read_calibration(inputs.calibration)
    home = Path(settings.output.folder)
    before = runs(home, job="plan", case=case.name)
    with new_run(home, now=datetime.now(UTC)) as draft, ready(*_searched_by(settings, case)):
        draft.path("config.yaml").write_text(as_yaml(settings))
        inputs.keep(draft.path("inputs"))
        draft.log(f"run {draft.run_id}: plan of {case.name}")
        with shown_progress(draft.log) as progress, ThreadPoolExecutor(BESIDE) as beside:
            beside.submit(viewer)  # so that it is kept when the page is written
            result = make_plan(
                case,
                annual_discount_rate=settings.economics.annual_discount_rate,
                risk=Risk(omega=settings.risk.omega, alpha=settings.risk.alpha),
                calibration=calibration,
                settings=solve_settings(settings),
                progress=progress,
                began=start,
            )
            tell = phases(progress, start)
            tell("risk")
            drawn = beside.submit(draw, draft, settings, result)
            stood = beside.submit(_outlook, settings, result, calibration)
            tables = outputs.tables(result)
            due = due_lines(result, tables["commitments"])
            stands = stood.result()
            view = with_outlook(overview(result, tables), stands)
            previous = before[-1].run_id if before else None
            tell("writing")
            summary = run_summary(draft, settings, result, job="plan", previous=previous, seconds=time.monotonic() - start)
            summary["alerts"] = [*inputs.notes, *notes, *summary["alerts"]]
            summary["outside"] = {row["measure"]: known(row["usd"]) for row in risk_rows(stands) if row["usd"] is not None}
            write_plan(draft, settings, result, summary, tables)
            for name, rows in (("risk", risk_rows(stands)), ("stress", stress_rows(stands))):
                write_rows(draft, name, rows, RISK_COLUMNS[name], csv=settings.output.csv)
            if settings.service_sensitivities:
                rows = service_sensitivity_rows(case, services(case, result.needs, result.plan), calibration)
                write_rows(draft, "service_sensitivities", rows, SERVICE_COLUMNS, csv=settings.output.csv)
            news = None if previous is None else news_between(home / previous, draft)
            view = replace(view, due=due, news=news, alerts=tuple(summary["alerts"]))
            write_plan_page(draft, result, summary, tables, view)
            drawn.result()
    show_plan(view)
    print(f"run: {run_path(draft)}")
    return 0


def _searched_by(settings: PlanJob, case: Case) -> tuple[str, ...]:
    """Modules with the work of a search's processes that import JAX, which takes about as long as needs do."""
    large = len(case.demand) * len(case.pools) > SMALL
    return (price_more.__module__, walk_more.__module__) if large and settings.solver.name == "price_and_assign" else ()


def correlation_of(settings: PlanSettings | QuoteJob | BacktestJob, case: Case) -> Correlation:
    """How errors of forecasts hang together, as the settings or the case's history say."""
    asked = settings.scenarios
    shares = {name: getattr(asked, f"{name}_share") for name in ("common", "workload", "origin")}
    given = Correlation(**shares, memory_months=asked.memory_months)
    past = [row for row in case.demand_history if row.end <= case.as_of]
    return correlation_from(past, otherwise=given) if asked.from_history else given


def _outlook(settings: PlanJob, result: PlanResult, calibration: Calibration) -> Outlook:
    """What the plan costs in scenarios that it was not made for, as far as asked for."""
    asked = settings.risk
    alone = replace(solve_settings(settings), time_limit_s=asked.information_time_limit_s)
    return outlook(
        result,
        calibration,
        samples=asked.outside,
        correlation=correlation_of(settings, result.case),
        seed=settings.seed,
        stress=asked.stress,
        information=alone if asked.information else None,
        executor=Executor(),
    )


def with_scenarios(
    case: Case, settings: PlanSettings | QuoteJob | BacktestJob, *, in_groups: bool = False
) -> tuple[Case, tuple[str, ...]]:
    """The case with forecasts for what only its history knows, and with the scenarios to plan for; and what to say of them.

    Args:
      in_groups: whether contracts are decided on by groups of scenarios, where the case has stages.

    Raises:
      ConfigError: there are stages where nothing is decided by groups, one is over, or scenarios are to be sampled beside them.
    """
    case, notes = with_forecasts(case)
    asked = settings.scenarios
    if case.stages and not asked.stages:
        case = replace(case, stages=())
        notes = (*notes, "decision_stages are left out, as scenarios.stages=false asks: everything is decided before any scenario is known")
    if case.stages and not in_groups:
        rule = "must be false for placement audit and placement quote where there are decision_stages: they decide everything beforehand"
        raise ConfigError("scenarios.stages", rule, "true", "Add scenarios.stages=false, or empty decision_stages.")
    if asked.count is None:
        if not case.stages:
            return case, notes
        _check_stages(case)
        return in_stages(case), notes
    if case.stages:
        rule, remedy = "must be null with decision_stages, which name the case's scenarios", "Leave it out, or add scenarios.stages=false."
        raise ConfigError("scenarios.count", rule, asked.count, remedy)
    correlation = correlation_of(settings, case)
    if asked.from_history:
        shares = f"{correlation.common:.0%} common, {correlation.workload:.0%} by workload, {correlation.origin:.0%} by origin"
        notes = (*notes, f"errors of forecasts hang together as in demand_history: {shares}, memory {correlation.memory_months:.1f} months")
    sampled = sample_scenarios(case, count=asked.count, samples=asked.samples, correlation=correlation, seed=settings.seed)
    return sampled.case, (*notes, sampled.note)


def _check_stages(case: Case) -> None:
    over = sorted({stage.decided_on for stage in case.stages if stage.decided_on <= case.as_of})
    if over:
        rule, remedy = f"must be after the day of the plan, {case.as_of}", "Drop the day, with the scenarios that did not come true."
        raise ConfigError("decision_stages: decided_on", rule, over[0], remedy)


def executor(settings: ExecutorSettings) -> Executor:
    """Where many solves are done."""
    workers = len(cores()) if settings.workers is None else settings.workers
    return Executor(workers=workers, ray=settings.name == "ray", address=settings.address)


def solve_settings(settings: PlanSettings | QuoteJob | BacktestJob) -> SolveSettings:
    return SolveSettings(
        method=cast(Method, settings.solver.name),
        backend=cast(Backend, settings.solver.backend),
        time_limit_s=settings.solver.time_limit_s,
        relative_gap=settings.solver.relative_gap,
        threads=settings.solver.threads,
        seed=settings.seed,
        deterministic_limit=settings.solver.deterministic_limit,
        explain=settings.solver.explain,
    )


def run_summary(
    draft: RunDraft, settings: PlanSettings | QuoteJob, result: PlanResult, *, job: str, previous: str | None, seconds: float
) -> dict[str, Any]:
    """summary.json: what the run was, then what the plan is; a bound or gap that is not known is null."""
    case: Case = result.case
    about = {
        "schema_version": SCHEMA_VERSION,
        "run_id": draft.run_id,
        "job": job,
        "case": case.name,
        "as_of": case.as_of.isoformat(),
        "previous_run": previous,
        "seconds": seconds,
        "seed": settings.seed,
        "versions": versions(),
    }
    found = {key: known(value) if isinstance(value, float) else value for key, value in outputs.summary(result).items()}
    return found | about


def write_plan(
    draft: RunDraft, settings: PlanJob | ReplanJob, result: PlanResult, summary: dict[str, Any], tables: Mapping[str, Rows]
) -> None:
    """Writes the tables, the prices to start from and the summary of a plan."""
    for name, rows in tables.items():
        write_rows(draft, name, rows, outputs.COLUMNS[name], csv=settings.output.csv)
    if result.priced is not None:
        keep_prices(result.priced.prices, axes_of(result.problem), draft.folder)
    write_summary(summary, draft.path("summary.json"))
    draft.log(f"{summary['status']}: objective_usd={summary['objective_usd']!r} bound_usd={summary['bound_usd']!r}")


def draw(draft: RunDraft, settings: PlanJob | ReplanJob, result: PlanResult) -> None:
    """The pictures of a plan, if asked for; in a thread of its own, which waits for the process that draws."""
    if settings.output.pictures:
        from optimizer.jobs.pictures import draw_services  # what draws is slow to import

        draw_services(result.case, result.needs, result.plan, draft.path("pictures"))


def write_plan_page(draft: RunDraft, result: PlanResult, summary: dict[str, Any], tables: Mapping[str, Rows], view: Overview) -> None:
    """Writes the page of a plan."""
    from optimizer.report.page import plan_page  # what draws is slow to import

    view = replace(view, alerts=tuple(summary["alerts"]))
    write_page(draft, plan_page(view, summary, series=plan_series(result, tables), names=supplier_names(result.case)))


def write_rows(draft: RunDraft, name: str, rows: Rows, columns: Sequence[str], *, csv: bool) -> None:
    """One table of a run, as Parquet and on request as CSV."""
    frame = as_frame(rows, columns)
    write_table(frame, draft.path(f"{name}.parquet"))
    if csv:
        write_table(frame, draft.path(f"{name}.csv"))
