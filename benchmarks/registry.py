"""Which suites there are: the modules of benchmarks/suites. None is imported before it is asked for, so that `--help` is fast."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from benchmarks.rows import Row
from benchmarks.settings import SuiteSettings
from optimizer.errors import ConfigError

FOLDER = Path(__file__).resolve().parent / "suites"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite: its module has a class `Settings` and a function `run(settings)` that yields rows."""

    name: str
    summary: str  # first line of the module's docstring

    def settings(self) -> type[SuiteSettings]:
        settings: type[SuiteSettings] = self._module().Settings
        return settings

    def run(self) -> Callable[[SuiteSettings], Iterator[Row]]:
        run: Callable[[SuiteSettings], Iterator[Row]] = self._module().run
        return run

    def _module(self) -> ModuleType:
        return importlib.import_module(f"benchmarks.suites.{self.name}")


def suites() -> dict[str, Suite]:
    """All suites by name; a module whose name begins with _ is none."""
    files = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: Suite(name=path.stem, summary=_summary(path)) for path in files}


def suite_named(name: str | None) -> Suite:
    """
    Raises:
      ConfigError: no suite is named, or there is none of that name.
    """
    known = suites()
    if name is None or name not in known:
        raise ConfigError("suite", f"must be one of {', '.join(known)}", name or "nothing", "Write suite=NAME; see --help.")
    return known[name]


def _summary(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
