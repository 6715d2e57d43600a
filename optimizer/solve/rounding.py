"""Decisions from the shares that pricing ends with: each where most of it is."""

from __future__ import annotations

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.prices import Shares


def rounded(problem: PlanningProblem, shares: Shares) -> Decisions:
    """Each load in each period and each run where most of it is, lots to the nearest, and one contract of a group of alternatives."""
    placed = _placed(problem, shares.pair)
    lots, exits = _lots(problem, shares)
    return Decisions(placed=placed, option=_options(problem, shares.option), lots=lots, exits=exits)


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
