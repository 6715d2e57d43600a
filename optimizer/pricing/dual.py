"""The dual value of any multipliers: below the cost of every plan, whatever they are.

    bound = other spend + sum over loads of the cheapest path + sum over runs of the best option
          + sum over groups of contracts of the best response + sum over offers of what pays to draw - sum over rules of multiplier x limit

Copies of a contract that are decided together pay one another the price of what they have in common. Left out, which only lowers the
bound: fewest suppliers, the reserve for the loss of a site, exclusions and exclusive work, and shares of wallet of contracts that need not
be in force.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.contraction import capacity_cost
from optimizer.pricing.multipliers import Multipliers, by_block, cash_weight, stacked_prices
from optimizer.pricing.paths import Moves, path_costs, smooth_path_costs
from optimizer.pricing.responses import contract_costs, group_costs, lot_costs, offer_costs
from optimizer.pricing.smooth import least
from optimizer.pricing.starts import option_costs, run_costs

SMALLEST = 1e-6  # of the largest scale


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Scales:
    """What a typical price and a typical cost is: multipliers are stepped, and minima smoothed, in proportion to them."""

    firm: Array  # [P, T, X] per accelerator
    load: Array  # [L] cost of a period
    run: Array  # [R]
    contract: Array  # [K] cost of a lot
    group: Array  # [A]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Terms:
    """The parts of the dual value, in units; their sum is the bound."""

    loads: Array  # [L]
    runs: Array  # [R]
    groups: Array  # [A]
    offers: Array  # [O, T]
    rules: Array  # [rules] at most 0
    constant: Array  # []


def pair_costs(arrays: Arrays, multipliers: Multipliers, stacked: Array, cash: Array) -> Array:
    """What each slot's pair costs in each period at given prices, [T, Q, L]."""
    loads = arrays.loads
    cost = loads.cost + capacity_cost(loads, arrays.hours, stacked)
    if loads.egress.shape[0]:
        added = cash - arrays.weight[None]
        cost = cost + jnp.moveaxis(jnp.sum(loads.egress * added[loads.supplier], axis=3), 2, 0)
    if loads.traffic.shape[1]:
        cost = cost + jnp.moveaxis(multipliers.bandwidth[loads.site], 2, 0) * loads.traffic[:, None]
    return cost


def moves(arrays: Arrays) -> Moves:
    """What moving costs."""
    loads = arrays.loads
    return Moves(
        enter=loads.enter, leave=loads.leave, discount=arrays.discount, unplaced=loads.unplaced, at_start=loads.at_start, new=loads.new
    )


def dual_terms(arrays: Arrays, multipliers: Multipliers, smoothing: tuple[Scales, Array] | None = None) -> Terms:
    """The dual value's parts; with smoothing (scales and a temperature relative to them) a smooth function below it."""
    stacked, cash = stacked_prices(arrays, multipliers), cash_weight(arrays, multipliers)
    warm = None if smoothing is None else jax.tree.map(lambda scale: scale * smoothing[1], smoothing[0])
    paths = pair_costs(arrays, multipliers, stacked, cash), multipliers.moves, moves(arrays)
    options = option_costs(arrays.runs, stacked, cash, arrays.discount)
    return Terms(
        loads=path_costs(*paths) if warm is None else smooth_path_costs(*paths, warm.load),
        runs=run_costs(arrays.runs, options, None if warm is None else warm.run),
        **supply_terms(arrays, multipliers, stacked, warm),
        constant=arrays.constant,
    )


def supply_terms(arrays: Arrays, multipliers: Multipliers, stacked: Array, warm: Scales | None = None) -> dict[str, Array]:
    """The parts of contracts, offers and rules."""
    contracts, offers = arrays.supply.contracts, arrays.supply.offers
    leaving, settling = lot_costs(arrays, multipliers, multipliers.firm, None if warm is None else warm.firm[contracts.cover[:, 0]])
    held, signed = contract_costs(arrays, least(leaving, None if warm is None else warm.contract, 1), settling)
    return {
        "groups": group_costs(arrays, held, signed, None if warm is None else warm.group),
        "offers": offer_costs(arrays, multipliers, stacked, None if warm is None else warm.firm[offers.pool]),
        "rules": _rule_terms(arrays, multipliers),
    }


def _rule_terms(arrays: Arrays, multipliers: Multipliers) -> Array:
    rules = arrays.supply.rules
    return -jnp.concatenate(
        [
            rules.budget * jnp.sum(multipliers.budget, axis=1),
            rules.bandwidth * jnp.sum(multipliers.bandwidth, axis=1),
            rules.moves * multipliers.moves,
        ]
    )


def dual_value(arrays: Arrays, multipliers: Multipliers, smoothing: tuple[Scales, Array] | None = None) -> Array:
    """The dual value in units, []."""
    terms = dual_terms(arrays, multipliers, smoothing)
    return sum((jnp.sum(leaf) for leaf in jax.tree.leaves(terms)), jnp.zeros_like(terms.constant))


def reference_scales(arrays: Arrays) -> Scales:
    """Scales from list prices: the cheapest capacity that each pool can get, shortage where it can get none."""
    supply = arrays.supply
    contracts, offers, pools = supply.contracts, supply.offers, supply.shortage.shape[0]
    short = by_block(arrays, arrays.weight[None] * supply.shortage[:, None, None])
    listed = by_block(arrays, arrays.weight[None] * offers.price) / offers.usable[:, None, None]
    drawn = jnp.where((offers.limit > 0) | (offers.unlimited > 0), 1.0, jnp.inf).astype(listed.dtype)
    market = jax.ops.segment_min(listed * drawn[:, :, None], offers.pool, pools)
    firm = jnp.minimum(short, market)
    hours = jnp.sum(arrays.hours, axis=1)[None, :, None]
    full = contracts.capacity * contracts.price * hours + contracts.fee + contracts.minimum + jnp.abs(contracts.prepaid)
    lot = jnp.sum(arrays.weight[None] * full, axis=(1, 2))
    stacked = jnp.concatenate([firm, firm])
    cost = arrays.loads.cost + capacity_cost(arrays.loads, arrays.hours, stacked)
    load = jnp.mean(jnp.minimum(jnp.min(cost, axis=1), arrays.loads.unplaced), axis=0)
    run = run_costs(arrays.runs, option_costs(arrays.runs, stacked, arrays.weight[None], arrays.discount), None)
    group = jnp.max(jnp.append(lot * contracts.most, jnp.zeros((1,), lot.dtype))[contracts.member], axis=1)
    return Scales(firm=_some(firm), load=_some(load), run=_some(run), contract=_some(lot), group=_some(group))


def _some(scale: Array) -> Array:
    """Positive, even where list prices are 0."""
    return scale + SMALLEST * jnp.max(scale, initial=SMALLEST)
