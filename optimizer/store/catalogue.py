"""The catalogue of runs: a SQLite table (write-ahead log) that says of each run what lists and filters ask.

The run folders are what is true. The catalogue is brought in line with them whenever it is opened, so it may be
deleted at any time, and a process that dies between writing a run and listing it loses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from optimizer.store.marks import read_marks
from optimizer.store.runs import run_ids
from optimizer.store.summary import read_summary

FILE = "catalogue.sqlite"
_PATIENCE_S = 10.0  # how long to wait for another writer
_FORMAT = 1  # of this table; another one found is dropped and made again


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, as lists show it. Money is discounted USD; what a job does not find is None."""

    run_id: str
    job: str | None  # None: its summary cannot be read
    case_name: str | None
    as_of: str | None  # ISO date
    status: str | None
    objective_usd: float | None
    bound_usd: float | None
    gap: float | None
    seconds: float | None
    verified: bool | None
    previous_run: str | None
    pinned: bool
    approved_by: str | None  # the last of its approvals
    approved_at: str | None
    schema_version: int | None


_COLUMNS = tuple(field.name for field in fields(RunRecord))


def runs(home: Path, *, job: str | None = None, case: str | None = None, status: str | None = None) -> tuple[RunRecord, ...]:
    """The runs in a folder, oldest first, those that match what is given."""
    given = {"job": job, "case_name": case, "status": status}
    asked = {name: value for name, value in given.items() if value is not None}
    where = " AND ".join(f"{name} = :{name}" for name in asked) or "1"
    if not home.is_dir():
        return ()
    with _catalogue(home) as catalogue:
        rows = catalogue.execute(f"SELECT {', '.join(_COLUMNS)} FROM runs WHERE {where} ORDER BY run_id", asked).fetchall()
    return tuple(_record(row) for row in rows)


def _record(row: tuple[object, ...]) -> RunRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    verified = values["verified"]
    values |= {"pinned": bool(values["pinned"]), "verified": None if verified is None else bool(verified)}
    return RunRecord(**values)  # type: ignore[arg-type]


@contextmanager
def _catalogue(home: Path) -> Iterator[sqlite3.Connection]:
    """The catalogue in line with the folders; one that is damaged is made again, one that cannot be written lives in memory."""
    try:
        connection = _opened(home / FILE)
    except (sqlite3.OperationalError, OSError):  # the folder is read-only or somebody else's, or the disk is full
        connection = _opened(None)
    except sqlite3.DatabaseError:  # not a database, or a damaged one
        for suffix in ("", "-wal", "-shm"):
            (home / f"{FILE}{suffix}").unlink(missing_ok=True)
        connection = _opened(home / FILE)
    with closing(connection):
        try:
            _follow(connection, home)
        except sqlite3.OperationalError:
            with closing(_opened(None)) as in_memory:
                _follow(in_memory, home)
                yield in_memory
            return
        yield connection


def _opened(file: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(file or ":memory:", timeout=_PATIENCE_S, isolation_level=None)
    try:
        return _laid_out(connection, file)
    except BaseException:
        connection.close()
        raise


def _laid_out(connection: sqlite3.Connection, file: Path | None) -> sqlite3.Connection:
    if file is not None:
        file.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    if connection.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DROP TABLE IF EXISTS runs")
        columns = ", ".join(name if name != "run_id" else "run_id TEXT PRIMARY KEY" for name in _COLUMNS)
        connection.execute(f"CREATE TABLE runs ({columns}, changed_ns INTEGER NOT NULL)")
        connection.execute(f"PRAGMA user_version={_FORMAT}")
        connection.execute("COMMIT")
    return connection


def _follow(connection: sqlite3.Connection, home: Path) -> None:
    """Lists the runs that are new or marked since, and forgets those whose folder is gone."""
    there = {run: (home / run).stat().st_mtime_ns for run in run_ids(home)}
    listed = dict(connection.execute("SELECT run_id, changed_ns FROM runs"))
    changed = [run for run, changed_ns in there.items() if listed.get(run) != changed_ns]
    gone = [(run,) for run in listed if run not in there]
    if not changed and not gone:
        return
    rows = [_row(home / run, there[run]) for run in changed]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM runs WHERE run_id = ?", gone)
    places = ", ".join("?" for _ in range(len(_COLUMNS) + 1))
    connection.executemany(f"INSERT OR REPLACE INTO runs VALUES ({places})", rows)
    connection.execute("COMMIT")


def _row(run: Path, changed_ns: int) -> tuple[object, ...]:
    marks = read_marks(run)
    try:
        summary = read_summary(run)
    except ValueError:  # somebody has written into it since
        summary = {}
    approval = marks.approvals[-1] if marks.approvals else None
    known = summary | {
        "run_id": run.name,
        "case_name": summary.get("case"),
        "pinned": marks.pinned,
        "approved_by": approval and approval.by,
        "approved_at": approval and approval.at,
    }
    return (*(known.get(name) for name in _COLUMNS), changed_ns)
