"""The inputs in which the dual's slope is taken, cut out of the arrays so that one reverse pass gives them all.

By the envelope theorem the slope of the dual value in an input, at multipliers that stay as they are, is the slope of the bound that the
best multipliers prove. What is not here follows from these: what loads pay from where they are, what limits cost from the multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.multipliers import Multipliers


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Fields of `Arrays` as they stand there; `firm` and `spot` are added to the multipliers of these names."""

    pairs: Array  # [T, Q, L] cost
    missed: Array  # [F, T, S]
    options: Array  # [R, M] cost
    gang: Array  # [R, M]
    capacity: Array  # [K, T, S]
    price: Array  # [K, T, S]
    committed: Array  # [K, T, S]
    more_covered: Array  # [K, T, S]
    fee: Array  # [K, T, S]
    minimum: Array  # [K, T, S]
    eligible: Array  # [K, I, S]
    exit_fee: Array  # [K, T, S]
    terminal: Array  # [K]
    works: Array  # [K, D]
    wallet: Array  # [K, T]
    burst_share: Array  # [K]
    burst_price: Array  # [K, T, S]
    opening: Array  # [K]
    lowest: Array  # [K, I, S]
    rebate: Array  # [K, T, S]
    market: Array  # [O, T, S]
    limit: Array  # [O, T]
    usable: Array  # [O]
    share: Array  # [V]
    firm: Array  # [P, T, X]
    spot: Array  # [pools with spot offers, T, X]


CONTRACT = (
    *("capacity", "price", "committed", "more_covered", "fee", "minimum", "eligible", "exit_fee", "terminal", "works", "wallet"),
    *("burst_share", "burst_price", "opening", "lowest", "rebate"),
)


def inputs_of(arrays: Arrays) -> Inputs:
    """The inputs as they are; nothing is added to the multipliers."""
    contracts, offers = arrays.supply.contracts, arrays.supply.offers
    shape, dtype = (arrays.weight.shape[0], arrays.loads.need.shape[2]), arrays.weight.dtype
    return Inputs(
        pairs=arrays.loads.cost,
        missed=arrays.loads.missed,
        options=arrays.runs.cost,
        gang=arrays.runs.gang,
        **{name: getattr(contracts, name) for name in CONTRACT},
        market=offers.price,
        limit=offers.limit,
        usable=offers.usable,
        share=arrays.supply.rules.share,
        firm=jnp.zeros((arrays.supply.shortage.shape[0], *shape), dtype),
        spot=jnp.zeros((arrays.supply.spot_pool.shape[0], *shape), dtype),
    )


def with_inputs(arrays: Arrays, inputs: Inputs) -> Arrays:
    """The arrays with these inputs in their places."""
    supply = arrays.supply
    return replace(
        arrays,
        loads=replace(arrays.loads, cost=inputs.pairs, missed=inputs.missed),
        runs=replace(arrays.runs, cost=inputs.options, gang=inputs.gang),
        supply=replace(
            supply,
            contracts=replace(supply.contracts, **{name: getattr(inputs, name) for name in CONTRACT}),
            offers=replace(supply.offers, price=inputs.market, limit=inputs.limit, usable=inputs.usable),
            rules=replace(supply.rules, share=inputs.share),
        ),
    )


def added(multipliers: Multipliers, inputs: Inputs) -> Multipliers:
    """The multipliers with what the inputs add to prices of capacity."""
    return replace(multipliers, firm=multipliers.firm + inputs.firm, spot=multipliers.spot + inputs.spot)
