"""The best path against enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.best_path import best_path
from tests.problems import Size, random_problem
from tests.tolerances import SHARE_OF_TOTAL

SIZE = Size(loads=6, flexible=1, runs=2, pools=4, eligible=3, periods=3, contracts=4, lots=2)


def with_costs(seed: int) -> tuple[PlanningProblem, np.ndarray, np.ndarray, np.ndarray]:
    problem = random_problem(seed, SIZE)
    pairs = np.flatnonzero(problem.needs.pair_load == 0)
    rng = np.random.default_rng(seed)
    return problem, pairs, rng.uniform(0.0, 5000.0, (len(pairs), 3)), rng.uniform(2000.0, 9000.0, 3)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("may_move", [(True, True, True), (True, False, True), (False, True, False)])
def test_the_best_path_is_the_cheapest_of_all_paths(seed: int, may_move: tuple[bool, ...]) -> None:
    problem, pairs, costs, unplaced = with_costs(seed)
    allowed = np.array(may_move)
    path, cost = best_path(problem, 0, pairs, costs, unplaced, allowed)
    pools = [*problem.needs.pair_pool[pairs].tolist(), -1]
    every = [np.array(states) for states in product(pools, repeat=3)]
    kept = [states for states in every if keeps(problem, states, allowed)]
    best = min((path_cost(problem, 0, pairs, costs, unplaced, states) for states in kept), default=np.inf)
    assert cost == pytest.approx(best, rel=SHARE_OF_TOTAL)
    if np.isfinite(cost):
        assert path_cost(problem, 0, pairs, costs, unplaced, path) == pytest.approx(cost, rel=SHARE_OF_TOTAL)


def keeps(problem: PlanningProblem, states: np.ndarray, may_move: np.ndarray) -> bool:
    before = problem.placed_before[0]
    moved = (np.concatenate([[before], states[:-1]]) != states) & (states >= 0)
    moved[0] &= before >= 0
    return bool((may_move | ~moved).all())


def path_cost(problem: PlanningProblem, load: int, pairs: Ints, costs: Floats, unplaced: Floats, path: Ints) -> float:
    """Discounted USD of one path, [T] pools with -1 for not placed."""
    stay_cost = np.vstack([costs, unplaced])
    enter, leave = np.append(problem.enter_cash[pairs], 0.0), np.append(problem.leave_cash[pairs], 0.0)
    pools = np.append(problem.needs.pair_pool[pairs], -1)
    state = np.array([int(np.flatnonzero(pools == pool)[0]) for pool in path])
    before = problem.placed_before[load]
    came = np.concatenate([np.flatnonzero(pools == before)[:1] if before in pools and before >= 0 else [-1], state[:-1]])
    changed = came != state
    changed[0] &= before >= 0
    moving = ((np.append(leave, 0.0)[came] + enter[state]) * problem.discount)[changed].sum()
    return float(stay_cost[state, np.arange(len(path))].sum() + moving)
