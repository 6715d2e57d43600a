"""What prices prove about decisions: which of them no better plan takes, so that a smaller problem is left.

A plan that uses a pair costs at least the bound and the pair's reduced cost on top, whatever the prices; the highest such figure over
all prices seen counts. So does a contract that is signed although it does not pay at the prices, or left although it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.prices import Prices
from optimizer.solve.packing import Packing


@dataclass
class Proven:
    """Least cost, in USD, of any plan that ..."""

    uses_pair: Floats  # [N, T]
    avoids_pair: Floats  # [N, T]
    takes_option: Floats  # [G]
    holds: Floats  # [K] lots of a contract that need not be held
    holds_none: Floats  # [K]

    def learn(self, problem: PlanningProblem, prices: Prices, pair_usd: Floats, option_usd: Floats) -> None:
        """Takes in prices and the reduced costs at them."""
        supply, bound = problem.supply, prices.bound_usd
        np.maximum(self.uses_pair, bound + pair_usd, out=self.uses_pair)
        np.maximum(self.takes_option, bound + option_usd, out=self.takes_option)
        open_to_sign = (supply.least_lots == 0) & (supply.most_lots > 0)
        signed = np.where(open_to_sign, np.maximum(prices.contract_usd, 0.0), 0.0)
        left = np.where(open_to_sign & (supply.option_group < 0), np.maximum(-prices.contract_usd, 0.0), 0.0)
        np.maximum(self.holds, bound + signed, out=self.holds)
        np.maximum(self.holds_none, bound + left, out=self.holds_none)

    def learn_packing(self, problem: PlanningProblem, packing: Packing) -> None:
        """Takes in what the knapsack bound proves."""
        bound, supply = packing.bound_usd, problem.supply
        np.maximum(self.uses_pair, bound + packing.uses_pair, out=self.uses_pair)
        np.maximum(self.avoids_pair, bound + packing.avoids_pair, out=self.avoids_pair)
        open_to_sign = (supply.least_lots == 0) & (supply.most_lots > 0)
        np.maximum(self.holds, np.where(open_to_sign, bound + packing.holds, -np.inf), out=self.holds)
        np.maximum(self.holds_none, np.where(open_to_sign, bound + packing.holds_none, -np.inf), out=self.holds_none)

    def lots(self, problem: PlanningProblem, cutoff_usd: float) -> tuple[Ints, Ints]:
        """Least and most lots, each [K], of plans that cost less than the cutoff."""
        supply = problem.supply
        most = np.where((self.holds >= cutoff_usd) & (supply.least_lots == 0), 0, supply.most_lots)
        least = np.where((self.holds_none >= cutoff_usd) & (supply.least_lots == 0) & (most > 0), 1, supply.least_lots)
        return least, most

    def decided_usd(self, lots: Ints, before: Ints) -> float:
        """Least cost of plans which agree with `lots` [K] on the contracts that are held in these or in `before` [K], and not in both."""
        least = np.where(lots > 0, self.holds, self.holds_none)
        return float(least.max(initial=-np.inf, where=(lots > 0) != (before > 0)))

    def pairs(self, problem: PlanningProblem, cutoff_usd: float) -> Bools:
        """Pairs that plans which cost less than the cutoff may use, [N, T]: of a load that is sure to be in one pool no other."""
        needs = problem.needs
        sure = self.avoids_pair >= cutoff_usd
        settled = np.zeros((len(needs.loads), len(problem.periods)), dtype=np.bool_)
        np.logical_or.at(settled, needs.pair_load, sure)
        return (self.uses_pair < cutoff_usd) & (sure | ~settled[needs.pair_load])

    def options(self, cutoff_usd: float) -> Bools:
        """Training options that plans which cost less than the cutoff may take, [G]."""
        return self.takes_option < cutoff_usd


def nothing_proven(problem: PlanningProblem) -> Proven:
    contracts = len(problem.supply.contracts)
    return Proven(
        uses_pair=np.full(problem.pair_allowed.shape, -np.inf),
        avoids_pair=np.full(problem.pair_allowed.shape, -np.inf),
        takes_option=np.full(len(problem.needs.option_run), -np.inf),
        holds=np.full(contracts, -np.inf),
        holds_none=np.full(contracts, -np.inf),
    )
