"""Calibrations as JSON files: read with the errors that tables have, written with sorted keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import DataError, Violation
from optimizer.tables.catalog import reference_folder

FORMAT = 1
REMEDY = "Make it again with placement calibrate."


def shipped_calibration_file() -> Path:
    """The calibration that comes with the planner, made from public measurements."""
    return reference_folder() / "calibration.json"


def read_calibration_file(path: Path) -> dict[str, Any]:
    """The values in a calibration.

    Raises:
      DataError: the file cannot be read, or is not a calibration of this format.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_not_finite)
    except OSError as fault:
        raise _broken(path, "must be a file that can be read", fault.strerror or "an error", "Correct calibration.path.") from None
    except ValueError:
        raise _broken(path, "must be JSON", "something else", REMEDY) from None
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise _broken(path, f"must be a calibration of format {FORMAT}", found if found is not None else "no format", REMEDY)
    return dict(values)


def _not_finite(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def unreadable_part(path: Path, part: str) -> DataError:
    """The error for a part whose values do not fit together."""
    return _broken(path, f"{part} must be whole, with the fields of format {FORMAT}", "fields missing or of another kind", REMEDY)


def write_calibration_file(values: Mapping[str, Any], path: Path) -> None:
    """Writes a calibration, each part in a line of its own; numbers keep all their digits."""
    whole = {"format": FORMAT} | dict(values)
    parts = {name: json.dumps(whole[name], separators=(",", ":"), sort_keys=True, allow_nan=False) for name in sorted(whole)}
    path.write_text("{\n" + ",\n".join(f'"{name}": {part}' for name, part in parts.items()) + "\n}\n", encoding="utf-8")


def _broken(path: Path, rule: str, got: object, remedy: str) -> DataError:
    return DataError([Violation(where=path.name, rule=rule, got=str(got), rows=(), remedy=remedy)])
