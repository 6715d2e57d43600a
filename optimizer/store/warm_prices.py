"""Prices of a solve, kept in its run for the next one to start from: plain arrays with the names that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.pricing.carried import carried
from optimizer.pricing.multipliers import Multipliers
from optimizer.pricing.prices import Prices

FILE = "warm_prices.npz"
_BY_PERIOD = {"firm": 1, "spot": 1, "wallet": 1, "bandwidth": 1, "moves": 0}  # axis of periods


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Names of what prices have an entry for, in order."""

    pools: Sequence[str]
    periods: Sequence[str]
    blocks: Sequence[str]
    scenarios: Sequence[str]
    contracts: Sequence[str]


def keep_prices(prices: Prices, axes: Axes, run: Path) -> None:
    """Writes the multipliers and their names."""
    arrays: dict[str, Any] = {f"price_{field.name}": np.asarray(getattr(prices.multipliers, field.name)) for field in fields(Multipliers)}
    names: dict[str, Any] = {f"axis_{field.name}": np.array(getattr(axes, field.name), dtype=np.str_) for field in fields(Axes)}
    np.savez_compressed(run / FILE, unit=prices.unit, bound_usd=prices.bound_usd, **arrays, **names)


def kept_prices(run: Path, axes: Axes) -> Prices | None:
    """The prices of a run for a problem with these axes: contracts may be others, and first periods may be over.

    None: the run kept none, or its pools, blocks, scenarios or later periods are others.
    """
    file = run / FILE
    if not file.is_file():
        return None
    with np.load(file, allow_pickle=False) as kept:
        had = Axes(**{field.name: tuple(kept[f"axis_{field.name}"].tolist()) for field in fields(Axes)})
        values = {field.name: kept[f"price_{field.name}"] for field in fields(Multipliers) if f"price_{field.name}" in kept}
        unit, bound = float(kept["unit"]), float(kept["bound_usd"])
    over = len(had.periods) - len(axes.periods)
    same = all(tuple(getattr(had, name)) == tuple(getattr(axes, name)) for name in ("pools", "blocks", "scenarios"))
    if not same or over < 0 or tuple(had.periods[over:]) != tuple(axes.periods):
        return None
    later = {name: np.delete(value, range(over), axis=_BY_PERIOD[name]) if name in _BY_PERIOD else value for name, value in values.items()}
    for name, shape in (("scenario", 0), ("same_exits", (2, 0)), ("same_lots", (2, 0))):
        later.setdefault(name, np.zeros(shape))  # runs made before CVaR and stages were priced have none
    return carried(_bare(Multipliers(**later), unit, bound), priced=had.contracts, contracts=axes.contracts)


def _bare(multipliers: Multipliers, unit: float, bound_usd: float) -> Prices:
    """Prices without the responses to them, which a start does not need."""
    none = np.zeros(0, dtype=np.int64)
    return Prices(
        multipliers=multipliers,
        unit=unit,
        bound_usd=bound_usd,
        allowance_usd=0.0,
        placed=none,
        option=none,
        contract_usd=np.zeros(0),
        evaluations=0,
    )
