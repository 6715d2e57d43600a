"""Which runs may go: old ones that nobody pinned or approved, beyond the newest of each job and case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from optimizer.store.catalogue import RunRecord


def prunable(records: Iterable[RunRecord], *, now: datetime, older_than_days: float, keep: int) -> tuple[RunRecord, ...]:
    """Runs that pruning removes, oldest first.

    Args:
      records: all runs of a folder, oldest first.
      now: UTC time from which ages count.
      older_than_days: younger runs stay.
      keep: newest runs of each job and case that stay, whatever their age.
    """
    by_kind: dict[tuple[str | None, str | None], list[RunRecord]] = {}
    for record in records:
        by_kind.setdefault((record.job, record.case_name), []).append(record)
    oldest = f"{now - timedelta(days=older_than_days):%Y%m%dT%H%M%S}"
    beyond = [record for kind in by_kind.values() for record in kind[: max(len(kind) - keep, 0)]]
    free = [record for record in beyond if not record.pinned and record.approved_by is None and record.run_id < oldest]
    return tuple(sorted(free, key=lambda record: record.run_id))
