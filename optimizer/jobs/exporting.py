"""placement export: a case's contracts and charges, and a plan's costs, as FOCUS."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.cases import folder_of
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.settings import ExportJob
from optimizer.store.inputs import keep_inputs
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import PLANNING, find_run, new_run, run_path
from optimizer.store.summary import KEYS, read_summary, versions, write_summary
from optimizer.tables.exchange.focus_commitments import FOCUS_1_3, FOCUS_1_4
from optimizer.tables.exchange.focus_costs import export_actuals, export_planned
from optimizer.tables.exchange.focus_export import export_commitments
from optimizer.tables.read import input_files, read_tables

VERSIONS = {"focus_1_3": FOCUS_1_3, "focus_1_4": FOCUS_1_4}


def run(settings: ExportJob) -> int:
    """Writes the data sets into the folder `focus` of a run."""
    began, now, home = time.monotonic(), datetime.now(UTC), Path(settings.output.folder)
    folder = folder_of(settings.case)
    case, version = folder.resolve().name, VERSIONS[settings.format]
    plan = None if settings.run is None else _plan_of(home, settings.run, case)
    tables = read_tables(folder)
    with new_run(home, now=now) as draft:
        place = draft.path("focus")
        place.mkdir()
        files = export_commitments(tables, version, place)
        files += export_actuals(tables, version, case, place / "cost_and_usage.csv")
        if plan is not None:
            files += export_planned(tables, version, case, plan, place / "planned_cost_and_usage.csv")
        draft.path("config.yaml").write_text(as_yaml(settings))
        keep_inputs(input_files(folder), draft.path("inputs"))
        about = {"schema_version": SCHEMA_VERSION, "run_id": draft.run_id, "job": "export", "case": case, "versions": versions()}
        about |= {"seconds": time.monotonic() - began, "alerts": [], "format": settings.format, "files": [file.name for file in files]}
        about |= {"plan": None if plan is None else plan.name, "contracts": len(tables["contracts"].values)}
        write_summary(dict.fromkeys(KEYS) | about, draft.path("summary.json"))
        draft.log(f"{settings.format}: {len(files)} files")
    for file in files:
        print(f"{file.name}: {run_path(draft) / 'focus' / file.name}")
    print(f"run: {run_path(draft)}")
    return 0


def _plan_of(home: Path, name: str, case: str) -> Path:
    """A plan of the case.

    Raises:
      ConfigError: there is none of that name, or it is another case's.
    """
    plan = find_run(home, name, jobs=PLANNING)
    planned = read_summary(plan)["case"]
    if planned != case:
        raise ConfigError("run", f"must be a plan of the case {case}", f"{plan.name}, a plan of {planned}", "Name another run or case.")
    return plan
