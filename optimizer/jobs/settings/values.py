"""A field of settings with the line that `--help` prints for it, and the check of its value."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from optimizer.errors import ConfigError

METHODS = ("price_and_assign", "exact")
EXECUTORS = ("processes", "ray")
MOST_DAYS = 36_500  # that a job looks ahead: a century, so that every day it looks at is a date
OWN = "own"  # the case whose tables are the user's


def setting(default: Any, meaning: str) -> Any:
    """A field with its default and the line that `--help` prints for it."""
    return field(default=default, metadata={"help": meaning})


def group(settings: type[Any], meaning: str) -> Any:
    """A config group: a field that holds a settings class of its own."""
    return field(default_factory=settings, metadata={"help": meaning})


def require(holds: bool, key: str, rule: str, got: object, remedy: str = "Correct the value.") -> None:
    if not holds:
        raise ConfigError(key, rule, got, remedy)
