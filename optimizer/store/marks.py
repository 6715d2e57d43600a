"""What people say of a run that is written already: that it is kept, and who approved it.

A run's other files never change. Marks lie in the run's folder, so the catalogue can be rebuilt without losing them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from optimizer.store.layout import MARKS, SCHEMA_VERSION, write_json


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who approved the run, and when (ISO 8601, UTC)."""

    by: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Marks:
    pinned: bool = False  # pruning leaves it
    approvals: tuple[Approval, ...] = ()  # oldest first; pruning leaves an approved run too


def read_marks(run: Path) -> Marks:
    """The marks of a run; none where nobody has made any."""
    try:
        read = json.loads((run / MARKS).read_text())
    except FileNotFoundError:
        return Marks()
    return Marks(pinned=read["pinned"], approvals=tuple(Approval(**approval) for approval in read["approvals"]))


def pin(run: Path, *, pinned: bool) -> None:
    """Pinned runs are never pruned."""
    _write(run, Marks(pinned=pinned, approvals=read_marks(run).approvals))


def approve(run: Path, *, by: str, now: datetime) -> None:
    """Records an approval beside those there are. It signs nothing: only input tables change what is in force."""
    marks = read_marks(run)
    approval = Approval(by=by, at=now.isoformat(timespec="seconds"))
    _write(run, Marks(pinned=marks.pinned, approvals=(*marks.approvals, approval)))


def _write(run: Path, marks: Marks) -> None:
    write_json(run / MARKS, {"schema_version": SCHEMA_VERSION} | asdict(marks))
