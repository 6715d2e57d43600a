"""How much is asked for, where and when, and how it may turn out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
QUANTILES = (0.1, 0.5, 0.9)
_NORMAL = NormalDist()
KNOTS = tuple(_NORMAL.inv_cdf(quantile) for quantile in QUANTILES)  # normal deviates of the quantiles


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
    world: str | None = None  # by which name exchange rates, index values and deliveries speak of it; None: they do not
    # normal deviate of a demand row's quantile by workload, origin and period; rows not named are at demand_quantile
    deviates: Mapping[tuple[str, str | None, str], float] = field(default_factory=dict)


def deviates_in(scenarios: Sequence[Scenario], rows: Sequence[Demand]) -> Floats:
    """Normal deviates of the quantiles at which rows' demand is, [S, R]."""
    names = [(row.workload, row.origin, row.period) for row in rows]
    found = np.empty((len(scenarios), len(rows)))
    for s, scenario in enumerate(scenarios):
        otherwise = _NORMAL.inv_cdf(scenario.demand_quantile)
        found[s] = [scenario.deviates.get(name, otherwise) for name in names]
    return found


def values_at(quantiles: Floats, deviates: Floats) -> Floats:
    """Values at normal deviates, from those at 10, 50 and 90 %.

    The logarithm of the value is piecewise linear in the deviate; beyond 10 and 90 % the outer pieces go on. A piece
    that touches 0 is linear in the value itself, and never below 0.

    Args:
      quantiles: [R, 3] values at 10, 50 and 90 %.
      deviates: [..., R].

    Example: (50, 100, 200) at 0 is 100, at 1.2816 is 200, at 2 * 1.2816 is 400.
    """
    upper = deviates > KNOTS[1]
    low, high = (np.where(upper, quantiles[:, 1 + i], quantiles[:, i]) for i in (0, 1))
    start, end = (np.where(upper, KNOTS[1 + i], KNOTS[i]) for i in (0, 1))
    along = (deviates - start) / (end - start)
    touches = (low <= 0.0) | (high <= 0.0)
    from_log, to_log = (np.log(np.where(touches, 1.0, value)) for value in (low, high))
    bent = np.exp(from_log + along * (to_log - from_log))
    values: Floats = np.where(touches, np.maximum(0.0, low + along * (high - low)), bent)
    return values
