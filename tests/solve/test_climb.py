"""Prices of the relaxation at expected need: what they prove, and the plan that comes with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.integer import expected
from optimizer.integer.expected import solve_expected
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve.climb import price_more
from tests.pricing.cases import CHANGES, optimum, problem_with
from tests.problems import Size, random_problem, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SOLVED_GAP

CERTAIN = Size(loads=6, flexible=1, runs=1, pools=4, eligible=3, periods=3, scenarios=1, contracts=4, lots=2, spot_offers=2)


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_they_prove_no_more_than_the_optimum(change: str) -> None:
    priced = price_more(problem_with(change, 0), evaluations=0, start=None)
    assert priced.decisions is not None
    assert priced.prices.bound_usd <= optimum(change, 0) * (1.0 + SOLVED_GAP)


@pytest.mark.parametrize("seed", range(3))
def test_they_prove_the_linear_relaxation_where_nothing_is_uncertain_and_moves_are_free(seed: int) -> None:
    problem = random_problem(seed, CERTAIN)
    free = np.zeros_like(problem.enter_cash)
    share = np.linspace(0.5, 1.0, len(problem.supply.contracts))
    problem = replace(with_supply(problem, take_or_pay_share=share), enter_cash=free, leave_cash=free)
    relaxed = solve_program(build_program(problem), relax=True)
    priced = price_more(problem, evaluations=0, start=None)
    assert priced.prices.bound_usd == pytest.approx(relaxed.objective, rel=EXACT_AGAINST_BRUTE_FORCE)


def test_its_plan_places_loads_where_they_may_be() -> None:
    problem = random_problem(1, CERTAIN)
    found = solve_expected(problem, time_limit_s=60.0)
    assert found is not None
    needs, chosen = problem.needs, found.decisions
    allowed = {(int(load), int(pool)) for load, pool in zip(needs.pair_load, needs.pair_pool, strict=True)}
    assert {(load, int(pool)) for load, path in enumerate(chosen.placed) for pool in path if pool >= 0} <= allowed
    assert all(needs.option_run[g] == run for run, g in enumerate(chosen.option) if g >= 0)
    assert ((problem.supply.least_lots <= chosen.lots) & (chosen.lots <= problem.supply.most_lots)).all()


def test_one_contract_of_a_group_is_chosen() -> None:
    problem = problem_with("option group", 0)
    found = solve_expected(problem, time_limit_s=60.0)
    assert found is not None
    assert (found.decisions.lots[problem.supply.option_group >= 0] > 0).sum() <= 1


def test_a_problem_too_large_for_it_is_climbed_from_list_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "MOST_ENTRIES", 0)
    priced = price_more(problem_with("plain", 0), evaluations=0, start=None)
    assert priced.decisions is None
    assert priced.prices.evaluations > 0
