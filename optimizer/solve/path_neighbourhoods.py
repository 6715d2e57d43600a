"""A few pools that compete for the same loads, and a few whole paths for each load in them: what a solver looks at around a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.stay import FREE, Stay
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.paths import Path
from optimizer.solve.best_path import best_path
from optimizer.solve.cost import placed_pairs
from optimizer.solve.neighbourhoods import rival_pools
from optimizer.solve.part import Around
from optimizer.solve.stay import loads_elsewhere, path_charges

PATHS = 6  # tried for each load, beside the one that it follows
NOISE = 0.08  # of a pair's cost at the prices, so that paths differ
OPTIONS = 12  # of each training run
MOST_ROWS = 2_500  # of capacity in one neighbourhood


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    around: Around
    keep: Bools  # [N, T]
    keep_options: Bools  # [G]


def neighbourhood(
    problem: PlanningProblem,
    plan: Plan,
    *,
    pair_usd: Floats,
    may: Bools,
    option_usd: Floats,
    size: int,
    random: np.random.Generator,
    stay: Stay | None = None,
) -> Neighbourhood:
    """Loads of rival pools free to follow one of their paths, cheap at the prices, and the runs there to take another option.

    Args:
      pair_usd: [N, T] of pairs at the prices.
      may: [N, T] pairs that a better plan may use.
      option_usd: [G] how much dearer each training option is than its run's best, at the prices.
      size: loads free.
      stay: where loads are charged for not being; each may go back there.
    """
    needs, current = problem.needs, plan.decisions
    pools = _pools(problem, current, may, size, random)
    within = np.zeros(len(problem.pools) + 1, dtype=np.bool_)
    within[pools] = within[-1] = True
    inside = np.flatnonzero(within[current.placed].all(axis=1))
    loads = np.sort(random.permutation(inside)[:size])
    open_to = may & within[needs.pair_pool][:, None]
    paths = tuple(path for load in loads for path in _paths(problem, current, int(load), pair_usd, open_to, random))
    if stay is not None:
        back = [load for load in loads[loads_elsewhere(stay, current.placed)[loads]] if _may_go_back(problem, stay, int(load), within)]
        paths += tuple((int(load), stay.placed[load]) for load in back)
    keep = placed_pairs(problem, current)
    for load, pools_of in paths:
        mine = np.flatnonzero(needs.pair_load == load)
        keep[mine] |= needs.pair_pool[mine][:, None] == pools_of
    run_pool = np.where(current.option >= 0, needs.option_pool[current.option] if len(needs.option_pool) else -1, -1)
    runs = np.flatnonzero(within[run_pool])
    keep_options = _options(current, needs.option_run, within[needs.option_pool], option_usd, runs)
    charges = None if stay is None else path_charges(stay, paths)
    around = Around(decisions=current, loads=loads, runs=runs, paths=paths, path_charges=charges, plan=plan, pools=pools)
    return Neighbourhood(around=around, keep=keep, keep_options=keep_options)


def _may_go_back(problem: PlanningProblem, stay: Stay, load: int, within: Bools) -> bool:
    """Whether the last plan says where the load is in every period, all of it in these pools and allowed.

    Args:
      within: [P + 1], the last for not being placed.
    """
    path = stay.placed[load]
    pairs = np.flatnonzero(problem.needs.pair_load == load)
    there = problem.needs.pair_pool[pairs][:, None] == path
    forced = problem.pair_forced[pairs].any(axis=0)
    allowed = np.where(forced, there & problem.pair_forced[pairs], there & problem.pair_allowed[pairs]).any(axis=0)
    return bool((path != FREE).all() and within[path].all() and (allowed | ((path < 0) & ~forced)).all())


def _pools(problem: PlanningProblem, current: Decisions, may: Bools, size: int, random: np.random.Generator) -> Ints:
    """Rival pools, each with those that share contracts with it, until they hold loads enough."""
    here = np.zeros((len(current.placed), len(problem.pools)), dtype=np.bool_)
    load, period = np.nonzero(current.placed >= 0)
    here[load, current.placed[load, period]] = True
    groups = linked_pools(problem)
    group_of = np.zeros(len(problem.pools), dtype=np.int64)
    for number, group in enumerate(groups):
        group_of[group] = number
    cells = int(np.prod(problem.shape))
    chosen: list[int] = []
    for pool in rival_pools(problem, current, may, random):
        if pool in chosen:
            continue
        group = groups[group_of[pool]]
        if chosen and (len(chosen) + len(group)) * cells > MOST_ROWS:
            continue
        chosen += group.tolist()
        if _inside(here, chosen) >= size:
            break
    return np.array(sorted(chosen), dtype=np.int64)


def _inside(here: Bools, pools: list[int]) -> int:
    """Loads that are in these pools only."""
    others = np.ones(here.shape[1], dtype=np.bool_)
    others[pools] = False
    return int((~here[:, others].any(axis=1)).sum())


def _paths(
    problem: PlanningProblem, current: Decisions, load: int, pair_usd: Floats, may: Bools, random: np.random.Generator
) -> list[Path]:
    """The path that the load follows, and cheap ones at the prices and near them."""
    pairs = np.flatnonzero((problem.needs.pair_load == load) & may.any(axis=1))
    unplaced = (problem.unplaced_cash[load] @ problem.probability) * problem.discount
    forced = problem.pair_forced[problem.needs.pair_load == load].any(axis=0)
    found = {current.placed[load].tobytes(): current.placed[load]}
    for trial in range(PATHS if len(pairs) else 0):
        noise = np.exp(NOISE * min(trial, 1) * random.standard_normal((len(pairs), 1)))
        costs = np.where(may[pairs], pair_usd[pairs] * noise, np.inf)
        path, cost = best_path(problem, load, pairs, costs, np.where(forced, np.inf, unplaced), np.ones(len(forced), dtype=np.bool_))
        if np.isfinite(cost):
            found.setdefault(path.tobytes(), path)
    return [(load, path) for path in found.values()]


def _options(current: Decisions, run_of: Ints, within: Bools, option_usd: Floats, runs: Ints) -> Bools:
    """[G]: the options taken, and of free runs the cheapest in these pools."""
    keep = np.zeros(len(run_of), dtype=np.bool_)
    keep[current.option[current.option >= 0]] = True
    for run in runs:
        mine = np.flatnonzero((run_of == run) & within)
        keep[mine[np.argsort(option_usd[mine], kind="stable")[:OPTIONS]]] = True
    return keep


def linked_pools(problem: PlanningProblem) -> list[Ints]:
    """Pools in groups that share contracts."""
    group = np.arange(len(problem.pools))
    for k in range(len(problem.supply.contracts)):
        covered = problem.supply.cover_pool[problem.supply.cover_contract == k]
        if len(covered) > 1:
            group[np.isin(group, group[covered])] = group[covered[0]]
    return [np.flatnonzero(group == g) for g in np.unique(group)]
