"""The text of `--help`, generated from the settings dataclasses."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from optimizer.jobs.catalog import JOBS, Job

NAMES = "[names]"  # a list
TYPES = {"int": "integer", "float": "number", "str": "text", "bool": "true or false", "list[str]": NAMES}
EXIT_CODES = (
    (0, "done"),
    (2, "bad data or configuration; every violation is listed"),
    (3, "no plan keeps all rules; those that cannot hold together are named"),
    (4, "a limit was reached before there was a plan"),
    (5, "internal failure; the traceback is in log.txt"),
    (6, "done, and alerts were raised: watch.fail_on_alert=true asks for this"),
    (7, "another run holds the case's lock; the message says who"),
    (8, "no new plan: the last one stays"),
)


@dataclass(frozen=True, kw_only=True)
class Key:
    """One configuration key, as users write it."""

    name: str  # dotted
    type: str  # in words
    default: str
    meaning: str


def keys(settings: type[Any], prefix: str = "") -> Iterator[Key]:
    """All keys of a settings class, those of its groups included, in the order of its fields."""
    for field in dataclasses.fields(settings):
        name = prefix + field.name
        if field.default is dataclasses.MISSING:
            yield from keys(cast(type[Any], field.default_factory), f"{name}.")
        else:
            yield Key(name=name, type=_words(str(field.type)), default=_yaml(field.default), meaning=field.metadata["help"])


def program_help() -> str:
    lines = ["Decides which AI work runs on which supplier's accelerators, and which contracts to sign, keep or leave.", ""]
    lines += ["usage: placement <job> [key=value ...]", "       placement <job> --help", "", "jobs:"]
    lines += _table([(job.name, job.summary) for job in JOBS.values()])
    lines += ["", "options:"]
    lines += _table(
        [
            ("-h, --help", "this text, or the job's"),
            ("-m, --multirun", "one run for each combination of the values given as key=a,b,c"),
            ("--quiet", "print the last line only, and what is wrong"),
            ("--json", "print JSON lines: progress, every line said, the run with its summary, what is wrong"),
            ("--debug", "print the traceback of an internal failure"),
            ("--version", "print the version"),
        ]
    )
    lines += ["", "exit codes:"]
    lines += _table([(str(code), meaning) for code, meaning in EXIT_CODES])
    return "\n".join(lines)


def job_help(job: Job, choices: Mapping[str, Sequence[str]], chosen: Mapping[str, str], named: Iterable[Key]) -> str:
    """Usage of one job.

    Args:
      choices: the names that each config group offers.
      chosen: the one of each that is the default, or null.
      named: the job's keys with their defaults.
    """
    lines = [f"placement {job.name}: {job.summary}", "", f"usage: placement {job.name} [-m] [--quiet | --json] [--debug] [key=value ...]"]
    if choices:
        lines += ["", "named settings:"]
        lines += _table([(f"{group}=NAME", f"one of: {', '.join(names)} (default {chosen[group]})") for group, names in choices.items()])
    lines += ["", "settings (with their defaults):"]
    lines += _table([(f"{key.name}={key.default}", f"{key.meaning} ({key.type})") for key in named])
    lines += ["", "examples:"]
    lines += [f"  {example}" for example in job.examples]
    return "\n".join(lines)


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Two columns; the second is wrapped to the terminal's width."""
    first = max(len(name) for name, _ in rows) + 4
    wide = max(60, min(shutil.get_terminal_size().columns, 120))
    lines = []
    for name, meaning in rows:
        wrapped = textwrap.wrap(meaning, wide - first)
        lines.append(f"  {name}".ljust(first) + wrapped[0])
        lines += [" " * first + more for more in wrapped[1:]]
    return lines


def _words(annotation: str) -> str:
    return " or ".join("null" if part == "None" else TYPES[part] for part in annotation.split(" | "))


def _yaml(value: object) -> str:
    """A default as users would write it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
