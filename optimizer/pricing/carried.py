"""Prices of one problem as a start for another that differs in its contracts and rules: same pools, periods, blocks and scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.coordinates import nothing
from optimizer.pricing.multipliers import Multipliers
from optimizer.pricing.prices import Prices

OF_CONTRACTS = ("excess", "short", "wallet")  # multipliers with a row for each contract


def carried(prices: Prices, *, priced: Sequence[str], contracts: Sequence[str]) -> Prices:
    """The prices with their rows of contracts in another order; a contract that was not priced has none.

    Args:
      priced: the contracts of the prices, in order.
      contracts: those of the problem that they are to start, in order.
    """
    row = {name: k for k, name in enumerate(priced)}

    def moved(values: Any) -> Any:
        known = np.asarray(values)
        rows = [known[row[name]] if name in row else np.zeros(known.shape[1:]) for name in contracts]
        return np.array(rows).reshape(len(contracts), *known.shape[1:])

    given = prices.multipliers
    return replace(prices, multipliers=replace(given, **{name: moved(getattr(given, name)) for name in OF_CONTRACTS}))


def fitted(multipliers: Multipliers, arrays: Arrays) -> Multipliers:
    """Multipliers in the shapes of a problem's: rows and intervals that it does not have are left out, new ones have no price."""

    def fit(values: Any, like: Any) -> Any:
        known, result = np.asarray(values, dtype=np.float64), np.zeros(like.shape)
        common = tuple(slice(0, min(have, want)) for have, want in zip(known.shape, like.shape, strict=True))
        result[common] = known[common]
        return result

    found: Multipliers = jax.tree.map(fit, multipliers, nothing(arrays))
    return found
