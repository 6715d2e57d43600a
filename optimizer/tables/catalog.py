"""Where the cases, the reference tables and the configuration are, in the source tree and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from optimizer.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The folder that holds the cases and the reference tables."""
    return _shipped("data")


def config_folder() -> Path:
    """The folder that holds the configuration."""
    return _shipped("configs")


def _shipped(name: str) -> Path:
    """A wheel carries the folder inside the package; in the source tree it stands beside the package."""
    inside = _PACKAGE / f"_{name}"
    return inside if inside.is_dir() else _PACKAGE.parent / name


def reference_folder() -> Path:
    return data_folder() / "reference"


def case_names() -> tuple[str, ...]:
    """Names of the shipped cases: folders that hold a calendar."""
    calendars = [*data_folder().glob("*/calendar.csv"), *data_folder().glob("*/calendar.parquet")]
    return tuple(sorted({path.parent.name for path in calendars}))


def case_folder(name: str) -> Path:
    """Folder of a shipped case.

    Raises:
      ConfigError: no case has that name.
    """
    if name not in case_names():
        raise ConfigError(
            where="case",
            rule="must be the name of a case that comes with the planner",
            got=name,
            remedy=f"Choose one of {', '.join(case_names())}, or name a folder of your own with case.path.",
        )
    return data_folder() / name
