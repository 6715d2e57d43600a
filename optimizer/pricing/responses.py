"""What contracts and offers do at given prices: the least of what they cost less what their capacity is worth.

With weights on the rows of take-or-pay and minimum spend (`Multipliers.excess`, `short`) a contract's settlement becomes linear in draws
and lots,

    max(0, spend - commitment, minimum - commitment - fees - other spend)
    >= excess (spend - commitment) + short (minimum - commitment - fees - other spend),

so that each accelerator is drawn where its price exceeds its charge, each lot leaves when that is cheapest, and lots are signed if that
pays at all. Not signing costs nothing whatever the weights: with no lots there is nothing to settle. Where spend counts towards the
minimum at list prices, `list_ratio` times what is billed, the second row is divided by that ratio, so that its weight stays below 1; the
cap on what other spend may cover is left out: it only adds cost. Volume tiers leave at least the share `lowest` of the larger of spend and
commitment, whatever the volume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.multipliers import Multipliers, by_block, cash_weight, draw_charge, offer_prices
from optimizer.pricing.smooth import least, positive
from optimizer.pricing.supply import BARRED


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Settling:
    """What an interval's settlement charges at least for a USD of each amount, in cash weight, each [K, I, S]."""

    spend: Array  # of what is drawn, at the price of what goes beyond the commitment
    covered: Array  # credited, of what the commitment covers at that price
    committed: Array  # credited, of the commitment beside that
    short: Array  # of the minimum, and credited of what counts towards it
    cash: Array  # of a payment
    opening: Array  # credited, of the balance at the start [K, S]


def settlement_weights(arrays: Arrays, multipliers: Multipliers, cash: Array) -> Settling:
    """Weights of spend above commitment and of missing minimum spend.

    The bill, at least `lowest` of the larger of commitment and spend, is weighed 1 - short: `excess` of that against spend and the rest
    against the commitment, which has been paid.
    """
    contracts = arrays.supply.contracts
    weight = jnp.take_along_axis(cash[contracts.supplier], contracts.settled[:, :, None], axis=1)
    spend, short = multipliers.excess * weight * contracts.lowest, multipliers.short * weight
    plain = Settling(
        spend=spend,
        covered=spend,
        committed=weight - (weight - short) * contracts.lowest,
        short=short,
        cash=weight,
        opening=jnp.zeros_like(weight[:, 0]),
    )
    return _with_balances(arrays, plain) if contracts.has_balance else plain


def _with_balances(arrays: Arrays, plain: Settling) -> Settling:
    """Weights that hold whatever is brought forward: a price of the balance that never rises from an interval to the next pays for its use.

    Caps, expiry and that a balance is used as soon as it can be are left out, which lets it take more off the bill than it may.
    """
    contracts = arrays.supply.contracts
    billed = (plain.cash - plain.short) * contracts.lowest
    spent = plain.cash - plain.short
    later = jnp.where(contracts.exists[:, :, None] > 0, plain.spend + plain.committed, 0.0)
    make_up = jax.lax.cummax(later, axis=1, reverse=True)
    forward = jax.lax.cummin(billed - plain.spend, axis=1)
    rollover = jax.lax.cummin(spent, axis=1)
    unspent = jnp.minimum(plain.spend, rollover * contracts.lowest)
    kinds = (
        plain,
        replace(plain, covered=make_up, opening=make_up[:, 0]),
        replace(plain, spend=billed - forward, covered=plain.cash - forward, opening=forward[:, 0]),
        replace(
            plain,
            spend=unspent,
            covered=unspent,
            committed=plain.cash - rollover * contracts.lowest,
            short=plain.cash - rollover,
            opening=rollover[:, 0],
        ),
    )

    def chosen(*leaves: Array) -> Array:
        kind = contracts.balance.reshape(-1, *(1,) * (leaves[0].ndim - 1))
        return jnp.select([kind == number for number in range(len(leaves))], leaves)

    weights: Settling = jax.tree.map(chosen, *kinds)
    return weights


def _in_period(arrays: Arrays, by_interval: Array) -> Array:
    """[K, I, S] looked up for each period, [K, T, S]."""
    return jnp.take_along_axis(by_interval, arrays.supply.contracts.interval[:, :, None], axis=1)


def draw_value(arrays: Arrays, multipliers: Multipliers, firm: Array, excess: Array, cash: Array, temperature: Array | None) -> Array:
    """What a lot's capacity is worth in each period and scenario beyond the charge for drawing it, burst included, [K, T, S].

    Args:
      firm: [P, T, X] prices.
      excess: [K, T, S] weight of spend above the commitment.
      cash: [K, T, S] weight of a payment.
      temperature: [K, T, X] per accelerator.
    """
    contracts = arrays.supply.contracts
    charge = draw_charge(arrays, multipliers)[contracts.supplier] - multipliers.wallet
    worth = contracts.works[:, :, None, None] * firm[contracts.cover]
    best = -least(-worth, temperature, 1)

    def gained(price: Array) -> Array:
        value = positive(best - by_block(arrays, price + charge), temperature)
        return jnp.sum(value.reshape(*value.shape[:2], -1, contracts.capacity.shape[2]), axis=2)

    value = gained(excess * contracts.price)
    if contracts.has_burst:
        value = value + contracts.burst_share[:, None, None] * gained(cash * contracts.burst_price)
    return contracts.capacity * value


def lot_costs(arrays: Arrays, multipliers: Multipliers, firm: Array, temperature: Array | None) -> tuple[Array, Array]:
    """Cost per lot of leaving at the start of each period, or (the last) of staying, [K, T + 1]; and of settling, whatever the lots, [K].

    The second is spend from elsewhere that counts towards the minimum, and a balance at the start; above 0 where spend so far is behind.
    """
    contracts = arrays.supply.contracts
    cash = cash_weight(arrays, multipliers)
    settling = settlement_weights(arrays, multipliers, cash)
    spend, covered, committed, short, weight = (
        _in_period(arrays, part) for part in (settling.spend, settling.covered, settling.committed, settling.short, settling.cash)
    )
    paid = cash[contracts.supplier]
    under = short / contracts.list_ratio[:, None, None]
    owed = contracts.committed * (paid - committed - covered) - contracts.more_covered * covered
    owed = owed + contracts.fee * (paid - under) + contracts.minimum * under - contracts.rebate * weight + contracts.prepaid * paid
    running = jnp.sum(owed - draw_value(arrays, multipliers, firm, spend, paid, temperature), axis=2)
    until = jnp.concatenate([jnp.zeros_like(running[:, :1]), jnp.cumsum(running, axis=1)], axis=1)
    leavable = contracts.exit_fee[:, :, 0] < BARRED
    fee = jnp.where(leavable, jnp.sum(jnp.where(leavable[:, :, None], contracts.exit_fee, 0.0) * paid, axis=2), BARRED)
    leaving = until + jnp.concatenate([fee, contracts.terminal[:, None]], axis=1) + together(arrays, multipliers)
    elsewhere = jnp.sum(contracts.eligible * settling.short, axis=(1, 2)) / contracts.list_ratio
    return leaving, -elsewhere - contracts.opening * jnp.sum(settling.opening, axis=1)


def together(arrays: Arrays, multipliers: Multipliers) -> Array:
    """What rows that keep copies of a contract together charge for a lot that leaves at the start of each period, or stays, [K, T + 1]."""
    rules = arrays.supply.rules
    charged = jnp.zeros((arrays.supply.contracts.least.shape[0], arrays.weight.shape[0] + 1), arrays.weight.dtype)
    if rules.same_exits.shape[0]:
        one, other, period = rules.same_exits.T
        price = multipliers.same_exits[0] - multipliers.same_exits[1]
        charged = charged.at[one, period].add(price).at[other, period].add(-price)
    if rules.same_lots.shape[0]:
        one, other = rules.same_lots.T
        price = (multipliers.same_lots[0] - multipliers.same_lots[1])[:, None]
        charged = charged.at[one].add(price).at[other].add(-price)
    return charged


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
    return -offers.limit * jnp.sum(positive(-loss, temperature), axis=2)
