"""Copies of what a run read, each named by its content, so that the run can be made again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

INDEX = "index.json"


def keep_inputs(files: Sequence[Path], folder: Path) -> dict[str, str]:
    """Copies each file to `folder/<sha256><suffix>` and writes the index, which it returns.

    Example: {"offers.csv": "9f86d0....csv", "accelerators.csv": "60303a....csv"}; of two files of one name
    (a reference table and the case's own) the second is listed with its folder's name, "reference/accelerators.csv".
    """
    folder.mkdir(exist_ok=True)
    index: dict[str, str] = {}
    for file in files:
        kept = hashlib.sha256(file.read_bytes()).hexdigest() + file.suffix
        shutil.copyfile(file, folder / kept)
        index[file.name if file.name not in index else f"{file.parent.name}/{file.name}"] = kept
    (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    return index


def restore_inputs(kept: Path, folder: Path) -> None:
    """Lays the copies out under their own names in a new folder, checked against their names' hashes.

    Raises:
      ValueError: a copy is not what it was.
    """
    for name, copy in json.loads((kept / INDEX).read_text()).items():
        content = (kept / copy).read_bytes()
        if hashlib.sha256(content).hexdigest() != Path(copy).stem:
            raise ValueError(f"{kept / copy}: its content no longer matches its name")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
