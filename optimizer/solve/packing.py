"""The knapsack bound of a problem that has the form, in steps, in a process of its own; what it proves about decisions; plans beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.expected import solve_expected
from optimizer.pricing.knapsack import Knapsacks, knapsacks
from optimizer.pricing.packings import Ascent, begin, best_places, reduced_costs
from optimizer.solve.part import Around, Part, solve_part

EVALUATIONS = 100  # between two reports
NEAR = 0.05  # relative: how far the bound is expected to rise where nothing is known
RELAXATION_S = 30.0  # guard
CLOSE = 1e-7  # relative gap at which loads are placed


@dataclass(frozen=True, kw_only=True)
class Packing:
    """A bound, and what a plan costs at least beyond it, in USD, that ..."""

    bound_usd: float
    multipliers: Floats  # [L] that prove it
    uses_pair: Floats  # [N, T]
    avoids_pair: Floats  # [N, T]
    holds: Floats  # [K]
    holds_none: Floats  # [K]
    decisions: Decisions  # each load in the pool that took it, its cheapest of several; nowhere if none did
    prices: Floats  # [P] of capacity, USD per accelerator
    over: bool  # the ascent has come to its end


def pack(problem: PlanningProblem, *, evaluations: int = EVALUATIONS, target_usd: float = math.nan) -> Packing:
    """Goes on with the ascent of the problem; begins it from the prices of its linear relaxation.

    Args:
      evaluations: at most.
      target_usd: a cost that the bound does not exceed, such as the best plan's; nan: none is known.
    """
    packs, ascent, prices = _ascent(problem)
    for _ in range(evaluations):
        if ascent.over:
            break
        best = ascent.best.bound_usd
        ascent.advance(best + NEAR * abs(best) if math.isnan(target_usd) else target_usd)
    return _proven(problem, packs, ascent, prices)


def _proven(problem: PlanningProblem, packs: Knapsacks, ascent: Ascent, prices: Floats) -> Packing:
    packed = ascent.best
    needs = problem.needs
    reduced = reduced_costs(packs, packed)
    taken = np.where(packed.chosen.any(axis=1), np.where(packed.chosen, packs.cost, np.inf).argmin(axis=1), -1)
    at = needs.pair_load, needs.pair_pool
    holds, holds_none = np.zeros((2, len(packs.cover)))
    for k in np.flatnonzero(packs.cover >= 0):
        lots, choice = packs.lots[:, k], reduced.choice[:, packs.cover[k]]
        holds[k] = choice[lots > 0].min(initial=np.inf)
        holds_none[k] = choice[lots == 0].min(initial=np.inf)
    return Packing(
        bound_usd=packed.bound_usd,
        multipliers=packed.multipliers,
        uses_pair=reduced.into[at][:, None],
        avoids_pair=reduced.out[at][:, None],
        holds=holds,
        holds_none=holds_none,
        decisions=decided(problem, packs, taken, packed.choice),
        prices=prices,
        over=ascent.over,
    )


def decided(problem: PlanningProblem, packs: Knapsacks, placed: Ints, choice: Ints) -> Decisions:
    """Decisions of a problem of the form.

    Args:
      placed: [L] pool of each load; -1: it is not placed.
      choice: [P] of lots in each pool, as in `Knapsacks`.
    """
    contracts = np.flatnonzero(packs.cover >= 0)
    lots = problem.supply.least_lots.copy()
    lots[contracts] = packs.lots[choice[packs.cover[contracts]], contracts]
    return Decisions(placed=placed[:, None], option=np.zeros(0, dtype=np.int64), lots=lots, exits=np.zeros((len(lots), 1), dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long CP-SAT may place loads."""

    seconds: float | None = None
    work: float | None = None  # its own seconds, which are the same on every machine

    def shorter(self, seconds: float) -> Limit:
        """So many seconds at most, where they are what counts."""
        return self if self.work is not None else Limit(seconds=seconds if self.seconds is None else min(seconds, self.seconds))


def place(
    problem: PlanningProblem,
    useful: Bools,
    lots: tuple[Ints, Ints],
    *,
    around: Around | None = None,
    cutoff_usd: float,
    limit: Limit,
    seed: int = 0,
) -> Part:
    """The best places of loads, by CP-SAT, as `solve_part` finds them.

    Args:
      useful: [L, P] where loads may be.
    """
    return solve_part(
        problem,
        keep=useful[problem.needs.pair_load, problem.needs.pair_pool][:, None],
        keep_options=np.zeros(0, dtype=np.bool_),
        lots=lots,
        around=around,
        backend="cp_sat",
        time_limit_s=limit.seconds,
        relative_gap=CLOSE,
        deterministic_limit=limit.work,
        cutoff_usd=cutoff_usd,
        seed=seed,
    )


_ascents: list[tuple[PlanningProblem, Knapsacks, Ascent, Floats]] = []


def _ascent(problem: PlanningProblem) -> tuple[Knapsacks, Ascent, Floats]:
    """Where the ascent of the problem is, and the prices that it began with; one problem at a time."""
    if not _ascents or _ascents[0][0] is not problem:
        packs, relaxed = knapsacks(problem), solve_expected(problem, time_limit_s=RELAXATION_S)
        prices = np.zeros(len(problem.pools)) if relaxed is None else relaxed.firm[:, 0, 0]
        _ascents[:] = [(problem, packs, begin(packs, best_places(packs, prices)), prices)]
    return _ascents[0][1:]
