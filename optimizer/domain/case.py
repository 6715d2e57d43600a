"""Everything that the tables of a case say, checked, as nouns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from optimizer.domain.calendar import Calendar
from optimizer.domain.contract import Contract
from optimizer.domain.demand import Demand, Scenario
from optimizer.domain.history import DemandCame
from optimizer.domain.rules import AllowedSite, Limit, Pin, Stage
from optimizer.domain.supply import (
    Accelerator,
    ExchangeRate,
    IndexValue,
    Offer,
    OtherSpend,
    Pool,
    PricePoint,
    RegisteredClause,
    RoundTrip,
    Site,
    Supplier,
)
from optimizer.domain.workload import (
    MeasuredThroughput,
    Model,
    Origin,
    PlacementInForce,
    TrainingRun,
    Workload,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One lab's supply, work and rules. Names are unique within each noun; order is the tables' order."""

    name: str
    as_of: date
    calendar: Calendar
    suppliers: tuple[Supplier, ...]
    sites: tuple[Site, ...]
    accelerators: tuple[Accelerator, ...]
    models: tuple[Model, ...]
    pools: tuple[Pool, ...]
    offers: tuple[Offer, ...]
    contracts: tuple[Contract, ...]
    other_spend: tuple[OtherSpend, ...]
    price_points: tuple[PricePoint, ...]
    exchange_rates: tuple[ExchangeRate, ...]
    workloads: tuple[Workload, ...]
    measured_throughput: tuple[MeasuredThroughput, ...]
    origins: tuple[Origin, ...]
    demand: tuple[Demand, ...]
    training_runs: tuple[TrainingRun, ...]
    placements: tuple[PlacementInForce, ...]
    scenarios: tuple[Scenario, ...]
    limits: tuple[Limit, ...]
    allowed_sites: tuple[AllowedSite, ...]
    pins: tuple[Pin, ...]
    round_trips: tuple[RoundTrip, ...]
    index_values: tuple[IndexValue, ...] = ()
    clause_register: tuple[RegisteredClause, ...] = ()
    demand_history: tuple[DemandCame, ...] = ()  # as it came until the case's date, and beyond where a backtest reads it
    stages: tuple[Stage, ...] = ()  # none: everything is decided before any scenario is known
