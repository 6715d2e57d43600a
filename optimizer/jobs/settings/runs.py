"""Settings of the jobs on runs: runs, compare, report."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.jobs.settings.groups import RunsFolderSettings, TableSettings
from optimizer.jobs.settings.values import group, require, setting


@dataclass(kw_only=True)
class CompareJob:
    """Settings of `placement compare`."""

    run: str = setting("latest", "plan to look at: latest, previous or its id")
    other: str = setting("previous", "plan that it is compared with: latest, previous or its id")
    output: TableSettings = group(TableSettings, "where runs lie, and where the comparison is written")


REDACTED = ("prices", "suppliers")


@dataclass(kw_only=True)
class ReportJob:
    """Settings of `placement report`."""

    run: str = setting("latest", "run whose page is made again: latest, previous or its id")
    redact: list[str] | None = setting(None, "what a page to share leaves out: prices, suppliers or both; null: nothing")
    file: str | None = setting(None, "file to write; null: RUN.html or RUN-shared.html in the present folder")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        unknown = [name for name in self.redact or () if name not in REDACTED]
        require(not unknown, "redact", f"must be of {', '.join(REDACTED)}", ", ".join(unknown))
        require(self.file is None or bool(self.file.strip()), "file", "must name a file", repr(self.file))


@dataclass(kw_only=True)
class MigrateJob:
    """Settings of `placement migrate`."""

    dry_run: bool = setting(True, "say what would change and change nothing")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")


ACTIONS = ("list", "pin", "unpin", "approve", "prune")


@dataclass(kw_only=True)
class RunsJob:
    """Settings of `placement runs`."""

    action: str = setting("list", "list, pin, unpin, approve or prune")
    run: str = setting("latest", "run to pin or approve: latest, previous or its id")
    by: str = setting("", "approve: who approves")
    job: str | None = setting(None, "list: runs of this job only")
    case: str | None = setting(None, "list: runs of this case only")
    status: str | None = setting(None, "list: runs of this status only")
    limit: int = setting(20, "list: newest runs shown")
    older_than_days: float = setting(90.0, "prune: younger runs stay")
    keep: int = setting(10, "prune: newest runs of each job and case that stay; pinned and approved ones stay too")
    dry_run: bool = setting(True, "prune: say what would go and remove nothing")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        require(self.action in ACTIONS, "action", f"must be one of {', '.join(ACTIONS)}", self.action)
        approves = self.action == "approve"
        require(not approves or bool(self.by.strip()), "by", "must say who approves", "nothing", "Add 'by=\"name or role\"'.")
        require(self.limit >= 1, "limit", "must be >= 1 run", self.limit)
        require(self.older_than_days >= 0, "older_than_days", "must be >= 0 days", self.older_than_days)
        require(self.keep >= 0, "keep", "must be >= 0 runs", self.keep)
