"""placement compare: what differs between two plans."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optimizer.jobs.compose import as_yaml
from optimizer.jobs.news import run_tables
from optimizer.jobs.pages import names_in, write_page
from optimizer.jobs.plan import write_rows
from optimizer.jobs.sections import show_sections
from optimizer.jobs.settings import CompareJob
from optimizer.planning.compare import COLUMNS, Comparison, compare, tables
from optimizer.planning.compare.money import by_line
from optimizer.planning.compare.run_tables import RunTables
from optimizer.report.comparison_page import ComparisonView, comparison_page, headline, sections
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import PLANNING, find_run, new_run, run_path
from optimizer.store.summary import KEYS, versions, write_summary


def run(settings: CompareJob) -> int:
    """Writes the comparison as a run of its own and shows what matters most."""
    began, home = time.monotonic(), Path(settings.output.folder)
    first, second = (run_tables(find_run(home, name, jobs=PLANNING)) for name in (settings.other, settings.run))
    comparison = compare(first, second)
    view = _view(comparison)
    with new_run(home, now=datetime.now(UTC)) as draft:
        draft.path("config.yaml").write_text(as_yaml(settings))
        for name, rows in tables(comparison).items():
            write_rows(draft, name, rows, COLUMNS[name], csv=settings.output.csv)
        about: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "run_id": draft.run_id, "job": "compare", "versions": versions()}
        about |= {"case": second.summary["case"], "as_of": second.summary["as_of"], "seconds": time.monotonic() - began, "alerts": []}
        about |= {"run": comparison.second, "other": comparison.first, "change_usd": float(comparison.change_usd)}
        summary = dict.fromkeys(KEYS) | about
        write_summary(summary, draft.path("summary.json"))
        write_page(draft, comparison_page(view, summary, names=_names(first, second)))
        draft.log(f"compared {comparison.first} with {comparison.second}")
    plain = {"first_usd": view.first_usd, "second_usd": view.second_usd, "change_usd": view.second_usd - view.first_usd}
    show_sections(headline(view), plain, sections(view))
    print(f"run: {run_path(draft)}")
    return 0


def _names(*runs: RunTables) -> Mapping[str, str]:
    """Names of both plans that say who supplies."""
    costs, commitments, placements = (
        [row for run in runs for row in getattr(run, name)] for name in ("costs", "commitments", "placements")
    )
    return names_in(
        offer=(row["payee"] for row in costs if row["payee_kind"] == "offer"),
        contract=[*(row["contract"] for row in commitments), *(row["payee"] for row in costs if row["payee_kind"] == "contract")],
        pool=[*(row["pool"] for row in placements), *(row["payee"] for row in costs if row["payee_kind"] == "pool")],
        site=(row["site"] for row in placements),
        supplier=[*(row["supplier"] for row in costs), *(row["supplier"] for row in commitments)],
    )


def _view(comparison: Comparison) -> ComparisonView:
    return ComparisonView(
        first=comparison.first,
        second=comparison.second,
        first_usd=float(comparison.first_usd),
        second_usd=float(comparison.second_usd),
        costs=[row | {"change_usd": float(row["change_usd"])} for row in by_line(comparison.costs)],
        contracts=comparison.contracts,
        placements=comparison.placements,
        inputs=comparison.inputs,
    )
