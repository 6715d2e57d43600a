"""What it costs at most not to decide: loads that lack capacity then may move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.doing_nothing import doing_nothing_usd
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import elsewhere, hold
from tests.problems import Size, random_problem, with_supply
from tests.tolerances import SHARE_OF_TOTAL

HERE = 0  # the pool of the contract that is not signed


@dataclass(frozen=True)
class Result:
    """As much of a plan's result as is asked for."""

    problem: PlanningProblem
    plan: Plan
    objective_usd: float
    priced: object | None = None


def signed(limit: float) -> tuple[Result, str]:
    """All loads in one pool, where a contract that may be signed is, and the market has so much."""
    problem = random_problem(1, Size(loads=3, pools=2, eligible=2, contracts=2, lots=1))
    supply = problem.supply
    there = supply.offer_pool == HERE
    problem = with_supply(problem, offer_limit=np.where(there[:, None], limit, supply.offer_limit), in_force=np.zeros(2, dtype=np.bool_))
    problem = with_supply(problem, least_lots=np.zeros(2, dtype=np.int64))
    k = int(supply.cover_contract[supply.cover_pool == HERE][0])
    lots = np.zeros(2, dtype=np.int64)
    lots[k] = 1
    periods = len(problem.periods)
    decisions = Decisions(
        placed=np.full((3, periods), HERE), option=np.zeros(0, dtype=np.int64), lots=lots, exits=np.zeros((2, periods), dtype=np.int64)
    )
    settled = settle_alone(problem, decisions)
    assert settled is not None
    return Result(problem, settled.plan, settled.objective_usd), supply.contracts[k]


def without(result: Result) -> Decisions:
    return replace(result.plan.decisions, lots=np.zeros(2, dtype=np.int64))


def cost_usd(result: Result, decisions: Decisions) -> float:
    settled = settle_alone(result.problem, decisions)
    assert settled is not None
    return settled.objective_usd


def test_loads_move_where_their_pool_has_too_little() -> None:
    result, contract = signed(limit=0.0)
    undone = without(result)
    moved = elsewhere(result.problem, undone)
    assert moved is not None
    stays, goes = cost_usd(result, undone), cost_usd(result, moved)
    found = doing_nothing_usd(result, [(contract, "sign")])[contract, "sign"]  # type: ignore[arg-type]
    assert goes < stays
    assert found == pytest.approx(goes - result.objective_usd, abs=SHARE_OF_TOTAL * result.objective_usd)


def test_loads_stay_where_the_market_has_enough() -> None:
    result, contract = signed(limit=np.inf)
    undone = without(result)
    assert elsewhere(result.problem, undone) is None
    found = doing_nothing_usd(result, [(contract, "sign")])[contract, "sign"]  # type: ignore[arg-type]
    assert found == pytest.approx(cost_usd(result, undone) - result.objective_usd, abs=SHARE_OF_TOTAL * result.objective_usd)


def test_no_more_loads_move_than_may() -> None:
    result, _ = signed(limit=0.0)
    problem = replace(result.problem, placed_before=np.full(3, HERE))
    problem = replace(problem, limits=replace(problem.limits, most_moves=np.ones(len(problem.periods))))
    moved = elsewhere(problem, without(result))
    assert moved is not None
    assert (moved.placed[:, 0] != HERE).sum() == 1
    assert settle_alone(problem, moved) is not None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_loads_walk_where_the_plan_was_found_at_prices(seed: int) -> None:
    problem = random_problem(seed, Size(loads=6, pools=3, eligible=3, periods=2, contracts=3, lots=2))
    quote = np.arange(3) == 0
    problem = with_supply(problem, in_force=problem.supply.in_force & ~quote, least_lots=np.where(quote, 0, problem.supply.least_lots))
    settled = settle_alone(problem, replace(hold(problem), lots=np.where(quote, 2, 0)))
    assert settled is not None
    result = Result(problem, settled.plan, settled.objective_usd)
    asked = problem.supply.contracts[0], "sign"
    greedy = doing_nothing_usd(result, [asked])[asked]  # type: ignore[arg-type]
    found = doing_nothing_usd(replace(result, priced=object()), [asked])[asked]  # type: ignore[arg-type]
    assert greedy is not None
    assert found is not None
    assert found < greedy - SHARE_OF_TOTAL * result.objective_usd
