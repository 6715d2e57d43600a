"""Settings of `placement plan` and of the nightly job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from optimizer.errors import ConfigError
from optimizer.jobs.settings.groups import (
    CalibrationSettings,
    CaseSettings,
    EconomicsSettings,
    HorizonSettings,
    OutlookSettings,
    OutputSettings,
    RiskSettings,
    ScenarioSettings,
    SolverSettings,
    SweepExecutorSettings,
    TableSettings,
)
from optimizer.jobs.settings.values import MOST_DAYS, group, require, setting

TODAY = "today"


@dataclass(kw_only=True)
class PlanSettings:
    """What every job that plans is told."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "how far to look ahead")
    solver: SolverSettings = group(SolverSettings, "how to search, and when to stop")
    economics: EconomicsSettings = group(EconomicsSettings, "what money is worth over time")
    scenarios: ScenarioSettings = group(ScenarioSettings, "sample scenarios of demand instead of reading them")
    calibration: CalibrationSettings = group(CalibrationSettings, "what the surfaces were fitted to")
    output: TableSettings = group(TableSettings, "where runs are written")
    seed: int = setting(0, "seed of everything random")

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)


@dataclass(kw_only=True)
class PlanJob(PlanSettings):
    """Settings of `placement plan`."""

    output: OutputSettings = group(OutputSettings, "where runs are written")
    risk: OutlookSettings = group(OutlookSettings, "how much dear scenarios count, and what the plan is tried on")
    service_sensitivities: bool = setting(False, "write how services' cost and latency move with every input; compiles for minutes once")
    executor: SweepExecutorSettings = group(SweepExecutorSettings, "where the plans of a sweep (-m) are made")
    from_run: str | None = setting(None, "make the plan of a run again: latest, previous or its id; settings given override its own")


@dataclass(kw_only=True)
class SteadinessSettings:
    """What keeps a nightly plan from thrashing."""

    frozen_periods: int = setting(0, "first periods in which loads stay where the last plan has them")
    most_moves: int | None = setting(None, "loads that may change pool at the start of any one period; null: what the case allows")
    least_saving_per_load_share: float = setting(
        0.01, "what a load or run must save to be elsewhere than in the last plan, as a share of what loads and runs cost on average"
    )
    least_saving_per_move_usd: float = setting(0.0, "what a move must save; it is counted as a cost of every move")
    least_saving_share: float = setting(1e-4, "share of the cost that a plan must save over the last plan's decisions, or these stand")

    most_changed_spend_usd: float | None = setting(
        None, "cash by which payments to suppliers, over all periods, may differ from those of the last plan's decisions; null: any"
    )

    def __post_init__(self) -> None:
        require(self.frozen_periods >= 0, "steadiness.frozen_periods", "must be >= 0 periods", self.frozen_periods)
        most = self.most_moves
        require(most is None or most >= 0, "steadiness.most_moves", "must be >= 0 loads, or null", most)
        cash = self.most_changed_spend_usd
        require(cash is None or cash >= 0, "steadiness.most_changed_spend_usd", "must be >= 0 USD, or null", cash)
        usd = self.least_saving_per_move_usd
        require(usd >= 0, "steadiness.least_saving_per_move_usd", "must be >= 0 USD", usd)
        for name in ("least_saving_per_load_share", "least_saving_share"):
            share = getattr(self, name)
            require(0 <= share < 1, f"steadiness.{name}", "must be a share in [0, 1)", share)


@dataclass(kw_only=True)
class WatchSettings:
    """When a nightly plan raises an alert."""

    days: int = setting(30, "days before which a decision that is due is told")
    drift_share: float = setting(0.1, "change of a workload's demand since the last plan that is told")
    soft_age_days: int | None = setting(None, "age of a table's newest row from which it is told; null: never")
    hard_age_days: int | None = setting(None, "age of a table's newest row from which no plan is made; null: never")
    unserved_share: float = setting(0.01, "share of accelerator-hours not served that is told")
    shortfall_share: float = setting(0.01, "share of a contract's payments, or of its minimum until now, that is not reached and told")
    budget_share: float = setting(0.95, "share of a budget in use from which it is told")
    fail_on_alert: bool = setting(False, "exit with 6 when an alert is raised")
    metrics_file: str | None = setting(None, "file for Prometheus' text format, renamed into place; null: none")

    def __post_init__(self) -> None:
        require(0 <= self.days <= MOST_DAYS, "watch.days", f"must be 0 to {MOST_DAYS} days", self.days)
        require(self.drift_share >= 0, "watch.drift_share", "must be >= 0", self.drift_share)
        for name in ("soft_age_days", "hard_age_days"):
            age = getattr(self, name)
            require(age is None or age >= 0, f"watch.{name}", "must be >= 0 days, or null", age)
        for name in ("unserved_share", "shortfall_share", "budget_share"):
            require(0 <= getattr(self, name) <= 1, f"watch.{name}", "must be a share in [0, 1]", getattr(self, name))


@dataclass(kw_only=True)
class ReplanJob(PlanSettings):
    """Settings of `placement replan`."""

    output: OutputSettings = group(OutputSettings, "where runs are written")
    risk: RiskSettings = group(RiskSettings, "how much dear scenarios count")
    as_of: str | None = setting(
        None, "today (UTC), as a nightly job does; a day (YYYY-MM-DD): plan as of it without becoming the last plan; null: the case's date"
    )
    last: str = setting("latest", "last plan: latest (of replan, else of plan, for this case), the id of a run, or none")
    steadiness: SteadinessSettings = group(SteadinessSettings, "what keeps the plan from thrashing")
    watch: WatchSettings = group(WatchSettings, "when an alert is raised")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.as_of not in (None, TODAY):
            try:
                date.fromisoformat(str(self.as_of))
            except ValueError:
                raise ConfigError("as_of", "must be a day", self.as_of, "Write YYYY-MM-DD, or today.") from None
