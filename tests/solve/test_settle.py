"""Draws in the cases of clauses: read off draws where there are many cases, as a MILP says where there are few."""

from __future__ import annotations

import pytest

from optimizer.domain.contract import Balance, BalanceKind, Interval, Tier
from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.planning.assemble import build_problem
from optimizer.planning.audit.audit import plannable
from optimizer.planning.changes import with_terms
from optimizer.planning.needs import compute_needs
from optimizer.planning.verify import verify
from optimizer.solve import settle as settling
from optimizer.solve.settle import settle, settle_alone
from optimizer.solve.start import cheapest_first
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
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


@pytest.mark.slow
def test_tiers_and_make_up_of_a_case_of_many_placements_settle_and_verify() -> None:
    """Two of frontier_lab's contracts with other terms: 345 cases, of which a MILP solver decides few in a minute."""
    case, _ = plannable(read_case(case_folder("frontier_lab"), periods=12))
    month = 5 * 40_000 * 730.0
    tiers = (Tier(from_quantity=0.5 * month, price=1.1, kind="all_units"), Tier(from_quantity=0.8 * month, price=1.0, kind="all_units"))
    case = with_terms(case, "hyperscaler_a_trainium", take_or_pay_share=0.5, interval=Interval.MONTH, tiers=tiers)
    case = with_terms(case, "gpu_cloud_a_gb200", take_or_pay_share=0.7, balance=Balance(kind=BalanceKind.MAKE_UP, expires_after=6))
    problem = build_problem(case, compute_needs(case), annual_discount_rate=0.08)
    settled = settle_alone(problem, cheapest_first(problem))
    assert settled is not None
    verification = verify(case, problem.needs, settled.plan, annual_discount_rate=0.08)
    assert verification.broken == ()
    assert verification.objective_usd == pytest.approx(settled.objective_usd, abs=tolerances.CENT_USD)
