"""Plans from packings: some pools at a time keep the packings that an ascent among the loads and pools left comes to most often.

Multipliers near their best make every pool's packing cheap at once, but packings share some loads and leave others out. What the ascent
swings between is near the linear relaxation over packings; a pool that keeps one of them hands the rest a smaller problem of the same
form, whose bound hardly rises until few pools are left. These are solved by CP-SAT, with the pairs that a plan below the cutoff can use.
Dives from other seeds end in other plans (docs/decisions/0021).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.pricing.knapsack import Knapsacks, Packed, knapsacks, within
from optimizer.pricing.packings import begin, reduced_costs
from optimizer.solve.packing import Limit, decided, place
from optimizer.solve.part import Around

EVALUATIONS = 40  # of the bound before the next pools are given their packings
AT_ONCE = 6  # one in so many of the pools left, of those whose packings share no load
NEWER = 1.05  # times as much counts a packing as in the evaluation before
NEAR = 1e-3  # relative: how far the bound is expected to rise at each
LEAST_LUCK = 0.6  # how often a packing was seen counts between so much and all of it, at random
FEW = 150  # pairs left, beside one for each load, that CP-SAT sees to the end within seconds
LAST_S = 2.0  # for these
LOOKED_AT = 2000  # pairs at most whose reduced costs are worth knowing


def dive(
    problem: PlanningProblem,
    *,
    multipliers: Floats,
    seed: int,
    cutoff_usd: float,
    limit: Limit,
) -> Decisions | None:
    """Gives pools their packings, and the loads of the last few pools the best places there; None: it came to no plan within the cutoff.

    Args:
      problem: of the form that `knapsack.has_knapsacks` tells.
      multipliers: [L] to begin from, USD.
      cutoff_usd: what the plan may cost.
      limit: of placing the loads of the last pools.
    """
    packs, random, u = knapsacks(problem), np.random.default_rng(seed), multipliers.copy()
    loads, pools = np.arange(packs.cost.shape[0]), np.arange(packs.cost.shape[1])
    placed, choice, spent = np.full(len(loads), -1), packs.fixed.argmin(axis=0), 0.0
    while len(loads) and len(pools):
        rest = within(packs, loads, pools, spent)
        seen, best = _seen(rest, u[loads])
        u[loads] = best.multipliers
        if best.bound_usd >= cutoff_usd:
            return None
        useful = _useful(rest, best, cutoff_usd)
        if useful.sum() - len(loads) <= FEW:
            break
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
    chosen = decided(problem, packs, placed, choice)
    if not len(loads):
        return chosen
    keep = placed[:, None] == np.arange(packs.cost.shape[1])
    keep[np.ix_(loads, pools)] = useful
    open_here = np.isin(packs.cover, pools)
    part = place(
        problem,
        keep,
        (np.where(open_here, problem.supply.least_lots, chosen.lots), np.where(open_here, problem.supply.most_lots, chosen.lots)),
        around=Around(decisions=chosen, loads=loads, runs=np.zeros(0, dtype=np.int64), contracts=True),
        cutoff_usd=cutoff_usd,
        limit=limit.shorter(LAST_S),
        seed=seed,
    )
    return part.decisions


def _useful(packs: Knapsacks, packed: Packed, cutoff_usd: float) -> Bools:
    """Pairs that a plan below the cutoff can use, as far as packings tell, [L, P]; all that a load may be in, where it would take long."""
    if packs.cost.size > LOOKED_AT:
        return np.isfinite(packs.cost)
    return np.asarray(packed.bound_usd + reduced_costs(packs, packed).into < cutoff_usd)


def _seen(packs: Knapsacks, multipliers: Floats) -> tuple[list[dict[tuple[int, bytes], float]], Packed]:
    """How often each pool's choice of lots and packing came on the way uphill, the later the more; the best of that way."""
    ascent = begin(packs, multipliers)
    seen: list[dict[tuple[int, bytes], float]] = [defaultdict(float) for _ in range(packs.cost.shape[1])]
    found, weight = ascent.best, 1.0
    for _ in range(EVALUATIONS):
        for pool, packings in enumerate(seen):
            packings[int(found.choice[pool]), found.chosen[:, pool].tobytes()] += weight
        found, weight = ascent.advance(ascent.best.bound_usd + NEAR * abs(ascent.best.bound_usd)), weight * NEWER
    return seen, ascent.best
