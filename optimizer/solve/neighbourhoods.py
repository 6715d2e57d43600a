"""Neighbourhoods of a plan: the loads and runs of a few pools that compete for them, and the pairs that a better plan can use there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints

CHANCE = 0.5  # loads in common that a pool is given beside those it has


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    loads: Ints
    runs: Ints
    keep: Bools  # [N, T] pairs of these loads in these pools, and where all loads are now


def choose(problem: PlanningProblem, current: Decisions, may: Bools, room: float, random: np.random.Generator) -> Neighbourhood:
    """Takes pool after pool while there is room.

    Args:
      may: [N, T] pairs that a better plan can use.
      room: pairs and periods that may be free.
    """
    needs = problem.needs
    run_pool = np.array([needs.option_pool[g] if g >= 0 else -1 for g in current.option], dtype=np.int64)
    width = may.sum(axis=1)
    within = np.zeros(len(problem.pools), dtype=np.bool_)
    free = np.zeros(len(needs.loads), dtype=np.bool_)
    runs: list[int] = []
    for pool in rival_pools(problem, current, may, random):
        within[pool] = True
        free |= (current.placed == pool).any(axis=1)
        runs += np.flatnonzero(run_pool == pool).tolist()
        if width[free[needs.pair_load] & within[needs.pair_pool]].sum() >= room and within.sum() > 1:
            break
    size = np.bincount(needs.pair_load, width * within[needs.pair_pool], len(needs.loads))
    loads = _fitting(np.flatnonzero(free | (current.placed < 0).any(axis=1)), size, room, random)
    chosen = np.zeros_like(free)
    chosen[loads] = True
    keep = may & (within[needs.pair_pool] & chosen[needs.pair_load])[:, None]
    return Neighbourhood(
        loads=loads, runs=np.array(sorted(runs), dtype=np.int64), keep=keep | (current.placed[needs.pair_load] == needs.pair_pool[:, None])
    )


def rival_pools(problem: PlanningProblem, current: Decisions, may: Bools, random: np.random.Generator) -> Ints:
    """One pool at random, then the others: those first that hold loads which may go there, or may take loads from it, with some chance."""
    needs = problem.needs
    here = np.zeros((len(needs.loads), len(problem.pools)), dtype=np.float64)
    load, period = np.nonzero(current.placed >= 0)
    here[load, current.placed[load, period]] = 1.0
    open_to = np.zeros_like(here)
    open_to[needs.pair_load, needs.pair_pool] = may.any(axis=1)
    first = int(random.integers(len(problem.pools)))
    shared = here[:, first] @ open_to + open_to[:, first] @ here
    order = (shared + CHANCE) * random.exponential(1.0, len(shared))
    order[first] = np.inf
    return np.asarray(np.argsort(-order))


def _fitting(loads: Ints, size: Ints | Floats, room: float, random: np.random.Generator) -> Ints:
    """The loads, some left out at random where they have more pairs than there is room."""
    if size[loads].sum() <= 1.5 * room:
        return loads
    order = random.permutation(loads)
    kept = order[np.cumsum(size[order]) <= room]
    return np.sort(kept if len(kept) else order[:1])
