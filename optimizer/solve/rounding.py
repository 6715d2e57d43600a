"""Decisions from prices: from the shares that pricing ends with, each where most of it is, as far as the rules that link decisions allow.

A share may be spread over more moves than a period allows, and over a contract and the work that it excludes; whole decisions may not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.prices import Prices, Shares
from optimizer.solve.cost import placed_pairs
from optimizer.solve.open_choices import open_options, open_pairs


def rounded(problem: PlanningProblem, shares: Shares) -> Decisions:
    """Each load in each period and each run where most of it is, lots to the nearest, and one contract of a group of alternatives.

    Loads go where signed contracts let them. Loads beyond the most moves of a period stay where they were, those first that gain least; a
    contract that could be left unsigned is not signed where it excludes what is placed all the same.
    """
    lots, exits = _lots(problem, shares)
    nowhere = np.full((len(problem.needs.loads), len(problem.periods)), -1, dtype=np.int64)
    signed = Decisions(placed=nowhere, option=np.full(len(problem.needs.runs), -1, dtype=np.int64), lots=lots, exits=exits)
    may = open_pairs(problem, signed) | problem.pair_forced
    share = _among(problem, may, shares.pair)
    placed = _within_moves(replace(problem, pair_allowed=problem.pair_allowed & may), _placed(problem, share), share)
    return _without_excluding(problem, Decisions(placed=placed, option=_options(problem, shares.option), lots=lots, exits=exits))


def each_alone(problem: PlanningProblem, prices: Prices) -> Decisions:
    """Every load and run on its best path at the prices, and the contracts that pay at them."""
    supply = problem.supply
    pays = (prices.contract_usd < 0.0) & (supply.option_group < 0)
    exits = np.zeros((len(supply.contracts), len(problem.periods)), dtype=np.int64)
    return Decisions(placed=prices.placed, option=prices.option, lots=np.where(pays, supply.most_lots, supply.least_lots), exits=exits)


def _among(problem: PlanningProblem, may: Bools, share: Floats) -> Floats:
    """Shares [N, T] where pairs may be, each load's in proportion to what it has there; none where it has nothing there."""
    loads = len(problem.needs.loads)
    whole, kept = np.zeros((2, loads, share.shape[1]))
    np.add.at(whole, problem.needs.pair_load, share)
    np.add.at(kept, problem.needs.pair_load, np.where(may, share, 0.0))
    grown = np.where(kept > 0, whole, 0.0) / np.where(kept > 0, kept, 1.0)
    return np.asarray(np.where(may, share, 0.0) * grown[problem.needs.pair_load])


def _within_moves(problem: PlanningProblem, placed: Ints, share: Floats) -> Ints:
    """[L, T] pools with no more moves in a period than are allowed, as far as loads may stay."""
    needs, most = problem.needs, problem.limits.most_moves
    loads = np.arange(len(needs.loads))
    pair = np.full((len(loads), len(problem.pools)), -1)
    pair[needs.pair_load, needs.pair_pool] = np.arange(len(needs.pair_load))
    kept, before = placed.copy(), problem.placed_before
    for t in range(placed.shape[1]):
        now = kept[:, t]
        moved = (now >= 0) & (now != before) & ((before >= 0) | (t > 0))
        stays = pair[loads, before]
        may_stay = moved & (before >= 0) & (stays >= 0) & problem.pair_allowed[stays, t] & ~problem.pair_forced[pair[loads, now], t]
        excess = moved.sum() - most[t]
        if excess > 0:
            gain = np.where(may_stay, share[pair[loads, now], t] - share[stays, t], np.inf)
            back = np.argsort(gain, kind="stable")[: int(min(np.ceil(excess), may_stay.sum()))]
            kept[back, t] = before[back]
        before = kept[:, t]
    return kept


def _without_excluding(problem: PlanningProblem, decisions: Decisions) -> Decisions:
    """Of contracts that need not be signed, none that excludes another that is, or work where it is placed."""
    supply = problem.supply
    lots, exits = decisions.lots.copy(), decisions.exits.copy()
    excluding = {int(row[0]) for row in (*supply.excluded_supplier, *supply.exclusive_work, *supply.exclusive_run)}
    chosen = decisions.option[decisions.option >= 0]
    for k in (*(int(k) for pair in supply.excluded_contract for k in pair), *sorted(excluding)):
        now = replace(decisions, lots=lots, exits=exits)
        held = lots > 0
        rival = any(k in pair and held[pair].all() for pair in supply.excluded_contract)
        rival |= any(k == row and held[supply.contract_supplier == excluded].any() for row, excluded in supply.excluded_supplier)
        shut_out = placed_pairs(problem, now) & problem.pair_allowed & ~open_pairs(problem, now)
        barred = k in excluding and bool(shut_out.any() or not open_options(problem, now)[chosen].all())
        if (rival or barred) and lots[k] > 0 and supply.least_lots[k] == 0:
            lots[k], exits[k] = 0, 0
    return replace(decisions, lots=lots, exits=exits)


def _placed(problem: PlanningProblem, share: Floats) -> Ints:
    """[L, T] pools; -1 where more of the load is not placed than is in any one pool."""
    needs = problem.needs
    loads, periods = len(needs.loads), len(problem.periods)
    whole = np.zeros((loads, periods))
    np.add.at(whole, needs.pair_load, share)
    placed, most = np.full((loads, periods), -1, dtype=np.int64), 1.0 - whole
    for n, mine in enumerate(share):
        load = needs.pair_load[n]
        more = mine > most[load]
        placed[load, more], most[load, more] = needs.pair_pool[n], mine[more]
    return placed


def _options(problem: PlanningProblem, share: Floats) -> Ints:
    needs = problem.needs
    option = np.full(len(needs.runs), -1, dtype=np.int64)
    most = 1.0 - np.bincount(needs.option_run, share, len(needs.runs))
    for g, mine in enumerate(share):
        if mine > most[needs.option_run[g]]:
            option[needs.option_run[g]], most[needs.option_run[g]] = g, mine
    return option


def _lots(problem: PlanningProblem, shares: Shares) -> tuple[Ints, Ints]:
    """Lots [K] and the lots of them that are left at the start of each period [K, T]."""
    supply = problem.supply
    left = shares.leaving.sum(axis=1)
    lots = np.clip(np.rint(shares.staying + left).astype(np.int64), supply.least_lots, supply.most_lots)
    for group in np.unique(supply.option_group[supply.option_group >= 0]):
        members = np.flatnonzero(supply.option_group == group)
        others = members[members != members[np.argmax((shares.staying + left)[members])]]
        lots[others] = supply.least_lots[others]
    exits = np.zeros(shares.leaving.shape, dtype=np.int64)
    for k in np.flatnonzero(left > 0.5):
        until = np.rint(np.minimum(np.cumsum(shares.leaving[k]), lots[k])).astype(np.int64)
        exits[k] = np.diff(until, prepend=0)
    return lots, exits
