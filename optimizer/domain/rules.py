"""Rules that a planner lays over the market: limits, pins, sites that weights may enter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class LimitKind(StrEnum):
    BUDGET = "budget"  # USD cash in a period in every scenario
    SUPPLIER_SHARE = "supplier_share"  # largest share of accelerator-hours drawn in a period, in every scenario
    FEWEST_SUPPLIERS = "fewest_suppliers"  # suppliers with a load placed in a period
    SITE_LOSS_RESERVE = "site_loss_reserve"  # share of the loss of any one site that spare capacity must cover
    MOVES = "moves"  # loads that change pool at the start of a period


@dataclass(frozen=True, kw_only=True)
class Limit:
    kind: LimitKind
    supplier: str | None  # None: all together for a budget, each for a share
    period: str | None  # None: each period
    value: float


@dataclass(frozen=True, kw_only=True)
class AllowedSite:
    """Weights of a model may run at this site; a model without rows may run anywhere."""

    model: str
    site: str


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A decision taken outside the planner, with its reason and owner; it lapses on `expires`."""

    subject: str  # load, training run, workload or contract
    action: str  # force | forbid
    pool: str | None  # None for contracts
    period: str | None  # None: every period
    reason: str
    owner: str
    expires: date | None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """From this day on the scenario is told apart from those of other groups; groups of a later day part those of earlier ones."""

    decided_on: date
    scenario: str
    group: str
