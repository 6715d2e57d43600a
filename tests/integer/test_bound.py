"""The safe bound holds at any row prices, and loses nothing at good ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.integer.bound import safe_bound
from optimizer.integer.model import Program, build_program
from optimizer.integer.solver import solve_program
from tests import tolerances
from tests.integer.clause_cases import CASES, problem_of
from tests.problems import Size, random_problem

PROBLEM = random_problem(3, Size(loads=3, flexible=1, runs=1, contracts=3, spot_offers=1))


@pytest.fixture(scope="module")
def program() -> Program:
    return build_program(PROBLEM)


@pytest.fixture(scope="module")
def optimum(program: Program) -> float:
    return solve_program(program, relative_gap=tolerances.SOLVED_GAP).objective


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), log_size=st.floats(-6.0, 6.0), share=st.floats(0.0, 1.0))
def test_never_above_the_optimum(program: Program, optimum: float, seed: int, log_size: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    count = len(program.row_lower)
    duals = rng.normal(0.0, 10.0**log_size, count) * (rng.random(count) < share)
    assert safe_bound(program, duals) <= optimum


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), log_size=st.floats(-9.0, 0.0))
def test_never_above_the_optimum_near_the_best_prices(program: Program, optimum: float, seed: int, log_size: float) -> None:
    duals = solve_program(program, relax=True).row_duals
    assert duals is not None
    noise = np.random.default_rng(seed).normal(0.0, 10.0**log_size, len(duals))
    assert safe_bound(program, duals + noise) <= optimum


@pytest.mark.parametrize("case", ["take or pay", "share of wallet", "budget", "supplier share"])
def test_equals_the_linear_program_at_its_duals(case: str) -> None:
    answer = solve_program(build_program(problem_of(case)[1]), relax=True)
    assert case in CASES
    assert answer.bound <= answer.objective
    assert answer.bound == pytest.approx(answer.objective, rel=tolerances.SAFE_BOUND_AT_LP_DUALS)


def test_prices_on_sides_without_a_limit_count_as_nothing(program: Program) -> None:
    below, above = np.isfinite(program.row_lower), np.isfinite(program.row_upper)
    wrong = np.where(below & above, 0.0, np.where(below, -5.0, 5.0))
    assert wrong.any()
    assert safe_bound(program, wrong) == safe_bound(program, np.zeros_like(wrong))


def test_narrower_boxes_never_lower_the_bound(program: Program) -> None:
    duals = solve_program(program, relax=True).row_duals
    assert duals is not None
    upper = program.upper.copy()
    upper[program.variables.place[0]] = 0.0
    assert safe_bound(program, duals, upper=upper) >= safe_bound(program, duals)


@pytest.mark.parametrize("algorithm", ["simplex", "barrier", "first_order"])
def test_bound_of_each_algorithm(program: Program, optimum: float, algorithm: str) -> None:
    exact = solve_program(program, relax=True)
    answer = solve_program(program, relax=True, algorithm=algorithm)  # type: ignore[arg-type]
    assert answer.bound <= optimum
    assert answer.bound == pytest.approx(exact.bound, rel=tolerances.BOUND_OF_FIRST_ORDER)
