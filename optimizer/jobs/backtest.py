"""placement backtest: make or read histories, replay every policy on them, bill, compare with hindsight, write, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from optimizer.domain.case import Case
from optimizer.errors import ConfigError
from optimizer.jobs.cases import folder_of
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.inputs import Inputs
from optimizer.jobs.pages import supplier_names, write_page
from optimizer.jobs.plan import correlation_of, executor, solve_settings, with_scenarios, write_rows
from optimizer.jobs.progress import shown_progress
from optimizer.jobs.sections import show_sections
from optimizer.jobs.settings import BacktestJob
from optimizer.planning.backtest.generated import generate
from optimizer.planning.backtest.history import History
from optimizer.planning.backtest.recorded import recorded
from optimizer.planning.backtest.study import COLUMNS, OURS, Replayed, Rows, replayed, tables
from optimizer.planning.calibration import Calibration, read_calibration
from optimizer.report.backtest_page import BacktestView, backtest_page, headline, sections
from optimizer.solve.executor import Task
from optimizer.solve.search import Progress
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import RunDraft, new_run, run_path
from optimizer.store.summary import KEYS, versions, write_summary
from optimizer.surfaces.arrays import device
from optimizer.tables.calibration_file import shipped_calibration_file
from optimizer.tables.columns import TableData
from optimizer.tables.read import case_of, quoted_on, read_tables, vintages_of

Report = Callable[[Progress], None]


def run(settings: BacktestJob) -> int:
    """Replays policies and writes the run."""
    began = time.monotonic()
    path = settings.calibration.path
    inputs = Inputs(folder=folder_of(settings.case), calibration=shipped_calibration_file() if path is None else Path(path))
    read = read_tables(inputs.folder)
    case = case_of(inputs.folder, read)
    histories, source = _recorded(case, read, settings) if case.demand_history else _made(case, settings)
    with new_run(Path(settings.output.folder), now=datetime.now(UTC)) as draft:
        draft.path("config.yaml").write_text(as_yaml(settings))
        inputs.keep(draft.path("inputs"))
        draft.log(f"run {draft.run_id}: backtest of {case.name}")
        with shown_progress(draft.log) as progress:
            found = _replay(histories, settings, read_calibration(inputs.calibration), progress)
        rows = tables(found)
        view = _view(case, histories, source, rows)
        about = _summary(draft, settings, found, view, seconds=time.monotonic() - began)
        for name, table in rows.items():
            write_rows(draft, name, table, COLUMNS[name], csv=settings.output.csv)
        write_page(draft, backtest_page(view, about, names=supplier_names(histories[0].case)))
        write_summary(about, draft.path("summary.json"))
    show_sections(headline(view), _plain(about), sections(view), view.alerts)
    print(f"run: {run_path(draft)}")
    return 0


def _recorded(case: Case, read: dict[str, TableData], settings: BacktestJob) -> tuple[list[History], str]:
    """The history of the case's own tables.

    Raises:
      ConfigError: several histories are asked for.
    """
    if settings.backtest.histories > 1:
        rule = "must be 1 for a case with a history of its own"
        raise ConfigError("backtest.histories", rule, settings.backtest.histories, "Leave it out, or take demand_history out of the case.")
    history = recorded(case, vintages_of(read), quoted_on(read), months=settings.backtest.months)
    return [history], "recorded in its tables"


def _made(case: Case, settings: BacktestJob) -> tuple[list[History], str]:
    asked, correlation = settings.backtest, correlation_of(settings, case)
    seeds = range(settings.seed, settings.seed + asked.histories)
    made = [generate(case, months=asked.months, correlation=correlation, seed=seed) for seed in seeds]
    told = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return made, f"made from {case.name} with {told}"


def _replay(histories: Sequence[History], settings: BacktestJob, calibration: Calibration, progress: Report) -> list[Replayed]:
    solving = solve_settings(settings)
    asked: dict[str, Any] = {
        "annual_discount_rate": settings.economics.annual_discount_rate,
        "calibration": calibration,
        "prepare": partial(_prepared, settings=settings),
        "ahead": settings.horizon.periods,
        "settings": solving,
        "hindsight": replace(solving, time_limit_s=settings.backtest.hindsight_time_limit_s, deterministic_limit=None),
    }
    if len(histories) == 1:
        return [replayed(history, **asked, report=progress) for history in histories]
    tasks = [Task(key=history.name, work=replayed, arguments={"history": history, **asked}) for history in histories]
    began, found = time.monotonic(), {}
    with executor(settings.executor).pool(len(tasks)) as pool:
        for task in tasks:
            pool.submit(task)
        for outcome in pool.outcomes():
            found[outcome.key] = outcome.result()
            progress(Progress(phase="histories", seconds=time.monotonic() - began, done=len(found), of=len(tasks)))
    return [found[history.name] for history in histories]


def _prepared(case: Case, settings: BacktestJob) -> Case:
    """A case as it was known, with the scenarios to plan for."""
    return with_scenarios(case, settings)[0]


def _view(case: Case, histories: Sequence[History], source: str, rows: Mapping[str, Rows]) -> BacktestView:
    periods = histories[0].periods
    losses = len(rows["losses"])
    return BacktestView(
        case=case.name,
        first=periods[0].name,
        last=periods[-1].name,
        histories=len(histories),
        source=source,
        tables=rows,
        alerts=(f"another policy was cheaper {losses} times; they are listed in losses",) if losses else (),
    )


def _summary(draft: RunDraft, settings: BacktestJob, found: Sequence[Replayed], view: BacktestView, *, seconds: float) -> dict[str, Any]:
    """The keys of the interface; objective and bound are those of ours and of hindsight, means over histories."""
    policy = {row["policy"]: row for row in view.tables["policies"]}
    ours, size = policy[OURS], found[0].size
    bound = math.fsum(each.hindsight.bound_usd for each in found) / len(found)
    checked = [outcome.verification for each in found for outcome in each.outcomes if outcome.verification is not None]
    about: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run_id": draft.run_id,
        "job": "backtest",
        "case": view.case,
        "as_of": size.as_of.isoformat(),
        "status": str(found[0].hindsight.status),
        "objective_usd": ours["cost_usd"],
        "bound_usd": bound,
        "gap_usd": None if ours["cost_usd"] is None else ours["cost_usd"] - bound,
        "unserved_share": ours["unserved_share"],
        "seconds": seconds,
        "phases": {name: sum(each.seconds(name) for each in found) for name in policy},
        "loads": size.loads,
        "pools": size.pools,
        "periods": size.periods,
        "blocks": size.blocks,
        "scenarios": size.scenarios,
        "contracts": size.contracts,
        "solver": f"{settings.solver.name}/{settings.solver.backend}",
        "device": device(),
        "seed": settings.seed,
        "versions": versions(),
        "alerts": list(view.alerts),
        "verified": bool(checked),
        "verify_error_usd": max(outcome.error_usd for each in found for outcome in each.outcomes),
        "histories": len(found),
        "policies": policy,
        "losses": len(view.tables["losses"]),
    }
    return dict.fromkeys(KEYS) | about


def _plain(about: Mapping[str, Any]) -> dict[str, object]:
    """Figures of each policy, for other programs to read."""
    flat = {f"{policy} {name}": value for policy, row in about["policies"].items() for name, value in row.items() if name != "policy"}
    return flat | {"histories": about["histories"], "losses": about["losses"], "seconds": about["seconds"]}
