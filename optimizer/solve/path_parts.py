"""Neighbourhoods of a path search, asked for one at a time: loads of a few pools choose among whole paths in a restricted master.

Which loads are free `path_neighbourhoods` says, and `part` solves it. Where there is no plan yet, the pairs and options that prices find
cheapest are asked for.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Plan, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.solve.fixing import Proven
from optimizer.solve.part import Part
from optimizer.solve.path_neighbourhoods import neighbourhood
from optimizer.solve.search import Search
from optimizer.solve.stay import option_charges
from optimizer.solve.worker import InTurn, Worker

FREE_LOADS = 15  # in the first neighbourhood
NEIGHBOURHOOD_S = 8.0  # guard on one neighbourhood
NODES = 200  # of one, under a deterministic limit
QUICK_S = 1.5  # a neighbourhood solved sooner is followed by larger ones
LARGER, SMALLER = 1.15, 0.85
FIRST_PAIRS = 5  # for each load and period, where there is no plan yet
PART_SHARE = 0.1  # of the time that a part may take in one process


@dataclass(frozen=True)
class _Asked:
    """A part that the assigner works on."""

    answer: Future[Part]
    begun: float
    everything: bool  # whether nothing is left out of it


class Parts:
    """Parts of a search's problem, each as large as the last one was quick."""

    def __init__(
        self,
        search: Search,
        weighed: PlanningProblem,
        assigner: Worker[Part] | InTurn[Part],
        proven: Proven,
        random: np.random.Generator,
    ) -> None:
        """
        Args:
          weighed: the problem, with what runs are charged that take another option than in the last plan.
          assigner: solves parts of that.
          proven: what prices have proven so far, which the search adds to.
        """
        self._search, self._weighed, self._assigner, self._proven, self._random = search, weighed, assigner, proven, random
        self._free = float(FREE_LOADS)
        self._pairs = float(FIRST_PAIRS * len(weighed.needs.loads) * len(weighed.periods))  # in the next part, while there is no plan
        self.asked: _Asked | None = None

    def ask(self) -> None:
        """Asks for a plan where there is none, else for a better one near the best."""
        if self._search.best is None:
            self._ask_for_a_plan()
        else:
            self._ask_around(self._search.best.plan)

    def _ask_around(self, plan: Plan) -> None:
        """Some loads and runs free to follow other paths, among the pairs that a better plan can use."""
        problem, priced, stay = self._weighed, self._search.priced, self._search.stay
        assert priced is not None
        assert priced.pairs is not None
        assert priced.option_usd is not None
        near = neighbourhood(
            problem,
            plan,
            pair_usd=priced.pairs.usd,
            may=self._proven.pairs(problem, self._search.cutoff_usd),
            option_usd=priced.option_usd if stay is None else priced.option_usd + option_charges(problem, stay),
            size=int(self._free),
            random=self._random,
            stay=stay,
        )
        self._submit(keep=near.keep, keep_options=near.keep_options, around=near.around, guard_s=NEIGHBOURHOOD_S)

    def _ask_for_a_plan(self) -> None:
        """Any plan, with the pairs and options of smallest reduced cost; each time with more of them."""
        problem = self._search.problem
        costs = np.sort(np.concatenate([self._proven.uses_pair.ravel(), self._proven.takes_option]))
        cutoff = float(costs[int(self._pairs)]) if self._pairs < len(costs) else np.inf
        self._pairs *= 4
        keep = self._proven.pairs(problem, cutoff)
        self._submit(keep=keep, keep_options=self._proven.options(cutoff), around=None, guard_s=np.inf, everything=cutoff == np.inf)

    def _submit(self, *, guard_s: float, everything: bool = False, **part: object) -> None:
        search, settings = self._search, self._search.settings
        limited = settings.deterministic_limit is None
        if limited and not settings.side_by_side and search.best is not None and settings.time_limit_s is not None:
            guard_s = min(guard_s, PART_SHARE * settings.time_limit_s)
        seconds = min(guard_s, max(search.left, 1.0)) if limited else search.left
        answer = self._assigner.ask(
            **part,
            lots=self._proven.lots(search.problem, self._search.cutoff_usd),
            backend="highs",
            threads=1,
            seed=settings.seed,
            time_limit_s=seconds if np.isfinite(seconds) else None,
            relative_gap=settings.relative_gap / 4,
            deterministic_limit=None if limited else NODES,
        )
        self.asked = _Asked(answer, search.seconds, everything)

    def take(self) -> bool | None:
        """Offers what has come of the part asked for: whether it is a better plan; None where nothing has come.

        Raises:
          InfeasiblePlan: nothing was left out of the part, and it has no plan.
        """
        asked = self.asked
        if asked is None or not asked.answer.done():
            return None
        self.asked, part = None, asked.answer.result()
        if part.status is PlanStatus.INFEASIBLE and asked.everything:
            raise InfeasiblePlan(explain(self._search.problem))
        better = part.decisions is not None and self._search.offer(part.decisions)
        solved = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
        if self._search.settings.deterministic_limit is None:
            quick = self._search.seconds - asked.begun < QUICK_S
            self._free = max(2.0, self._free * (LARGER if solved and quick else 1.0 if solved else SMALLER))
        return better
