"""placement init: an empty case to fill in."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.settings import InitJob
from optimizer.tables.document import write_templates


def run(settings: InitJob) -> int:
    """Writes one template per table into a new or empty folder."""
    folder = Path(settings.folder).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("folder", "must be new or empty", settings.folder, "Name another folder; nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    write_templates(folder)
    print(f"case: {folder} ({len(list(folder.iterdir()))} files)")
    print(f"Fill in the tables, then: placement check case.path={folder}")
    return 0
