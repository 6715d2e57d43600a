"""Neighbourhoods of whole paths: what they free, and that solving one never makes a plan dearer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.generator import Size, generate
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import Stay
from optimizer.solve.climb import Priced, price_more
from optimizer.solve.part import solve_part
from optimizer.solve.path_neighbourhoods import Neighbourhood, linked_pools, neighbourhood
from optimizer.solve.settle import Settled, settle_alone
from optimizer.solve.start import cheapest_first
from tests.problems import Size as PoolsSize
from tests.problems import random_problem
from tests.samples import one_in
from tests.tolerances import SHARE_OF_TOTAL

SIZE = Size(loads=30, pools=5, periods=3, contracts=8, scenarios=2)


@pytest.fixture(scope="module")
def problem() -> PlanningProblem:
    return generate(SIZE, seed=4)


@pytest.fixture(scope="module")
def priced(problem: PlanningProblem) -> Priced:
    return price_more(problem, evaluations=300, reduced=True)


@pytest.fixture(scope="module")
def settled(problem: PlanningProblem) -> Settled:
    found = settle_alone(problem, cheapest_first(problem))
    assert found is not None
    return found


def near(problem: PlanningProblem, priced: Priced, settled: Settled, seed: int, stay: Stay | None = None) -> Neighbourhood:
    assert priced.pairs is not None
    assert priced.option_usd is not None
    return neighbourhood(
        problem,
        settled.plan,
        pair_usd=priced.pairs.usd,
        may=problem.pair_allowed,
        option_usd=priced.option_usd,
        size=8,
        random=np.random.default_rng(seed),
        stay=stay,
    )


@pytest.mark.parametrize("seed", one_in(3, range(3)))
def test_free_loads_have_their_own_path_and_others_in_the_same_pools(problem, priced, settled, seed):
    chosen = near(problem, priced, settled, seed)
    assert chosen.around.pools is not None
    assert len(chosen.around.loads) <= 8
    followed = {load for load, path in chosen.around.paths if (path == settled.plan.decisions.placed[load]).all()}
    assert followed == set(chosen.around.loads.tolist())
    for _, path in chosen.around.paths:
        assert np.isin(path, np.append(chosen.around.pools, -1)).all()


def solved(problem, chosen):
    return solve_part(
        problem,
        keep=chosen.keep,
        keep_options=chosen.keep_options,
        lots=(problem.supply.least_lots, problem.supply.most_lots),
        around=chosen.around,
        time_limit_s=30.0,
        relative_gap=1e-9,
    )


@pytest.mark.parametrize("seed", range(3))
def test_solving_one_never_makes_the_plan_dearer_and_leaves_others_alone(problem, priced, settled, seed):
    chosen = near(problem, priced, settled, seed)
    part = solved(problem, chosen)
    assert part.decisions is not None
    held = np.setdiff1d(np.arange(SIZE.loads), chosen.around.loads)
    np.testing.assert_array_equal(part.decisions.placed[held], settled.plan.decisions.placed[held])
    better = settle_alone(problem, part.decisions)
    assert better is not None
    assert better.objective_usd <= settled.objective_usd * (1.0 + SHARE_OF_TOTAL)


def test_a_charge_for_being_elsewhere_brings_loads_back(problem, priced, settled) -> None:
    current = settled.plan.decisions
    others = [path for path in near(problem, priced, settled, 4).around.paths if (path[1] != current.placed[path[0]]).any()]
    last = current.placed.copy()
    last[others[0][0]] = others[0][1]
    stay = Stay(placed=last, option=np.zeros(0, dtype=np.int64), usd=1e12)
    again = near(problem, priced, settled, 4, stay)
    part = solved(problem, again)
    assert part.decisions is not None
    np.testing.assert_array_equal(part.decisions.placed, last)


def test_pools_that_share_contracts_stand_together() -> None:
    size = PoolsSize(loads=4, flexible=2, runs=0, pools=3, eligible=3, periods=2, contracts=2, lots=2, sites=3, suppliers=3)
    problem = random_problem(1, size)
    groups = linked_pools(problem)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(problem.pools)))
    for k in range(len(problem.supply.contracts)):
        covered = set(problem.supply.cover_pool[problem.supply.cover_contract == k].tolist())
        assert sum(bool(covered & set(group.tolist())) for group in groups) <= 1
