"""Multipliers of the rows that link decisions: what a price is, and the box that keeps the dual finite."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.arrays import Arrays


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """Discounted, probability-weighted units of money (`Prepared.unit`) for one unit of each row. Axes as in `arrays` and `supply`."""

    firm: Array  # [P, T, X] per accelerator that works and is not spot
    spot: Array  # [pools with spot offers, T, X] per accelerator that works, spot or not
    excess: Array  # [K, I, S] weight of the row of take-or-pay, a share of the settlement's cash weight
    short: Array  # [K, I, S] weight of the row of minimum spend, likewise; excess + short <= 1
    budget: Array  # [H, S] extra weight of the cash that the budget counts
    share: Array  # [V, S] per accelerator-hour drawn
    wallet: Array  # [K, T, S] per accelerator-hour drawn
    bandwidth: Array  # [sites, T] per GB/s
    moves: Array  # [T] per move
    same_exits: Array  # [2, E] per lot that the first copy leaves and the second does not, and the other way round
    same_lots: Array  # [2, E] likewise, per lot held
    scenario: Array  # [S] what each scenario weighs, as `weighing` has it; none where it weighs what is probable


GENEROUS = 0.999  # largest part of an offer's price that the rows of supplier shares may pay back


def cash_weight(arrays: Arrays, multipliers: Multipliers) -> Array:
    """Weight of cash paid to each supplier, [U, T, S]: discount and probability, and what budgets add."""
    return arrays.weight[None] + jnp.einsum("hut,hs->uts", arrays.supply.rules.budget_at, multipliers.budget)


def draw_charge(arrays: Arrays, multipliers: Multipliers) -> Array:
    """What an accelerator-hour drawn from each supplier adds to the rows of supplier shares and shares of wallet, [U, T, S]."""
    rules = arrays.supply.rules
    own = jnp.einsum("vt,vu,vs->uts", rules.share_at, rules.share_own, multipliers.share)
    asked = jnp.einsum("kt,kts->ts", arrays.supply.contracts.wallet, multipliers.wallet)
    return own + (asked - _share_of_all(arrays, multipliers))[None]


def draw_sizes(arrays: Arrays, multipliers: Multipliers) -> Array:
    """Absolute terms of `draw_charge` together, for any supplier, [T, S]."""
    asked = jnp.einsum("kt,kts->ts", arrays.supply.contracts.wallet, multipliers.wallet)
    return asked + jnp.einsum("vt,vs->ts", arrays.supply.rules.share_at, multipliers.share) + _share_of_all(arrays, multipliers)


def _share_of_all(arrays: Arrays, multipliers: Multipliers) -> Array:
    """What the rows of supplier shares pay for each accelerator-hour drawn from anybody, [T, S]."""
    rules = arrays.supply.rules
    return jnp.einsum("vt,v,vs->ts", rules.share_at, rules.share, multipliers.share)


def offer_prices(arrays: Arrays, multipliers: Multipliers) -> Array:
    """What an accelerator drawn for a block from each offer costs, [O, T, X]."""
    offers = arrays.supply.offers
    cash = cash_weight(arrays, multipliers)[offers.supplier] * offers.price + draw_charge(arrays, multipliers)[offers.supplier]
    return by_block(arrays, cash)


def by_block(arrays: Arrays, hourly: Array) -> Array:
    """Hourly amounts [., T, S] for whole blocks, [., T, X]."""
    whole = arrays.hours[None, :, :, None] * hourly[:, :, None, :]
    return whole.reshape(*hourly.shape[:2], arrays.hours.shape[1] * hourly.shape[2])


def price_caps(arrays: Arrays, multipliers: Multipliers) -> tuple[Array, Array]:
    """Firm [P, T, X] and spot [pools with spot, T, X] prices above which the dual is minus infinity: shortage, and offers without limit."""
    supply = arrays.supply
    offers, pools = supply.offers, supply.shortage.shape[0]
    short = by_block(arrays, arrays.weight[None] * supply.shortage[:, None, None])
    works = offer_prices(arrays, multipliers) / offers.usable[:, None, None]
    works = jnp.where(offers.unlimited[:, :, None] > 0, works, jnp.inf)
    stacked = jax.ops.segment_min(works, offers.price_row, 2 * pools)
    firm = jnp.minimum(short, stacked[:pools])
    return firm, jnp.minimum(firm, stacked[pools:])[supply.spot_pool]


def stacked_prices(arrays: Arrays, multipliers: Multipliers) -> Array:
    """Firm prices, then spot prices (firm ones where a pool has no spot), [2 P, T, X]."""
    spot = multipliers.firm.at[arrays.supply.spot_pool].set(multipliers.spot)
    return jnp.concatenate([multipliers.firm, spot])


def project(arrays: Arrays, multipliers: Multipliers, margin: float = 0.0) -> Multipliers:
    """Near multipliers, one kind after the other, for which the dual is finite.

    Args:
      margin: share of every upper limit that multipliers stay below it, so that rounding never makes what has no limit worth taking.
    """
    contracts, rules = arrays.supply.contracts, arrays.supply.rules
    kept = affordable_shares(arrays, jax.tree.map(lambda leaf: jnp.maximum(leaf, 0.0), multipliers))
    excess = jnp.minimum(kept.excess, 1.0 - margin) * contracts.has_excess[:, :, None]
    bounded = replace(
        kept,
        excess=excess,
        short=jnp.minimum(kept.short, (1.0 - margin) - excess) * contracts.has_minimum[:, :, None],
        wallet=jnp.where(contracts.wallet[:, :, None] > 0, kept.wallet, 0.0),
        bandwidth=jnp.where(rules.limits_bandwidth[:, None] > 0, kept.bandwidth, 0.0),
        moves=jnp.where(rules.limits_moves > 0, kept.moves, 0.0),
    )
    firm_cap, spot_cap = price_caps(arrays, bounded)
    firm = jnp.minimum(kept.firm, firm_cap * (1.0 - margin))
    spot = jnp.minimum(kept.spot, jnp.minimum(spot_cap * (1.0 - margin), firm[arrays.supply.spot_pool]))
    return replace(bounded, firm=firm, spot=spot)


def affordable_shares(arrays: Arrays, multipliers: Multipliers) -> Multipliers:
    """Scales the multipliers of supplier shares down where they would pay for drawing more from an offer without limit."""
    offers, rules = arrays.supply.offers, arrays.supply.rules
    gift = _share_of_all(arrays, multipliers)
    price = cash_weight(arrays, multipliers)[offers.supplier] * offers.price
    least = GENEROUS * jnp.min(jnp.where(offers.unlimited[:, :, None] > 0, price, jnp.inf), axis=0, initial=jnp.inf)
    much = gift > least
    scale = jnp.where(much, jnp.where(much, least, 0.0) / jnp.where(much, gift, 1.0), 1.0)
    return replace(multipliers, share=multipliers.share * jnp.einsum("vt,ts->vs", rules.share_at, scale))
