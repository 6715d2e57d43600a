"""Price and assign: prices prove a bound and say which decisions matter, MILP solvers decide among these.

    price      multipliers of all linking rows, whose dual value bounds every plan's cost (`climb`, `pricing`)
    fix        what no plan better than the best so far can take, by reduced costs (`fixing`)
    assign     a restricted master: the pairs and options of smallest reduced cost, all contracts with all clauses (`part`)
    search     exchanges of loads (`exchange`), best responses, and neighbourhoods solved by the MILP solver

The bound after a master is proven over what it had left in is the smaller of the master's own and the least that any plan costs which takes
something left out. One process prices, then solves masters and neighbourhoods; this one searches. The best plan is settled exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Ints
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.integer.model import build_program
from optimizer.integer.whole import objective_step
from optimizer.solve.best_response import improve
from optimizer.solve.climb import Climb, Priced
from optimizer.solve.exchange import Exchange, has_one_row
from optimizer.solve.fixing import Proven, nothing_proven
from optimizer.solve.part import Around, Part, solve_part
from optimizer.solve.restrict import restrict
from optimizer.solve.search import Progress, Search, Solved, SolveSettings
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.steps import shake_loads, try_contracts
from optimizer.solve.worker import Worker

FIRST_PAIRS = 5  # pairs and periods in the first master, for each load and period
MASTER_SHARE = 0.35  # of the time left that a master may take
SHORTEST_MASTER_S = 5.0
WIDER = 1.7  # times as many pairs in the next master
FREE_PLACEMENTS = 150  # pairs and periods free in the first neighbourhood
NEIGHBOURHOOD_S = 5.0  # guard on one neighbourhood
QUICK_S = 1.5  # a neighbourhood solved sooner is followed by larger ones
LARGER, SMALLER = 1.15, 0.85
SLICE = 100  # steps of the exchange between two looks at the clock
ALIKE = 1e-9  # relative: costs that are the same but for rounding


def solve_price_and_assign(
    problem: PlanningProblem, *, settings: SolveSettings, started: float, report: Callable[[Progress], None]
) -> Solved:
    """The best plan found within the limits, with a bound on every plan's cost. Ctrl-C ends the search.

    Args:
      started: `time.monotonic()` from which the time limit counts.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
      NoPlanInLimit: the limit was reached before any plan was found.
    """
    search = Search(problem, partial(settle_alone, problem), settings, started, report)
    alerts: tuple[str, ...] = ()
    try:
        with Climb(problem, reduced=True) as climb, Worker(solve_part, problem) as assigner:
            _Run(search, climb, assigner).run()
    except KeyboardInterrupt:
        alerts = ("interrupted: this is the best plan found until then",)
    return search.solved(alerts)


@dataclass
class _Asked:
    """A part that the assigner works on."""

    answer: Future[Part]
    begun: float
    cutoff_usd: float  # least cost of plans with anything left out; of masters only
    around: bool


@dataclass
class _Run:
    """The search in this process, and what it knows."""

    search: Search
    climb: Climb
    assigner: Worker[Part]
    step_usd: float = 0.0  # every two plans' costs differ by a multiple of this; 0: nothing known
    pairs: float = 0.0  # in the next master
    free: float = FREE_PLACEMENTS
    asked: _Asked | None = None
    masters_done: bool = False
    proven: Proven = field(init=False)
    random: np.random.Generator = field(init=False)
    exchange: Exchange | None = None
    priced: Priced | None = None

    def __post_init__(self) -> None:
        self.proven = nothing_proven(self.search.problem)
        self.random = np.random.default_rng(self.search.settings.seed)
        self.pairs = float(FIRST_PAIRS * len(self.search.problem.needs.loads) * len(self.search.problem.periods))

    def run(self) -> None:
        search = self.search
        self.climb.begin()
        self.step_usd = cost_step(search.problem)
        self._start()
        while not search.over:
            self._take_prices()
            if self.priced is not None:
                self._take_part()
                if self.asked is None and not search.over:
                    self._ask()
            self._look_around()

    # ---- the search in this process

    def _start(self) -> None:
        problem = self.search.problem
        for chosen in (hold(problem), cheapest_first(problem)):
            self.search.offer(chosen)
        if not has_one_row(problem) and self.search.best is not None:
            self.search.offer(improve(problem, self.search.best.plan.decisions, passes=1)[0])

    def _look_around(self) -> None:
        """A slice of work on plans; waits a moment where there is none to do."""
        search = self.search
        if self.exchange is not None:
            search.phase = "exchange"
            if self.exchange.run(SLICE):
                search.offer(self.exchange.decisions())
        elif search.best is not None and self.priced is not None and not has_one_row(search.problem):
            search.phase = "improve"
            try_contracts(search, self.climb)
            shake_loads(search, self.random)
        else:
            time.sleep(0.05)

    def _take_prices(self) -> None:
        """Raises the bound, learns what it proves, and tries the plans that come with the prices.

        Raises:
          InfeasiblePlan: pins alone leave some load or run without a place.
        """
        search, priced = self.search, self.climb.latest()
        if priced is None:
            return
        if priced.prices.bound_usd == np.inf:
            raise InfeasiblePlan(explain(search.problem))
        assert priced.pair_usd is not None
        assert priced.option_usd is not None
        self.proven.learn(search.problem, priced.prices, priced.pair_usd, priced.option_usd)
        self.priced = priced
        self._raise_bound(priced.prices.bound_usd)
        chosen = [self._cheapest_paths(priced)] + ([] if priced.decisions is None else [priced.decisions])
        if has_one_row(search.problem):
            self._exchange(chosen[-1])
        else:
            for decisions in chosen:
                search.offer(improve(search.problem, decisions, passes=2)[0])

    def _cheapest_paths(self, priced: Priced) -> Decisions:
        """Every load and run on its best path at the prices, and the contracts that pay at them."""
        supply, prices = self.search.problem.supply, priced.prices
        pays = (prices.contract_usd < 0.0) & (supply.option_group < 0)
        exits = np.zeros((len(supply.contracts), len(self.search.problem.periods)), dtype=np.int64)
        return Decisions(
            placed=prices.placed, option=prices.option, lots=np.where(pays, supply.most_lots, supply.least_lots), exits=exits
        )

    def _exchange(self, chosen: Decisions) -> None:
        """Begins to exchange loads, with the contracts of these decisions."""
        assert self.priced is not None
        prices = self.priced.prices.multipliers.firm[:, 0, 0] * self.priced.prices.unit
        self.exchange = Exchange(self.search.problem, chosen, np.asarray(prices), self.random)

    # ---- masters and neighbourhoods in the other process

    @property
    def cutoff_usd(self) -> float:
        """Plans that cost this or more are no better than the best."""
        if self.search.best is None:
            return math.inf
        best = self.search.best.objective_usd
        return best - self.step_usd + ALIKE * abs(best) if self.step_usd else best * (1.0 - math.copysign(ALIKE, best))

    def _ask(self) -> None:
        if self.masters_done and self.search.best is not None:
            self._ask_around(self.search.best.plan.decisions)
        else:
            self._ask_master()

    def _ask_master(self) -> None:
        """The pairs and options of smallest reduced cost, as many as the round has; the next one says what plans with others cost."""
        search = self.search
        costs = np.sort(np.concatenate([self.proven.uses_pair.ravel(), self.proven.takes_option]))
        cutoff = min(self.cutoff_usd, float(costs[int(self.pairs)]) if self.pairs < len(costs) else math.inf)
        limit = max(SHORTEST_MASTER_S, MASTER_SHARE * search.left) if np.isfinite(search.left) else None
        search.phase = "master"
        answer = self._submit(cutoff, time_limit_s=limit, relative_gap=min(1e-6, search.settings.relative_gap / 4))
        self.asked = _Asked(answer=answer, begun=search.seconds, cutoff_usd=cutoff, around=False)

    def _ask_around(self, current: Decisions) -> None:
        """Some loads and runs free, among the pairs that a better plan can use."""
        search = self.search
        loads, runs, keep = self._near(current)
        around = Around(decisions=current, loads=loads, runs=runs)
        answer = self._submit(
            self.cutoff_usd, keep=keep, around=around, time_limit_s=min(NEIGHBOURHOOD_S, max(search.left, 1.0)), relative_gap=1e-7
        )
        self.asked = _Asked(answer=answer, begun=search.seconds, cutoff_usd=math.inf, around=True)

    def _submit(self, cutoff_usd: float, **options: Any) -> Future[Part]:
        settings = self.search.settings
        request: dict[str, Any] = {
            "keep": self.proven.pairs(cutoff_usd),
            "keep_options": self.proven.options(cutoff_usd),
            "lots": self.proven.lots(self.search.problem, cutoff_usd),
            "backend": settings.backend,
            "threads": 1,
            "seed": settings.seed,
        }
        return self.assigner.ask(**(request | options))

    def _take_part(self) -> None:
        asked = self.asked
        if asked is None:
            return
        if not asked.answer.done():
            if self.exchange is None:
                time.sleep(0.02)
            return
        self.asked, part = None, asked.answer.result()
        quick = self.search.seconds - asked.begun < QUICK_S
        if part.decisions is not None and self.search.offer(part.decisions) and self.exchange is not None:
            self._follow(part.decisions)
        if asked.around:
            solved = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
            self.free *= LARGER if solved and quick else 1.0 if solved else SMALLER
        else:
            self._after_master(part, asked.cutoff_usd)

    def _after_master(self, part: Part, cutoff_usd: float) -> None:
        search = self.search
        everything = cutoff_usd >= self.cutoff_usd
        if part.status is PlanStatus.INFEASIBLE and math.isinf(cutoff_usd):
            raise InfeasiblePlan(explain(search.problem))
        self._raise_bound(min(part.bound_usd, cutoff_usd, np.inf if search.best is None else search.best.objective_usd))
        finished = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
        if finished and everything and search.best is not None:
            search.proven = True
        self.pairs *= WIDER
        self.masters_done = not finished or everything

    def _follow(self, chosen: Decisions) -> None:
        """The exchange goes on from a better plan; with other contracts it begins anew."""
        assert self.exchange is not None
        if (chosen.lots == self.exchange.decisions().lots).all():
            self.exchange.resume(chosen)
        else:
            self._exchange(chosen)

    def _near(self, current: Decisions) -> tuple[Ints, Ints, np.ndarray]:
        """Loads and runs of a few pools that compete for the same loads, and the pairs that they may use there."""
        problem, needs = self.search.problem, self.search.problem.needs
        may = self.proven.pairs(self.cutoff_usd)
        pools = self._rivals(current, may)
        within = np.zeros(len(problem.pools) + 1, dtype=np.bool_)
        loads: list[int] = []
        runs: list[int] = []
        room = self.free
        run_pool = np.array([needs.option_pool[g] if g >= 0 else -1 for g in current.option], dtype=np.int64)
        for pool in pools:
            within[pool] = True
            mine = np.flatnonzero((current.placed == pool).any(axis=1))
            loads += [int(load) for load in mine if load not in loads]
            runs += np.flatnonzero(run_pool == pool).tolist()
            free = np.isin(needs.pair_load, loads) & within[needs.pair_pool]
            room = self.free - float(may[free].sum())
            if room <= 0 and len(loads) > 1:
                break
        chosen = self._trimmed(loads, may, within, room)
        keep = may & within[needs.pair_pool][:, None] & np.isin(needs.pair_load, chosen)[:, None]
        keep |= current.placed[needs.pair_load] == needs.pair_pool[:, None]
        return chosen, np.array(runs, dtype=np.int64), keep

    def _trimmed(self, loads: list[int], may: np.ndarray, within: np.ndarray, room: float) -> Ints:
        """The loads, some left out at random where they have more pairs than there is room."""
        needs = self.search.problem.needs
        chosen = np.array(sorted(loads), dtype=np.int64)
        if room >= 0:
            return chosen
        size = np.bincount(needs.pair_load, (may & within[needs.pair_pool][:, None]).sum(axis=1), len(needs.loads))[chosen]
        order = self.random.permutation(len(chosen))
        kept = order[np.cumsum(size[order]) <= self.free]
        return np.sort(chosen[kept if len(kept) else order[:1]])

    def _rivals(self, current: Decisions, may: np.ndarray) -> list[int]:
        """Pools, one at random first, then those that share most loads with it, with some chance."""
        problem, needs = self.search.problem, self.search.problem.needs
        first = int(self.random.integers(len(problem.pools)))
        here = np.zeros((len(needs.loads), len(problem.pools)), dtype=np.bool_)
        load, period = np.nonzero(current.placed >= 0)
        here[load, current.placed[load, period]] = True
        open_to = np.zeros_like(here)
        open_to[needs.pair_load, needs.pair_pool] = may.any(axis=1)
        shared = here[:, first] @ open_to.astype(np.float64) + open_to[:, first].astype(np.float64) @ here
        noise = self.random.exponential(1.0, len(shared))
        shared = (shared + 0.5) * noise
        shared[first] = np.inf
        return [int(pool) for pool in np.argsort(-shared)]

    def _raise_bound(self, bound_usd: float) -> None:
        """Up to the next cost that a plan can have."""
        constant = float((self.search.problem.other_spend_cash * self.search.problem.discount).sum())
        if self.step_usd and np.isfinite(bound_usd):
            bound_usd = max(bound_usd, constant + self.step_usd * math.ceil((bound_usd - constant) / self.step_usd - 1e-6))
        self.search.raise_bound(bound_usd)
        if self.search.best is not None and self.search.bound_usd >= self.search.best.objective_usd - ALIKE * abs(self.search.bound_usd):
            self.search.proven = True


def cost_step(problem: PlanningProblem) -> float:
    """USD of which every difference between the costs of plans worth considering is a multiple; 0: none is known.

    The model of one pair a load has every kind of column and row; the costs of all other pairs are looked at themselves.
    """
    plain = (problem.discount == 1.0).all() and len(problem.scenarios) == 1
    amounts = np.concatenate([problem.egress_cash.ravel(), problem.enter_cash, problem.leave_cash])
    if not plain or (amounts % 1 != 0).any() or (np.abs(amounts) >= 2.0**53).any():
        return 0.0
    first = np.unique(problem.needs.pair_load, return_index=True)[1]
    keep = np.isin(np.arange(len(problem.needs.pair_load)), first)[:, None] & problem.pair_allowed
    step = objective_step(build_program(restrict(problem, keep).problem))
    return float(math.gcd(int(step), *amounts.astype(np.int64).tolist())) if step else 0.0
