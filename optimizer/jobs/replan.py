"""placement replan: the nightly job."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from optimizer.domain.case import Case
from optimizer.domain.risk import Risk
from optimizer.errors import ConfigError, InfeasiblePlan, NoNewPlan, NoPlanInLimit
from optimizer.jobs.compose import as_yaml, dotted
from optimizer.jobs.inputs import Inputs, inputs_of, inputs_of_run
from optimizer.jobs.news import due_lines, news_between, run_tables
from optimizer.jobs.overview import overview
from optimizer.jobs.plan import draw, run_summary, solve_settings, with_scenarios, write_plan, write_plan_page, write_rows
from optimizer.jobs.progress import phases, shown_progress
from optimizer.jobs.settings import TODAY, PlanSettings, ReplanJob
from optimizer.jobs.terminal import show_plan
from optimizer.planning import outputs
from optimizer.planning.calibration import read_calibration
from optimizer.planning.outputs import Rows
from optimizer.planning.replan.changes import COLUMNS, changes
from optimizer.planning.replan.clock import on_day
from optimizer.planning.replan.last import LastPlan
from optimizer.planning.replan.market import crossed
from optimizer.planning.replan.plan import Replan, replan
from optimizer.planning.replan.spend import budgets, burn_down
from optimizer.planning.replan.steadiness import Steadiness
from optimizer.planning.replan.watch import KINDS, Alert, Watch, decisions_due, forecast_drift, old_tables, unserved, worst_first
from optimizer.report.overview import CostLine, News
from optimizer.report.wording import counted
from optimizer.solve.worker import ready
from optimizer.store.catalogue import runs
from optimizer.store.lock import sole_writer
from optimizer.store.runs import PLANNING, RunDraft, RunFailed, find_run, new_run, run_path
from optimizer.store.summary import read_summary
from optimizer.tables.ages import newest_rows
from optimizer.tables.read import read_case
from optimizer.tables.written import written_rows

ALERTS = 6  # exit code
NONE = "none"
DECIDING = ("horizon", "economics", "risk", "scenarios", "calibration", "steadiness")  # settings that plans follow from


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """What tonight's plan reads."""

    inputs: Inputs
    case: Case
    notes: tuple[str, ...]
    last: LastPlan | None
    ages: Mapping[str, date]  # newest row of each table


def run(settings: ReplanJob) -> int:
    """Plans from the last plan, under the case's lock. Ctrl-C or SIGTERM while it searches keeps the best plan so far."""
    home, inputs = Path(settings.output.folder), inputs_of(settings)
    _check_metrics(settings)
    with sole_writer(home, inputs.folder, job="replan", now=datetime.now(UTC)):
        try:
            alerts = _replan(settings, inputs, home)
        except (InfeasiblePlan, NoPlanInLimit, RunFailed, NoNewPlan) as error:
            _metrics(settings, planned=False)
            stays = _last_run(settings, home, read_case(inputs.folder).name)
            if stays is None:
                raise
            raise NoNewPlan(f"{error}\nNo new plan was made; run {stays} stays.") from error
    return ALERTS if alerts and settings.watch.fail_on_alert else 0


def _replan(settings: ReplanJob, inputs: Inputs, home: Path) -> tuple[Alert, ...]:
    began = time.monotonic()
    tonight = _read(settings, inputs, home)
    calibration = read_calibration(inputs.calibration)
    with new_run(home, now=datetime.now(UTC)) as draft, ready():
        draft.path("config.yaml").write_text(as_yaml(settings))
        inputs.keep(draft.path("inputs"))
        draft.log(f"run {draft.run_id}: replan of {tonight.case.name}")
        with shown_progress(draft.log) as progress, ThreadPoolExecutor(1) as beside:
            made = replan(
                tonight.case,
                tonight.last,
                steadiness=Steadiness(**asdict(settings.steadiness)),
                annual_discount_rate=settings.economics.annual_discount_rate,
                risk=Risk(omega=settings.risk.omega, alpha=settings.risk.alpha),
                calibration=calibration,
                settings=solve_settings(settings),
                progress=progress,
            )
            tell = phases(progress, began)
            tables = outputs.tables(made.result)
            drawn = beside.submit(draw, draft, settings, made.result)
            tell("decisions")
            alerts = _alerts(settings, tonight, made, tables)
            view = overview(made.result, tables)
            previous = None if tonight.last is None else tonight.last.folder.name
            summary = run_summary(draft, settings, made.result, job="replan", previous=previous, seconds=time.monotonic() - began)
            summary |= _more(settings, tonight, made, alerts, summary["alerts"])
            write_plan(draft, settings, made.result, summary, tables)
            told = {alert.subject: alert.usd for alert in alerts if alert.kind == "decision_due"}
            view = replace(view, due=due_lines(made.result, tables["commitments"], told), news=_news(tonight, made, draft))
            tell("writing")
            write_plan_page(draft, made.result, summary, tables, view)
            _write(draft, settings, tonight, made, alerts, tables)
            drawn.result()
    _metrics(settings, planned=True, made=made, alerts=alerts)
    show_plan(replace(view, alerts=(*made.notes, *tonight.notes, *view.alerts)))
    _show(made, alerts)
    print(f"run: {run_path(draft)}")
    return alerts


def _read(settings: ReplanJob, inputs: Inputs, home: Path) -> Tonight:
    """Tables, scenarios and the last plan; tables beyond the hard limit of age are refused.

    Raises:
      NoNewPlan: a table is too old.
    """
    day = _day(settings)
    case = read_case(inputs.folder, periods=settings.horizon.periods, as_of=day)
    if day is not None:
        case = on_day(case, day)
    case, notes = with_scenarios(case, settings, in_groups=True)
    ages = newest_rows(inputs.folder)
    hard = settings.watch.hard_age_days
    days = {table: (case.as_of - newest).days for table, newest in ages.items()}
    too_old = [f"{table} ({age} days)" for table, age in days.items() if hard is not None and age > hard]
    if too_old:
        raise NoNewPlan(f"Tables are older than watch.hard_age_days, {hard} days: {', '.join(too_old)}. Bring them up to date.")
    run = _last_run(settings, home, case.name)
    return Tonight(inputs=inputs, case=case, notes=notes, last=None if run is None else _last_plan(home / run, settings), ages=ages)


def _day(settings: ReplanJob) -> date | None:
    """The day to plan for; None: the case's date."""
    if settings.as_of == TODAY:
        return datetime.now(UTC).date()
    return None if settings.as_of is None else date.fromisoformat(settings.as_of)


def _last_run(settings: ReplanJob, home: Path, case: str) -> str | None:
    """Id of the run that is the last plan: of replan before that of plan; back-filled ones do not count.

    Raises:
      ConfigError: the run named is no plan of the case.
    """
    if settings.last == NONE:
        return None
    if settings.last != "latest":
        run = find_run(home, settings.last)
        made = read_summary(run)
        if made["job"] not in PLANNING or made["case"] != case:
            rule, got = f"must be a run of replan or plan of the case {case}", f"one of {made['job']} of {made['case']}"
            raise ConfigError("last", rule, got, "Take one that placement runs lists.")
        return run.name
    for job in PLANNING:
        for record in reversed(runs(home, job=job, case=case)):
            if not read_summary(home / record.run_id).get("back_filled", False):
                return record.run_id
    return None


def _last_plan(run: Path, settings: ReplanJob) -> LastPlan:
    """The last plan with the case that it read, on the day for which it was made."""
    tables = run_tables(run)
    kept = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))
    assert isinstance(kept, dict)
    scenarios = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(PlanSettings), {key: kept[key] for key in ("scenarios", "seed")}))
    assert isinstance(scenarios, PlanSettings)
    with inputs_of_run(run) as inputs:
        case = read_case(inputs.folder, periods=kept["horizon"]["periods"], as_of=date.fromisoformat(tables.summary["as_of"]))
    case = on_day(case, date.fromisoformat(tables.summary["as_of"]))
    now = dotted(OmegaConf.to_container(OmegaConf.structured(settings)))
    same = all(tables.settings.get(key) == value for key, value in now.items() if key.split(".")[0] in DECIDING)
    return LastPlan(folder=run, tables=tables, case=with_scenarios(case, scenarios, in_groups=True)[0], same_settings=same)


def _alerts(settings: ReplanJob, tonight: Tonight, made: Replan, tables: Mapping[str, Rows]) -> tuple[Alert, ...]:
    asked, last = asdict(settings.watch), tonight.last
    watch = Watch(**{name: asked[name] for name in Watch.__dataclass_fields__})
    before = None if last is None else (last.case, written_rows(last.folder / "prices.parquet"))
    return worst_first(
        [
            *decisions_due(made.result, tables["commitments"], watch),
            *crossed(before, (tonight.case, tables["prices"])),
            *burn_down(made.result, watch),
            *budgets(made.result, watch),
            *(() if last is None else forecast_drift(last.case, tonight.case, watch)),
            *old_tables(tonight.ages, tonight.case.as_of, watch),
            *unserved(made.result, watch),
        ]
    )


def _news(tonight: Tonight, made: Replan, draft: RunDraft) -> News | None:
    """What the page says first: the change of the cost since the last plan, by cause, and what differs."""
    if tonight.last is None:
        return None
    found = news_between(tonight.last.folder, draft)
    steps = tuple(CostLine(line=step.name, usd=step.change_usd) for step in made.steps)
    return News(since=tonight.last.folder.name, steps=steps, notes={"tonight": _moved(made)} | dict(found.notes if found else {}))


def _moved(made: Replan) -> str:
    if made.kept:
        return "the last plan's decisions stand"
    elsewhere = counted(len(made.elsewhere), "load is", "loads are")
    return f"{elsewhere} elsewhere than in the last plan; {counted(made.moves, 'load changes', 'loads change')} pool at the start"


def _more(settings: ReplanJob, tonight: Tonight, made: Replan, alerts: tuple[Alert, ...], told: list[str]) -> dict[str, Any]:
    """What summary.json says of a nightly plan beyond what it says of any."""
    return {
        "alerts": [*(alert.text for alert in alerts), *made.notes, *tonight.notes, *told],
        "back_filled": settings.as_of not in (None, TODAY),
        "kept_last": made.kept,
        "held_usd": made.held_usd,
        "moves": made.moves,
        "elsewhere": list(made.elsewhere),
        "bridge": {step.name: step.change_usd for step in made.steps},
    }


def _write(
    draft: RunDraft, settings: ReplanJob, tonight: Tonight, made: Replan, alerts: tuple[Alert, ...], tables: Mapping[str, Rows]
) -> None:
    csv = settings.output.csv
    write_rows(draft, "changes", changes(made.steps, tonight.last, tables, made.saved_usd), COLUMNS["changes"], csv=csv)
    rows = [asdict(alert) for alert in alerts]
    write_rows(draft, "alerts", rows, COLUMNS["alerts"], csv=csv)
    draft.path("alerts.json").write_text(json.dumps(rows, indent=2, default=str) + "\n")


def _check_metrics(settings: ReplanJob) -> None:
    """
    Raises:
      ConfigError: the metrics' file could not be written once there is a plan.
    """
    file = settings.watch.metrics_file
    if file is not None and (Path(file).is_dir() or not os.access(Path(file).parent, os.W_OK)):
        raise ConfigError("watch.metrics_file", "must be a file in a folder that can be written", file, "Name another, or make the folder.")


def _metrics(settings: ReplanJob, *, planned: bool, made: Replan | None = None, alerts: tuple[Alert, ...] = ()) -> None:
    """Prometheus' text format, without names, prices or costs; renamed into place, so that no reader sees half of it."""
    if settings.watch.metrics_file is None:
        return
    values: dict[str, float] = {"success": float(planned), "timestamp_seconds": time.time()}
    if made is not None:
        values |= {"gap": made.result.gap, "unserved_share": made.result.verification.unserved_share, "moves": made.moves}
        values |= {"elsewhere": len(made.elsewhere), "kept_last": float(made.kept), "solve_seconds": made.result.phases["solve"]}
    text = "".join(f"# TYPE placement_replan_{name} gauge\nplacement_replan_{name} {value!r}\n" for name, value in values.items())
    if made is not None:
        told = Counter(alert.kind for alert in alerts)
        text += "# TYPE placement_replan_alerts gauge\n"
        text += "".join(f'placement_replan_alerts{{kind="{kind}"}} {told[kind]}\n' for kind in KINDS)
    file = Path(settings.watch.metrics_file)
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text)
    os.replace(draft, file)


def _show(made: Replan, alerts: tuple[Alert, ...]) -> None:
    """What the plan's own tables do not say."""
    terminal = sys.stdout.isatty()
    if not terminal:
        print(f"moves: {made.moves}\nelsewhere: {len(made.elsewhere)}\nkept_last: {made.kept}")
    for alert in alerts:
        print(f"! {alert.text}" if terminal else f"alert {alert.kind}: {alert.text}")
