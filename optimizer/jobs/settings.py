"""Settings of the jobs, one dataclass per config group. Units stand in the names; values are checked here.

These classes are the schemas of configs/*.yaml and the source of every `--help`, so they import nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from optimizer.errors import ConfigError

METHODS = ("price_and_assign", "exact")
OWN = "own"  # the case whose tables are the user's


def setting(default: Any, meaning: str) -> Any:
    """A field with its default and the line that `--help` prints for it."""
    return field(default=default, metadata={"help": meaning})


def group(settings: type[Any], meaning: str) -> Any:
    """A config group: a field that holds a settings class of its own."""
    return field(default_factory=settings, metadata={"help": meaning})


def require(holds: bool, key: str, rule: str, got: object, remedy: str = "Correct the value.") -> None:
    if not holds:
        raise ConfigError(key, rule, got, remedy)


@dataclass(kw_only=True)
class CaseSettings:
    """Which case: `case=NAME` for one that is shipped, `case.path=FOLDER` for your own."""

    name: str = setting("frontier_lab", "set by case=NAME")
    path: str | None = setting(None, "folder of your own tables (CSV or Parquet)")

    def __post_init__(self) -> None:
        rule = "must name a folder with case=own, and nothing with a case that is shipped"
        require((self.name == OWN) == bool(self.path), "case.path", rule, f"case={self.name} case.path={self.path}", "Give one of the two.")


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
    time_limit_s: float | None = setting(60.0, "seconds of search; null: none")
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
class EconomicsSettings:
    """What money is worth over time."""

    annual_discount_rate: float = setting(0.08, "share per year by which later payments count less")

    def __post_init__(self) -> None:
        rate = self.annual_discount_rate
        key = "economics.annual_discount_rate"
        require(-0.5 < rate < 1, key, "must be a share per year in (-0.5, 1)", rate, "Give 0.08 for 8 % a year.")


@dataclass(kw_only=True)
class OutputSettings:
    """Where runs are written."""

    folder: str = setting("runs", "folder in which each run makes a folder of its own")
    csv: bool = setting(False, "write the tables as CSV too")
    pictures: bool = setting(True, "draw the pictures (SVG)")

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


@dataclass(kw_only=True)
class PlanSettings:
    """What every job that plans is told."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "how far to look ahead")
    solver: SolverSettings = group(SolverSettings, "how to search, and when to stop")
    economics: EconomicsSettings = group(EconomicsSettings, "what money is worth over time")
    scenarios: ScenarioSettings = group(ScenarioSettings, "sample scenarios of demand instead of reading them")
    calibration: CalibrationSettings = group(CalibrationSettings, "what the surfaces were fitted to")
    output: OutputSettings = group(OutputSettings, "where runs are written")
    seed: int = setting(0, "seed of everything random")

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)


@dataclass(kw_only=True)
class PlanJob(PlanSettings):
    """Settings of `placement plan`."""

    from_run: str | None = setting(None, "make the plan of a run again: latest, previous or its id; settings given override its own")


@dataclass(kw_only=True)
class SteadinessSettings:
    """What keeps a nightly plan from thrashing."""

    frozen_periods: int = setting(0, "first periods in which loads stay where the last plan has them")
    most_moves: int | None = setting(None, "loads that may change pool at the start of any one period; null: what the case allows")
    least_saving_per_move_usd: float = setting(0.0, "what a move must save; it is counted as a cost of every move")
    least_saving_share: float = setting(1e-4, "share of the cost that a plan must save over the last plan's decisions, or these stand")

    def __post_init__(self) -> None:
        require(self.frozen_periods >= 0, "steadiness.frozen_periods", "must be >= 0 periods", self.frozen_periods)
        most = self.most_moves
        require(most is None or most >= 0, "steadiness.most_moves", "must be >= 0 loads, or null", most)
        usd = self.least_saving_per_move_usd
        require(usd >= 0, "steadiness.least_saving_per_move_usd", "must be >= 0 USD", usd)
        require(0 <= self.least_saving_share < 1, "steadiness.least_saving_share", "must be a share in [0, 1)", self.least_saving_share)


@dataclass(kw_only=True)
class WatchSettings:
    """When a nightly plan raises an alert."""

    days: int = setting(30, "days before which a decision that is due is told")
    drift_share: float = setting(0.1, "change of a workload's demand since the last plan that is told")
    soft_age_days: int | None = setting(None, "age of a table's newest row from which it is told; null: never")
    hard_age_days: int | None = setting(None, "age of a table's newest row from which no plan is made; null: never")
    unserved_share: float = setting(0.01, "share of accelerator-hours not served that is told")
    fail_on_alert: bool = setting(False, "exit with 6 when an alert is raised")
    metrics_file: str | None = setting(None, "file for Prometheus' text format, renamed into place; null: none")

    def __post_init__(self) -> None:
        require(self.days >= 0, "watch.days", "must be >= 0 days", self.days)
        require(self.drift_share >= 0, "watch.drift_share", "must be >= 0", self.drift_share)
        for name in ("soft_age_days", "hard_age_days"):
            age = getattr(self, name)
            require(age is None or age >= 0, f"watch.{name}", "must be >= 0 days, or null", age)
        require(0 <= self.unserved_share <= 1, "watch.unserved_share", "must be a share in [0, 1]", self.unserved_share)


@dataclass(kw_only=True)
class ReplanJob(PlanSettings):
    """Settings of `placement replan`."""

    as_of: str | None = setting(None, "plan as of this day (YYYY-MM-DD) without becoming the last plan; null: the case's date")
    last: str = setting("latest", "last plan: latest (of replan, else of plan, for this case), the id of a run, or none")
    steadiness: SteadinessSettings = group(SteadinessSettings, "what keeps the plan from thrashing")
    watch: WatchSettings = group(WatchSettings, "when an alert is raised")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.as_of is not None:
            try:
                date.fromisoformat(self.as_of)
            except ValueError:
                raise ConfigError("as_of", "must be a day", self.as_of, "Write YYYY-MM-DD.") from None


@dataclass(kw_only=True)
class AuditSettings:
    """What to audit beside what tables and one plan say."""

    prices: bool = setting(True, "price clauses, first exits and losses of suppliers by plans without them")
    prices_time_limit_s: float = setting(225.0, "seconds for all of these plans together")
    processes: int | None = setting(None, "plans made at once; null: one a core")
    within_days: int = setting(180, "decisions are listed whose last day comes within so many days")

    def __post_init__(self) -> None:
        require(self.prices_time_limit_s > 0, "audit.prices_time_limit_s", "must be > 0 s", self.prices_time_limit_s)
        require(self.processes is None or self.processes >= 1, "audit.processes", "must be >= 1, or null", self.processes)
        require(self.within_days >= 0, "audit.within_days", "must be >= 0 days", self.within_days)


@dataclass(kw_only=True)
class AuditJob(PlanSettings):
    """Settings of `placement audit`."""

    audit: AuditSettings = group(AuditSettings, "what to audit beside what tables and one plan say")


@dataclass(kw_only=True)
class QuoteSettings:
    """What is asked about, and how closely."""

    contracts: list[str] | None = setting(None, "Proposed contracts; null: all that can still be signed")
    offers: list[str] | None = setting(None, "market offers to plan at a lower price too; null: none. All not used have a price of entry")
    width: float = setting(0.02, "stop when the break-even price is known within this share of the offered price")
    least_use: float = setting(0.01, "share of a market offer's accelerator-hours that counts as using it")
    time_limit_s: float | None = setting(420.0, "seconds for all solves after the joint plan; null: none")
    processes: int = setting(2, "solves at once, each on its share of the cores")

    def __post_init__(self) -> None:
        require(0 < self.width < 1, "quote.width", "must be a share in (0, 1)", self.width)
        require(0 < self.least_use <= 1, "quote.least_use", "must be a share in (0, 1]", self.least_use)
        seconds = self.time_limit_s
        require(seconds is None or seconds > 0, "quote.time_limit_s", "must be > 0 s, or null for none", seconds)
        require(self.processes >= 1, "quote.processes", "must be >= 1", self.processes)


@dataclass(kw_only=True)
class QuoteHorizonSettings:
    """How far to look ahead."""

    periods: int | None = setting(
        None, "first periods of the calendar; null: to the end of the last quote. Later payments count with 1 - x_TerminalUseShare"
    )

    def __post_init__(self) -> None:
        require(self.periods is None or self.periods >= 1, "horizon.periods", "must be >= 1 period, or null", self.periods)


@dataclass(kw_only=True)
class TableSettings:
    """Where runs are written."""

    folder: str = setting("runs", "folder in which each run makes a folder of its own")
    csv: bool = setting(False, "write the tables as CSV too")

    def __post_init__(self) -> None:
        require(bool(self.folder), "output.folder", "must name a folder", repr(self.folder))


@dataclass(kw_only=True)
class QuoteJob:
    """Settings of `placement quote`."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    quote: QuoteSettings = group(QuoteSettings, "what is asked about, and how closely")
    horizon: QuoteHorizonSettings = group(QuoteHorizonSettings, "how far to look ahead")
    solver: SolverSettings = group(SolverSettings, "how to search for the joint plan, and when to stop")
    economics: EconomicsSettings = group(EconomicsSettings, "what money is worth over time")
    scenarios: ScenarioSettings = group(ScenarioSettings, "sample scenarios of demand instead of reading them")
    calibration: CalibrationSettings = group(CalibrationSettings, "what the surfaces were fitted to")
    output: TableSettings = group(TableSettings, "where runs are written")
    seed: int = setting(0, "seed of everything random")

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "must be >= 0", self.seed)


@dataclass(kw_only=True)
class CheckJob:
    """Settings of `placement check`."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "how far to look ahead")


@dataclass(kw_only=True)
class CalibrateJob:
    """Settings of `placement calibrate`."""

    serving: str | None = setting(None, "file of measured serving runs; models.csv and accelerators.csv beside it describe new names")
    anchors: str | None = setting(None, "file of further serving runs: the serving model moves towards them, without a fit")
    round_trips: str | None = setting(None, "file of measured round trips between regions")
    training: str | None = setting(None, "file of measured training runs")
    source: str = setting("", "where the measurements come from; must be given")
    base: str = setting("shipped", "calibration whose other parts are kept: shipped, none, or a file")
    output: OutputSettings = group(OutputSettings, "where runs are written")

    def __post_init__(self) -> None:
        given = [self.serving, self.anchors, self.round_trips, self.training]
        rule = "must name a file of measurements"
        require(any(given), "placement calibrate", rule, "none", "Add serving=FILE, anchors=FILE, round_trips=FILE or training=FILE.")
        require(bool(self.source), "source", "must say where the measurements come from", "nothing", "Add 'source=\"...\"'.")


@dataclass(kw_only=True)
class CompareOutputSettings:
    """Where runs lie, and where the comparison is written."""

    folder: str = setting("runs", "folder of the runs, in which the comparison makes a folder of its own")
    csv: bool = setting(False, "write the tables as CSV too")

    def __post_init__(self) -> None:
        require(bool(self.folder), "output.folder", "must name a folder", repr(self.folder))


@dataclass(kw_only=True)
class CompareJob:
    """Settings of `placement compare`."""

    run: str = setting("latest", "plan to look at: latest, previous or its id")
    other: str = setting("previous", "plan that it is compared with: latest, previous or its id")
    output: CompareOutputSettings = group(CompareOutputSettings, "where runs lie, and where the comparison is written")


@dataclass(kw_only=True)
class InitJob:
    """Settings of `placement init`."""

    folder: str = setting("", "new or empty folder for the tables; must be given")

    def __post_init__(self) -> None:
        require(bool(self.folder), "folder", "must name a new or empty folder", "nothing", "Add folder=NAME.")


ACTIONS = ("list", "pin", "unpin", "approve", "prune")


@dataclass(kw_only=True)
class RunsFolderSettings:
    """Where runs lie."""

    folder: str = setting("runs", "folder of the runs")

    def __post_init__(self) -> None:
        require(bool(self.folder), "output.folder", "must name a folder", repr(self.folder))


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


SOURCES = ("focus_1_3", "focus_1_4", "focus_costs", "skypilot", "gpuhunt", "aws_prices", "azure_prices", "price_history", "marketplace")
FORMATS = ("focus_1_4", "focus_1_3")


@dataclass(kw_only=True)
class CaseFolderSettings:
    """A case of one's own, which may be changed."""

    path: str = setting("", "folder of your own tables (CSV or Parquet); must be given")


@dataclass(kw_only=True)
class ImportJob:
    """Settings of `placement import`."""

    source: str = setting("", f"what the file is: {', '.join(SOURCES)}; must be given")
    file: str = setting("", "the file (CSV or Parquet), or a folder that placement export wrote; must be given")
    case: CaseFolderSettings = group(CaseFolderSettings, "the case to change")
    supplier: str | None = setting(None, "supplier of the case, for files that name none, or another")
    region: str | None = setting(None, "region, for a price history, which names none")
    as_of: str | None = setting(None, "day on which the file's figures were true, YYYY-MM-DD, for files that do not say")
    spot_loss_share: float | None = setting(None, "share of spot hours lost, which no catalogue states; null: no spot offers")
    source_text: str | None = setting(None, "text for the source column; null: the file's kind and name")
    dry_run: bool = setting(False, "say what would change and change nothing")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        require(self.source in SOURCES, "source", f"must be one of {', '.join(SOURCES)}", self.source or "nothing", "Add source=NAME.")
        require(bool(self.file), "file", "must name a file", "nothing", "Add file=FILE.")
        require(bool(self.case.path), "case.path", "must name the folder of a case of your own", "nothing", "Add case.path=FOLDER.")
        share = self.spot_loss_share
        require(share is None or 0 <= share < 1, "spot_loss_share", "must be a share in [0, 1)", share)
        require(self.as_of is None or _is_day(self.as_of), "as_of", "must be a day YYYY-MM-DD", self.as_of)


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass(kw_only=True)
class ExportJob:
    """Settings of `placement export`."""

    format: str = setting("focus_1_4", f"{' or '.join(FORMATS)}")
    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "set by case=NAME; every contract is written, whatever it is")
    run: str | None = setting(None, "plan whose costs are written too: latest, previous or its id")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        require(self.format in FORMATS, "format", f"must be {' or '.join(FORMATS)}", self.format)
