"""How much is asked for, where and when, and how it may turn out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DemandUnit(StrEnum):
    REQUESTS_PER_S = "requests_per_s"
    TOKENS_PER_DAY = "tokens_per_day"
    ACCELERATORS = "accelerators"


class Quantity(StrEnum):
    """What a scenario multiplies."""

    DEMAND = "demand"
    PRICE = "price"


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Mean demand over a period, or its quantiles; the origin's profile gives the hours.

    For inference in accelerators the figure is the busy-hour count; for research it is the mean number
    of accelerators kept busy, for batch tokens per day to be done by the end of the period.
    """

    workload: str
    origin: str | None  # None for research and batch
    period: str
    unit: DemandUnit
    mean: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    prompt_tokens: float | None  # per request
    output_tokens: float | None
    peak_factor: float  # busiest minute over the busiest hour's mean, >= 1


@dataclass(frozen=True, kw_only=True)
class Multiplier:
    """Multiplies a quantity wherever the given names match; None matches everything."""

    quantity: Quantity
    workload: str | None
    origin: str | None
    supplier: str | None
    period: str | None
    factor: float


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way that demand and market prices may turn out."""

    name: str
    probability: float
    demand_quantile: float  # of rows that give quantiles, (0, 1); rows with a mean ignore it
    multipliers: tuple[Multiplier, ...] = ()
