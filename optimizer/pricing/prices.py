"""What pricing hands on: multipliers, the bound that they prove, and the best responses to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.inputs import Inputs
from optimizer.pricing.multipliers import Multipliers

MONEY = ("firm", "spot", "share", "wallet", "bandwidth", "moves", "same_exits", "same_lots")  # the other multipliers are shares and weights


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of each decision the ascent took near its end: about a solution of the linear relaxation."""

    pair: Floats  # [N, T] of the load in the pair's pool
    option: Floats  # [G] of the run
    leaving: Floats  # [K, T] lots left at the start of the period
    staying: Floats  # [K] lots held to the end


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Multipliers are on the host, in double precision; `unit` is their unit of money in USD."""

    multipliers: Multipliers
    unit: float
    bound_usd: float  # no plan costs less
    allowance_usd: float  # taken off the bound for rounding
    placed: Ints  # [L, T] pool on each load's cheapest path; -1: not placed
    option: Ints  # [R] training option of each run; -1: not run
    contract_usd: Floats  # [K] cost of holding the contract at these prices, less what its capacity is worth: below 0, it pays to hold it
    evaluations: int
    shares: Shares | None = None  # None where the multipliers were given, not climbed to
    slopes: Inputs | None = None  # of the dual, in units, means over the last steps; None likewise

    def in_units(self, unit: float) -> Multipliers:
        """The multipliers in another unit of money."""
        changed: dict[str, Any] = {name: np.asarray(getattr(self.multipliers, name)) * (self.unit / unit) for name in MONEY}
        return replace(self.multipliers, **changed)
