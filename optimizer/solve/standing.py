"""What a search knows: the best plan and the bound, and what these leave to plans that are better."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain.problem import Bools
from optimizer.solve.fixing import Proven, nothing_proven
from optimizer.solve.part import cost_step
from optimizer.solve.search import Search

ALIKE = 1e-9  # relative: costs that are the same but for rounding
NARROWEST = 0.02  # of the way from the bound to the best plan that the reduced costs of a neighbourhood's pairs go at least


@dataclass
class Standing:
    """Of a search whose pools have one row of capacity each."""

    search: Search
    step_usd: float = field(init=False)  # every two plans' costs differ by a multiple of this; 0: nothing known
    proven: Proven = field(init=False)

    def __post_init__(self) -> None:
        self.step_usd, self.proven = cost_step(self.search.problem), nothing_proven(self.search.problem)

    @property
    def best_usd(self) -> float:
        """Cost of the best plan; inf: there is none."""
        return math.inf if self.search.best is None else self.search.best.objective_usd

    @property
    def cutoff_usd(self) -> float:
        """Plans that cost this or more are no better than the best."""
        best = self.best_usd
        if math.isinf(best):
            return math.inf
        return best - self.step_usd + ALIKE * abs(best) if self.step_usd else best * (1.0 - math.copysign(ALIKE, best))

    @property
    def met(self) -> bool:
        """Whether plan and bound are the same but for rounding."""
        return math.isfinite(self.best_usd) and self.search.bound_usd >= self.best_usd - ALIKE * abs(self.best_usd)

    @property
    def contracts_open(self) -> bool:
        """Whether anything is left to decide about contracts."""
        least, most = self.proven.lots(self.search.problem, self.cutoff_usd)
        return bool((least < most).any())

    def near(self, gap: float) -> bool:
        """Whether better plans are within so much of the bound, relative to it."""
        return self.cutoff_usd - self.search.bound_usd <= gap * abs(self.search.bound_usd)

    def useful_pairs(self, random: np.random.Generator) -> Bools:
        """Pairs that a better plan can use, [N, T]; now and then only those of the smallest reduced costs, so that more loads have room."""
        bound, cutoff = self.search.bound_usd, self.cutoff_usd
        if math.isfinite(cutoff) and math.isfinite(bound) and cutoff > bound:
            cutoff = bound + (cutoff - bound) * NARROWEST ** random.random()
        return self.proven.pairs(self.search.problem, cutoff)

    def raise_bound(self, bound_usd: float) -> None:
        """Up to the next cost that a plan can have."""
        constant = float((self.search.problem.other_spend_cash * self.search.problem.discount).sum())
        if self.step_usd and np.isfinite(bound_usd):
            bound_usd = max(bound_usd, constant + self.step_usd * math.ceil((bound_usd - constant) / self.step_usd - 1e-6))
        self.search.raise_bound(bound_usd)
