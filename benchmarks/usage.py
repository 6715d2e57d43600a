"""The text of `--help`, generated from the suites and their settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from benchmarks.registry import Suite
from benchmarks.settings import SuiteSettings

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "None": "null",
    "list[str]": "a list, [a,b]",
    "list[int]": "a list of whole numbers, [1,2]",
    "list[float]": "a list of numbers, [1,2]",
}


def type_in_words(annotation: str) -> str:
    return " or ".join(TYPES[part] for part in annotation.split(" | "))


def program_help(suites: Iterable[Suite]) -> str:
    lines = ["Measures speed, quality and accuracy.", "", "usage: python -m benchmarks suite=NAME [key=value ...]"]
    lines += ["       python -m benchmarks suite=NAME --help"]
    lines += ["       python -m benchmarks compare A.csv B.csv             what got slower, and how sure that is"]
    lines += ["       python -m benchmarks report A.csv [...] out=FILE.html  time against size, gap against time"]
    lines += ["       python -m benchmarks tables out=FOLDER data=FOLDER     the tables of benchmarks/results, made anew"]
    lines += ["", "suites:", *table([(suite.name, suite.summary) for suite in suites])]
    return "\n".join([*lines, "", "arguments of every suite (with their defaults):", *_arguments(SuiteSettings)])


def suite_help(suite: Suite) -> str:
    lines = [f"{suite.name}: {suite.summary}", "", f"usage: python -m benchmarks suite={suite.name} [key=value ...]", ""]
    return "\n".join([*lines, "arguments (with their defaults):", *_arguments(suite.settings())])


def _arguments(settings: type[SuiteSettings]) -> list[str]:
    return table(
        [
            (f"{field.name}={_yaml(field.metadata['shown'])}", f"{field.metadata['help']} ({type_in_words(str(field.type))})")
            for field in dataclasses.fields(settings)
        ]
    )


def table(rows: list[tuple[str, str]]) -> list[str]:
    first = max((len(name) for name, _ in rows), default=0) + 4
    return [f"  {name}".ljust(first) + meaning for name, meaning in rows]


def _yaml(value: Any) -> str:
    """A default as users would write it."""
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
