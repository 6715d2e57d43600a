"""Settings of `placement backtest`."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.jobs.settings.groups import (
    CalibrationSettings,
    CaseSettings,
    EconomicsSettings,
    ExecutorSettings,
    HorizonSettings,
    ScenarioSettings,
    SolverSettings,
    TableSettings,
)
from optimizer.jobs.settings.values import group, require, setting


@dataclass(kw_only=True)
class BacktestSettings:
    """What is replayed."""

    months: int = setting(18, "months of a history that is made from the case; most periods of a recorded one")
    histories: int = setting(1, "histories to make, with the seeds from `seed` on")
    hindsight_time_limit_s: float = setting(60.0, "seconds of search for the plan of hindsight")

    def __post_init__(self) -> None:
        require(self.months >= 2, "backtest.months", "must be >= 2 months", self.months)
        require(self.histories >= 1, "backtest.histories", "must be >= 1", self.histories)
        require(self.hindsight_time_limit_s > 0, "backtest.hindsight_time_limit_s", "must be > 0 s", self.hindsight_time_limit_s)


@dataclass(kw_only=True)
class BacktestJob:
    """Settings of `placement backtest`."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    backtest: BacktestSettings = group(BacktestSettings, "what is replayed")
    horizon: HorizonSettings = group(HorizonSettings, "how far each decision looks ahead")
    solver: SolverSettings = group(SolverSettings, "how to search for each of our plans, and when to stop")
    economics: EconomicsSettings = group(EconomicsSettings, "what money is worth over time")
    scenarios: ScenarioSettings = group(ScenarioSettings, "sample scenarios of demand for each plan; how histories wander")
    executor: ExecutorSettings = group(ExecutorSettings, "where several histories are replayed")
    calibration: CalibrationSettings = group(CalibrationSettings, "what the surfaces were fitted to")
    output: TableSettings = group(TableSettings, "where runs are written")
    seed: int = setting(0, "seed of everything random; that of the first history")

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)
