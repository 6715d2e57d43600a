"""Settings of the jobs, one dataclass per config group. Units stand in the names; values are checked there.

These classes are the schemas of configs/*.yaml and the source of every `--help`, so they import nothing heavy.
"""

from optimizer.jobs.settings.backtest import BacktestJob, BacktestSettings
from optimizer.jobs.settings.contracts import AuditJob, AuditSettings, QuoteHorizonSettings, QuoteJob, QuoteSettings
from optimizer.jobs.settings.groups import (
    CalibrationSettings,
    CaseFolderSettings,
    CaseSettings,
    EconomicsSettings,
    ExecutorSettings,
    HorizonSettings,
    OutlookSettings,
    OutputSettings,
    RiskSettings,
    RunsFolderSettings,
    ScenarioSettings,
    SolverSettings,
    TableSettings,
)
from optimizer.jobs.settings.planning import TODAY, PlanJob, PlanSettings, ReplanJob, SteadinessSettings, WatchSettings
from optimizer.jobs.settings.runs import ACTIONS, CompareJob, MigrateJob, ReportJob, RunsJob
from optimizer.jobs.settings.tables import FORMATS, SOURCES, CalibrateJob, CheckJob, ExportJob, ImportJob, InitJob
from optimizer.jobs.settings.values import EXECUTORS, METHODS, OWN

__all__ = [
    "ACTIONS",
    "EXECUTORS",
    "FORMATS",
    "METHODS",
    "OWN",
    "SOURCES",
    "TODAY",
    "AuditJob",
    "AuditSettings",
    "BacktestJob",
    "BacktestSettings",
    "CalibrateJob",
    "CalibrationSettings",
    "CaseFolderSettings",
    "CaseSettings",
    "CheckJob",
    "CompareJob",
    "EconomicsSettings",
    "ExecutorSettings",
    "ExportJob",
    "HorizonSettings",
    "ImportJob",
    "InitJob",
    "MigrateJob",
    "OutlookSettings",
    "OutputSettings",
    "PlanJob",
    "PlanSettings",
    "QuoteHorizonSettings",
    "QuoteJob",
    "QuoteSettings",
    "ReplanJob",
    "ReportJob",
    "RiskSettings",
    "RunsFolderSettings",
    "RunsJob",
    "ScenarioSettings",
    "SolverSettings",
    "SteadinessSettings",
    "TableSettings",
    "WatchSettings",
]
