"""Copies of what a run read, each named by its content, so that the run can be made again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from optimizer.errors import DataError, Violation
from optimizer.store.layout import SCHEMA_VERSION

INDEX = "index.json"


def keep_inputs(files: Sequence[Path], folder: Path) -> dict[str, str]:
    """Copies each file to `folder/<sha256><suffix>` and writes the index, which it returns.

    Example: {"offers.csv": "9f86d0....csv", "accelerators.csv": "60303a....csv"}; of two files of one name
    (a reference table and the case's own) the second is listed with its folder's name, "reference/accelerators.csv".
    """
    folder.mkdir(exist_ok=True)
    index: dict[str, str] = {}
    for file in files:
        kept = f"{_hash(file)}{file.suffix}"
        shutil.copyfile(file, folder / kept)
        index[file.name if file.name not in index else f"{file.parent.name}/{file.name}"] = kept
    (folder / INDEX).write_text(json.dumps({"schema_version": SCHEMA_VERSION, "files": dict(sorted(index.items()))}, indent=2) + "\n")
    return index


def kept_index(folder: Path) -> dict[str, str]:
    """Names of the copies by the names that their files had."""
    index: dict[str, str] = json.loads((folder / INDEX).read_text())["files"]
    return index


def kept_inputs(folder: Path) -> dict[str, Path]:
    """The copies by the names that their files had, each checked against its hash.

    Raises:
      DataError: a copy is missing, or is not what it was.
    """
    index = kept_index(folder)
    wrong = [name for name, copy in index.items() if _hash(folder / copy) != Path(copy).stem]
    if wrong:
        rule, remedy = "copies of a run's inputs must be as they were", "Take another run; this one cannot be made again."
        raise DataError([Violation(where=str(folder), rule=rule, got="changed or missing files", rows=tuple(wrong), remedy=remedy)])
    return {name: folder / copy for name, copy in index.items()}


def differ(kept: Path, now: Path) -> bool:
    """Whether a file is no longer what a run read."""
    return _hash(kept) != _hash(now)


def _hash(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
