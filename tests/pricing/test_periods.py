"""Periods alone: what they prove together, against the optimum and the bound of the prices that they come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.arrays import prepare
from optimizer.pricing.ascent import price
from optimizer.pricing.bound import pair_costs_at
from optimizer.pricing.periods import falls_apart, load_shares, period_problems
from optimizer.pricing.prices import Prices
from tests.problems import Size, random_problem, with_limits, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL, SOLVED_GAP

SIZE = Size(loads=5, flexible=1, pools=4, eligible=3, periods=3, contracts=4, lots=2)
seeds = st.integers(0, 10_000)


def apart(seed: int, size: Size = SIZE) -> PlanningProblem:
    """A problem that falls apart: settled month by month, with take-or-pay, fees, and something left at the end."""
    problem, rng = random_problem(seed, size), np.random.default_rng(seed)
    periods, contracts = np.arange(size.periods), size.contracts
    return with_supply(
        problem,
        interval=np.tile(periods, (contracts, 1)),
        take_or_pay_share=rng.uniform(0.0, 1.0, contracts),
        fixed_fee_cash=rng.uniform(0.0, 300.0, problem.supply.fixed_fee_cash.shape),
        terminal_usd=rng.uniform(-500.0, 500.0, contracts),
    )


def optimum(problem: PlanningProblem, *, relax: bool = False) -> float:
    answer = solve_program(build_program(problem), relative_gap=SOLVED_GAP, relax=relax)
    return answer.bound if relax else answer.objective


def proven(problem: PlanningProblem, prices: Prices, *, relax: bool = False) -> float:
    pairs = pair_costs_at(prepare(problem), prices).usd
    return sum(optimum(alone, relax=relax) for alone in period_problems(problem, prices, pairs))


@settings(max_examples=5, deadline=None)
@given(seed=seeds, iterations=st.sampled_from([1, 200]))
def test_periods_prove_no_more_than_the_optimum_whatever_the_prices(seed: int, iterations: int) -> None:
    problem = apart(seed)
    assert falls_apart(problem)
    prices = price(problem, iterations=iterations)
    best = optimum(problem)
    assert proven(problem, prices) <= best + EXACT_AGAINST_BRUTE_FORCE * abs(best)


@pytest.mark.parametrize("seed", range(3))
def test_periods_prove_as_much_as_the_prices_relaxed_and_more_whole(seed: int) -> None:
    problem = apart(seed)
    prices = price(problem, iterations=600)
    relaxed, whole = proven(problem, prices, relax=True), proven(problem, prices)
    assert relaxed >= prices.bound_usd - SHARE_OF_TOTAL * abs(prices.bound_usd)
    assert whole >= relaxed
    assert whole > prices.bound_usd


def test_a_budget_counts_no_shares_of_moves() -> None:
    """All loads must move, which no budget counts; one below what the periods cost beside their shares would bind."""
    problem = apart(0, replace(SIZE, flexible=0, scenarios=1))
    pool, load = problem.needs.pair_pool, problem.needs.pair_load
    before = np.array([pool[load == one][0] for one in range(SIZE.loads)])
    moving = replace(problem, placed_before=before, pair_allowed=problem.pair_allowed & (pool != before[load])[:, None])
    dear = replace(moving, enter_cash=np.full(len(pool), 1e6), leave_cash=np.full(len(pool), 1e6))
    spent = optimum(replace(dear, enter_cash=np.zeros(len(pool)), leave_cash=np.zeros(len(pool))))
    budget = {"budget_supplier": np.full(3, -1), "budget_period": np.arange(3), "budget_cash": np.full(3, spent)}
    limited = with_limits(dear, **budget)
    assert falls_apart(limited)
    best = optimum(limited)
    assert spent < best < np.inf
    assert proven(limited, price(limited, iterations=200)) <= best + EXACT_AGAINST_BRUTE_FORCE * best


def test_contracts_of_stages_are_left_together_or_never() -> None:
    problem = with_supply(apart(1), same_exits=np.array([[0, 1, 1]]), same_lots=np.array([[0, 1]]))
    assert proven(problem, price(problem, iterations=200)) <= optimum(problem) * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_no_path_costs_less_than_its_shares(seed: int) -> None:
    problem, rng = apart(seed), np.random.default_rng(seed)
    needs, discount, periods = problem.needs, problem.discount, len(problem.periods)
    pair_usd = rng.uniform(-1e3, 1e4, problem.pair_allowed.shape)
    pair_usd[rng.random(pair_usd.shape) < 0.1] = np.inf
    shares = load_shares(problem, pair_usd)
    unplaced = np.einsum("lts,s,t->lt", problem.unplaced_cash, problem.probability, discount)
    for load in range(len(needs.loads)):
        pairs = np.flatnonzero(needs.pair_load == load)
        before = problem.placed_before[load]
        begin = next((int(pair) for pair in pairs if needs.pair_pool[pair] == before), -1)
        least = np.inf
        for path in np.ndindex(*[len(pairs) + 1] * periods):
            cost, share, at = 0.0, 0.0, begin
            for t, place in enumerate(path):
                to = -1 if place == len(pairs) else int(pairs[place])
                moved = to != at
                free = t == 0 and before < 0
                cost += discount[t] * problem.leave_cash[at] if moved and at >= 0 else 0.0
                cost += discount[t] * problem.enter_cash[to] if moved and to >= 0 and not free else 0.0
                cost += unplaced[load, t] if to < 0 else pair_usd[to, t]
                share += shares.unplaced[load, t] if to < 0 else shares.pair[to, t]
                at = to
            least = min(least, cost)
            if np.isfinite(cost):
                assert share <= cost + SHARE_OF_TOTAL * 1e4
        together = np.minimum(shares.unplaced[load], shares.pair[pairs].min(axis=0)).sum()
        assert together == pytest.approx(least, rel=1e-6, abs=1e-3)


def test_what_falls_apart() -> None:
    problem = apart(0)
    assert not falls_apart(random_problem(0, SIZE))  # settled every two months
    assert not falls_apart(apart(0, replace(SIZE, periods=1)))
    assert not falls_apart(apart(0, replace(SIZE, runs=1)))
    leaving = problem.supply.exit_fee_cash.copy()
    leaving[0, 1] = 0.0
    assert not falls_apart(with_supply(problem, exit_fee_cash=leaving))
    never = problem.supply.interval.copy()
    never[0] = -1
    assert not falls_apart(with_supply(problem, interval=never))
