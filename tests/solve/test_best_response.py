"""Best responses against enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.solve.best_response import Placing, best_path, improve, path_cost
from optimizer.solve.merit_order import Pools, Use
from optimizer.solve.settle import settle
from optimizer.solve.start import cheapest_first, hold
from tests.problems import Size, random_problem
from tests.tolerances import PERMUTED, SHARE_OF_TOTAL

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


def with_held(problem: PlanningProblem, accelerators: float) -> Use:
    use = Use.none(1, problem.shape)
    use.held += accelerators
    return use


@pytest.mark.parametrize("seed", range(4))
def test_a_pool_charges_more_for_more(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    pools = Pools(problem, hold(problem))
    pools.refill()
    for pool in range(len(problem.pools)):
        charges = [pools.cost(np.array([pool]), with_held(problem, float(use)))[0] for use in range(0, 60, 6)]
        marginal = np.diff(charges, axis=0)
        assert (marginal >= 0.0).all()
        assert (np.diff(marginal, axis=0) >= -SHARE_OF_TOTAL * np.max(charges)).all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("start", [hold, cheapest_first])
def test_more_passes_never_cost_more(seed: int, start: type) -> None:
    problem = random_problem(seed, SIZE)
    costs = [improve(problem, start(problem), passes=passes)[1] for passes in (1, 2, 4)]
    assert costs[0] * (1.0 + PERMUTED) >= costs[1]
    assert costs[1] * (1.0 + PERMUTED) >= costs[2]


@pytest.mark.parametrize("seed", range(4))
def test_the_moves_allowed_are_not_exceeded(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    limits = replace(problem.limits, most_moves=np.array([1.0, 0.0, 1.0]))
    limited = replace(problem, limits=limits)
    placed = improve(limited, hold(limited))[0].placed
    before = np.concatenate([problem.placed_before[:, None], placed[:, :-1]], axis=1)
    moved = (before != placed) & (placed >= 0) & ~((before < 0) & (np.arange(3) == 0))
    assert (moved.sum(axis=0) <= limits.most_moves).all()


@pytest.mark.parametrize("seed", range(4))
def test_pins_and_bandwidth_are_kept(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    forced = problem.pair_forced.copy()
    forced[0, 1] = True
    busy = replace(problem.needs, traffic_gb_per_s=np.ones((len(problem.needs.loads), 3)))
    pinned = replace(problem, pair_forced=forced, needs=busy, site_bandwidth=np.full(len(problem.sites), 2.0))
    chosen = improve(pinned, hold(pinned))[0]
    assert chosen.placed[problem.needs.pair_load[0], 1] == problem.needs.pair_pool[0]
    program = build_program(pinned)
    assert settle(pinned, program, chosen) is not None


@pytest.mark.parametrize("seed", range(4))
def test_costs_kept_up_to_date_are_those_of_a_fresh_count(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    placing = Placing(problem, hold(problem))
    for _ in range(3):
        placing.replace_all(None, lambda: False)
        assert placing.cost() == pytest.approx(Placing(problem, placing.decisions()).cost(), rel=SHARE_OF_TOTAL)
