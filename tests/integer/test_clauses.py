"""Each clause alone against brute force, with each solver."""

from __future__ import annotations

import pytest

from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from tests import tolerances
from tests.integer import brute_force
from tests.integer.clause_cases import CASES, FEATURES, problem_of
from tests.problems import random_problem
from tests.samples import one_in


@pytest.mark.parametrize("case", one_in(2, CASES))
def test_clause_against_brute_force(case: str) -> None:
    without, problem = problem_of(case)
    best = brute_force.cheapest(problem)
    program = build_program(problem)
    exact = solve_program(program, relative_gap=tolerances.SOLVED_GAP)
    assert exact.objective == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    other = solve_program(program, backend="cp_sat", relative_gap=tolerances.CP_SAT_GAP)
    assert other.objective == pytest.approx(best, rel=tolerances.CP_SAT_AGAINST_HIGHS)
    assert other.bound <= best * (1 + tolerances.EXACT_AGAINST_BRUTE_FORCE)
    free = solve_program(build_program(without), relative_gap=tolerances.SOLVED_GAP)
    assert abs(free.objective - best) > tolerances.BINDS * best


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("feature", one_in(2, FEATURES))
def test_feature_against_brute_force(feature: str, seed: int) -> None:
    problem = random_problem(seed, FEATURES[feature])
    best = brute_force.cheapest(problem)
    for backend, gap, within in (
        ("highs", tolerances.SOLVED_GAP, tolerances.EXACT_AGAINST_BRUTE_FORCE),
        ("gscip", tolerances.SOLVED_GAP, tolerances.EXACT_AGAINST_BRUTE_FORCE),
        ("cp_sat", tolerances.CP_SAT_GAP, tolerances.CP_SAT_AGAINST_HIGHS),
    ):
        answer = solve_program(build_program(problem), backend=backend, relative_gap=gap)
        assert answer.objective == pytest.approx(best, rel=within), backend
