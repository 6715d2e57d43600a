"""Who supplies accelerators, where they stand, and what the market charges for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Access(StrEnum):
    """How a site's traffic reaches users."""

    FIBRE = "fibre"
    SATELLITE_RELAY = "satellite_relay"
    ORBITAL = "orbital"


class OfferKind(StrEnum):
    ON_DEMAND = "on_demand"
    SPOT = "spot"


@dataclass(frozen=True, kw_only=True)
class Supplier:
    name: str
    kind: str  # hyperscaler | gpu_cloud | owned | edge | satellite


@dataclass(frozen=True, kw_only=True)
class Site:
    name: str
    supplier: str
    latitude: float  # degrees
    longitude: float  # degrees
    jurisdiction: str
    access: Access
    availability: float  # share of drawn accelerators that work, (0, 1]
    bandwidth_gb_per_s: float | None  # gigabytes / s between site and users; None: no limit
    egress_usd_per_gb: float


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One accelerator's rated figures (dense arithmetic)."""

    name: str
    bf16_tflops: float
    fp8_tflops: float | None
    fp4_tflops: float | None
    hbm_gb: float
    hbm_tb_per_s: float
    link_gb_per_s: float
    max_parallel: int  # accelerators in one high-bandwidth domain


@dataclass(frozen=True, kw_only=True)
class Pool:
    """One accelerator type at one supplier's site; capacity within it is fungible."""

    name: str
    site: str
    accelerator: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Market capacity in a pool, valid [start, end); spot may be interrupted."""

    name: str
    pool: str
    kind: OfferKind
    price: float  # USD / accelerator-hour
    start: date | None
    end: date | None
    limit: float | None  # accelerators; None: as many as asked for
    loss_share: float  # share of spot hours lost to interruption, [0, 1); 0 for on-demand


@dataclass(frozen=True, kw_only=True)
class OtherSpend:
    """Spend that no workload causes (CPU, storage, network), by supplier and period."""

    supplier: str
    period: str
    spend: float  # USD cash in the period
    contract: str | None  # whose minimum spend it counts towards
    eligible_share: float  # of the spend, [0, 1]


@dataclass(frozen=True, kw_only=True)
class PricePoint:
    """A dated market observation; append-only."""

    observed_on: date
    supplier: str
    accelerator: str
    region: str | None
    term_months: float  # 0: on demand
    kind: str  # list | quote | reported | index
    price: float  # USD / accelerator-hour


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """A measured round trip; it always wins over the network model."""

    origin: str
    site: str
    rtt_ms: float


@dataclass(frozen=True, kw_only=True)
class ExchangeRate:
    currency: str
    period: str | None  # None: every period without a row of its own
    usd_per_unit: float
    scenario: str | None = None  # None: every scenario without a row of its own


@dataclass(frozen=True, kw_only=True)
class IndexValue:
    """Value of a price index, in any unit: contracts name the value at which their prices hold."""

    index: str
    period: str | None  # None: every period without a row of its own
    scenario: str | None  # None: every scenario without a row of its own
    value: float


@dataclass(frozen=True, kw_only=True)
class RegisteredClause:
    """A clause without arithmetic, for people to review."""

    contract: str
    section: str
    category: str
    text: str
    blocks_multi_supplier: bool
    owner: str
    reviewed_on: date | None  # None: not yet
