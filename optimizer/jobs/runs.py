"""placement runs: list, pin, approve and prune the runs of a folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from optimizer.jobs.sections import print_section
from optimizer.jobs.settings import RunsJob
from optimizer.report.document import Section
from optimizer.report.wording import gap_text, money, money_unit
from optimizer.store.catalogue import RunRecord, runs
from optimizer.store.marks import approve, pin
from optimizer.store.retention import prunable
from optimizer.store.runs import find_run, leftovers, remove_run

LEFT_FOR = timedelta(days=1)  # a draft untouched for so long belongs to no living process


def run(settings: RunsJob) -> int:
    """Does what `action` says; a list shows the newest runs last."""
    actions: dict[str, Callable[[Path, RunsJob], None]] = {
        "list": _list,
        "pin": lambda home, asked: _pin(home, asked, pinned=True),
        "unpin": lambda home, asked: _pin(home, asked, pinned=False),
        "approve": _approve,
        "prune": _prune,
    }
    actions[settings.action](Path(settings.output.folder), settings)
    return 0


def _list(home: Path, settings: RunsJob) -> None:
    found = runs(home, job=settings.job, case=settings.case, status=settings.status)[-settings.limit :]
    if not found:
        print(f"No such run in {home}.")
    elif sys.stdout.isatty():
        print_runs(found, Console(markup=False, highlight=False))
    else:
        print("\n".join(plain_lines(found)))


def _pin(home: Path, settings: RunsJob, *, pinned: bool) -> None:
    run = find_run(home, settings.run)
    pin(run, pinned=pinned)
    print(f"{'pinned' if pinned else 'no longer pinned'}: {run}")


def _approve(home: Path, settings: RunsJob) -> None:
    run = find_run(home, settings.run)
    approve(run, by=settings.by, now=datetime.now(UTC))
    print(f"approved by {settings.by}: {run}. Nothing is in force before the input tables say so.")


def _prune(home: Path, settings: RunsJob) -> None:
    now = datetime.now(UTC)
    records = runs(home)
    going = prunable(records, now=now, older_than_days=settings.older_than_days, keep=settings.keep)
    left = leftovers(home, now - LEFT_FOR)
    verb = "would remove" if settings.dry_run else "removed"
    for record in going:
        if not settings.dry_run:
            remove_run(home / record.run_id)
        print(f"{verb}: {home / record.run_id}")
    for path in left:
        if not settings.dry_run:
            shutil.rmtree(path)
        print(f"{verb}: {path}, which a process left that did not end")
    print(f"{len(records) - len(going)} of {len(records)} runs stay." + (" dry_run=false removes the others." if settings.dry_run else ""))


def print_runs(records: tuple[RunRecord, ...], console: Console) -> None:
    columns = ("run", "job", "case", "as of", "status", "cost>", "gap>", "kept")
    print_section(Section(title="", columns=columns, rows=tuple(map(_told, records))), console)


def _told(record: RunRecord) -> tuple[str, ...]:
    usd = record.objective_usd
    cost = "-" if usd is None else f"{money(usd, money_unit(usd))} {money_unit(usd)}"
    words = (record.job, record.case_name, record.as_of, record.status)
    gap = "-" if record.gap is None else gap_text(record.gap)
    return record.run_id, *(word or "-" for word in words), cost, gap, _kept(record)


def _kept(record: RunRecord) -> str:
    """Example: "pinned, approved by finance" """
    approved = [f"approved by {record.approved_by}"] if record.approved_by else []
    return ", ".join([*(["pinned"] if record.pinned else []), *approved])


def plain_lines(records: tuple[RunRecord, ...]) -> Iterator[str]:
    """`run ID: field=value ...`, figures in full, `-` where there is none."""
    for record in records:
        fields = ("job", "case_name", "as_of", "status", "objective_usd", "bound_usd", "gap", "seconds", "pinned", "approved_by")
        values = [(name.removesuffix("_name"), getattr(record, name)) for name in fields]
        yield f"run {record.run_id}: " + " ".join(f"{name}={'-' if value is None else value}" for name, value in values)
