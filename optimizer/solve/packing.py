"""The knapsack bound of a problem that has the form, in steps, in a process of its own; what it proves about decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.knapsack import Ascent, Knapsacks, Packed, begin, best_places, knapsacks, reduced_costs

EVALUATIONS = 100  # between two reports


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A bound, and what a plan costs at least beyond it, in USD, that ..."""

    bound_usd: float
    uses_pair: Floats  # [N, T]
    avoids_pair: Floats  # [N, T]
    holds: Floats  # [K]
    holds_none: Floats  # [K]
    placed: Ints  # [L] the pool that took the load, its cheapest of several; -1: none did
    lots: Ints  # [K]
    over: bool  # the ascent has come to its end


def pack(problem: PlanningProblem, *, prices: Floats, target_usd: float) -> Packing:
    """Goes on with the ascent of the problem; begins it from prices of capacity [P], USD per accelerator.

    Args:
      target_usd: a cost that the bound does not exceed, such as the best plan's.
    """
    packs, ascent = _ascent(problem, prices)
    for _ in range(EVALUATIONS):
        if ascent.over:
            break
        ascent.advance(target_usd)
    return _proven(problem, packs, ascent.best, ascent.over)


def _proven(problem: PlanningProblem, packs: Knapsacks, packed: Packed, over: bool) -> Packing:
    needs = problem.needs
    reduced = reduced_costs(packs, packed)
    at = needs.pair_load, needs.pair_pool
    holds, holds_none = np.zeros((2, len(packs.cover)))
    for k in np.flatnonzero(packs.cover >= 0):
        lots, choice = packs.lots[:, k], reduced.choice[:, packs.cover[k]]
        holds[k] = choice[lots > 0].min(initial=np.inf)
        holds_none[k] = choice[lots == 0].min(initial=np.inf)
    return Packing(
        bound_usd=packed.bound_usd,
        uses_pair=reduced.into[at][:, None],
        avoids_pair=reduced.out[at][:, None],
        holds=holds,
        holds_none=holds_none,
        placed=np.where(packed.chosen.any(axis=1), np.where(packed.chosen, packs.cost, np.inf).argmin(axis=1), -1),
        lots=_lots(problem, packs, packed),
        over=over,
    )


def _lots(problem: PlanningProblem, packs: Knapsacks, packed: Packed) -> Ints:
    """Lots under each pool's best choice, [K]."""
    choice = packed.value.argmin(axis=0)
    contracts = np.flatnonzero(packs.cover >= 0)
    lots = problem.supply.least_lots.copy()
    lots[contracts] = packs.lots[choice[packs.cover[contracts]], contracts]
    return lots


_ascents: list[tuple[PlanningProblem, Knapsacks, Ascent]] = []


def _ascent(problem: PlanningProblem, prices: Floats) -> tuple[Knapsacks, Ascent]:
    """Where the ascent of the problem is; one problem at a time."""
    if not _ascents or _ascents[0][0] is not problem:
        packs = knapsacks(problem)
        _ascents[:] = [(problem, packs, begin(packs, best_places(packs, prices)))]
    return _ascents[0][1:]
