"""Dives: plans that fit, whatever they begin from, near the bound, and below the cutoff or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.assignment_files import assignment_problem
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.knapsack import knapsacks
from optimizer.pricing.packings import begin, best_places
from optimizer.solve.diving import dive
from optimizer.solve.packing import Limit
from optimizer.solve.settle import settle_alone
from tests.assignments import made

LOADS, POOLS = 60, 6
NEAR_BOUND = 0.01  # relative: of the best of some dives


def at_best(problem: PlanningProblem) -> tuple[np.ndarray, float]:
    """Multipliers at the end of the ascent, and the bound."""
    packs = knapsacks(problem)
    ascent = begin(packs, best_places(packs, np.zeros(len(problem.pools))))
    while not ascent.over:
        ascent.advance(1.01 * ascent.best.bound_usd)
    return ascent.best.multipliers, ascent.best.bound_usd


def check(problem: PlanningProblem, found: Decisions | None) -> None:
    """Loads are where they may be, and no pool holds more than its lots carry."""
    if found is None:
        return
    supply, packs = problem.supply, knapsacks(problem)
    placed = found.placed[:, 0]
    load = np.flatnonzero(placed >= 0)
    at = load, placed[load]
    assert np.isfinite(packs.cost[at]).all()
    assert (supply.least_lots <= found.lots).all()
    assert (found.lots <= supply.most_lots).all()
    carried = np.bincount(supply.cover_pool, (supply.capacity[:, 0, 0] * found.lots)[supply.cover_contract], len(problem.pools))
    assert (np.bincount(at[1], packs.need[at], len(problem.pools)) <= carried).all()


@pytest.mark.parametrize("fees", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_packings_fit_from_any_multipliers(fees: bool, seed: int) -> None:
    problem = assignment_problem(made(seed, fees=fees, loads=20, pools=4))
    for multipliers in (np.zeros(20), np.full(20, 1e6), np.random.default_rng(seed).uniform(0.0, 30.0, 20)):
        check(problem, dive(problem, multipliers=multipliers, seed=seed, cutoff_usd=np.inf, limit=Limit()))


@pytest.mark.parametrize("fees", [False, True])
def test_the_best_of_some_dives_is_near_the_bound(fees: bool) -> None:
    problem = assignment_problem(made(1, fees=fees, loads=LOADS, pools=POOLS, spare=2))
    multipliers, bound = at_best(problem)
    best = np.inf
    for seed in range(6):
        found = dive(problem, multipliers=multipliers, seed=seed, cutoff_usd=best - 0.5, limit=Limit())  # costs are whole
        check(problem, found)
        if found is not None:
            settled = settle_alone(problem, found)
            assert settled is not None
            assert settled.objective_usd < best
            best = settled.objective_usd
    assert bound <= best <= bound * (1.0 + NEAR_BOUND)


def test_it_comes_to_nothing_below_the_bound() -> None:
    problem = assignment_problem(made(1, fees=False, loads=LOADS, pools=POOLS, spare=2))
    multipliers, bound = at_best(problem)
    assert dive(problem, multipliers=multipliers, seed=0, cutoff_usd=bound, limit=Limit()) is None


def test_a_load_that_a_pin_forces_or_forbids_is_there_or_not() -> None:
    problem = assignment_problem(made(3, fees=False, loads=20, pools=4))
    pair = np.flatnonzero((problem.needs.pair_load == 7) & (problem.needs.pair_pool == 2))
    other = np.flatnonzero((problem.needs.pair_load == 8) & (problem.needs.pair_pool == 1))
    forced, allowed = problem.pair_forced.copy(), problem.pair_allowed.copy()
    forced[pair], allowed[other] = True, False
    pinned = replace(problem, pair_forced=forced, pair_allowed=allowed)
    multipliers, _ = at_best(pinned)
    for seed in range(4):
        found = dive(pinned, multipliers=multipliers, seed=seed, cutoff_usd=np.inf, limit=Limit())
        assert found is not None
        assert found.placed[7, 0] == 2
        assert found.placed[8, 0] != 1


def test_the_same_seed_gives_the_same_dive() -> None:
    problem = assignment_problem(made(2, fees=True, loads=20, pools=4))
    multipliers, _ = at_best(problem)
    once, again = (dive(problem, multipliers=multipliers, seed=5, cutoff_usd=np.inf, limit=Limit()) for _ in range(2))
    assert once is not None
    assert again is not None
    assert (once.placed == again.placed).all()
    assert (once.lots == again.lots).all()
