"""A start from a few of a problem's scenarios: every step of a search there is as many times cheaper as there are fewer of them.

The few stand for all by what they ask for and cost. Their plan is a plan of the whole problem, whose draws are settled anew in every
scenario; their prices, divided among the scenarios that each stands for, are prices of the whole problem and prove a bound there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.chosen_scenarios import in_scenarios
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.carried import among_scenarios
from optimizer.pricing.prices import Prices
from optimizer.scenarios.reduction import representatives
from optimizer.solve.climb import LARGE
from optimizer.solve.search import Start

FEW = 5


@dataclass(frozen=True, kw_only=True)
class FewScenarios:
    """A problem in a few scenarios, and which of them each scenario of the whole is like."""

    problem: PlanningProblem
    like: Ints  # [S]
    share: Floats  # [S] of what that one weighs

    def start(self, decisions: Decisions | None, prices: Prices | None) -> Start:
        """A start for the whole problem from what was found here."""
        carried = None if prices is None else among_scenarios(prices, self.like, self.share)
        return Start(decisions=() if decisions is None else (decisions,), prices=carried)


def has_many_scenarios(problem: PlanningProblem) -> bool:
    """Whether a search does better to begin in a few: not where contracts are decided on by groups of scenarios."""
    in_stages = len(problem.supply.same_lots) + len(problem.supply.same_exits) > 0
    return len(problem.scenarios) >= 2 * FEW and problem.needs.need.size > LARGE and not in_stages


def in_few_scenarios(problem: PlanningProblem) -> FewScenarios:
    """The problem in those of its scenarios that stand best for all, at most `FEW`."""
    chosen = representatives(_features(problem), FEW, problem.probability)
    nearest, weights = chosen.nearest(FEW), chosen.probabilities(FEW)
    kept = np.flatnonzero(weights > 0)
    number = np.zeros(FEW, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    likely = problem.probability > 0
    share = np.divide(problem.probability, weights[nearest], out=np.zeros_like(problem.probability), where=likely)
    return FewScenarios(problem=in_scenarios(problem, chosen.order[kept], weights[kept]), like=number[nearest], share=share)


def _features(problem: PlanningProblem) -> Floats:
    """What each scenario asks for, at the price of missing it, and what supply costs in it, USD [S, F]."""
    needs, supply = problem.needs, problem.supply
    pairs = np.unique(needs.pair_load, return_index=True)[1]  # one of each load: what it asks for elsewhere moves with it
    asked = np.einsum("ntbs,tb->nts", needs.need[pairs], problem.hours) + needs.work[pairs]
    worth = problem.discount * problem.shortage_price[needs.pair_pool[pairs]][:, None]
    each = asked.sum(axis=0).mean(axis=1) / max(1, len(problem.pools))  # accelerator-hours of a pool, [T]
    held = supply.capacity * (supply.most_lots[:, None] * problem.hours.sum(axis=1))[:, :, None]
    parts = (
        asked * worth[:, :, None],
        held * supply.price_cash * problem.discount[:, None],
        supply.offer_price_cash * (each * problem.discount)[:, None],
    )
    return np.concatenate([part.reshape(-1, len(problem.scenarios)) for part in parts]).T
