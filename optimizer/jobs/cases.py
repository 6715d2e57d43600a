"""From the `case` settings to the folder of its tables."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.settings import CaseSettings
from optimizer.tables.catalog import case_folder


def folder_of(case: CaseSettings) -> Path:
    """A user's own folder where one is given, else the named case's.

    Raises:
      ConfigError: there is no such folder, or no such case.
    """
    if case.path is None:
        return case_folder(case.name)
    folder = Path(case.path).expanduser()
    if not folder.is_dir():
        remedy = "Correct the path, or make a case: placement init folder=NAME."
        raise ConfigError("case.path", "must be a folder of tables", case.path, remedy)
    return folder
