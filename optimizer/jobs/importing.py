"""placement import: another program's file into a case; what is taken, what is not, and why."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.settings import ImportJob
from optimizer.store.inputs import keep_inputs
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.lock import sole_writer
from optimizer.store.runs import RunDraft, new_run, run_path
from optimizer.store.summary import KEYS, versions, write_summary
from optimizer.tables.case_files import write_tables
from optimizer.tables.exchange.foreign import NotTaken
from optimizer.tables.exchange.imports import Imported, import_file
from optimizer.tables.exchange.reading import Request
from optimizer.tables.frame import as_frame
from optimizer.tables.write import write_table

COLUMNS = tuple(NotTaken.__dataclass_fields__)
SHOWN = 8  # reasons on the terminal; all of them stand in not_taken


def run(settings: ImportJob) -> int:
    """Changes the case's tables all at once, or with dry_run not at all; 2 where no row could be taken."""
    began, now = time.monotonic(), datetime.now(UTC)
    folder, file, home = Path(settings.case.path).expanduser(), Path(settings.file).expanduser(), Path(settings.output.folder)
    if not folder.is_dir():
        remedy = "Correct the path, or make a case: placement init folder=NAME."
        raise ConfigError("case.path", "must be a folder of tables", settings.case.path, remedy)
    lock = nullcontext() if settings.dry_run else sole_writer(home, folder, job="import", now=now)
    with lock, new_run(home, now=now) as draft:
        imported = import_file(folder, settings.source, file, _request(settings))
        _write_run(draft, settings, imported, file, folder.resolve().name, began)
        if not settings.dry_run:
            write_tables(folder, {name: table.cells for name, table in imported.changes.items()})
    print("\n".join(told(imported, dry_run=settings.dry_run)))
    print(f"not taken: {len(imported.not_taken)}, listed in {run_path(draft)}/not_taken.csv")
    print(f"run: {run_path(draft)}")
    return 0 if any(read.taken for read in imported.reads) or not any(read.rows for read in imported.reads) else 2


def _request(settings: ImportJob) -> Request:
    return Request(
        supplier=settings.supplier,
        region=settings.region,
        as_of=None if settings.as_of is None else date.fromisoformat(settings.as_of),
        spot_loss_share=settings.spot_loss_share,
        source=settings.source_text,
    )


def _write_run(draft: RunDraft, settings: ImportJob, imported: Imported, file: Path, case: str, began: float) -> None:
    draft.path("config.yaml").write_text(as_yaml(settings))
    keep_inputs(sorted(file.glob("*.csv")) if file.is_dir() else [file], draft.path("inputs"))
    listed = as_frame([asdict(entry) for entry in imported.not_taken], COLUMNS)
    write_table(listed, draft.path("not_taken.parquet"))
    write_table(listed, draft.path("not_taken.csv"))
    changes = {
        name: {"added": len(table.added), "replaced": len(table.replaced), "removed": len(table.removed)}
        for name, table in imported.changes.items()
    }
    about = {"schema_version": SCHEMA_VERSION, "run_id": draft.run_id, "job": "import", "case": case, "versions": versions()}
    about |= {"as_of": settings.as_of, "seconds": time.monotonic() - began, "alerts": [], "source": settings.source}
    about |= {"dry_run": settings.dry_run, "changes": changes, "unchanged": imported.unchanged, "not_taken": len(imported.not_taken)}
    about |= {"rows": sum(read.rows for read in imported.reads), "rows_taken": sum(read.taken for read in imported.reads)}
    write_summary(dict.fromkeys(KEYS) | about, draft.path("summary.json"))
    draft.log(f"{settings.source} {file.name}: {'looked at' if settings.dry_run else 'taken'}")


def told(imported: Imported, *, dry_run: bool) -> Iterator[str]:
    """What the import does, without a price: lines for the terminal."""
    for read in imported.reads:
        yield f"{read.file}: {_rows(read.rows)}, {read.taken} taken, {read.rows - read.taken} not taken"
    would = "would be " if dry_run else ""
    for name, table in imported.changes.items():
        yield f"{name}: {_rows(len(table.added))} {would}added, {len(table.replaced)} {would}replaced, {len(table.removed)} {would}removed"
    if imported.unchanged:
        yield f"unchanged: {_rows(imported.unchanged)} of the case"
    reasons: dict[str, list[NotTaken]] = {}
    for entry in imported.not_taken:
        reasons.setdefault(_reason(entry), []).append(entry)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    for reason, entries in ordered[:SHOWN]:
        first = ", ".join(f"{entry.row} {entry.name}".strip() for entry in entries[:3])
        yield f"not taken, {reason}: {len(entries)} (first: row {first})"
    if len(ordered) > SHOWN:
        yield f"not taken, {len(ordered) - SHOWN} other reasons: {sum(len(entries) for _, entries in ordered[SHOWN:])}"
    if imported.faults:
        yield f"note: the case breaks rules of its own ({imported.faults}); placement check names them"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _reason(entry: NotTaken) -> str:
    """Without the number of another row, so that equal reasons count together."""
    return re.sub(r"\brow \d+", "another row", entry.reason)
