"""Price and assign where pools have many rows of capacity: loads follow whole paths, chosen around certified prices.

    price      multipliers of all linking rows, whose dual value bounds every plan's cost (`climb`)
    round      the shares of decisions that pricing ends with (`rounding`), and every load's best response to the others (`best_response`)
    contracts  signed, declined, kept or left otherwise, one at a time, with the loads that they touch (`contract_search`)
    assign     neighbourhoods: loads of a few pools choose among whole paths in a restricted master (`path_neighbourhoods`, `part`)

One process prices, one solves neighbourhoods, and this one does the rest. Under a deterministic limit they take turns,
and so they do in one process where they are not to run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain.plan import Decisions, Plan, PlanStatus
from optimizer.domain.surface import Ints
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.solve.best_response import improve, regrets, shake
from optimizer.solve.climb import Climb
from optimizer.solve.contract_search import alternatives, contracts_to_try
from optimizer.solve.fixing import Proven, nothing_proven
from optimizer.solve.merit_order import Settlement
from optimizer.solve.part import Part, solve_part
from optimizer.solve.path_neighbourhoods import neighbourhood
from optimizer.solve.rounding import settlement
from optimizer.solve.search import Search
from optimizer.solve.worker import InTurn, Worker

FREE_LOADS = 15  # in the first neighbourhood
NEIGHBOURHOOD_S = 8.0  # guard on one neighbourhood
NODES = 200  # of one, under a deterministic limit
QUICK_S = 1.5  # a neighbourhood solved sooner is followed by larger ones
LARGER, SMALLER = 1.15, 0.85
FIRST_PAIRS = 5  # for each load and period, where there is no plan yet
SHAKES = 40  # in one step
IN_VAIN = 4  # steps of shaking without a better plan, after which it begins from the best again
NEAR_LOADS = 60  # re-placed when a contract changes, beside those that it serves
STEPS = 3  # of shaking between two contracts, and of any kind between two neighbourhoods under a deterministic limit
STALLED = 60  # neighbourhoods in a row without a better plan after which the search ends
LOOK_S = 0.02  # between two looks at other processes


def search_paths(search: Search) -> None:
    """Improves the search's plan and bound until it is over or nothing improves.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
    """
    beside, start = search.settings.side_by_side, search.start.prices
    with (
        Climb(search.problem, reduced=True, start=start, side_by_side=beside) as climb,
        (Worker if beside else InTurn)(solve_part, search.problem) as assigner,
    ):
        _Run(search, climb, assigner).run()


@dataclass(frozen=True)
class _Asked:
    """A part that the assigner works on."""

    answer: Future[Part]
    begun: float
    everything: bool  # whether nothing is left out of it


@dataclass(frozen=True)
class _Shaken:
    """Where shaking is, how often it has been tried since, and from which best decisions it began."""

    best: Decisions
    current: Decisions
    rounds: int = 0


@dataclass
class _Run:
    """The search in this process, and what it knows."""

    search: Search
    climb: Climb
    assigner: Worker[Part] | InTurn[Part]
    free: float = FREE_LOADS
    pairs: float = 0.0  # in the next part, while there is no plan
    asked: _Asked | None = None
    settlement: Settlement | None = None  # at the best prices so far
    shaken: _Shaken | None = None
    stalled: int = 0  # neighbourhoods since the last better plan
    proven: Proven = field(init=False)
    random: np.random.Generator = field(init=False)
    steps: Iterator[None] = field(init=False)

    def __post_init__(self) -> None:
        problem = self.search.problem
        self.proven = nothing_proven(problem)
        self.random = np.random.default_rng(self.search.settings.seed)
        self.pairs = float(FIRST_PAIRS * len(problem.needs.loads) * len(problem.periods))
        self.steps = self._steps()

    def run(self) -> None:
        search, rounds = self.search, 0
        self.climb.begin()
        search.offer_first()
        while not search.over and not self._stands_still() and rounds != search.settings.deterministic_limit:
            if search.settings.deterministic_limit is None and search.settings.side_by_side:
                self._side_by_side()
            else:
                self._in_turn()
                rounds += 1

    def _side_by_side(self) -> None:
        """One look at what the other processes have found, and one step in this one."""
        self._take_prices()
        self._take_part()
        if self.search.priced is None:
            time.sleep(LOOK_S)
            self.search.tell()
            return
        if self.asked is None and not self.search.over:
            self._ask()
        self._step()

    def _in_turn(self) -> None:
        """Prices, a part and some steps, each waited for, so that the same limit gives the same plan."""
        while self.climb.climbing and not self._take_prices() and not self.search.over:
            time.sleep(LOOK_S)
        if self.search.over:
            return
        self._ask()
        while self.asked is not None and self.search.left > 0.0:
            self._take_part()
            time.sleep(LOOK_S)
        for _ in range(STEPS):
            self._step()

    def _stands_still(self) -> bool:
        return not self.climb.climbing and self.stalled >= STALLED and self.search.best is not None

    def _late(self) -> bool:
        return self.search.left <= 0.0

    # ---- prices

    def _take_prices(self) -> bool:
        """Raises the bound, learns what it proves, and tries the plan that comes with the prices; False where there are none.

        Raises:
          InfeasiblePlan: pins alone leave some load or run without a place.
        """
        search, priced = self.search, self.climb.latest()
        if priced is None:
            return False
        if priced.prices.bound_usd == np.inf:
            raise InfeasiblePlan(explain(search.problem))
        assert priced.pairs is not None
        assert priced.option_usd is not None
        self.proven.learn(search.problem, priced.prices, priced.pairs.reduced_usd, priced.option_usd)
        first = search.priced is None
        if search.keep(priced):
            self.settlement = settlement(search.problem, priced.prices)
        search.raise_bound(priced.prices.bound_usd)
        rounded = () if priced.decisions is None else (priced.decisions,)
        for chosen in (*(search.start.decisions if first else ()), *rounded):
            search.offer(improve(search.problem, chosen, settlement=self.settlement, over=self._late)[0])
        return True

    @property
    def cutoff_usd(self) -> float:
        """Plans that cost this or more are no better than the best."""
        return np.inf if self.search.best is None else self.search.best.objective_usd

    # ---- steps in this process

    def _step(self) -> None:
        if self.search.best is None:
            time.sleep(LOOK_S)
        elif not self.search.over:
            next(self.steps)

    def _steps(self) -> Iterator[None]:
        """Loads shaken, and between that contracts changed one at a time."""
        search = self.search
        while True:
            for k in self.random.permutation(contracts_to_try(search.problem)):
                search.phase = "paths"
                for _ in range(STEPS):
                    self._shake()
                    yield
                search.phase = "contracts"
                yield from self._other_choices(int(k))
            if not len(contracts_to_try(search.problem)):
                self._shake()
                yield

    def _shake(self) -> None:
        """Goes on from where the last one ended, unless that has not paid for some time: merit order does not see all that settles."""
        search, priced = self.search, self.search.priced
        assert search.best is not None
        assert priced is not None
        assert priced.pairs is not None
        best = search.best.plan.decisions
        if self.shaken is None or self.shaken.best is not best or self.shaken.rounds == IN_VAIN:
            self.shaken = _Shaken(best, best)
        current = self.shaken.current
        regret = regrets(search.problem, current, priced.pairs.usd)
        known = self.settlement
        found, _ = shake(search.problem, current, self.random, rounds=SHAKES, over=self._late, settlement=known, regret=regret)
        self.shaken = _Shaken(best, found, self.shaken.rounds + 1)
        search.offer(found)

    def _other_choices(self, k: int) -> Iterator[None]:
        """A contract decided otherwise, and the loads re-placed that are in its pools or nearly as cheap there."""
        search, problem, known = self.search, self.search.problem, self.settlement
        assert search.best is not None
        near = self._near_contract(k)
        current, least = improve(problem, search.best.plan.decisions, passes=1, settlement=known, loads=near, over=self._late)
        for chosen in alternatives(problem, current, k):
            answer, estimate = improve(problem, chosen, passes=2, settlement=known, loads=near, over=self._late)
            if estimate < least and search.offer(answer):
                least = estimate
            yield

    def _near_contract(self, k: int) -> Ints:
        """Loads in the pools that a contract covers, and those that are cheapest to move there at the prices."""
        problem, needs, priced = self.search.problem, self.search.problem.needs, self.search.priced
        assert self.search.best is not None
        assert priced is not None
        assert priced.pairs is not None
        pools = problem.supply.cover_pool[problem.supply.cover_contract == k]
        inside = np.isin(self.search.best.plan.decisions.placed, pools).any(axis=1)
        pairs = np.flatnonzero(np.isin(needs.pair_pool, pools))
        dearer = np.full(len(needs.loads), np.inf)
        np.minimum.at(dearer, needs.pair_load[pairs], priced.pairs.reduced_usd[pairs].min(axis=1))
        dearer[inside] = -1.0
        order = np.argsort(dearer, kind="stable")
        return np.sort(order[np.isfinite(dearer[order])][: max(NEAR_LOADS, int(inside.sum()))])

    # ---- parts in another process

    def _ask(self) -> None:
        if self.search.best is None:
            self._ask_for_a_plan()
        else:
            self._ask_around(self.search.best.plan)

    def _ask_around(self, plan: Plan) -> None:
        """Some loads and runs free to follow other paths, among the pairs that a better plan can use."""
        problem, priced = self.search.problem, self.search.priced
        assert priced is not None
        assert priced.pairs is not None
        assert priced.option_usd is not None
        near = neighbourhood(
            problem,
            plan,
            pair_usd=priced.pairs.usd,
            may=self.proven.pairs(problem, self.cutoff_usd),
            option_usd=priced.option_usd,
            size=int(self.free),
            random=self.random,
        )
        self._submit(keep=near.keep, keep_options=near.keep_options, around=near.around, guard_s=NEIGHBOURHOOD_S)

    def _ask_for_a_plan(self) -> None:
        """Any plan, with the pairs and options of smallest reduced cost; each time with more of them."""
        problem = self.search.problem
        costs = np.sort(np.concatenate([self.proven.uses_pair.ravel(), self.proven.takes_option]))
        cutoff = float(costs[int(self.pairs)]) if self.pairs < len(costs) else np.inf
        self.pairs *= 4
        keep = self.proven.pairs(problem, cutoff)
        self._submit(keep=keep, keep_options=self.proven.options(cutoff), around=None, guard_s=np.inf, everything=cutoff == np.inf)

    def _submit(self, *, guard_s: float, everything: bool = False, **part: object) -> None:
        search, settings = self.search, self.search.settings
        limited = settings.deterministic_limit is None
        seconds = min(guard_s, max(search.left, 1.0)) if limited else search.left
        answer = self.assigner.ask(
            **part,
            lots=self.proven.lots(search.problem, self.cutoff_usd),
            backend="highs",
            threads=1,
            seed=settings.seed,
            time_limit_s=seconds if np.isfinite(seconds) else None,
            relative_gap=settings.relative_gap / 4,
            deterministic_limit=None if limited else NODES,
        )
        self.asked = _Asked(answer, search.seconds, everything)

    def _take_part(self) -> None:
        asked = self.asked
        if asked is None or not asked.answer.done():
            return
        self.asked, part = None, asked.answer.result()
        if part.status is PlanStatus.INFEASIBLE and asked.everything:
            raise InfeasiblePlan(explain(self.search.problem))
        better = part.decisions is not None and self.search.offer(part.decisions)
        self.stalled = 0 if better else self.stalled + 1
        solved = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
        if self.search.settings.deterministic_limit is None:
            quick = self.search.seconds - asked.begun < QUICK_S
            self.free = max(2.0, self.free * (LARGER if solved and quick else 1.0 if solved else SMALLER))
