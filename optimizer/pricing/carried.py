"""Prices of one problem as a start for another with the same pools, periods and blocks: other contracts and rules, or other scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.arrays import Arrays
from optimizer.pricing.coordinates import nothing
from optimizer.pricing.multipliers import Multipliers
from optimizer.pricing.prices import Prices

OF_CONTRACTS = ("excess", "short", "wallet")  # multipliers with a row for each contract
BY_BLOCK = ("firm", "spot")  # those whose last axis is block and scenario
WEIGHING = ("budget", "share", "wallet", "scenario")  # those whose last axis is the scenario, and which weigh what it does
SHARES = ("excess", "short")  # likewise, of what it weighs


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


def among_scenarios(prices: Prices, like: Ints, share: Floats) -> Prices:
    """The prices for a problem in more scenarios, each of which is like one of those priced.

    Args:
      like: [S] number of the scenario priced.
      share: [S] of what that one weighs.
    """
    given = prices.multipliers
    known = {name: np.asarray(getattr(given, name)) for name in (*BY_BLOCK, *WEIGHING, *SHARES)}
    few = known["excess"].shape[-1]

    def blocks(values: Floats) -> Floats:
        count = values.shape[-1] // few
        by_scenario = values.reshape(*values.shape[:-1], count, few)[..., like] * share
        return by_scenario.reshape(*values.shape[:-1], count * len(like))

    spread: dict[str, Any] = {name: blocks(known[name]) for name in BY_BLOCK}
    spread |= {name: known[name][..., like] * share if known[name].shape[-1] == few else known[name] for name in WEIGHING}
    spread |= {name: known[name][..., like] for name in SHARES}
    return replace(prices, multipliers=replace(given, **spread))


def fitted(multipliers: Multipliers, arrays: Arrays) -> Multipliers:
    """Multipliers in the shapes of a problem's: rows and intervals that it does not have are left out, new ones have no price."""

    def fit(values: Any, like: Any) -> Any:
        known, result = np.asarray(values, dtype=np.float64), np.zeros(like.shape)
        common = tuple(slice(0, min(have, want)) for have, want in zip(known.shape, like.shape, strict=True))
        result[common] = known[common]
        return result

    found: Multipliers = jax.tree.map(fit, multipliers, nothing(arrays))
    return found
