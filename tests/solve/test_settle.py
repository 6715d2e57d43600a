"""Draws in the cases of clauses: read off draws where there are many cases, as a MILP says where there are few."""

from __future__ import annotations

import pytest

from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.solve import settle as settling
from optimizer.solve.settle import settle
from tests import tolerances
from tests.integer.clause_cases import problem_of

NON_CONVEX = ("all-units tiers", "incremental tiers with take or pay", "make-up", "carry-forward", "rollover")


@pytest.mark.parametrize("case", NON_CONVEX)
def test_cases_read_off_draws_cost_what_the_best_cases_do(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, problem = problem_of(case)
    program = build_program(problem)
    exact = solve_program(program, relative_gap=tolerances.SOLVED_GAP)
    assert exact.values is not None
    chosen = decisions(program, problem, exact.values)
    best = settle(problem, program, chosen)
    monkeypatch.setattr(settling, "FEW_CASES", 0)
    near = settle(problem, program, chosen)
    assert best is not None
    assert near is not None
    assert best.objective_usd == pytest.approx(exact.objective, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    assert near.objective_usd == pytest.approx(best.objective_usd, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
