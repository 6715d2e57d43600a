"""What a pool charges, against the linear program that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from optimizer.domain.problem import PlanningProblem
from optimizer.solve.merit_order import Pools, Use, linked_pools, pair_use, unknown_settlement
from optimizer.solve.start import hold
from tests.problems import Size, random_problem, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE

SIZE = Size(loads=4, flexible=2, runs=0, pools=3, eligible=3, periods=2, contracts=2, lots=2, spot_offers=3, sites=3, suppliers=3)


def cheapest(problem: PlanningProblem, pool: int, use: Use, held: np.ndarray) -> float:
    """Market, shortage and missed work of one pool without contracts, by a linear program in each period and scenario."""
    supply, hours, total = problem.supply, problem.hours, 0.0
    offers = np.flatnonzero(supply.offer_pool == pool)
    periods, blocks, scenarios = problem.shape
    for t in range(periods):
        for s in range(scenarios):
            weight = problem.discount[t] * problem.probability[s]
            # columns: each offer in each block, shortage in each block, flexible work in each block, missed work
            price = np.concatenate(
                [
                    *(supply.offer_price_cash[o, t, s] * hours[t] for o in offers),
                    problem.shortage_price[pool] * hours[t],
                    np.zeros(blocks),
                    [use.worth[0, t, s] / use.work[0, t, s] / weight],
                ]
            )
            works = problem.availability[pool]
            upper = [*(supply.offer_limit[o, t] for o in offers for _ in range(blocks)), *[np.inf] * blocks]
            upper += [use.limit[0, t, s]] * blocks + [use.work[0, t, s]]
            rows, sides = [], []
            for b in range(blocks):
                every, firm = np.zeros(len(price)), np.zeros(len(price))
                for i, o in enumerate(offers):
                    every[i * blocks + b] = -works * (1.0 - supply.offer_loss[o])
                    firm[i * blocks + b] = 0.0 if supply.offer_spot[o] else -works
                shortage = len(offers) * blocks + b
                every[shortage] = firm[shortage] = -1.0
                every[shortage + blocks] = 1.0
                rows += [every, firm]
                sides += [-held[t, b, s], -held[t, b, s]]
            done = np.zeros(len(price))
            done[(len(offers) + 1) * blocks : (len(offers) + 2) * blocks] = -hours[t]
            done[-1] = -1.0
            answer = linprog(
                price, A_ub=np.array([*rows, done]), b_ub=[*sides, -use.work[0, t, s]], bounds=[(0.0, most) for most in upper]
            )
            total += weight * answer.fun
    return float(total)


@pytest.mark.parametrize("seed", range(6))
def test_held_and_flexible_work_cost_what_the_linear_program_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, SIZE)
    problem = with_supply(problem, offer_limit=rng.uniform(5.0, 20.0, problem.supply.offer_limit.shape))
    pools = Pools(problem, hold(problem), unknown_settlement(problem))
    free = np.setdiff1d(np.arange(len(problem.pools)), problem.supply.cover_pool)
    pools.refill()
    flexible = np.flatnonzero(problem.needs.work.any(axis=(1, 2)) & np.isin(problem.needs.pair_pool, free))
    assert len(flexible)
    for n in flexible[:2]:
        pool = int(problem.needs.pair_pool[n])
        use = pair_use(problem, np.array([n]))
        held = rng.integers(0, 30, problem.shape).astype(np.float64)
        charged = pools.cost(np.array([pool]), Use(held[None], use.work, use.limit, use.worth)).sum()
        assert charged == pytest.approx(cheapest(problem, pool, use, held), rel=EXACT_AGAINST_BRUTE_FORCE)


def test_pools_that_share_contracts_stand_together() -> None:
    problem = random_problem(1, SIZE)
    groups = linked_pools(problem)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(problem.pools)))
    for k in range(len(problem.supply.contracts)):
        covered = set(problem.supply.cover_pool[problem.supply.cover_contract == k].tolist())
        assert sum(bool(covered & set(group.tolist())) for group in groups) <= 1
