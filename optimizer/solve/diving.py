"""Plans from packings: some pools at a time keep the packings that an ascent among the loads and pools left comes to most often.

Multipliers near their best make every pool's packing cheap at once, but packings share some loads and leave others out. What the ascent
swings between is near the linear relaxation over packings; a pool that keeps one of them hands the rest a smaller problem of the same
form, whose bound hardly rises until few pools are left. Loads that then have no room are left for whoever mends the plan. Dives from
other seeds end in other plans (docs/decisions/0021).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.pricing.knapsack import Knapsacks, begin, knapsacks, within
from optimizer.solve.packing import decided

EVALUATIONS = 15  # of the bound before the next pools are given their packings
AT_ONCE = 6  # one in so many of the pools left, of those whose packings share no load
NEWER = 1.05  # times as much counts a packing as in the evaluation before
NEAR = 1e-3  # relative: how far the bound is expected to rise at each
LEAST_LUCK = 0.6  # how often a packing was seen counts between so much and all of it, at random


def dive(problem: PlanningProblem, *, multipliers: Floats, seed: int) -> Decisions:
    """Gives every pool a packing, none of which exceeds its capacity; loads for which no pool had room are not placed.

    Args:
      problem: of the form that `knapsack.has_knapsacks` tells.
      multipliers: [L] to begin from, USD.
    """
    packs, random, u = knapsacks(problem), np.random.default_rng(seed), multipliers.copy()
    loads, pools = np.arange(packs.cost.shape[0]), np.arange(packs.cost.shape[1])
    placed, choice, spent = np.full(len(loads), -1), packs.fixed.argmin(axis=0), 0.0
    while len(loads) and len(pools):
        seen, u[loads] = _seen(within(packs, loads, pools, spent), u[loads])
        often = np.array([max(packings.values()) for packings in seen]) * random.uniform(LEAST_LUCK, 1.0, len(seen))
        gone, closed = np.zeros(len(loads), dtype=np.bool_), []
        for at in np.argsort(-often)[: -(-len(pools) // AT_ONCE)]:
            z, packing = max(seen[at], key=seen[at].__getitem__)
            taken = np.frombuffer(packing, dtype=np.bool_)
            if (taken & gone).any():
                continue
            placed[loads[taken]], choice[pools[at]] = pools[at], z
            spent += float(packs.fixed[z, pools[at]] + packs.cost[loads[taken], pools[at]].sum())
            gone |= taken
            closed.append(at)
        loads, pools = loads[~gone], np.delete(pools, closed)
    return decided(problem, packs, placed, choice)


def _seen(packs: Knapsacks, multipliers: Floats) -> tuple[list[dict[tuple[int, bytes], float]], Floats]:
    """How often each pool's choice of lots and packing came on the way uphill, the later the more; the best multipliers, [L]."""
    ascent = begin(packs, multipliers)
    seen: list[dict[tuple[int, bytes], float]] = [defaultdict(float) for _ in range(packs.cost.shape[1])]
    found, weight = ascent.best, 1.0
    for _ in range(EVALUATIONS):
        for pool, packings in enumerate(seen):
            packings[int(found.value[:, pool].argmin()), found.chosen[:, pool].tobytes()] += weight
        found, weight = ascent.advance(ascent.best.bound_usd + NEAR * abs(ascent.best.bound_usd)), weight * NEWER
    return seen, ascent.best.multipliers
