"""Impossible problems name the clause and the month."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.explain import explain
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from tests.integer.clause_cases import TINY, one_cheap_pool, run_elsewhere
from tests.problems import random_problem, with_limits, with_supply


def small_budget(problem: PlanningProblem) -> PlanningProblem:
    """Less than the other spend of the second month."""
    return with_limits(problem, budget_supplier=np.array([0]), budget_period=np.array([1]), budget_cash=np.array([10.0]))


def two_pins(problem: PlanningProblem) -> PlanningProblem:
    """One pin forces what another forbids."""
    forced, allowed = problem.pair_forced.copy(), problem.pair_allowed.copy()
    forced[0, 1], allowed[0, 1] = True, False
    return replace(problem, pair_forced=forced, pair_allowed=allowed)


def three_suppliers_of_two(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, fewest_suppliers=np.array([0, 3]))


def both_of_a_group(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, option_group=np.array([0, 0]), least_lots=np.array([1, 1]))


def excluded_pair(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, excluded_contract=np.array([[0, 1]]), least_lots=np.array([1, 1]))


def pinned_over_bandwidth(problem: PlanningProblem) -> PlanningProblem:
    forced = problem.pair_forced.copy()
    forced[[0, 2], 1] = True
    return replace(problem, pair_forced=forced, site_bandwidth=np.array([1.0, np.inf]))


def moves_by_pins(problem: PlanningProblem) -> PlanningProblem:
    forced = problem.pair_forced.copy()
    forced[0, 0] = forced[1, 1] = True
    return with_limits(replace(problem, pair_forced=forced), most_moves=np.array([np.inf, 0.0]))


def forced_exclusive_work(problem: PlanningProblem) -> PlanningProblem:
    forced = problem.pair_forced.copy()
    forced[1, 1] = True
    return with_supply(replace(problem, pair_forced=forced), exclusive_work=np.array([[0, 0]]))


def nothing_in_reserve(problem: PlanningProblem) -> PlanningProblem:
    forced = problem.pair_forced.copy()
    forced[[0, 2], 1] = True
    bare = with_supply(one_cheap_pool(problem), offer_limit=np.full((2, 2), 0.5), capacity=np.full((2, 2), 0.1))
    return with_limits(replace(bare, pair_forced=forced), site_loss_reserve=np.array([0.0, 1.0]))


def forbidden_run(problem: PlanningProblem) -> PlanningProblem:
    """The run must happen, but only where a contract in force forbids it."""
    bound = with_supply(run_elsewhere(problem), exclusive_run=np.array([[0, 0]]))
    return replace(bound, run_forced=np.array([True]))


IMPOSSIBLE = {
    "budget of supplier supplier1 in 2026-10 (scenario scenario1): over by 470 USD": small_budget,
    "pin that forbids load load1 in pool pool1 in 2026-10": two_pins,
    "fewest suppliers in 2026-10: short by 1 suppliers": three_suppliers_of_two,
    "option group of contract contract1: over by 1 contracts": both_of_a_group,
    "exclusion of contract contract1 and contract contract2 in 2026-09: over by 1 contracts": excluded_pair,
    "site bandwidth of site site1 in 2026-10: over by": pinned_over_bandwidth,
    "moves in 2026-10: over by 1 moves": moves_by_pins,
    "exclusivity of contract contract1 of load load1 in 2026-10: over by 1 placements": forced_exclusive_work,
    "reserve for the loss of site site1 in 2026-10 (block block1, scenario scenario1): short by": nothing_in_reserve,
    "exclusivity of contract contract1 of training run run1 in 2026-10": forbidden_run,
}


@pytest.mark.parametrize("sentence", IMPOSSIBLE)
def test_names_clause_and_month(sentence: str) -> None:
    problem = IMPOSSIBLE[sentence](random_problem(0, replace(TINY, runs=1)))
    assert solve_program(build_program(problem)).status is PlanStatus.INFEASIBLE
    lines = explain(problem)
    assert any(sentence in line for line in lines), lines


def test_says_nothing_where_a_plan_exists() -> None:
    assert explain(random_problem(0, TINY)) == []


def test_infeasible_for_each_solver() -> None:
    program = build_program(three_suppliers_of_two(random_problem(0, TINY)))
    for backend in ("highs", "cp_sat", "gscip"):
        answer = solve_program(program, backend=backend)  # type: ignore[arg-type]
        assert (answer.status, answer.values) == (PlanStatus.INFEASIBLE, None)
