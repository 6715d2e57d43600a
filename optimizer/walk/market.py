"""What pools can draw from under some choice of contracts, as arrays for `steps`.

Axes as in the problem, and `C` blocks and scenarios in one, `J` covered pairs, `I` fulfilment intervals, `Z` sources of a pool, `G` groups:
pools that share contracts, directly or through others. Money in USD.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.walk.native import laid_out

PLENTY = 1e12  # accelerators: a limit of offers that have none


class Market(NamedTuple):
    """What pools can draw from, under some choice of contracts."""

    hours: Floats  # [T, B]
    works: Floats  # [P] availability
    shortage: Floats  # [T, P, C] of an accelerator that is missing throughout the block
    held: Floats  # [T, K, S] accelerators
    price: Floats  # [T, K, S] per accelerator-hour beyond the commitment, at the discount of the period in which it is settled
    owed: Floats  # [2, K, I, S] commitment, which spend must exceed before more is paid, and what is missing to the minimum spend
    interval: Ints  # [K, T]
    offer_price: Floats  # [T, O, S] per accelerator-hour that works
    most: Floats  # [T, P, Z, S] accelerators that a source has for the pool, if no other draws on it
    source: Ints  # [P, Z] row of covered pairs as far as they are paid for in any case, and beyond that, then offers, then nothing
    part: Floats  # [P, Z] of what a contract has for the pool, of covered pairs
    spot: Bools  # [P, Z]
    covers: Ints  # [J, 2] contract and pool of covered pairs
    group: Ints  # [P] that the pool is in
    pools: Ints  # [G, .] in a group; this and what follows filled up with -1
    shared: Ints  # [G, .] covered pairs of a group, in the order in which contracts are shared out to them
    contracts: Ints  # [G, .] of a group


class Charges(NamedTuple):
    """What draws are charged: contracts a share of their price."""

    by_hour: Floats  # [T, P, Z, S] per accelerator-hour
    by_block: Floats  # [T, P, Z, C] per accelerator throughout the block


def market(problem: PlanningProblem, lots: Floats) -> Market:
    """
    Args:
      lots: [K, T] in force.
    """
    supply = problem.supply
    weight = problem.discount[:, None] * problem.probability
    offer_price = supply.offer_price_cash / (1.0 - supply.offer_loss)[:, None, None] * weight
    price, owed = _settlements(problem, lots)
    source, spot = _sources(problem, price, offer_price)
    held = (supply.capacity * lots[:, :, None]).swapaxes(0, 1)
    limit = np.minimum(supply.offer_limit * (1.0 - supply.offer_loss)[:, None], PLENTY).T[:, :, None]
    offered = [np.broadcast_to(each, (*each.shape[:2], held.shape[2])) for each in (limit, np.zeros((len(held), 1, 1)))]
    covered = held[:, supply.cover_contract]
    paid = np.where(supply.settled_each_period, supply.take_or_pay_share, 1.0)[supply.cover_contract]
    part = np.concatenate([paid, 1.0 - paid, np.ones(len(supply.offers) + 1)])[source]
    contract_group, pool_group = _groups(problem)
    groups = int(max(pool_group.max(initial=-1), contract_group.max(initial=-1))) + 1
    shared_out = _shared_out_in_turn(problem)
    fields = Market(
        hours=problem.hours,
        works=problem.availability,
        shortage=_by_cell((problem.shortage_price * problem.availability)[:, None] * weight[:, None, :], problem.hours),
        held=held,
        price=price.swapaxes(0, 1),
        owed=owed,
        interval=np.maximum(supply.interval, 0),
        offer_price=offer_price.swapaxes(0, 1),
        most=np.concatenate([covered, covered, *offered], axis=1)[:, source] * part[:, :, None],
        source=source,
        part=part,
        spot=spot,
        covers=np.stack([supply.cover_contract, supply.cover_pool], axis=1),
        group=pool_group,
        pools=_listed(np.arange(len(problem.pools)), pool_group, groups),
        shared=_listed(shared_out, pool_group[supply.cover_pool[shared_out]], groups),
        contracts=_listed(np.arange(len(supply.contracts)), contract_group, groups),
    )
    return laid_out(fields)


def charged(market: Market, excess: Floats) -> Charges:
    """
    Args:
      excess: [K, I, S] share of their price that draws of contracts are charged.
    """
    contract = market.covers[:, 0]
    share = np.take_along_axis(excess, market.interval[:, :, None], axis=1).swapaxes(0, 1)
    nothing = np.zeros((len(market.price), 1, market.price.shape[2]))
    drawn = (market.price * share)[:, contract]
    by_row = np.concatenate([drawn, drawn, market.offer_price, nothing], axis=1)
    by_hour = by_row[:, market.source]
    return laid_out(Charges(by_hour=by_hour, by_block=_by_cell(by_hour, market.hours)))


def _by_cell(hourly: Floats, hours: Floats) -> Floats:
    """What is paid for each hour, [T, ..., S], for all hours of each block, [T, ..., C]."""
    each = hourly[..., None, :] * hours.reshape(len(hours), *[1] * (hourly.ndim - 2), -1, 1)
    return each.reshape(*hourly.shape[:-1], -1)


def settled_in(problem: PlanningProblem) -> Floats:
    """Discount of the period in which each period's spend is settled, [K, T]; 0 where the contract is not in force."""
    interval = problem.supply.interval
    last = (interval[:, None, :] == interval[:, :, None]) * np.arange(1, interval.shape[1] + 1)
    return np.asarray(np.where(interval >= 0, problem.discount[last.argmax(axis=2)], 0.0))


def _settlements(problem: PlanningProblem, lots: Floats) -> tuple[Floats, Floats]:
    """Weighted price [K, T, S]; weighted commitment and spend owed beyond all that is paid in any case [2, K, I, S]."""
    supply = problem.supply
    weight = settled_in(problem)[:, :, None] * problem.probability
    within = supply.interval[:, :, None] == np.arange(max(1, int(supply.interval.max(initial=0)) + 1))
    in_force = lots[:, :, None]
    hours = supply.take_or_pay_share[:, None, None] * supply.capacity * in_force * problem.hours.sum(axis=1)[:, None]
    owed = (supply.minimum_cash - supply.fixed_fee_cash) * in_force - supply.eligible_spend_cash
    owed = owed / supply.list_ratio[:, None, None] - supply.price_cash * hours
    both = np.stack([supply.excess_price * hours, owed]) * weight
    return supply.excess_price * weight, np.einsum("ckts,kti->ckis", both, within)


def _sources(problem: PlanningProblem, price: Floats, offer_price: Floats) -> tuple[Ints, Bools]:
    """Sources of each pool, and which of them are spot, each [P, Z]: cheapest first by what more draws cost, on the whole."""
    supply, pools = problem.supply, len(problem.pools)
    owner = np.concatenate([supply.cover_pool, supply.cover_pool, supply.offer_pool])
    beyond = price.mean(axis=(1, 2))
    paid = np.where(supply.settled_each_period, beyond - beyond.max(initial=0.0) - 1.0, (1.0 - supply.take_or_pay_share) * beyond)
    dear = np.concatenate([paid[supply.cover_contract], beyond[supply.cover_contract], offer_price.mean(axis=(1, 2))])
    listed = [np.flatnonzero(owner == p) for p in range(pools)]
    source = np.full((pools, max((len(of) for of in listed), default=0) or 1), len(owner))
    for p, of in enumerate(listed):
        source[p, : len(of)] = of[np.argsort(dear[of], kind="stable")]
    return source, np.concatenate([np.zeros(2 * len(supply.cover_pool), dtype=np.bool_), supply.offer_spot, [False]])[source]


def _shared_out_in_turn(problem: PlanningProblem) -> Ints:
    """Covered pairs, [J], those of pools with the dearest alternative first."""
    supply, firm = problem.supply, ~problem.supply.offer_spot
    alternative = problem.shortage_price.copy()
    np.minimum.at(alternative, supply.offer_pool[firm], supply.offer_price_cash[firm].mean(axis=(1, 2)))
    return np.argsort(-alternative[supply.cover_pool], kind="stable")


def _groups(problem: PlanningProblem) -> tuple[Ints, Ints]:
    """Group of each contract, [K], and of each pool, [P]; a contract that covers nothing is in a group of its own."""
    supply, contracts = problem.supply, len(problem.supply.contracts)
    group = np.arange(contracts + len(problem.pools))
    while True:
        before = group.copy()
        for k, p in zip(supply.cover_contract.tolist(), (contracts + supply.cover_pool).tolist(), strict=True):
            group[k] = group[p] = min(group[k], group[p])
        if (group == before).all():
            break
    numbered = np.unique(group, return_inverse=True)[1]
    return numbered[:contracts], numbered[contracts:]


def _listed(items: Ints, group: Ints, groups: int) -> Ints:
    """The items of each group, in their order, filled up with -1, [G, .].

    Args:
      group: of each item.
    """
    listed = np.full((groups, max(1, int(np.bincount(group, minlength=1).max(initial=0)))), -1)
    filled = np.zeros(groups, dtype=np.int64)
    for item, g in zip(items.tolist(), group.tolist(), strict=True):
        listed[g, filled[g]] = item
        filled[g] += 1
    return listed
