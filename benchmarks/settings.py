"""Arguments of the suites. Each suite's `Settings` inherits one of these classes and adds its own; units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError


def argument(default: Any, meaning: str) -> Any:
    """A field with its default and the line that `--help` prints for it; a list is given as a tuple of its defaults."""
    if isinstance(default, tuple):
        return field(default_factory=lambda: list(default), metadata={"help": meaning, "shown": list(default)})
    return field(default=default, metadata={"help": meaning, "shown": default})


def require(holds: bool, key: str, rule: str, got: object, remedy: str = "Correct the value.") -> None:
    """
    Raises:
      ConfigError: the rule does not hold.
    """
    if not holds:
        raise ConfigError(key, rule, got, remedy)


def file_named(key: str, path: str | None) -> Path:
    """The file that an argument names.

    Raises:
      ConfigError: the argument is not given, or there is no such file.
    """
    require(bool(path), key, "must name a file", "nothing", f"Add {key}=FILE; benchmarks/README.md says where its data comes from.")
    found = Path(str(path)).expanduser()
    require(found.is_file(), key, "must be a file that is there", path, "Correct the path.")
    return found


def folder_named(path: str | None) -> Path:
    """The folder that the argument `path` names.

    Raises:
      ConfigError: the argument is not given, or there is no such folder.
    """
    require(bool(path), "path", "must name a folder", "nothing", "Add path=FOLDER; benchmarks/README.md says where its data comes from.")
    found = Path(str(path)).expanduser()
    require(found.is_dir(), "path", "must be a folder that is there", path, "Correct the path.")
    return found


DEVICES = ("cpu", "cuda", "tpu")


@dataclass(kw_only=True)
class SuiteSettings:
    """Arguments that every suite has."""

    cases: list[str] = argument((), "names of the cases to run, [] for all that the suite has")  # noqa: RUF009 - a field with a factory
    peers: bool = argument(True, "run the peers that are installed beside it")
    time_limit_s: float | None = argument(None, "seconds for each case, null for the suite's own limits")
    seed: int = argument(0, "seed of everything random")
    device: str | None = argument(None, f"{', '.join(DEVICES)}: what kernels run on; null for what JAX chooses")
    out: str | None = argument(None, "CSV file to which rows are added; a .jsonl of the same name gets the machine too")

    def __post_init__(self) -> None:
        seconds = self.time_limit_s
        require(seconds is None or seconds > 0, "time_limit_s", "must be > 0 s, or null for none", seconds)
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)
        require(self.device is None or self.device in DEVICES, "device", f"must be one of {', '.join(DEVICES)}, or null", self.device)


@dataclass(kw_only=True)
class AccuracySettings(SuiteSettings):
    """Arguments of a suite that compares predictions with measurements."""

    fit: str | None = argument(None, "file of measurements that are fitted")
    test: str | None = argument(None, "file of measurements that are never fitted; null: parts of `fit` are held out in turn")


def chosen(settings: SuiteSettings, names: list[str]) -> list[str]:
    """The suite's cases that the user asked for, in the suite's order; all of them where nothing is asked.

    Raises:
      ConfigError: a case that the suite does not have.
    """
    for name in settings.cases:
        require(name in names, "cases", f"must be among {', '.join(names)}", name, "Choose from them.")
    return [name for name in names if not settings.cases or name in settings.cases]
