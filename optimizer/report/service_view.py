"""What the pictures of a plan's services show: curves as columns."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.domain.surface import Floats


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """One service in its pool, at its busiest minute."""

    title: str  # load
    place: str  # pool and accelerator
    replicas: int
    trusted_utilisation: float  # above it nothing is planned
    utilisation: float  # planned
    ttft_limit_ms: float | None
    loads: Floats  # [K] load per replica
    ttft_p50_ms: Floats  # [K] network included
    ttft_p95_ms: Floats  # [K]
    arrivals_per_s: float  # planned
    arrivals: Floats  # [J] requests/s of steady loads
    million_tokens_per_hour: Floats  # [J] of one accelerator at these loads
    prices: tuple[tuple[str, float], ...]  # kinds of market offers and their price, USD per accelerator-hour
