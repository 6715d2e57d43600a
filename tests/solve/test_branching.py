"""Branching over lots, against all placements of tiny assignments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.assignment_files import assignment_problem
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.branching import Tree, look
from optimizer.solve.packing import Limit
from optimizer.solve.settle import settle_alone
from tests.assignments import made, optimum
from tests.problems import with_supply
from tests.tolerances import SOLVED_GAP

ROUNDED = 1e-6  # relative: costs are whole


def branched(problem: PlanningProblem, cutoff_usd: float, least_usd: float) -> tuple[Tree, list[Decisions]]:
    """The tree at its end, which never proved more than the least cost, and what was found."""
    tree, found = Tree(problem, np.zeros(len(problem.needs.loads))), []
    while not tree.over:
        number, nodes = tree.take(cutoff_usd)
        if nodes:
            looked = look(problem, nodes=nodes, cutoff_usd=cutoff_usd, limit=Limit())
            tree.give_back(number, looked)
            found += looked.found
        assert min(tree.bound_usd, cutoff_usd) <= least_usd * (1.0 + ROUNDED)
    return tree, found


def usd(problem: PlanningProblem, decisions: Decisions) -> float:
    settled = settle_alone(problem, decisions)
    assert settled is not None
    return settled.objective_usd


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), spare=st.sampled_from([0, 4, 12]))
def test_it_comes_to_the_optimum(seed, spare):
    assignment = made(seed, fees=True, loads=5, pools=3, spare=spare)
    best = optimum(assignment)
    if np.isfinite(best):
        problem = assignment_problem(assignment)
        tree, found = branched(problem, 1.5 * best, best)
        assert tree.whole
        assert min(usd(problem, decisions) for decisions in found) == pytest.approx(best, rel=ROUNDED)
        assert tree.bound_usd == pytest.approx(best, rel=ROUNDED)


def test_there_is_nothing_below_the_optimum():
    assignment = made(2, fees=True)
    problem, best = assignment_problem(assignment), optimum(assignment)
    tree, found = branched(problem, best - 0.5, best)
    assert tree.whole
    assert not found
    assert tree.bound_usd == np.inf


def test_contracts_of_several_lots():
    problem = assignment_problem(made(5, fees=True, loads=10, pools=4))
    halves = with_supply(
        problem,
        capacity=np.floor(problem.supply.capacity / 2),
        fixed_fee_cash=problem.supply.fixed_fee_cash / 2,
        most_lots=2 * problem.supply.most_lots,
    )
    best = solve_program(build_program(halves), relative_gap=SOLVED_GAP).objective
    _, found = branched(halves, 1.5 * best, best)
    assert min(usd(halves, decisions) for decisions in found) == pytest.approx(best, rel=ROUNDED)
    assert any((decisions.lots == 1).any() for decisions in found)


@pytest.mark.parametrize("nowhere", [False, True])
def test_a_load_is_left_out_where_that_is_cheaper_or_it_may_be_nowhere(nowhere):
    problem = assignment_problem(made(3, fees=True, loads=5, pools=3))
    third = problem.needs.pair_load == 2
    unplaced, egress = problem.unplaced_cash.copy(), problem.egress_cash.copy()
    unplaced[2] = 0.5
    egress[third] += 50.0
    left_out = replace(problem, pair_allowed=~third[:, None]) if nowhere else replace(problem, unplaced_cash=unplaced, egress_cash=egress)
    best = solve_program(build_program(left_out), relative_gap=SOLVED_GAP).objective
    tree, found = branched(left_out, best + 1.0, best)
    assert tree.whole
    assert min(usd(left_out, decisions) for decisions in found) == pytest.approx(best, rel=ROUNDED)
    assert all(decisions.placed[2, 0] == -1 for decisions in found)


def test_plans_with_shortage_are_not_lost_where_it_is_cheap():
    problem = replace(assignment_problem(made(4, fees=True, loads=6, pools=3)), shortage_price=np.full(3, 0.5))
    best = solve_program(build_program(problem), relative_gap=SOLVED_GAP).objective
    tree, found = branched(problem, 1.2 * best, best)
    assert tree.whole
    assert tree.bound_usd == pytest.approx(best, rel=ROUNDED)
    assert min(usd(problem, decisions) for decisions in found) == pytest.approx(best, rel=ROUNDED)


def test_a_load_that_a_pin_forces_is_there():
    problem = assignment_problem(made(3, fees=True, loads=8, pools=3))
    pair = (problem.needs.pair_load == 4) & (problem.needs.pair_pool == 2)
    pinned = replace(problem, pair_forced=pair[:, None])
    best = solve_program(build_program(pinned), relative_gap=SOLVED_GAP).objective
    _, found = branched(pinned, 1.5 * best, best)
    assert all(decisions.placed[4, 0] == 2 for decisions in found)
    assert min(usd(pinned, decisions) for decisions in found) == pytest.approx(best, rel=ROUNDED)
