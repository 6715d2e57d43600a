"""What people say of a run that is written already: that it is kept, and who approved it.

A run's other files never change. Marks lie in the run's folder, so the catalogue can be rebuilt without losing them.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from optimizer.store.layout import SCHEMA_VERSION

FILE = "marks.json"


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
        read = json.loads((run / FILE).read_text())
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
    draft = run / f".{FILE}"
    draft.write_text(json.dumps({"schema_version": SCHEMA_VERSION} | asdict(marks), indent=2) + "\n")
    os.replace(draft, run / FILE)
