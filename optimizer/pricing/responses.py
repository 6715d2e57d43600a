"""What contracts and offers do at given prices: the least of what they cost less what their capacity is worth.

With weights on the rows of take-or-pay and minimum spend (`Multipliers.excess`, `short`) a contract's settlement becomes linear in draws
and lots,

    max(0, spend - commitment, minimum - commitment - fees - other spend)
    >= excess (spend - commitment) + short (minimum - commitment - fees - other spend),

so that each accelerator is drawn where its price exceeds its charge, each lot leaves when that is cheapest, and lots are signed if that
pays at all. Not signing costs nothing whatever the weights: with no lots there is nothing to settle. Where spend counts towards the
minimum at list prices, `list_ratio` times what is billed, the second row is divided by that ratio, so that its weight stays below 1; the
cap on what other spend may cover is left out: it only adds cost.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.multipliers import Multipliers, by_block, cash_weight, draw_charge, offer_prices
from optimizer.pricing.smooth import least
from optimizer.pricing.supply import BARRED


def settlement_weights(arrays: Arrays, multipliers: Multipliers, cash: Array) -> tuple[Array, Array]:
    """Weights of spend above commitment and of missing minimum spend, in cash weight, each [K, I, S]."""
    contracts = arrays.supply.contracts
    weight = jnp.take_along_axis(cash[contracts.supplier], contracts.settled[:, :, None], axis=1)
    return multipliers.excess * weight, multipliers.short * weight


def _in_period(arrays: Arrays, by_interval: Array) -> Array:
    """[K, I, S] looked up for each period, [K, T, S]."""
    return jnp.take_along_axis(by_interval, arrays.supply.contracts.interval[:, :, None], axis=1)


def draw_value(arrays: Arrays, multipliers: Multipliers, firm: Array, excess: Array, temperature: Array | None) -> Array:
    """What a lot's capacity is worth in each period beyond the charge for drawing it, [K, T].

    Args:
      firm: [P, T, X] prices.
      excess: [K, T, S] weight of spend above the commitment.
      temperature: [K, T, X] per accelerator.
    """
    contracts = arrays.supply.contracts
    charge = excess * contracts.price + draw_charge(arrays, multipliers)[contracts.supplier] - multipliers.wallet
    worth = contracts.works[:, :, None, None] * firm[contracts.cover]
    gain = -least(-worth, temperature, 1) - by_block(arrays, charge)
    value = jnp.maximum(gain, 0.0) if temperature is None else temperature * jax.nn.softplus(gain / temperature)
    by_scenario = value.reshape(*value.shape[:2], -1, contracts.capacity.shape[2])
    return jnp.sum(contracts.capacity * jnp.sum(by_scenario, axis=2), axis=2)


def lot_costs(arrays: Arrays, multipliers: Multipliers, firm: Array, temperature: Array | None) -> tuple[Array, Array]:
    """Cost per lot of leaving at the start of each period, or (the last) of staying, [K, T + 1]; and of settling, whatever the lots, [K].

    The second is spend from elsewhere that counts towards the minimum; above 0 where spend so far is behind the minimum in progress.
    """
    contracts = arrays.supply.contracts
    cash = cash_weight(arrays, multipliers)
    excess, short = settlement_weights(arrays, multipliers, cash)
    excess_at, short_at = (_in_period(arrays, weight) for weight in (excess, short))
    paid = cash[contracts.supplier]
    under = short_at / contracts.list_ratio[:, None, None]
    owed = contracts.committed * (paid - excess_at - short_at) + contracts.fee * (paid - under) + contracts.minimum * under
    owed = owed + contracts.prepaid * paid
    running = jnp.sum(owed, axis=2) - draw_value(arrays, multipliers, firm, excess_at, temperature)
    until = jnp.concatenate([jnp.zeros_like(running[:, :1]), jnp.cumsum(running, axis=1)], axis=1)
    leavable = contracts.exit_fee[:, :, 0] < BARRED
    fee = jnp.where(leavable, jnp.sum(jnp.where(leavable[:, :, None], contracts.exit_fee, 0.0) * paid, axis=2), BARRED)
    leaving = until + jnp.concatenate([fee, contracts.terminal[:, None]], axis=1)
    return leaving, -jnp.sum(contracts.eligible * short, axis=(1, 2)) / contracts.list_ratio


def cheapest_lots(arrays: Arrays, multipliers: Multipliers) -> tuple[Array, Array]:
    """Cost per lot at its best time to leave, and of settling, each [K]."""
    leaving, settling = lot_costs(arrays, multipliers, multipliers.firm, None)
    return jnp.min(leaving, axis=1), settling


def contract_costs(arrays: Arrays, leaving: Array, settling: Array) -> tuple[Array, Array]:
    """Cost of the best number of lots where some must be held, and where one may or may not (then of signing), each [K].

    Args:
      leaving: [K] cost per lot at its best time to leave.
      settling: [K].
    """
    contracts = arrays.supply.contracts
    held = contracts.least * leaving + (contracts.most - contracts.least) * jnp.minimum(leaving, 0.0) + settling
    signed = jnp.minimum(leaving, contracts.most * leaving) + settling
    return held, signed


def group_costs(arrays: Arrays, held: Array, signed: Array, temperature: Array | None) -> Array:
    """Cost of the best contract of each group of alternatives, or of none, [A]."""
    contracts = arrays.supply.contracts
    must = _by_member(arrays, contracts.least > 0)
    may = _by_member(arrays, (contracts.least == 0) & (contracts.most > 0))
    sure = jnp.sum(jnp.where(must, _by_member(arrays, held), 0.0), axis=1)
    option = jnp.where(may, _by_member(arrays, signed), BARRED)
    best = least(jnp.concatenate([jnp.zeros_like(option[:, :1]), option], axis=1), temperature, 1)
    return sure + jnp.where(jnp.any(must, axis=1), 0.0, best)


def _by_member(arrays: Arrays, values: Array) -> Array:
    """[K] as [A, M]; 0 where a group has fewer members."""
    return jnp.append(values, jnp.zeros((1,), values.dtype))[arrays.supply.contracts.member]


def offer_costs(arrays: Arrays, multipliers: Multipliers, stacked: Array, temperature: Array | None) -> Array:
    """Cost of drawing all that pays, [O, T]; offers without limit never pay, as the box of prices holds.

    Args:
      temperature: [O, T, X] per accelerator.
    """
    offers = arrays.supply.offers
    loss = offer_prices(arrays, multipliers) - offers.usable[:, None, None] * stacked[offers.price_row]
    cost = jnp.minimum(loss, 0.0) if temperature is None else -temperature * jax.nn.softplus(-loss / temperature)
    return offers.limit * jnp.sum(cost, axis=2)
