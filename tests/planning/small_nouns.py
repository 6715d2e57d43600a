"""A case made by hand, small enough to compute its needs on paper, and easy to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from optimizer.domain.calendar import Block, Calendar, Period
from optimizer.domain.case import Case
from optimizer.domain.demand import Demand, DemandUnit, Scenario
from optimizer.domain.supply import Accelerator, Access, Pool, Site, Supplier
from optimizer.domain.workload import Kind, Model, Origin, Precision, TrainingRun, Workload

FLAT = (1.0,) * 24
# busy from 9 to 17 local time on weekdays, flat and low at weekends
OFFICE = tuple(3.0 if 9 <= hour < 17 else 1.0 for hour in range(24))

PERIODS = (
    Period(name="jan", start=date(2026, 1, 1), end=date(2026, 2, 1)),
    Period(name="feb", start=date(2026, 2, 1), end=date(2026, 3, 1)),
    Period(name="mar", start=date(2026, 3, 1), end=date(2026, 4, 1)),
)
BLOCKS = (Block(name="night", start_hour=0, end_hour=12), Block(name="day", start_hour=12, end_hour=24))

H100 = Accelerator(
    name="h100", bf16_tflops=989, fp8_tflops=1979, fp4_tflops=None, hbm_gb=80, hbm_tb_per_s=3.35, link_gb_per_s=900, max_parallel=8
)
A100 = replace(H100, name="a100", bf16_tflops=312, fp8_tflops=None, hbm_tb_per_s=2.04, link_gb_per_s=600)
DENSE = Model(
    name="dense",
    parameters_b=70,
    active_parameters_b=70,
    expert_parameters_b=0,
    experts=1,
    experts_per_token=1,
    layers=80,
    hidden_size=8192,
    kv_heads=8,
    kv_bytes_per_token=163_840,
    attention_flops_per_token_per_context_token=2.6e6,
)
PARIS = Origin(name="paris", latitude=48.86, longitude=2.35, time_zone="Europe/Paris", weekday_profile=FLAT, weekend_profile=FLAT)


def site(name: str, **changes: Any) -> Site:
    plain = Site(
        name=name,
        supplier="cloud",
        latitude=50.1,
        longitude=8.7,
        jurisdiction="DE",
        access=Access.FIBRE,
        availability=1.0,
        bandwidth_gb_per_s=None,
        egress_usd_per_gb=0.05,
    )
    return replace(plain, **changes)


def workload(name: str, kind: Kind = Kind.INFERENCE, **changes: Any) -> Workload:
    plain = Workload(
        name=name,
        kind=kind,
        model="dense",
        precision=Precision.BF16,
        residency=None,
        accelerators_allowed=None,
        ttft_p95_ms=None,
        tpot_ms=None,
        spot_allowed=False,
        priority=1,
        shortage_penalty=10.0,
        split=1,
        move_cost=0.0,
        data_gb=0.0,
    )
    return replace(plain, **changes)


def demand(name: str, unit: DemandUnit, mean: float | None, origin: str | None = "paris", **changes: Any) -> tuple[Demand, ...]:
    """The same row in each of the three periods."""
    plain = Demand(
        workload=name,
        origin=origin,
        period="jan",
        unit=unit,
        mean=mean,
        p10=None,
        p50=None,
        p90=None,
        prompt_tokens=None,
        output_tokens=None,
        peak_factor=1.0,
    )
    return tuple(replace(plain, **({"period": period.name} | changes)) for period in PERIODS)


def run(name: str, **changes: Any) -> TrainingRun:
    plain = TrainingRun(
        name=name,
        workload="pretrain",
        tokens=2e11,
        window_start=date(2026, 1, 1),
        window_end=date(2026, 4, 1),
        gang_sizes=(512, 1024),
        sequence_length=4096,
        data_site=None,
        data_gb=0.0,
        delay_cost=0.0,
    )
    return replace(plain, **changes)


def case(**changes: Any) -> Case:
    """Two pools of one supplier, at one place: one of h100, one of a100; nothing to run."""
    plain = Case(
        name="by hand",
        as_of=date(2026, 1, 1),
        calendar=Calendar(periods=PERIODS, blocks=BLOCKS),
        suppliers=(Supplier(name="cloud", kind="gpu_cloud"),),
        sites=(site("frankfurt"),),
        accelerators=(H100, A100),
        models=(DENSE,),
        pools=(Pool(name="new", site="frankfurt", accelerator="h100"), Pool(name="old", site="frankfurt", accelerator="a100")),
        offers=(),
        contracts=(),
        other_spend=(),
        price_points=(),
        exchange_rates=(),
        workloads=(),
        measured_throughput=(),
        origins=(PARIS,),
        demand=(),
        training_runs=(),
        placements=(),
        scenarios=(Scenario(name="base", probability=1.0, demand_quantile=0.5),),
        limits=(),
        allowed_sites=(),
        pins=(),
        round_trips=(),
    )
    return replace(plain, **changes)
