"""Which jobs there are. Imports no job: `--help` answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimizer.errors import ConfigError
from optimizer.jobs.settings import (
    AuditJob,
    BacktestJob,
    CalibrateJob,
    CheckJob,
    CompareJob,
    ExportJob,
    ImportJob,
    InitJob,
    MigrateJob,
    PlanJob,
    QuoteJob,
    ReplanJob,
    ReportJob,
    RunsJob,
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job: its module under optimizer.jobs, named as the job or by `module`, has a function `run(settings) -> exit code`."""

    name: str
    summary: str
    settings: type[Any]
    examples: tuple[str, ...]
    module: str = ""  # where the job's name is a word of the language

    def load(self) -> Callable[[Any], int]:
        run: Callable[[Any], int] = importlib.import_module(f"optimizer.jobs.{self.module or self.name}").run
        return run


JOBS = {
    job.name: job
    for job in (
        Job(
            name="plan",
            summary="decide placements and contracts at the least expected cost, with a proof of how far from optimal",
            settings=PlanJob,
            examples=(
                "placement plan",
                "placement plan case=small horizon.periods=6",
                "placement plan case.path=/my/lab solver.time_limit_s=300 output.csv=true",
                "placement plan -m case=small solver.backend=highs,cp_sat",
                "placement plan from_run=latest solver.time_limit_s=300",
            ),
        ),
        Job(
            name="replan",
            summary="the nightly job: plan again from what runs and from the last plan, steadily, and say what changed in money",
            settings=ReplanJob,
            examples=(
                "placement replan as_of=today case.path=/my/lab steadiness.frozen_periods=1 steadiness.most_moves=20",
                "placement replan as_of=2026-09-15 solver.deterministic_limit=20",
            ),
        ),
        Job(
            name="backtest",
            summary="say what following the planner would have cost over a history, beside other policies and hindsight",
            settings=BacktestJob,
            examples=(
                "placement backtest",
                "placement backtest backtest.histories=20",
                "placement backtest case.path=/my/lab horizon.periods=12 solver.time_limit_s=60",
            ),
        ),
        Job(
            name="audit",
            summary="say what contracts lock in, what leaving costs, what is due and what each clause costs",
            settings=AuditJob,
            examples=(
                "placement audit",
                "placement audit audit.prices=false",
                "placement audit case.path=/my/lab audit.time_limit_s=1800 audit.within_days=365",
            ),
        ),
        Job(
            name="quote",
            summary="say at which price and volume a quote pays, and what to negotiate",
            settings=QuoteJob,
            examples=(
                "placement quote",
                "placement quote quote.contracts=[gpu_cloud_b_b300] quote.time_limit_s=1200",
                "placement quote case=small quote.offers=[dallas_mi300x_on_demand]",
            ),
        ),
        Job(
            name="check",
            summary="read a case, report every rule that its tables break, and say what a plan still needs",
            settings=CheckJob,
            examples=("placement check", "placement check case.path=/my/lab"),
        ),
        Job(
            name="calibrate",
            summary="fit the surfaces to measurements and say how far off they are on those held out",
            settings=CalibrateJob,
            examples=(
                "placement calibrate round_trips=pairs.csv 'source=\"our probes, June\"'",
                "placement calibrate training=runs.csv base=none 'source=\"our runs of 2026\"'",
                "placement plan calibration.path=runs/RUN/calibration.json",
            ),
        ),
        Job(
            name="compare",
            summary="put two plans side by side: what differs in cost, contracts, placements and inputs",
            settings=CompareJob,
            examples=("placement compare", "placement compare run=latest other=20260801T060000.123Z-3fa91c"),
        ),
        Job(
            name="report",
            summary="make the page of a run again, or one to share: without prices, without the names of suppliers",
            settings=ReportJob,
            examples=("placement report", "placement report run=latest redact=prices,suppliers file=plan.html"),
        ),
        Job(
            name="init",
            summary="write an empty case, one table per file with its columns explained, or a copy of one that comes with the planner",
            settings=InitJob,
            examples=("placement init folder=/my/lab", "placement init folder=lab from_case=small"),
        ),
        Job(
            name="runs",
            summary="list, pin, approve and prune the runs of a folder",
            settings=RunsJob,
            examples=(
                "placement runs job=plan case=frontier_lab",
                "placement runs action=approve run=latest 'by=\"capacity planning\"'",
                "placement runs action=prune older_than_days=30 keep=5 dry_run=false",
            ),
        ),
        Job(
            name="migrate",
            summary="bring runs of earlier planners into the layout that this one reads, after a preview",
            settings=MigrateJob,
            examples=("placement migrate", "placement migrate dry_run=false output.folder=/var/lib/placement/runs"),
        ),
        Job(
            name="import",
            summary="take contracts, charges, offers or price points from another program's file into a case",
            settings=ImportJob,
            module="importing",
            examples=(
                "placement import source=focus_1_4 file=contract_commitment.csv case.path=/my/lab dry_run=true",
                "placement import source=focus_costs file=cost_and_usage.csv case.path=/my/lab",
                "placement import source=skypilot file=aws.csv supplier=north as_of=2026-07-20 case.path=/my/lab",
                "placement import source=aws_prices file=prices.csv as_of=2026-07-20 case.path=/my/lab",
            ),
        ),
        Job(
            name="export",
            summary="write a case's contracts, charges and a plan's costs as FOCUS",
            settings=ExportJob,
            module="exporting",
            examples=("placement export case.path=/my/lab", "placement export case.path=/my/lab format=focus_1_3 run=latest"),
        ),
    )
}


def job_named(name: str) -> Job:
    """The job of that name.

    Raises:
      ConfigError: there is none; the message lists those there are.
    """
    if name in JOBS:
        return JOBS[name]
    raise ConfigError("placement", "must be a job", name, f"Jobs: {', '.join(JOBS)}. See placement --help.")
