"""From checked tables to the nouns of the domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from optimizer.domain.calendar import HOURS_PER_DAY, Block, Calendar, Period
from optimizer.domain.case import Case
from optimizer.domain.demand import Demand, DemandUnit, Multiplier, Quantity, Scenario
from optimizer.domain.history import DemandCame, Vintage, newest_forecast
from optimizer.domain.rules import AllowedSite, Limit, LimitKind, Pin, Stage
from optimizer.domain.supply import (
    Accelerator,
    Access,
    ExchangeRate,
    IndexValue,
    Offer,
    OfferKind,
    OtherSpend,
    Pool,
    PricePoint,
    RegisteredClause,
    RoundTrip,
    Site,
    Supplier,
)
from optimizer.domain.workload import (
    Kind,
    MeasuredThroughput,
    Model,
    Origin,
    PlacementInForce,
    Precision,
    ServingTechniques,
    TrainingRun,
    Workload,
)
from optimizer.tables.columns import TableData
from optimizer.tables.contract_nouns import build_contracts, with_renewals
from optimizer.tables.rows import rows, values_of

Noun = TypeVar("Noun")
# field of the noun -> its column, or the column and what to make of its value
Fields = dict[str, "str | tuple[str, Callable[[Any], Any]]"]


def build_case(name: str, tables: Mapping[str, TableData], as_of: date | None = None) -> Case:
    """The case that checked tables describe; `as_of`: with forecasts issued by that day, None: by the case's date."""
    calendar = _calendar(tables)
    as_of = values_of(tables["calendar"], "as_of")[0] if as_of is None else as_of
    return Case(
        name=name,
        as_of=values_of(tables["calendar"], "as_of")[0],
        calendar=calendar,
        suppliers=_nouns(Supplier, tables["suppliers"], {"name": "supplier", "kind": "kind"}),
        sites=_nouns(Site, tables["sites"], _SITE),
        accelerators=_nouns(Accelerator, tables["accelerators"], _ACCELERATOR),
        models=_nouns(Model, tables["models"], _MODEL),
        pools=_nouns(Pool, tables["pools"], {"name": "pool", "site": "site", "accelerator": "accelerator"}),
        offers=_nouns(Offer, tables["offers"], _OFFER),
        contracts=with_renewals(build_contracts(tables)),
        other_spend=_nouns(OtherSpend, tables["other_spend"], _OTHER_SPEND),
        price_points=_nouns(PricePoint, tables["price_points"], _PRICE_POINT),
        exchange_rates=_nouns(ExchangeRate, tables["exchange_rates"], _same("currency period scenario usd_per_unit")),
        index_values=_nouns(IndexValue, tables["index_values"], _same("index period scenario value")),
        clause_register=_nouns(RegisteredClause, tables["clause_register"], _REGISTERED),
        workloads=_workloads(tables["workloads"]),
        measured_throughput=_nouns(MeasuredThroughput, tables["measured_throughput"], _MEASURED),
        origins=_origins(tables),
        demand=_known_demand(tables, as_of),
        demand_history=_nouns(DemandCame, tables["demand_history"], _DEMAND_CAME),
        training_runs=_nouns(TrainingRun, tables["training_runs"], _TRAINING_RUN),
        placements=_nouns(PlacementInForce, tables["placements"], _same("load pool")),
        scenarios=_scenarios(tables),
        limits=_nouns(Limit, tables["limits"], _same("supplier period value") | {"kind": ("kind", LimitKind)}),
        allowed_sites=_nouns(AllowedSite, tables["allowed_sites"], _same("model site")),
        pins=_nouns(Pin, tables["pins"], _same("subject action pool period reason owner expires")),
        round_trips=_nouns(RoundTrip, tables["round_trips"], _same("origin site rtt_ms")),
        stages=_nouns(Stage, tables["decision_stages"], _same("decided_on scenario group")),
    )


def _same(names: str) -> Fields:
    """Fields that are called as their columns."""
    return {name: name for name in names.split()}


def _given_or(other: Any) -> Callable[[Any], Any]:
    """What a blank cell stands for."""
    return lambda given: other if given is None else given


def _nouns(noun: Callable[..., Noun], data: TableData, fields: Fields) -> tuple[Noun, ...]:
    columns = []
    for source in fields.values():
        if isinstance(source, str):
            columns.append(values_of(data, source))
        else:
            column, make = source
            columns.append([make(value) for value in values_of(data, column)])
    return tuple(noun(**dict(zip(fields, row, strict=True))) for row in zip(*columns, strict=True))


def _calendar(tables: Mapping[str, TableData]) -> Calendar:
    """Periods by date and blocks by hour, whatever the order of their rows."""
    periods = _nouns(Period, tables["calendar"], {"name": "period", "start": "start", "end": "end"})
    blocks = _nouns(Block, tables["blocks"], {"name": "block", "start_hour": "start_hour_utc", "end_hour": "end_hour_utc"})
    return Calendar(
        periods=tuple(sorted(periods, key=lambda period: period.start)),
        blocks=tuple(sorted(blocks, key=lambda block: block.start_hour)),
    )


def build_vintages(tables: Mapping[str, TableData]) -> tuple[Vintage, ...]:
    """Forecasts of demand by the day on which they were issued, oldest first."""
    issued: dict[date, list[Demand]] = defaultdict(list)
    for row, day in zip(_nouns(Demand, tables["demand"], _DEMAND), values_of(tables["demand"], "issued_at"), strict=True):
        issued[day or date.min].append(row)
    return tuple(Vintage(issued_at=day, demand=tuple(rows)) for day, rows in sorted(issued.items()))


def _known_demand(tables: Mapping[str, TableData], as_of: date) -> tuple[Demand, ...]:
    """For each workload, origin and period the newest forecast; in the tables' order where none is dated."""
    return tuple(newest_forecast(build_vintages(tables), as_of).values())


def _origins(tables: Mapping[str, TableData]) -> tuple[Origin, ...]:
    weights: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for row in rows(tables["origin_profiles"]):
        weights[row["origin"], row["day_type"]][row["local_hour"]] = row["weight"]

    def profile(origin: str, day_type: str) -> tuple[float, ...]:
        by_hour = weights[origin, day_type]
        return tuple(by_hour[hour] for hour in range(HOURS_PER_DAY))

    return tuple(
        Origin(
            name=row["origin"],
            latitude=row["latitude_deg"],
            longitude=row["longitude_deg"],
            time_zone=row["time_zone"],
            weekday_profile=profile(row["origin"], "weekday"),
            weekend_profile=profile(row["origin"], "weekend"),
        )
        for row in rows(tables["origins"])
    )


def _workloads(data: TableData) -> tuple[Workload, ...]:
    techniques = _nouns(ServingTechniques, data, _TECHNIQUES)
    return tuple(replace(workload, techniques=own) for workload, own in zip(_nouns(Workload, data, _WORKLOAD), techniques, strict=True))


def _scenarios(tables: Mapping[str, TableData]) -> tuple[Scenario, ...]:
    multipliers: dict[str, list[Multiplier]] = defaultdict(list)
    for row in rows(tables["scenario_multipliers"]):
        fields = {name: row[name] for name in ("workload", "origin", "supplier", "period", "factor")}
        multipliers[row["scenario"]].append(Multiplier(quantity=Quantity(row["quantity"]), **fields))
    named = {name for table in ("exchange_rates", "index_values", "contract_deliveries") for name in values_of(tables[table], "scenario")}
    return tuple(
        Scenario(
            name=row["scenario"],
            world=row["scenario"] if row["scenario"] in named else None,
            probability=row["probability"],
            demand_quantile=row["demand_quantile"],
            multipliers=tuple(multipliers[row["scenario"]]),
        )
        for row in rows(tables["scenarios"])
    )


_SITE: Fields = {
    "name": "site",
    "supplier": "supplier",
    "latitude": "latitude_deg",
    "longitude": "longitude_deg",
    "jurisdiction": "jurisdiction",
    "access": ("access", Access),
    "availability": "availability_share",
    "bandwidth_gb_per_s": "bandwidth_gb_per_s",
    "egress_usd_per_gb": "egress_usd_per_gb",
}
_ACCELERATOR: Fields = {
    "name": "accelerator",
    **_same("bf16_tflops fp8_tflops fp4_tflops hbm_gb hbm_tb_per_s link_gb_per_s max_parallel"),
}
_MODEL: Fields = {
    "name": "model",
    **_same("parameters_b active_parameters_b expert_parameters_b experts experts_per_token layers hidden_size kv_heads"),
    **_same("kv_bytes_per_token attention_flops_per_token_per_context_token"),
}
_OFFER: Fields = {
    "name": "offer",
    "pool": "pool",
    "kind": ("kind", OfferKind),
    "price": "usd_per_accelerator_hour",
    "start": "valid_from",
    "end": "valid_to",
    "limit": "limit_accelerators",
    "loss_share": "loss_share",
}
_OTHER_SPEND: Fields = {
    **_same("supplier period eligible_share"),
    "spend": "spend_usd",
    "contract": "ContractCommitmentId",
}
_PRICE_POINT: Fields = {
    **_same("observed_on supplier accelerator region term_months kind"),
    "price": "usd_per_accelerator_hour",
}
_REGISTERED: Fields = {
    "contract": "ContractCommitmentId",
    **_same("section category text blocks_multi_supplier owner reviewed_on"),
}
_WORKLOAD: Fields = {
    "name": "workload",
    "kind": ("kind", Kind),
    "precision": ("precision", Precision),
    "shortage_penalty": "shortage_usd_per_accelerator_hour",
    "move_cost": "move_usd",
    **_same("model residency accelerators_allowed ttft_p95_ms tpot_ms spot_allowed priority split data_gb"),
}
_TECHNIQUES: Fields = {name: (name, _given_or(field.default)) for name, field in ServingTechniques.__dataclass_fields__.items()}
_MEASURED: Fields = {
    **_same("workload accelerator tokens_per_s_per_accelerator accelerators_per_replica"),
    "max_utilisation": "max_utilisation_share",
}
_DEMAND: Fields = {
    **_same("workload origin period mean p10 p50 p90 prompt_tokens output_tokens peak_factor"),
    "unit": ("unit", DemandUnit),
}
_DEMAND_CAME: Fields = {
    **_same("workload origin start end mean prompt_tokens output_tokens peak_factor"),
    "unit": ("unit", DemandUnit),
}
_TRAINING_RUN: Fields = {
    "name": "run",
    "delay_cost": "delay_usd_per_day",
    **_same("workload tokens window_start window_end gang_sizes sequence_length data_site data_gb"),
}
