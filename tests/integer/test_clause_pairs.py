"""Each pair of clauses that share a fulfilment interval, against brute force; and what settles the optimum's decisions at its cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from itertools import combinations

import numpy as np
import pytest

from optimizer.domain.clauses import CARRY_FORWARD, MAKE_UP, ROLLOVER, Balances, Burst, Favoured, Tiers, TrueUp
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.solve.settle import settle
from tests import tolerances
from tests.integer import brute_force
from tests.problems import Size, random_problem, with_supply
from tests.samples import one_in

ONE_POOL = Size(loads=1, pools=1, eligible=1, sites=1, suppliers=1, blocks=1, scenarios=1, contracts=2)
K = np.array([1])  # the contract that has the clauses; the other is in force beside it
Clause = Callable[[PlanningProblem], PlanningProblem]


def two_months(seed: int) -> PlanningProblem:
    """Two contracts in force, settled month by month; the market is cheap in one month, dear in the other."""
    problem = random_problem(seed, ONE_POOL)
    offers = problem.supply.offer_price_cash.copy()
    offers[:, seed % 2] *= 0.4
    return with_supply(
        problem,
        in_force=np.ones(2, dtype=np.bool_),
        least_lots=np.ones(2, dtype=np.int64),
        interval=np.array([[0, 1], [0, 1]]),
        price_cash=np.array([[2.6, 2.6], [3.0, 3.0]]),
        capacity=np.array([[1.0, 1.0], [6.0, 6.0]]),
        offer_price_cash=offers,
        take_or_pay_share=np.array([0.0, 0.4]),
    )


def minimum_spend(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, minimum_cash=np.array([[0.0, 0.0], [9000.0, 9000.0]]))


def fixed_fee(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, fixed_fee_cash=np.array([[0.0, 0.0], [700.0, 900.0]]))


def exits(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, exit_fee_cash=np.array([[np.inf, np.inf], [np.inf, 600.0]]), terminal_usd=np.array([0.0, 1500.0]))


def tiers(problem: PlanningProblem, *, incremental: bool) -> PlanningProblem:
    clause = Tiers(
        contract=K, start=np.array([[2600.0, 2600.0]]), ratio=np.array([0.7]), incremental=np.array([incremental]), units=np.ones((1, 2))
    )
    return with_supply(problem, tiers=clause)


def most_favoured_price(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, favoured=Favoured(contract=K, other=np.array([0])))


def true_up(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, true_up=TrueUp(contract=K, price_cash=np.full((1, 2, 1), 2.2)))


def burst(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, burst=Burst(contract=K, share=np.array([0.4]), price_cash=np.full((1, 2, 1), 3.2)))


def balance(problem: PlanningProblem, *, kind: int) -> PlanningProblem:
    clause = Balances(
        contract=K, kind=np.array([kind]), opening_cash=np.array([400.0]), cap_cash=np.array([2500.0]), life=np.array([1])
    )
    changed = minimum_spend(problem) if kind == ROLLOVER else problem
    return with_supply(changed, balances=clause)


CLAUSES: dict[str, Clause] = {
    "minimum spend": minimum_spend,
    "fixed fee": fixed_fee,
    "exits": exits,
    "all-units tiers": partial(tiers, incremental=False),
    "incremental tiers": partial(tiers, incremental=True),
    "most favoured price": most_favoured_price,
    "true-up": true_up,
    "burst": burst,
    "make-up": partial(balance, kind=MAKE_UP),
    "carry-forward": partial(balance, kind=CARRY_FORWARD),
    "rollover": partial(balance, kind=ROLLOVER),
}
EITHER = (  # of which a contract has one at most
    {"all-units tiers", "incremental tiers", "most favoured price", "true-up"},
    {"make-up", "carry-forward", "rollover"},
)
PAIRS = [pair for pair in combinations(CLAUSES, 2) if not any(set(pair) <= group for group in EITHER)]


@pytest.mark.parametrize("pair", one_in(5, PAIRS, map(" and ".join, PAIRS)))
def test_a_pair_against_brute_force(pair: tuple[str, str]) -> None:
    problem = reduce(lambda made, name: CLAUSES[name](made), pair, two_months(PAIRS.index(pair)))
    best = brute_force.cheapest(problem)
    program = build_program(problem)
    answer = solve_program(program, relative_gap=tolerances.SOLVED_GAP)
    assert answer.values is not None
    assert answer.objective == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    settled = settle(problem, program, decisions(program, problem, answer.values))
    assert settled is not None
    assert settled.objective_usd == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
