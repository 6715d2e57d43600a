"""Parts of an evaluation of the smooth dual and its slopes in NumPy and BLAS: yardstick of `pricing_speed`, second implementation.

Shapes and names are those of optimizer/pricing. Needs stand as float32 from the start, which spares NumPy the conversion that the
product's small integers take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


def contraction(need: Floats, price: Floats, slope: Floats) -> tuple[Floats, Floats]:
    """Cost of rigid pairs [T, C, W], and accelerators wanted [T, C, X] at shares `slope` [T, C, W], by batched BLAS products.

    Args:
      need: [T, C, X, W].
      price: [T, C, X].
    """
    return np.matmul(price[:, :, None], need)[:, :, 0], np.matmul(need, slope[..., None])[..., 0]


@dataclass(frozen=True, kw_only=True)
class Moves:
    """What a load pays to change pool; nothing is in force before the first period, so that the first entry is free."""

    enter: Floats  # [Q, L]
    leave: Floats  # [Q, L]
    discount: Floats  # [T]
    unplaced: Floats  # [T, L]


def _least(values: Floats, temperature: Floats) -> Floats:
    lowest = values.min(axis=0)
    return lowest - temperature * np.log(np.exp((lowest - values) / temperature).sum(axis=0))


def _less(a: Floats, b: Floats, temperature: Floats) -> Floats:
    return np.minimum(a, b) - temperature * np.log1p(np.exp(-np.abs(a - b) / temperature))


def paths(cost: Floats, charge: Floats, moves: Moves, temperature: Floats) -> tuple[Floats, Floats]:
    """Smooth cost of each load's cheapest path [L], and how much of it is in each slot [T, Q, L].

    Args:
      cost: [T, Q, L].
      charge: [T] price of a move.
      temperature: [L].
    """
    periods = len(cost)
    placed, nowhere = [cost[0]], [moves.unplaced[0]]
    kept = []
    for t in range(1, periods):
        leaving = placed[-1] + moves.discount[t] * moves.leave
        out = _least(leaving, temperature)
        move = _less(out, nowhere[-1], temperature)
        entering = move + (moves.discount[t] * moves.enter + charge[t])
        apart = np.abs(entering - placed[-1])
        higher = np.maximum(0.5 - apart / (4.0 * temperature), 0.0)
        arrived = np.minimum(entering, placed[-1]) + higher * (apart - 2.0 * temperature * (1.0 - higher))
        kept.append((leaving, out, move, np.where(entering > placed[-1], higher, 1.0 - higher)))
        placed.append(arrived + cost[t])
        nowhere.append(move + moves.unplaced[t])
    last = _least(placed[-1], temperature)
    total = _less(last, nowhere[-1], temperature)
    flow, idle = np.exp((total - placed[-1]) / temperature), np.exp((total - nowhere[-1]) / temperature)
    shares = np.empty_like(cost)
    for t in range(periods - 1, 0, -1):
        shares[t] = flow
        leaving, _, move, enters = kept[t - 1]
        entered = flow * enters
        moving = entered.sum(axis=0) + idle
        flow = flow - entered + moving * np.exp((move - leaving) / temperature)
        idle = moving * np.exp((move - nowhere[t - 1]) / temperature)
    shares[0] = flow
    return total, shares


@dataclass(frozen=True, kw_only=True)
class Options:
    """Training options, sorted by run."""

    run: Ints  # [G]
    price: Ints  # [G] row of the prices
    start: Ints  # [G]
    stop: Ints  # [G]
    gang: Floats  # [G]
    cost: Floats  # [G]
    not_run: Floats  # [R]


def starts(options: Options, stacked: Floats, temperature: Floats) -> tuple[Floats, Floats]:
    """Smooth cost of each run [R], and the slopes in prices [P, T, X].

    Args:
      stacked: [P, T, X] prices.
      temperature: [R].
    """
    by_period = stacked.sum(axis=2)
    until = np.concatenate([np.zeros_like(by_period[:, :1]), by_period.cumsum(axis=1)], axis=1)
    costs = options.cost + options.gang * (until[options.price, options.stop] - until[options.price, options.start])
    first = np.searchsorted(options.run, np.arange(len(options.not_run)))
    base = np.minimum(np.minimum.reduceat(costs, first), options.not_run)
    weight = np.exp((base[options.run] - costs) / temperature[options.run])
    total = np.add.reduceat(weight, first) + np.exp((base - options.not_run) / temperature)
    slope = weight / total[options.run] * options.gang
    ends = np.zeros_like(until)
    np.add.at(ends, (options.price, options.start), slope)
    np.add.at(ends, (options.price, options.stop), -slope)
    held = ends.cumsum(axis=1)[:, :-1]
    return base - temperature * np.log(total), np.broadcast_to(held[:, :, None], stacked.shape)


@dataclass(frozen=True, kw_only=True)
class Contracts:
    """Contracts of one pool each that share no rule, whose fulfilment intervals are the periods; money in units."""

    pool: Ints  # [K]
    works: Floats  # [K] availability of that pool
    capacity: Floats  # [K, T, S]
    price: Floats  # [K, T, S] per accelerator-hour, weighted, of what is drawn beyond the commitment
    committed: Floats  # [K, T, S] weighted; it is paid in any case
    leaving: Floats  # [K, T + 1] of leaving at the start of each period, the last: of staying
    most: Floats  # [K] lots


def responses(
    contracts: Contracts, hours: Floats, firm: Floats, excess: Floats, temperatures: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Smooth cost of each contract or of none [K], and the slopes in prices [P, T, B, S] and in weights [K, T, S].

    Args:
      hours: [T, B].
      firm: [P, T, B, S] prices.
      excess: [K, T, S] weight of spend beyond the commitment.
      temperatures: of draws [P, T, B, S], of leaving [K] and of signing [K].
    """
    draws, exits, signing = temperatures[0][contracts.pool], temperatures[1], temperatures[2]
    charge = hours[None, :, :, None] * (excess * contracts.price)[:, :, None, :]
    loss = charge - contracts.works[:, None, None, None] * firm[contracts.pool]
    worth = -(contracts.capacity[:, :, None, :] * _less(loss, np.zeros_like(loss), draws)).sum(axis=(2, 3))
    running = (contracts.committed * (1.0 - excess)).sum(axis=2) - worth
    until = np.concatenate([np.zeros_like(running[:, :1]), running.cumsum(axis=1)], axis=1) + contracts.leaving
    lowest = until.min(axis=1)
    apart = np.exp((lowest[:, None] - until) / exits[:, None])
    total = apart.sum(axis=1)
    lot = lowest - exits * np.log(total)
    signed = np.minimum(lot, contracts.most * lot)
    cost = _less(signed, np.zeros_like(signed), signing)

    a_lot = np.exp((cost - signed) / signing) * np.where(lot < 0.0, contracts.most, 1.0)
    stays = (a_lot / total)[:, None] * apart[:, :0:-1].cumsum(axis=1)[:, ::-1]
    drawn = (stays[:, :, None] * contracts.capacity)[:, :, None, :] / (1.0 + np.exp(loss / draws))
    in_price = np.zeros_like(firm)
    np.add.at(in_price, contracts.pool, -contracts.works[:, None, None, None] * drawn)
    billed = (drawn * hours[None, :, :, None]).sum(axis=2) * contracts.price
    return cost, in_price, billed - stays[:, :, None] * contracts.committed
