"""What pools can draw from under some choice of contracts, as arrays: what `merit` reads.

Axes as in `arrays`, and `J` covered pairs, `I` fulfilment intervals, `Z` sources of a pool. Money in units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax import Array

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints

PLENTY = 1e9  # accelerators: a limit of offers that have none


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Market:
    """What pools can draw from, under some choice of contracts."""

    hours: Array  # [B, T]
    works: Array  # [P] availability
    shortage: Array  # [P, T, S] per accelerator-hour
    held: Array  # [K, T, S] accelerators
    price: Array  # [K, T, S] per accelerator-hour beyond the commitment, at the discount of the period in which it is settled
    committed: Array  # [K, I, S] that spend must exceed before more is paid
    owed: Array  # [K, I, S] what is missing to the minimum spend
    interval: Array  # [K, T]
    offer_price: Array  # [O, T, S] per accelerator-hour that works
    offer_limit: Array  # [O, T] accelerators that work
    source: Array  # [P, Z] row of covered pairs, then offers, then nothing; cheapest first
    spot: Array  # [P, Z]
    cover_contract: tuple[int, ...] = field(metadata={"static": True})
    cover_pool: tuple[int, ...] = field(metadata={"static": True})
    rounds: tuple[Array, ...]  # covered pairs to which contracts are shared out, no contract or pool twice in one


def market(problem: PlanningProblem, lots: Floats, unit: float) -> Market:
    """
    Args:
      lots: [K, T] in force.
      unit: of money, USD.
    """
    supply = problem.supply
    weight = problem.discount[:, None] * problem.probability
    offer_price = supply.offer_price_cash / (1.0 - supply.offer_loss)[:, None, None] * weight / unit
    limit = np.minimum(supply.offer_limit * (1.0 - supply.offer_loss)[:, None], PLENTY)
    price, committed, owed = _settlements(problem, lots)
    source, spot = _sources(problem, price / unit, offer_price)
    fields = {
        "hours": problem.hours.T,
        "works": problem.availability,
        "shortage": problem.shortage_price[:, None, None] * weight / unit,
        "held": supply.capacity * lots[:, :, None],
        "price": price / unit,
        "committed": committed / unit,
        "owed": owed / unit,
        "offer_price": offer_price,
        "offer_limit": limit,
    }
    arrays: dict[str, Any] = {
        **{name: np.asarray(value, dtype=np.float32) for name, value in fields.items()},
        "interval": np.maximum(supply.interval, 0).astype(np.int32),
        "source": np.asarray(source, dtype=np.int32),
        "spot": spot,
        "rounds": tuple(np.asarray(turn, dtype=np.int32) for turn in _rounds(problem)),
    }
    return Market(
        **jax.device_put(arrays),
        cover_contract=tuple(supply.cover_contract.tolist()),
        cover_pool=tuple(supply.cover_pool.tolist()),
    )


def settled_in(problem: PlanningProblem) -> Floats:
    """Discount of the period in which each period's spend is settled, [K, T]; 0 where the contract is not in force."""
    interval = problem.supply.interval
    last = (interval[:, None, :] == interval[:, :, None]) * np.arange(1, interval.shape[1] + 1)
    return np.asarray(np.where(interval >= 0, problem.discount[last.argmax(axis=2)], 0.0))


def _settlements(problem: PlanningProblem, lots: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted price [K, T, S]; weighted commitment and spend owed beyond all that is paid in any case [K, I, S]. USD."""
    supply = problem.supply
    weight = settled_in(problem)[:, :, None] * problem.probability
    within = supply.interval[:, :, None] == np.arange(max(1, int(supply.interval.max(initial=0)) + 1))
    in_force = lots[:, :, None]
    hours = supply.take_or_pay_share[:, None, None] * supply.capacity * in_force * problem.hours.sum(axis=1)[:, None]
    owed = (supply.minimum_cash - supply.fixed_fee_cash) * in_force - supply.eligible_spend_cash
    owed = owed / supply.list_ratio[:, None, None] - supply.price_cash * hours
    committed, missing = (np.einsum("kts,kti->kis", cash * weight, within) for cash in (supply.excess_price * hours, owed))
    return supply.excess_price * weight, committed, missing


def _sources(problem: PlanningProblem, price: Floats, offer_price: Floats) -> tuple[Ints, np.ndarray]:
    """Sources of each pool by their mean price, and which of them are spot, each [P, Z]."""
    supply, pools = problem.supply, len(problem.pools)
    covers, offers = len(supply.cover_pool), len(supply.offers)
    owner = np.concatenate([supply.cover_pool, supply.offer_pool])
    contract_price = (1.0 - supply.take_or_pay_share) * price.mean(axis=(1, 2))  # what more draws cost, on the whole
    dear = np.append(np.concatenate([contract_price[supply.cover_contract], offer_price.mean(axis=(1, 2))]), np.inf)
    listed = [np.flatnonzero(owner == p) for p in range(pools)]
    source = np.full((pools, max((len(of) for of in listed), default=0) or 1), covers + offers)
    for p, of in enumerate(listed):
        source[p, : len(of)] = of[np.argsort(dear[of], kind="stable")]
    return source, np.concatenate([np.zeros(covers, dtype=np.bool_), supply.offer_spot, [False]])[source]


def _rounds(problem: PlanningProblem) -> list[list[int]]:
    """Covered pairs, those of pools with the dearest alternative first, in rounds in which no contract or pool comes twice."""
    supply, firm = problem.supply, ~problem.supply.offer_spot
    alternative = problem.shortage_price.copy()
    np.minimum.at(alternative, supply.offer_pool[firm], supply.offer_price_cash[firm].mean(axis=(1, 2)))
    contract, pool = np.zeros(len(supply.contracts), dtype=np.int64), np.zeros(len(problem.pools), dtype=np.int64)
    rounds: list[list[int]] = []
    for j in np.argsort(-alternative[supply.cover_pool], kind="stable").tolist():
        k, p = supply.cover_contract[j], supply.cover_pool[j]
        turn = int(max(contract[k], pool[p]))
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(j)
        contract[k] = pool[p] = turn + 1
    return rounds
