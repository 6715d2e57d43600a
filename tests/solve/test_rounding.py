"""Whole decisions from shares keep the rules that link them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.pricing.prices import Shares
from optimizer.solve.cost import placed_pairs
from optimizer.solve.open_choices import open_pairs
from optimizer.solve.rounding import rounded
from optimizer.solve.settle import settle_alone
from tests.integer.clause_cases import problem_of


def shares_of(problem: PlanningProblem, pair: Floats) -> Shares:
    """All that can be signed is held to the end."""
    supply = problem.supply
    return Shares(
        pair=pair,
        option=np.zeros(len(problem.needs.option_run)),
        leaving=np.zeros((len(supply.contracts), len(problem.periods))),
        staying=supply.most_lots.astype(np.float64),
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_more_loads_move_than_may(seed: int) -> None:
    _, problem = problem_of("moves", seed)
    random = np.random.default_rng(seed)
    pair = random.random(problem.pair_allowed.shape)
    whole = np.zeros((len(problem.needs.loads), len(problem.periods)))
    np.add.at(whole, problem.needs.pair_load, pair)
    decisions = rounded(problem, shares_of(problem, pair / whole[problem.needs.pair_load]))
    before = np.concatenate([problem.placed_before[:, None], decisions.placed[:, :-1]], axis=1)
    counts = (before >= 0) | (np.arange(len(problem.periods)) > 0)
    moved = (decisions.placed >= 0) & (decisions.placed != before) & counts
    assert (moved.sum(axis=0) <= problem.limits.most_moves).all()
    assert (decisions.placed >= 0).all()
    assert settle_alone(problem, decisions) is not None


@pytest.mark.parametrize("case", ["excluded supplier", "excluded contract"])
def test_what_excludes_what_is_placed_or_signed_is_not_signed(case: str) -> None:
    _, problem = problem_of(case)
    pair = np.zeros(problem.pair_allowed.shape)
    for load in range(len(problem.needs.loads)):
        pair[np.flatnonzero(problem.needs.pair_load == load)[-1]] = 1.0
    decisions = rounded(problem, shares_of(problem, pair))
    assert decisions.lots.sum() == problem.supply.most_lots.sum() - problem.supply.most_lots.max()  # one of the two
    assert not (placed_pairs(problem, decisions) & ~open_pairs(problem, decisions)).any()
    assert settle_alone(problem, decisions) is not None


def test_loads_go_elsewhere_rather_than_that_a_contract_is_given_up_for_them() -> None:
    _, problem = problem_of("excluded supplier")
    signed, excluded = problem.supply.excluded_supplier[0]
    needs = problem.needs
    shut = problem.pool_supplier[needs.pair_pool] == excluded
    pair = np.where(shut, 0.6, 0.4)[:, None] * np.ones(problem.pair_allowed.shape)
    whole = np.zeros((len(needs.loads), len(problem.periods)))
    np.add.at(whole, needs.pair_load, pair)
    wanted = shares_of(problem, pair / whole[needs.pair_load])
    others = problem.supply.contract_supplier != excluded
    decisions = rounded(problem, replace(wanted, staying=np.where(others, wanted.staying, 0.0)))
    assert decisions.lots[signed] > 0
    assert not (placed_pairs(problem, decisions) & ~open_pairs(problem, decisions)).any()
