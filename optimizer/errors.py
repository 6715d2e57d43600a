"""What can go wrong, in the words that the user reads.

Every message reads `<file or config path>: <rule with unit>; got <value>. <count and first ids>. <what to do>.`
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_TEXT, LONGEST_KEY = 2_000, 200  # characters of a table's cell, of a row's key, that a message repeats


class PlacementError(Exception):
    """An error that the command line prints without a traceback, with its exit code."""

    exit_code = 5


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule that some rows of one table break.

    `where` is a file or configuration path, `rule` states the rule with its unit, `got` the first
    offending value, `rows` the keys of all offending rows, `remedy` what the user should do.
    """

    where: str
    rule: str
    got: str
    rows: tuple[str, ...] = ()
    remedy: str = "Correct the value."

    def __str__(self) -> str:
        count = ""
        if self.rows:
            noun = "row" if len(self.rows) == 1 else "rows"
            first = ", ".join(shown(row, most=LONGEST_KEY) for row in self.rows[:3])
            count = f" {len(self.rows)} {noun} (first: {first})."
        return f"{shown(self.where)}: {shown(self.rule)}; got {shown(self.got)}.{count} {shown(self.remedy)}"


def shown(text: str, *, most: int = LONGEST_TEXT) -> str:
    """A text of unknown origin as one line of bounded length, so that no cell can fill a terminal or forge a line of a log.

    Example: "a\\nb" for an a, a line break and a b.
    """
    line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text[:most])
    return line if len(text) <= most else f"{line}... ({len(text):,} characters)"


class DataError(PlacementError):
    """Input tables break rules; all of them are reported at once. Exit code 2."""

    exit_code = 2

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("\n".join(str(violation) for violation in self.violations))

    def __reduce__(self) -> tuple[Any, ...]:
        return DataError, (self.violations,)  # from one process to another


class ConfigError(DataError):
    """The configuration breaks a rule. Exit code 2."""

    def __init__(self, where: str, rule: str, got: object, remedy: str) -> None:
        super().__init__([Violation(where=where, rule=rule, got=str(got), remedy=remedy)])


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


def without_room(error: BaseException, where: str, place: str) -> ConfigError | None:
    """The error to tell where a disk has no room or cannot be written; None where that is not what happened."""
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        return None
    got = f"{place} ({error.strerror or 'no room'})"
    return ConfigError(where, "must have room for the run", got, "Make room, or name another folder.")


class InfeasiblePlan(PlacementError):
    """No plan keeps all rules; `conflicts` names those that cannot hold together. Exit code 3."""

    exit_code = 3

    def __init__(self, conflicts: Sequence[str]) -> None:
        self.conflicts = tuple(conflicts)
        lines = "\n".join(f"  - {conflict}" for conflict in self.conflicts)
        super().__init__(f"No plan keeps all rules. These cannot hold together:\n{lines}")

    def __reduce__(self) -> tuple[Any, ...]:
        return InfeasiblePlan, (self.conflicts,)


class NoPlanInLimit(PlacementError):
    """A limit was reached before any plan was found. Exit code 4."""

    exit_code = 4


class Cancelled(PlacementError):
    """Somebody stopped the work before it was done. Exit code 4."""

    exit_code = 4


class NoNewPlan(PlacementError):
    """The nightly job made no plan; the last one stays. Exit code 8."""

    exit_code = 8


class SolverFailure(PlacementError):
    """A solver stopped for a reason of its own, or a plan did not verify. Exit code 5."""
