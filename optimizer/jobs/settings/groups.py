"""Config groups that several jobs have."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.jobs.settings.values import EXECUTORS, METHODS, OWN, require, setting


@dataclass(kw_only=True)
class CaseSettings:
    """Which case: `case=NAME` for one that is shipped, `case.path=FOLDER` for your own."""

    name: str = setting("frontier_lab", "set by case=NAME")
    path: str | None = setting(None, "folder of your own tables (CSV or Parquet)")

    def __post_init__(self) -> None:
        rule = "must name a folder with case=own, and nothing with a case that is shipped"
        require((self.name == OWN) == bool(self.path), "case.path", rule, f"case={self.name} case.path={self.path}", "Give one of the two.")


@dataclass(kw_only=True)
class CaseFolderSettings:
    """A case of one's own, which may be changed."""

    path: str = setting("", "folder of your own tables (CSV or Parquet); must be given")


@dataclass(kw_only=True)
class HorizonSettings:
    """How far to look ahead."""

    periods: int | None = setting(None, "first periods of the calendar, null for all; case=frontier_lab sets 12")

    def __post_init__(self) -> None:
        require(self.periods is None or self.periods >= 1, "horizon.periods", "must be >= 1 period, or null for all", self.periods)


@dataclass(kw_only=True)
class SolverSettings:
    """How to search, and when to stop."""

    name: str = setting("price_and_assign", "method: price_and_assign or exact; set by solver=NAME")
    backend: str = setting("highs", "solver of integer programs: highs or cp_sat")
    time_limit_s: float | None = setting(60.0, "seconds of a search, or of placement plan as a whole; null: none")
    relative_gap: float = setting(1e-4, "stop when gap_usd is at most this share of objective_usd")
    threads: int = setting(2, "threads of the solver")
    deterministic_limit: int | None = setting(None, "stop after this much work, the same plan every time; null: none")
    explain: bool = setting(False, "fill sensitivities and alternatives also where a plan is found without prices")

    def __post_init__(self) -> None:
        require(self.name in METHODS, "solver.name", f"must be {' or '.join(METHODS)}", self.name)
        require(self.backend in ("highs", "cp_sat"), "solver.backend", "must be highs or cp_sat", self.backend)
        seconds = self.time_limit_s
        require(seconds is None or seconds > 0, "solver.time_limit_s", "must be > 0 s, or null for none", seconds)
        require(0 <= self.relative_gap < 1, "solver.relative_gap", "must be a share in [0, 1)", self.relative_gap)
        require(self.threads >= 1, "solver.threads", "must be >= 1", self.threads)
        limit = self.deterministic_limit
        require(limit is None or limit >= 1, "solver.deterministic_limit", "must be >= 1, or null for none", limit)


@dataclass(kw_only=True)
class ExecutorSettings:
    """Where many solves are done: `executor=processes` on this machine, `executor=ray` on a Ray cluster."""

    name: str = setting("processes", "set by executor=NAME: processes or ray")
    workers: int | None = setting(None, "solves at once, each on its share of the cores; null: one a core of this machine")
    address: str | None = setting(None, "head of the Ray cluster, HOST:PORT or auto; null: one on this machine while the job runs")

    def __post_init__(self) -> None:
        require(self.name in EXECUTORS, "executor.name", f"must be {' or '.join(EXECUTORS)}", self.name)
        require(self.workers is None or self.workers >= 1, "executor.workers", "must be >= 1, or null", self.workers)
        rule, remedy = "must be null with executor=processes", "Add executor=ray, or take the address out."
        require(self.name == "ray" or self.address is None, "executor.address", rule, self.address, remedy)


@dataclass(kw_only=True)
class SweepExecutorSettings(ExecutorSettings):
    """Where the plans of a sweep are made."""

    workers: int | None = setting(1, "plans at once, each on its share of the cores; 1: one after another; null: one a core")


@dataclass(kw_only=True)
class EconomicsSettings:
    """What money is worth over time."""

    annual_discount_rate: float = setting(0.08, "share per year by which later payments count less")

    def __post_init__(self) -> None:
        rate = self.annual_discount_rate
        key = "economics.annual_discount_rate"
        require(-0.5 < rate < 1, key, "must be a share per year in (-0.5, 1)", rate, "Give 0.08 for 8 % a year.")


@dataclass(kw_only=True)
class RiskSettings:
    """How much dear scenarios count: the plan minimises (1 - omega) expected cost + omega CVaR."""

    omega: float = setting(0.0, "weight of CVaR in the objective; 0: the expected cost alone")
    alpha: float = setting(0.95, "level of CVaR, the mean of the dearest 1 - alpha of scenarios")

    def __post_init__(self) -> None:
        require(0 <= self.omega <= 1, "risk.omega", "must be a weight in [0, 1]", self.omega)
        require(0 <= self.alpha < 1, "risk.alpha", "must be a share in [0, 1)", self.alpha, "Give 0.95 for the dearest 5 %.")


@dataclass(kw_only=True)
class OutlookSettings(RiskSettings):
    """How much dear scenarios count, and what the plan is tried on that it was not made for."""

    outside: int = setting(1000, "scenarios outside the sample in which the plan that stands is priced; 0: none")
    stress: bool = setting(True, "price the plan that stands in named stress cases")
    information: bool = setting(False, "solve each scenario alone: the value of perfect information and of planning for several scenarios")
    information_time_limit_s: float = setting(60.0, "seconds of each of these solves")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.outside <= 100_000, "risk.outside", "must be between 0 and 100,000 scenarios", self.outside)
        limit = self.information_time_limit_s
        require(limit > 0, "risk.information_time_limit_s", "must be > 0 s", limit)


@dataclass(kw_only=True)
class HomeSettings:
    """Where runs are written."""

    folder: str = setting("runs", "folder in which each run makes a folder of its own")

    def __post_init__(self) -> None:
        require(bool(self.folder), "output.folder", "must name a folder", repr(self.folder))


@dataclass(kw_only=True)
class TableSettings(HomeSettings):
    """Where runs are written, and how."""

    csv: bool = setting(False, "write the tables as CSV too")


@dataclass(kw_only=True)
class OutputSettings(TableSettings):
    """Where runs are written, how, and with which pictures."""

    pictures: bool = setting(True, "draw the pictures (SVG)")


@dataclass(kw_only=True)
class PictureSettings(HomeSettings):
    """Where runs are written, and with which pictures."""

    pictures: bool = setting(True, "draw the pictures (SVG)")


@dataclass(kw_only=True)
class RunsFolderSettings:
    """Where runs lie."""

    folder: str = setting("runs", "folder of the runs")

    def __post_init__(self) -> None:
        require(bool(self.folder), "output.folder", "must name a folder", repr(self.folder))


@dataclass(kw_only=True)
class CalibrationSettings:
    """What the surfaces were fitted to."""

    path: str | None = setting(None, "file that placement calibrate wrote; null: the calibration that is shipped")


@dataclass(kw_only=True)
class ScenarioSettings:
    """Sample scenarios of demand from the forecast's quantiles. Shares are of the variance of a forecast's error."""

    count: int | None = setting(None, "scenarios to plan for, sampled and reduced; null: those of the case's tables")
    samples: int = setting(1000, "samples of demand that they stand for")
    common_share: float = setting(0.4, "share that all services have in common")
    workload_share: float = setting(0.35, "share that a service has in common everywhere")
    origin_share: float = setting(0.1, "share that all services of an origin have in common; what is left is a service's own at an origin")
    memory_months: float = setting(12.0, "months after which the correlation over time has fallen to 1/e")
    from_history: bool = setting(False, "estimate shares and memory from demand_history; what it does not show is as above")
    stages: bool = setting(True, "decide as decision_stages says when scenarios are told apart; false: all before any scenario is known")

    def __post_init__(self) -> None:
        count = self.count
        require(count is None or 1 <= count <= self.samples, "scenarios.count", "must be between 1 and scenarios.samples, or null", count)
        require(1 <= self.samples <= 5000, "scenarios.samples", "must be between 1 and 5,000", self.samples)
        shares = {name: getattr(self, name) for name in ("common_share", "workload_share", "origin_share")}
        for name, share in shares.items():
            require(0 <= share <= 1, f"scenarios.{name}", "must be a share in [0, 1]", share)
        total = sum(shares.values())
        require(total <= 1 + 1e-9, "scenarios", "common_share, workload_share and origin_share together must be at most 1", total)
        require(self.memory_months > 0, "scenarios.memory_months", "must be > 0 months", self.memory_months)
