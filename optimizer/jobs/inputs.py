"""What a plan reads: a case's tables and a calibration, as they are now or as a run kept them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.errors import DataError, Violation
from optimizer.jobs.cases import folder_of
from optimizer.jobs.settings import PlanSettings
from optimizer.store.inputs import differ, keep_inputs, kept_inputs
from optimizer.store.summary import read_summary
from optimizer.tables.calibration_file import shipped_calibration_file
from optimizer.tables.catalog import reference_folder
from optimizer.tables.fibre_map import fibre_map_files
from optimizer.tables.read import input_files
from optimizer.tables.schemas import TABLE_BY_NAME


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Files that a plan reads; `notes` say where they are not those of the run that is made again."""

    folder: Path
    calibration: Path
    notes: tuple[str, ...] = ()
    stamps: Mapping[Path, tuple[int, int]] = field(default_factory=dict)  # time of change (ns) and size of each table before it was read

    def keep(self, folder: Path) -> None:
        """Copies all of them, content-addressed.

        Raises:
          DataError: tables have changed since they were to be read, so that the copies may be of others.
        """
        keep_inputs([*input_files(self.folder), *fibre_map_files(), self.calibration], folder)
        now = _stamps(self.folder)
        changed = tuple(sorted(file.name for file in {*now, *self.stamps} if self.stamps and now.get(file) != self.stamps.get(file)))
        if changed:
            rule, remedy = "tables must stay as they are while a job reads them", "Run the job again, once nobody writes them."
            raise DataError([Violation(where=str(self.folder), rule=rule, got="changed tables", rows=changed, remedy=remedy)])


def inputs_of(settings: PlanSettings) -> Inputs:
    """The files that the settings name.

    Raises:
      ConfigError: there is no such case.
    """
    path = settings.calibration.path
    folder, calibration = folder_of(settings.case), shipped_calibration_file() if path is None else Path(path)
    return Inputs(folder=folder, calibration=calibration, stamps=_stamps(folder))


def _stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    found = {file: file.stat() for file in input_files(folder) if file.is_file()}
    return {file: (known.st_mtime_ns, known.st_size) for file, known in found.items()}


@contextmanager
def inputs_of_run(run: Path) -> Iterator[Inputs]:
    """The files that a run kept, laid out for as long as the block lasts.

    Raises:
      DataError: a file that the run kept is no longer as it was.
    """
    with tempfile.TemporaryDirectory(prefix="placement-") as place:
        yield _laid_out(run, Path(place))


def _laid_out(run: Path, place: Path) -> Inputs:
    folder, beside = place / str(read_summary(run)["case"]), place / "beside"
    folder.mkdir()
    beside.mkdir()
    notes = []
    for name, copy in kept_inputs(run / "inputs").items():
        file = Path(name)
        if str(file.parent) == "." and file.stem in TABLE_BY_NAME:
            shutil.copyfile(copy, folder / name)
            continue
        shutil.copyfile(copy, beside / file.name)
        if file.suffix != ".json" and differ(copy, reference_folder() / file.name):
            notes.append(f"{file.name} of the planner is not what it was when {run.name} was made; the plan uses the present one")
    (calibration,) = beside.glob("*.json")
    return Inputs(folder=folder, calibration=calibration, notes=tuple(notes))
