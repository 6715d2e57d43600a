"""placement init: an empty case to fill in, or a shipped one to change."""

from __future__ import annotations

import shutil
from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.settings import InitJob
from optimizer.tables.catalog import case_folder
from optimizer.tables.document import write_templates
from optimizer.tables.files import table_files


def run(settings: InitJob) -> int:
    """Writes one template per table, or a copy of a shipped case, into a new or empty folder."""
    source = None if settings.from_case is None else case_folder(settings.from_case)
    folder = Path(settings.folder).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("folder", "must be new or empty", settings.folder, "Name another folder; nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    if source is None:
        write_templates(folder)
    else:
        for table in table_files(source)[0].values():
            shutil.copyfile(table.path, folder / table.path.name)
    print(f"case: {folder} ({len(list(folder.iterdir()))} files)")
    print(f"{'Fill in' if source is None else 'Change'} the tables, then: placement check case.path={folder}")
    return 0
