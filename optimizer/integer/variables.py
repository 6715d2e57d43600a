"""Which decisions become columns of the program, where they stand, and between which finite bounds.

Each array of `Variables` holds column numbers; -1 marks a decision that cannot matter and has no column: a draw from capacity that is
not there or in a pool that nothing can use, a shortage where no need can arise, a move that costs nothing and that no limit counts.
Every column has a finite box, so that any row prices give a valid bound (`bound.safe_bound`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.balance_columns import BalanceColumns, balance_columns
from optimizer.integer.columns import Bools, Columns
from optimizer.integer.volume_columns import VolumeColumns, volume_columns


@dataclass(frozen=True, kw_only=True)
class Variables:
    """Column numbers; -1: no column. W is the number of fulfilment intervals, F of flexible pairs."""

    place: Ints  # x [N, T]
    unplaced: Ints  # u [L, T]
    option: Ints  # z [G]
    not_run: Ints  # v [R]
    lots: Ints  # Y [K]
    held: Ints  # y [K]; the column of Y where there is only one lot
    exits: Ints  # e [K, T]
    in_force: Ints  # 1 while any lot is in force, [K, T]; the column of y where no lot can have left
    contract_draw: Ints  # d [J, T, B, S]
    offer_draw: Ints  # m [O, T, B, S]
    flexible_pairs: Ints  # [F] index of a pair
    served: Ints  # f [F, T, B, S]
    missed: Ints  # [F, T, S] accelerator-hours
    shortage: Ints  # q [P, T, B, S]
    enter: Ints  # 1 where the load was elsewhere one period earlier, [N, T]; never for the first period
    excess: Ints  # [K, W, S] units of money
    short: Ints  # [K, W, S] units of money
    is_excess: Ints  # 1 where more is drawn than is committed, where that says what counts towards a minimum [K, W, S]
    supplier_used: Ints  # [suppliers, T]
    site_placed: Ints  # accelerators in use at a site, [sites, T, B, S]
    volumes: VolumeColumns
    balances: BalanceColumns
    burst: Ints  # [U, T, B, S] accelerators drawn beyond the capacity
    is_bursting: Ints  # 1 where any are, where burst is cheaper than what it goes beyond [U, T, B, S]


def choose_variables(problem: PlanningProblem, unit: float) -> tuple[Variables, Columns]:
    """Numbers all columns. `unit` is USD per unit of money."""
    columns, needs = Columns(), problem.needs
    largest = largest_need(problem)
    place = columns.take(np.ones(problem.pair_allowed.shape, dtype=np.bool_), upper=problem.pair_allowed, integer=True)
    unplaced = columns.take(np.ones((len(needs.loads), len(problem.periods)), dtype=np.bool_), integer=True)
    option = columns.take(np.ones(len(needs.option_run), dtype=np.bool_), integer=True)
    not_run = columns.take(np.ones(len(needs.runs), dtype=np.bool_), upper=~problem.run_forced, integer=True)
    lots, held, exits, in_force = _contract_columns(problem, columns)
    contract_draw, offer_draw = _draw_columns(problem, columns, largest)
    burst, is_bursting = _burst_columns(problem, columns)
    flexible_pairs = np.flatnonzero(needs.flexible[needs.pair_load])
    served, missed = _flexible_columns(problem, columns, flexible_pairs)
    excess, short, is_excess = _settlement_columns(problem, columns, unit)
    return (
        Variables(
            place=place,
            unplaced=unplaced,
            option=option,
            not_run=not_run,
            lots=lots,
            held=held,
            exits=exits,
            in_force=in_force,
            contract_draw=contract_draw,
            offer_draw=offer_draw,
            flexible_pairs=flexible_pairs,
            served=served,
            missed=missed,
            shortage=columns.take(largest > 0, upper=largest),
            enter=columns.take(_moves_that_matter(problem)),
            excess=excess,
            short=short,
            is_excess=is_excess,
            supplier_used=columns.take(np.tile(problem.limits.fewest_suppliers > 0, (len(problem.suppliers), 1))),
            site_placed=_site_columns(problem, columns, largest),
            volumes=volume_columns(problem, columns),
            balances=balance_columns(problem, columns, unit),
            burst=burst,
            is_bursting=is_bursting,
        ),
        columns,
    )


def largest_need(problem: PlanningProblem) -> Floats:
    """Accelerators in use in each pool if all that may run there does, [P, T, B, S]."""
    needs = problem.needs
    periods, blocks, scenarios = problem.shape
    largest = np.zeros((len(problem.pools), periods, blocks, scenarios))
    held = (needs.need + needs.work_limit[:, :, None, :]) * problem.pair_allowed[:, :, None, None]
    np.add.at(largest, needs.pair_pool, held)
    gangs = np.zeros((len(needs.runs), len(problem.pools), periods))
    option, period = np.nonzero(periods_held(problem))
    np.maximum.at(gangs, (needs.option_run[option], needs.option_pool[option], period), needs.option_gang[option])
    return np.asarray(largest + gangs.sum(axis=0)[:, :, None, None])


def periods_held(problem: PlanningProblem) -> Bools:
    """True in the periods in which a training option holds its gang, [G, T]."""
    needs, period = problem.needs, np.arange(len(problem.periods))
    return np.asarray((needs.option_start[:, None] <= period) & (period < needs.option_stop[:, None]))


def share_limited(problem: PlanningProblem) -> Bools:
    """True in periods with a limit on a supplier's share of hours drawn, [T]: idle draws may then be worth their price."""
    limited = np.zeros(len(problem.periods), dtype=np.bool_)
    for period in problem.limits.share_period:
        limited[period if period >= 0 else slice(None)] = True
    return limited


def _contract_columns(problem: PlanningProblem, columns: Columns) -> tuple[Ints, Ints, Ints, Ints]:
    """Y, y, e and whether in force. The last two only where a clause speaks of them."""
    supply = problem.supply
    contracts = len(supply.contracts)
    lots = columns.take(
        np.ones(contracts, dtype=np.bool_), lower=np.where(supply.in_force, supply.least_lots, 0), upper=supply.most_lots, integer=True
    )
    named = _contracts_named_by_rules(problem)
    held = np.where(supply.most_lots == 1, lots, columns.take(named & (supply.most_lots > 1), integer=True))
    leavable = supply.leavable
    exits = columns.take(leavable, upper=supply.most_lots[:, None], integer=True)
    may_have_left = np.cumsum(leavable, axis=1) > 0
    running = supply.interval >= 0
    in_force = columns.take(named[:, None] & may_have_left & running, integer=True)
    return lots, held, exits, np.where(may_have_left | ~running, in_force, held[:, None])


def _contracts_named_by_rules(problem: PlanningProblem) -> Bools:
    """Contracts of which some clause asks whether they are held or in force, [K]."""
    supply = problem.supply
    named = (supply.share_of_wallet > 0) | (supply.option_group >= 0)
    for pairs in (supply.excluded_supplier, supply.exclusive_work, supply.exclusive_run):
        named[pairs[:, 0]] = True
    for pairs in (supply.excluded_contract, supply.favoured.other):
        named[pairs.ravel()] = True
    named |= np.isin(supply.contract_supplier, supply.excluded_supplier[:, 1])
    return np.asarray(named)


def _draw_columns(problem: PlanningProblem, columns: Columns, largest: Floats) -> tuple[Ints, Ints]:
    """d and m: where something can be used, or where hours drawn count for themselves: a share is agreed or limited, or list price."""
    supply = problem.supply
    wide = share_limited(problem)[:, None, None]
    works = problem.availability[:, None, None, None]
    capacity = (supply.drawable * supply.most_lots[:, None, None])[supply.cover_contract][:, :, None, :]
    useful = largest[supply.cover_pool] / works[supply.cover_pool]
    alone = (supply.share_of_wallet > 0) | (supply.list_ratio > 1.0) | _repriced(problem)
    idle = wide | alone[supply.cover_contract][:, None, None, None]
    upper = np.where(idle, capacity, np.minimum(capacity, useful))
    contract_draw = columns.take(upper > 0, upper=upper)
    pool = supply.offer_pool
    usable = _usable_by_offer(problem, largest)
    useful = usable / (works[pool] * (1.0 - supply.offer_loss)[:, None, None, None])
    most = np.minimum(supply.offer_limit[:, :, None, None], np.where(wide, _enough_to_dilute(problem, largest), useful))
    return contract_draw, columns.take(most > 0, upper=most)


def _burst_columns(problem: PlanningProblem, columns: Columns) -> tuple[Ints, Ints]:
    """Burst, and whether there is any where drawing it first might pay."""
    supply, clause = problem.supply, problem.supply.burst
    k = clause.contract
    most = clause.share[:, None, None] * supply.capacity[k] * supply.most_lots[k][:, None, None]
    most = np.repeat(most[:, :, None, :], len(problem.blocks), axis=2)
    first = (clause.price_cash.reshape(supply.price_cash[k].shape) < supply.excess_price[k]) | _repriced(problem)[k][:, None, None]
    return columns.take(most > 0, upper=most), columns.take((most > 0) & first[:, :, None, :], integer=True)


def _repriced(problem: PlanningProblem) -> Bools:
    """Contracts with volume tiers or a most favoured price, [K]: more drawn may cost less."""
    supply = problem.supply
    return np.isin(np.arange(len(supply.contracts)), [*supply.tiers.contract, *supply.favoured.contract])


def _usable_by_offer(problem: PlanningProblem, largest: Floats) -> Floats:
    """Most accelerators that could use each offer, [O, T, B, S]: none for spot in a pool where nothing may use it."""
    supply, needs = problem.supply, problem.needs
    spot_pools = np.zeros(len(problem.pools), dtype=np.bool_)
    spot_pools[needs.pair_pool[problem.load_spot[needs.pair_load]]] = True
    spot_pools[needs.option_pool[problem.run_spot[needs.option_run]]] = True
    usable = spot_pools[supply.offer_pool] | ~supply.offer_spot
    return np.asarray(largest[supply.offer_pool] * usable[:, None, None, None])


def _enough_to_dilute(problem: PlanningProblem, largest: Floats) -> float:
    """Accelerators beyond which no offer is drawn even to keep a supplier's share: all that could be drawn, over the least share."""
    supply = problem.supply
    shares = problem.limits.share[problem.limits.share > 0]
    least = float(min(shares, default=1.0))
    usable = problem.availability.min() * (1.0 - supply.offer_loss.max(initial=0.0))
    contracts = float((supply.drawable * supply.most_lots[:, None, None]).max(axis=(1, 2), initial=0.0).sum())
    return (float(largest.sum(axis=0).max(initial=0.0)) / float(usable) + contracts) / least


def _flexible_columns(problem: PlanningProblem, columns: Columns, pairs: Ints) -> tuple[Ints, Ints]:
    needs = problem.needs
    periods, blocks, scenarios = problem.shape
    limit = needs.work_limit[pairs] * problem.pair_allowed[pairs][:, :, None]
    upper = np.broadcast_to(limit[:, :, None, :], (len(pairs), periods, blocks, scenarios))
    most = needs.work[pairs] * problem.pair_allowed[pairs][:, :, None]
    return columns.take(upper > 0, upper=upper), columns.take(most > 0, upper=most)


def largest_spend(problem: PlanningProblem) -> Floats:
    """USD that drawing all lots in full costs, at the price of what goes beyond the commitment, [K, T, S]."""
    supply = problem.supply
    return np.asarray(supply.excess_price * supply.capacity * problem.hours.sum(axis=1)[:, None] * supply.most_lots[:, None, None])


def _settlement_columns(problem: PlanningProblem, columns: Columns, unit: float) -> tuple[Ints, Ints, Ints]:
    """Excess where part of the capacity is paid for anyway (else it is the spend, or nothing); shortfall where there is a minimum.

    Where more counts towards the minimum than is billed, excess must be no more than it is. Drawing all that is committed makes it so at
    no cost, unless hours drawn count for themselves; there a binary says whether there is any.
    """
    supply = problem.supply
    lots = supply.most_lots[:, None, None]
    partly = (supply.take_or_pay_share > 0) & (supply.take_or_pay_share < 1)
    most_excess = by_interval(problem, largest_spend(problem) / unit) * partly[:, None, None]
    most_short = by_interval(problem, (supply.minimum_cash * lots - np.minimum(supply.brought_spend_cash, 0.0)) / unit)
    counted = (supply.share_of_wallet > 0).any() or bool(share_limited(problem).any())
    binary = (most_excess > 0) & (most_short > 0) & ((supply.list_ratio > 1.0) & counted)[:, None, None]
    return (
        columns.take(most_excess > 0, upper=most_excess),
        columns.take(most_short > 0, upper=most_short),
        columns.take(binary, integer=True),
    )


def by_interval(problem: PlanningProblem, values: Floats) -> Floats:
    """Sums [K, T, S] values over the periods of each fulfilment interval, [K, W, S]."""
    interval = problem.supply.interval
    totals = np.zeros((len(interval), int(interval.max(initial=-1)) + 1, values.shape[2]))
    contract, period = np.nonzero(interval >= 0)
    np.add.at(totals, (contract, interval[contract, period]), values[contract, period])
    return totals


def _moves_that_matter(problem: PlanningProblem) -> Bools:
    """Moves into a pool after the first period that cost something or that a limit counts, [N, T].

    Leaving needs no column of its own: it is `enter - x[t] + x[t - 1]`.
    """
    costly = (problem.enter_cash + problem.leave_cash)[:, None] > 0
    matters = (costly | np.isfinite(problem.limits.most_moves)) & problem.pair_allowed
    matters[:, :1] = False
    return np.asarray(matters)


def _site_columns(problem: PlanningProblem, columns: Columns, largest: Floats) -> Ints:
    total = np.zeros((len(problem.sites), *largest.shape[1:]))
    np.add.at(total, problem.pool_site, largest)
    reserved = (problem.limits.site_loss_reserve > 0)[:, None, None]
    return columns.take(reserved & (total > 0), upper=total)
