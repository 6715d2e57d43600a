"""placement migrate: runs of earlier planners in the layout of this one."""

from __future__ import annotations

from pathlib import Path

from optimizer.jobs.settings import MigrateJob
from optimizer.store.layout import SCHEMA_VERSION, migrate, outstanding, version_of
from optimizer.store.runs import run_ids


def run(settings: MigrateJob) -> int:
    """Says which runs change and how, and with dry_run=false changes them."""
    home = Path(settings.output.folder)
    ids, changed = run_ids(home), 0
    verb = "would change" if settings.dry_run else "changed"
    for run_id in ids:
        folder, version = home / run_id, version_of(home / run_id)
        steps = tuple(outstanding(folder))
        if steps:
            changed += 1
            if not settings.dry_run:
                migrate(folder)
            print(f"{verb} from schema_version {version} to {SCHEMA_VERSION}: {folder}: {'; '.join(step.says for step in steps)}")
        elif version != SCHEMA_VERSION:
            print(f"left as it is: {folder}: schema_version {'none' if version is None else version} is not known to this planner")
    print(f"{changed} of {len(ids)} runs {verb}." + (" dry_run=false changes them." if settings.dry_run and changed else ""))
    return 0
