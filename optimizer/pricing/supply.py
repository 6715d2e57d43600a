"""Contracts, offers and linking rules as arrays: what the responses read.

Axes as in `arrays`, and `H` budgets, `U` suppliers, `V` rules on supplier shares, `A` groups of alternative contracts, at most `M` in each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jax
import numpy as np
from jax import Array

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.volume import lowest_share

BARRED = 1e30  # units of money: the cost of what is not allowed; finite, so that no difference is undefined
ALL = -1
Kind = TypeVar("Kind")


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ContractArrays:
    """Money per lot, undiscounted, in units."""

    cover: Array  # [K, D] pool; 0 where the contract covers fewer
    works: Array  # [K, D] availability of that pool; 0 where the contract covers fewer
    supplier: Array  # [K]
    capacity: Array  # [K, T, S]
    price: Array  # [K, T, S] per accelerator-hour drawn beyond the commitment
    burst_share: Array  # [K] of the capacity that may be drawn beyond it
    burst_price: Array  # [K, T, S] per accelerator-hour
    more_covered: Array  # [K, T, S] spend that the commitment covers, at the price of what goes beyond it, less the commitment
    committed: Array  # [K, T, S]
    fee: Array  # [K, T, S]
    minimum: Array  # [K, T, S]
    prepaid: Array  # [K, T, S] may be negative
    list_ratio: Array  # [K] what a unit of spend counts towards the minimum
    interval: Array  # [K, T] 0 where not in force (where all money is 0 too)
    settled: Array  # [K, I] period in which the interval is settled
    eligible: Array  # [K, I, S] other spend that counts towards the minimum
    lowest: Array  # [K, I, S] least share of the bill at the contract's own price that volume tiers leave
    rebate: Array  # [K, T, S] what they may take off beyond all of it, where prices change within an interval
    exists: Array  # [K, I] 1.0 where there is such an interval
    balance: Array  # [K] 0 nothing is brought forward, else 1 + the kind of its balance
    opening: Array  # [K] balance at the start
    has_excess: Array  # [K, I] 1.0 where drawing may cost more than the commitment
    has_minimum: Array  # [K, I]
    exit_fee: Array  # [K, T, S] BARRED where leaving is not possible
    terminal: Array  # [K] discounted
    least: Array  # [K] lots
    most: Array  # [K] lots
    member: Array  # [A, M] contracts that are alternatives; a contract without rivals is a group of one; K where there are fewer
    wallet: Array  # [K, T] share of wallet where the contract is sure to be in force, else 0
    has_burst: bool = field(metadata={"static": True})
    has_balance: bool = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class OfferArrays:
    pool: Array  # [O]
    spot: Array  # [O]
    price_row: Array  # [O] row of the stacked prices
    supplier: Array  # [O]
    usable: Array  # [O] working accelerators per accelerator drawn
    limit: Array  # [O, T] accelerators; 0 where there is no limit
    unlimited: Array  # [O, T]
    price: Array  # [O, T, S] per accelerator-hour, undiscounted


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class RuleArrays:
    """Rules that link loads and suppliers, one row each; masks are 1.0 where the row counts."""

    budget_at: Array  # [H, U, T]
    budget: Array  # [H] what decisions may spend, in units
    share_at: Array  # [V, T]
    share_own: Array  # [V, U]
    share: Array  # [V]
    limits_bandwidth: Array  # [sites] 1.0 where there is a limit
    bandwidth: Array  # [sites] GB/s; 0 where there is no limit
    limits_moves: Array  # [T] 1.0 where there is a limit
    moves: Array  # [T]; 0 where there is no limit
    same_exits: Array  # [E, 3] (contract, contract, period) with equal exits
    same_lots: Array  # [E, 2] contracts with as many lots


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class SupplyArrays:
    contracts: ContractArrays
    offers: OfferArrays
    rules: RuleArrays
    spot_pool: Array  # [pools with spot offers]
    shortage: Array  # [P] per accelerator-hour, undiscounted


def supply_arrays(problem: PlanningProblem, spot_pools: Ints, unit: float) -> SupplyArrays:
    """On the host; `spot_pools` are the pools with spot offers."""
    return _host(
        SupplyArrays,
        contracts=_contracts(problem, unit),
        offers=_offers(problem, unit),
        rules=_rules(problem, unit),
        spot_pool=spot_pools,
        shortage=problem.shortage_price / unit,
    )


def _host(kind: Callable[..., Kind], **fields: Any) -> Kind:
    """A container of host arrays: they become device arrays together, at the end."""
    return kind(**fields)


def committed_cash(problem: PlanningProblem) -> Floats:
    """USD per lot in force that is paid whether anything is drawn or not, fixed fee aside, [K, T, S]."""
    supply = problem.supply
    hours = problem.hours.sum(axis=1)[:, None]
    return np.asarray(supply.take_or_pay_share[:, None, None] * supply.price_cash * supply.capacity * hours)


def _contracts(problem: PlanningProblem, unit: float) -> ContractArrays:
    supply = problem.supply
    in_force = supply.interval >= 0
    running = in_force[:, :, None]
    hours = problem.hours.sum(axis=1)[:, None]
    committed = committed_cash(problem)
    cover, works = _covers(problem)
    settled, eligible, least_spend = _intervals(problem)
    exists = settled >= 0
    leavable = supply.leavable[:, :, None]
    sure = (supply.least_lots > 0) & ~supply.leavable.any(axis=1)
    lowest, rebate = _lowest(problem)
    return _host(
        ContractArrays,
        cover=cover,
        works=works,
        supplier=supply.contract_supplier,
        capacity=np.where(running, supply.capacity, 0.0),
        price=np.where(running, supply.excess_price, 0.0) / unit,
        **_burst(problem, unit),
        more_covered=np.where(running, supply.excess_price - supply.price_cash, 0.0)
        * (supply.take_or_pay_share[:, None, None] * supply.capacity * hours / unit),
        committed=np.where(running, committed, 0.0) / unit,
        fee=np.where(running, supply.fixed_fee_cash, 0.0) / unit,
        minimum=np.where(running, supply.minimum_cash, 0.0) / unit,
        prepaid=np.where(running, supply.prepaid_cash, 0.0) / unit,
        list_ratio=supply.list_ratio,
        interval=np.maximum(supply.interval, 0),
        settled=np.maximum(settled, 0),
        eligible=eligible / unit,
        lowest=lowest,
        rebate=np.where(running, rebate, 0.0) / unit,
        exists=exists.astype(np.float64),
        **_balance(problem, unit),
        has_excess=(exists & (supply.take_or_pay_share < 1)[:, None]).astype(np.float64),
        has_minimum=(least_spend > 0).astype(np.float64),
        exit_fee=np.where(leavable, np.where(leavable, supply.exit_fee_cash, 0.0) / unit, BARRED),
        terminal=supply.terminal_usd / unit,
        least=supply.least_lots.astype(np.float64),
        most=supply.most_lots.astype(np.float64),
        member=_alternatives(supply.option_group),
        wallet=np.where(in_force & sure[:, None], supply.share_of_wallet[:, None], 0.0),
        has_burst=len(supply.burst.contract) > 0,
        has_balance=len(supply.balances.contract) > 0,
    )


def _covers(problem: PlanningProblem) -> tuple[Ints, Floats]:
    """Pools that each contract covers and their availability, [K, D]."""
    supply = problem.supply
    contracts = len(supply.contracts)
    count = np.bincount(supply.cover_contract, minlength=contracts)
    depth = int(count.max(initial=1))
    cover, works = np.zeros((contracts, depth), dtype=np.int64), np.zeros((contracts, depth))
    first = np.cumsum(count) - count
    place = np.arange(len(supply.cover_pool)) - first[supply.cover_contract]
    cover[supply.cover_contract, place] = supply.cover_pool
    works[supply.cover_contract, place] = problem.availability[supply.cover_pool]
    return cover, works


def _intervals(problem: PlanningProblem) -> tuple[Ints, Floats, Floats]:
    """Last period (-1: no such interval), eligible other spend [K, I, S] and minimum spend of each interval, else [K, I]."""
    supply = problem.supply
    shape = (len(supply.contracts), max(1, int(supply.interval.max(initial=-1)) + 1))
    settled, eligible, least = np.full(shape, -1), np.zeros((*shape, len(problem.scenarios))), np.zeros(shape)
    contract, period = np.nonzero(supply.interval >= 0)
    interval = supply.interval[contract, period]
    np.maximum.at(settled, (contract, interval), period)
    np.add.at(eligible, (contract, interval), supply.eligible_spend_cash[contract, period])
    np.add.at(least, (contract, interval), supply.minimum_cash[contract, period].max(axis=1))
    return settled, eligible, least


def _burst(problem: PlanningProblem, unit: float) -> dict[str, Floats]:
    supply, clause = problem.supply, problem.supply.burst
    share, price = np.zeros(len(supply.contracts)), np.zeros(supply.price_cash.shape)
    share[clause.contract] = clause.share
    price[clause.contract] = clause.price_cash.reshape(len(clause.contract), *price.shape[1:]) / unit
    return {"burst_share": share, "burst_price": price}


def _balance(problem: PlanningProblem, unit: float) -> dict[str, Any]:
    clause, contracts = problem.supply.balances, len(problem.supply.contracts)
    kind, opening = np.zeros(contracts, dtype=np.int64), np.zeros(contracts)
    kind[clause.contract], opening[clause.contract] = 1 + clause.kind, clause.opening_cash / unit
    return {"balance": kind, "opening": opening}


def _lowest(problem: PlanningProblem) -> tuple[Floats, Floats]:
    """`lowest` and `rebate` of `ContractArrays`, in USD."""
    supply = problem.supply
    share = lowest_share(problem)
    if share.shape[1] == 0:
        return np.ones((len(supply.contracts), 1, len(problem.scenarios))), np.zeros(supply.capacity.shape)
    full = supply.price_cash * supply.capacity * problem.hours.sum(axis=1)[:, None]
    return np.maximum(share, 0.0), full * beyond_all(problem, share)


def beyond_all(problem: PlanningProblem, share: Floats) -> Floats:
    """Share of a period's full price that volume may take off beyond all of it, [K, T, S]; `share` is `lowest_share` of the problem."""
    if share.shape[1] == 0:
        return np.zeros(problem.supply.capacity.shape)
    return np.take_along_axis(np.maximum(-share, 0.0), np.maximum(problem.supply.interval, 0)[:, :, None], axis=1)


def _alternatives(group: Ints) -> Ints:
    """Members of each group, [A, M], filled up with K; contracts in no group stand alone."""
    contracts = len(group)
    groups = [np.flatnonzero(group == g) for g in np.unique(group[group >= 0])]
    groups += [np.array([k]) for k in np.flatnonzero(group < 0)]
    member = np.full((len(groups), max((len(g) for g in groups), default=1)), contracts)
    for row, members in enumerate(groups):
        member[row, : len(members)] = members
    return member


def _offers(problem: PlanningProblem, unit: float) -> OfferArrays:
    supply = problem.supply
    pool = supply.offer_pool
    unlimited = np.isinf(supply.offer_limit)
    return _host(
        OfferArrays,
        pool=pool,
        spot=supply.offer_spot.astype(np.int64),
        price_row=pool + len(problem.pools) * supply.offer_spot,
        supplier=problem.pool_supplier[pool],
        usable=problem.availability[pool] * (1.0 - supply.offer_loss),
        limit=np.where(unlimited, 0.0, supply.offer_limit),
        unlimited=unlimited.astype(np.int64),
        price=supply.offer_price_cash / unit,
    )


def _rules(problem: PlanningProblem, unit: float) -> RuleArrays:
    limits = problem.limits
    suppliers, periods = np.arange(len(problem.suppliers)), np.arange(len(problem.periods))
    counted = (limits.budget_supplier[:, None] == suppliers) | (limits.budget_supplier == ALL)[:, None]
    at = counted[:, :, None] & (limits.budget_period[:, None] == periods)[:, None, :]
    other = (problem.other_spend_cash * at).sum(axis=(1, 2))
    share = problem.limits.shares(len(problem.suppliers))
    return _host(
        RuleArrays,
        budget_at=at.astype(np.float64),
        budget=(limits.budget_cash - other) / unit,
        share_at=(share[:, 1:2] == periods).astype(np.float64),
        share_own=(share[:, :1] == suppliers).astype(np.float64),
        share=share[:, 2],
        limits_bandwidth=np.isfinite(problem.site_bandwidth).astype(np.float64),
        bandwidth=np.where(np.isfinite(problem.site_bandwidth), problem.site_bandwidth, 0.0),
        limits_moves=np.isfinite(limits.most_moves).astype(np.float64),
        moves=np.where(np.isfinite(limits.most_moves), limits.most_moves, 0.0),
        same_exits=problem.supply.same_exits,
        same_lots=problem.supply.same_lots,
    )

