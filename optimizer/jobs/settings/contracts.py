"""Settings of `placement audit` and `placement quote`."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.jobs.settings.groups import (
    CalibrationSettings,
    CaseSettings,
    EconomicsSettings,
    ExecutorSettings,
    ScenarioSettings,
    SolverSettings,
    TableSettings,
)
from optimizer.jobs.settings.planning import PlanSettings
from optimizer.jobs.settings.values import MOST_DAYS, group, require, setting


@dataclass(kw_only=True)
class AuditSettings:
    """What to audit beside what tables and one plan say."""

    prices: bool = setting(True, "price clauses, first exits and losses of suppliers by plans without them")
    time_limit_s: float = setting(300.0, "seconds for the whole audit: what is left after its plan goes into these prices")
    within_days: int = setting(180, "decisions are listed whose last day comes within so many days")

    def __post_init__(self) -> None:
        require(self.time_limit_s > 0, "audit.time_limit_s", "must be > 0 s", self.time_limit_s)
        require(0 <= self.within_days <= MOST_DAYS, "audit.within_days", f"must be 0 to {MOST_DAYS} days", self.within_days)


@dataclass(kw_only=True)
class AuditJob(PlanSettings):
    """Settings of `placement audit`."""

    audit: AuditSettings = group(AuditSettings, "what to audit beside what tables and one plan say")
    executor: ExecutorSettings = group(ExecutorSettings, "where many solves are done")


@dataclass(kw_only=True)
class QuoteSettings:
    """What is asked about, and how closely."""

    contracts: list[str] | None = setting(None, "Proposed contracts; null: all that can still be signed")
    offers: list[str] | None = setting(None, "market offers to plan at a lower price too; null: none. All not used have a price of entry")
    width: float = setting(0.02, "stop when the break-even price is known within this share of the offered price")
    least_use: float = setting(0.01, "share of a market offer's accelerator-hours that counts as using it")
    time_limit_s: float | None = setting(540.0, "seconds until which quotes are searched, the joint plan included; null: none")

    def __post_init__(self) -> None:
        require(0 < self.width < 1, "quote.width", "must be a share in (0, 1)", self.width)
        require(0 < self.least_use <= 1, "quote.least_use", "must be a share in (0, 1]", self.least_use)
        seconds = self.time_limit_s
        require(seconds is None or seconds > 0, "quote.time_limit_s", "must be > 0 s, or null for none", seconds)


@dataclass(kw_only=True)
class QuoteHorizonSettings:
    """How far to look ahead."""

    periods: int | None = setting(
        None, "first periods of the calendar; null: to the end of the last quote. Later payments count with 1 - x_TerminalUseShare"
    )

    def __post_init__(self) -> None:
        require(self.periods is None or self.periods >= 1, "horizon.periods", "must be >= 1 period, or null", self.periods)


@dataclass(kw_only=True)
class QuoteJob:
    """Settings of `placement quote`."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    quote: QuoteSettings = group(QuoteSettings, "what is asked about, and how closely")
    horizon: QuoteHorizonSettings = group(QuoteHorizonSettings, "how far to look ahead")
    solver: SolverSettings = group(SolverSettings, "how to search for the joint plan, and when to stop")
    executor: ExecutorSettings = group(ExecutorSettings, "where many solves are done")
    economics: EconomicsSettings = group(EconomicsSettings, "what money is worth over time")
    scenarios: ScenarioSettings = group(ScenarioSettings, "sample scenarios of demand instead of reading them")
    calibration: CalibrationSettings = group(CalibrationSettings, "what the surfaces were fitted to")
    output: TableSettings = group(TableSettings, "where runs are written")
    seed: int = setting(0, "seed of everything random")

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)
