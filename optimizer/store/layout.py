"""The layout of a run's folder, by number, and how a folder of an earlier one becomes one of the present.

    1  `summary.json` alone says its `schema_version`
    2  so do `marks.json` and `inputs/index.json`, whose files stand under `files`

A step may be taken twice: a process that dies within one leaves a folder that says it is of the earlier layout, and the next attempt
ends it. Nothing but JSON changes, each file by a rename, and `summary.json` last.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError

SCHEMA_VERSION = 2
SUMMARY, MARKS, INDEX = "summary.json", "marks.json", "inputs/index.json"


@dataclass(frozen=True, kw_only=True)
class Step:
    """From one layout to the next."""

    says: str
    take: Callable[[Path], None]


def _versions_everywhere(run: Path) -> None:
    index, marks = run / INDEX, run / MARKS
    if index.is_file() and "files" not in (files := _read(index)):  # a comparison keeps no inputs
        write_json(index, {"schema_version": 2, "files": files})
    if marks.is_file():
        write_json(marks, {"schema_version": 2} | _read(marks))


STEPS = {1: Step(says="inputs/index.json and marks.json say their schema_version", take=_versions_everywhere)}


def version_of(run: Path) -> int | None:
    """The layout that a run's folder says it has; None where its summary cannot be read."""
    try:
        found = _read(run / SUMMARY).get("schema_version")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


def check_layout(run: Path) -> None:
    """
    Raises:
      ConfigError: the folder is of another layout than this planner reads.
    """
    version = version_of(run)
    if version == SCHEMA_VERSION:
        return
    rule = f"must have the layout that this planner reads, schema_version {SCHEMA_VERSION}"
    older = version is not None and version < SCHEMA_VERSION
    remedy = "Bring runs up to date with placement migrate." if older else "Take another run, or a later planner."
    raise ConfigError(f"run {run.name}", rule, "none" if version is None else version, remedy)


def outstanding(run: Path) -> Iterator[Step]:
    """Steps that a run has before it, in order; none where it is of the present layout or of one that is not known."""
    version = version_of(run)
    while version in STEPS:
        yield STEPS[version]
        version += 1


def migrate(run: Path) -> None:
    """Takes all steps that a run has before it."""
    for step in tuple(outstanding(run)):
        step.take(run)
        summary = _read(run / SUMMARY)
        write_json(run / SUMMARY, summary | {"schema_version": int(summary["schema_version"]) + 1})


def _read(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Written beside the file and renamed, so that nobody reads half of it."""
    draft = file.with_name(f".{file.name}")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(draft, file)
