"""CVaR in the objective: two methods, brute force, bounds at any weights, and what more of it does to a plan."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import Risk
from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.planning.verify.risk import conditional_value_at_risk, weights
from optimizer.pricing.arrays import prepare
from optimizer.pricing.ascent import price, price_prepared
from optimizer.pricing.bound import certify
from optimizer.pricing.coordinates import nothing
from optimizer.pricing.weighing import nearest
from optimizer.solve import price_and_assign
from optimizer.solve.cost import objective_usd, scenario_costs
from optimizer.solve.exact import solve_exact
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import SolveSettings
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first
from tests.integer.brute_force import all_decisions
from tests.pricing.cases import problem_with
from tests.problems import Size, random_problem
from tests.tolerances import BOUND_BELOW_RELAXATION, EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL, SOLVED_GAP

DEAR = Risk(omega=0.6, alpha=0.7)
SMALL = Size(loads=4, flexible=1, runs=1, pools=4, eligible=3, periods=3, scenarios=3, contracts=4, lots=2)
TINY = Size(loads=2, pools=2, periods=1, scenarios=3, contracts=2)


def fearing(problem: PlanningProblem, risk: Risk = DEAR) -> PlanningProblem:
    return replace(problem, risk=risk)


def best(problem: PlanningProblem) -> float:
    return solve_program(build_program(problem), relative_gap=SOLVED_GAP).objective


@pytest.mark.slow
def test_weights_of_the_envelope_say_what_cvar_says() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        probability, costs = rng.dirichlet(np.ones(6)), rng.integers(0, 4, 6).astype(np.float64)
        risk = Risk(omega=float(rng.uniform()), alpha=float(rng.uniform(0.0, 0.95)))
        weight = risk.weights(probability, costs)
        told = (1.0 - risk.omega) * probability @ costs + risk.omega * conditional_value_at_risk(costs, probability, risk.alpha)
        assert weight @ costs == pytest.approx(told, rel=1e3 * SHARE_OF_TOTAL)
        assert weights(costs, probability, risk) @ costs == pytest.approx(told, rel=1e3 * SHARE_OF_TOTAL)
        assert weight.sum() == pytest.approx(1.0)
        low = (1.0 - risk.omega) * probability
        limits = SimpleNamespace(low=low, high=low + risk.omega * probability / (1.0 - risk.alpha))
        some = np.asarray(nearest(limits, jnp.asarray(rng.uniform(0.0, 1.0, 6))))
        assert some.sum() == pytest.approx(1.0)
        assert some @ costs <= told + 1e-9
    assert conditional_value_at_risk(np.array([1.0, 2.0, 10.0]), np.array([0.5, 0.4, 0.1]), 0.8) == pytest.approx(6.0)


def test_both_methods_agree_with_risk() -> None:
    problem = fearing(random_problem(0, SMALL))
    found = [
        solve(problem, settings=SolveSettings(relative_gap=1e-7), started=time.monotonic(), report=lambda step: None)
        for solve in (solve_exact, solve_price_and_assign)
    ]
    for one in found:
        assert one.settled.objective_usd == pytest.approx(found[0].settled.objective_usd, rel=EXACT_AGAINST_BRUTE_FORCE)
        assert one.bound_usd <= one.settled.objective_usd * (1.0 + SHARE_OF_TOTAL)
        costs = scenario_costs(problem, one.settled.plan)
        cvar = conditional_value_at_risk(costs, problem.probability, DEAR.alpha)
        told = (1.0 - DEAR.omega) * costs @ problem.probability + DEAR.omega * cvar
        assert one.settled.objective_usd == pytest.approx(told, rel=10 * SHARE_OF_TOTAL)


def test_brute_force_with_risk() -> None:
    problem = fearing(random_problem(3, TINY))
    settled = (settle_alone(problem, chosen) for chosen in all_decisions(problem))
    cheapest = min(one.objective_usd for one in settled if one is not None)
    assert best(problem) == pytest.approx(cheapest, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert cheapest > best(problem.by_expectation()) * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


def test_no_prices_and_weights_prove_more_than_the_optimum() -> None:
    problem = fearing(problem_with("plain", 0))
    prepared, optimum = prepare(problem), best(problem)
    for seed, scale in enumerate((1e-3, 0.3, 1.0, 3.0, 1e4)):
        rng = np.random.default_rng(seed)
        anywhere = jax.tree.map(lambda leaf, rng=rng, scale=scale: scale * rng.uniform(0.0, 1.0, leaf.shape), nothing(prepared.single))
        assert certify(prepared, anywhere).bound_usd <= optimum * (1.0 + SOLVED_GAP)


@pytest.mark.slow
def test_prices_and_weights_climb_to_the_linear_bound() -> None:
    problem = fearing(problem_with("exits", 0))
    found = price(problem, iterations=2400)
    relaxed = solve_program(build_program(problem), relax=True).bound
    assert relaxed * (1.0 - BOUND_BELOW_RELAXATION) <= found.bound_usd <= best(problem) * (1.0 + SOLVED_GAP)
    weight = np.asarray(found.multipliers.scenario)
    assert weight.sum() == pytest.approx(1.0)
    assert abs(weight - problem.probability).max() > 0.01


@pytest.mark.slow
def test_prices_of_a_plan_without_risk_are_a_start_with_it() -> None:
    problem = problem_with("exits", 0)
    before = price(problem, iterations=100)
    after = price_prepared(prepare(fearing(problem)), iterations=50, start=before)
    assert before.bound_usd * (1.0 - BOUND_BELOW_RELAXATION) <= after.bound_usd


def test_the_more_cvar_counts_the_less_the_dear_scenarios_cost() -> None:
    problem, tails, means = random_problem(0, SMALL), [], []
    for omega in (0.0, 0.7, 1.0):
        fears = fearing(problem, Risk(omega=omega, alpha=0.6))
        program = build_program(fears)
        values = solve_program(program, relative_gap=SOLVED_GAP).values
        assert values is not None
        settled = settle_alone(fears, decisions(program, fears, values))
        assert settled is not None
        costs = scenario_costs(problem, settled.plan)
        tails.append(conditional_value_at_risk(costs, problem.probability, 0.6))
        means.append(float(costs @ problem.probability))
    slack = EXACT_AGAINST_BRUTE_FORCE * means[0]
    assert (np.diff(tails) <= slack).all()
    assert (np.diff(means) >= -slack).all()
    assert tails[-1] < tails[0]


def test_without_weight_cvar_changes_nothing() -> None:
    problem = random_problem(0, SMALL)
    same = fearing(problem, Risk(omega=0.0, alpha=0.5))
    one, other = build_program(problem), build_program(same)
    assert (one.cost == other.cost).all()
    assert len(one.row_lower) == len(other.row_lower)
    assert prepare(same).single.risk is None
    plan = settle_alone(problem, cheapest_first(problem))
    assert plan is not None
    assert objective_usd(same, plan.plan) == objective_usd(problem, plan.plan)


@pytest.mark.slow
def test_a_large_problem_is_searched_with_risk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    problem = fearing(random_problem(0, SMALL))
    settings = SolveSettings(relative_gap=1e-7, deterministic_limit=3, side_by_side=False)
    found = solve_price_and_assign(problem, settings=settings, started=time.monotonic(), report=lambda step: None)
    optimum = best(problem)
    assert found.bound_usd <= optimum * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    assert optimum * (1.0 - EXACT_AGAINST_BRUTE_FORCE) <= found.settled.objective_usd <= optimum * 1.1
