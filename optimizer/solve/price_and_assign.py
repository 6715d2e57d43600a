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
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions, Plan, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Ints
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.integer.model import build_program
from optimizer.integer.whole import objective_step
from optimizer.solve.best_response import improve, shake
from optimizer.solve.climb import Climb, Priced
from optimizer.solve.contract_search import alternatives, contracts_to_try
from optimizer.solve.exchange import Exchange, has_one_row
from optimizer.solve.fixing import Proven, nothing_proven
from optimizer.solve.merit_order import Settlement
from optimizer.solve.neighbourhood import neighbourhood
from optimizer.solve.part import Around, Part, solve_part
from optimizer.solve.restrict import restrict
from optimizer.solve.rounding import settlement
from optimizer.solve.search import Progress, Search, Solved, SolveSettings, wait_for_prices
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.worker import Worker

WHOLE_PROGRAM = 6_000  # placements and options up to which one master holds everything, where a pool has more than one row
FIRST_PAIRS = 5  # pairs and periods in the first master, for each load and period
MASTER_SHARE = 0.35  # of the time left that a master may take
SHORTEST_MASTER_S = 5.0
WIDER = 1.7  # times as many pairs in the next master
FREE_PLACEMENTS = 150  # pairs free in the first neighbourhood, where a pool has one row ...
FREE_LOADS = 25  # ... and loads where it has more
NEIGHBOURHOOD_S = 5.0  # guard on one neighbourhood
QUICK_S = 1.5  # a neighbourhood solved sooner is followed by larger ones
LARGER, SMALLER = 1.15, 0.85
SLICE = 100  # steps of the exchange between two looks at the clock
SHAKES = 20  # in one step
STEPS = 10  # between two neighbourhoods, where there is a deterministic limit
NODES = 200  # of one part, likewise
STALLED = 60  # neighbourhoods in a row without a better plan after which the search ends
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
    free: float = field(init=False)
    asked: _Asked | None = None
    masters_done: bool = False
    proven: Proven = field(init=False)
    random: np.random.Generator = field(init=False)
    exchange: Exchange | None = None
    priced: Priced | None = None
    settlement: Settlement | None = None  # at the best prices so far
    whole: bool = field(init=False)  # the problem is small: one master holds everything, and no prices are needed
    stalled: int = 0  # neighbourhoods since the last better plan
    steps: Iterator[None] = field(init=False)

    def __post_init__(self) -> None:
        problem = self.search.problem
        self.proven = nothing_proven(problem)
        self.random = np.random.default_rng(self.search.settings.seed)
        self.pairs = float(FIRST_PAIRS * len(problem.needs.loads) * len(problem.periods))
        many_rows = not has_one_row(problem)
        self.whole = many_rows and problem.pair_allowed.size + len(problem.needs.option_run) <= WHOLE_PROGRAM
        self.masters_done = many_rows and not self.whole
        self.free = FREE_PLACEMENTS if has_one_row(problem) else FREE_LOADS
        self.steps = self._steps()

    def run(self) -> None:
        search = self.search
        if self.whole:
            self._ask_master()
        if not self.whole or search.settings.explain:
            self.climb.begin()
        self.step_usd = cost_step(search.problem)
        self._start()
        rounds = 0
        while self.whole and self.asked is not None and not search.over:
            self._take_part()
            search.tell()
        if self.whole and search.settings.explain:
            wait_for_prices(search, self.climb)
        while not self.whole and not search.over and not self._stands_still() and rounds != search.settings.deterministic_limit:
            if search.settings.deterministic_limit is None:
                self._side_by_side()
            else:
                self._in_turn()
                rounds += 1

    def _side_by_side(self) -> None:
        """One look at what the other processes have found, and one step in this one."""
        self._take_prices()
        if self.priced is not None:
            self._take_part()
            if self.asked is None and not self.search.over:
                self._ask()
        self._look_around()

    def _in_turn(self) -> None:
        """Prices, a part and some steps, each waited for, so that the same limit gives the same plan."""
        while self.climb.climbing and not self._take_prices() and not self.search.over:
            time.sleep(0.02)
        self._ask()
        while self.asked is not None and not self.search.over:
            self._take_part()
        for _ in range(STEPS):
            self._look_around()

    def _stands_still(self) -> bool:
        return self.masters_done and not self.climb.climbing and self.stalled >= STALLED

    # ---- the search in this process

    def _start(self) -> None:
        problem = self.search.problem
        for chosen in (hold(problem), cheapest_first(problem)):
            self.search.offer(chosen)

    def _look_around(self) -> None:
        """A slice of work on plans; waits a moment where there is none to do."""
        search = self.search
        if self.exchange is not None:
            search.phase = "exchange"
            if self.exchange.run(SLICE):
                search.offer(self.exchange.decisions())
        elif search.best is not None and self.priced is not None and not has_one_row(search.problem):
            next(self.steps)
        else:
            time.sleep(0.05)

    def _steps(self) -> Iterator[None]:
        """Contracts changed one at a time, loads re-placed around each, then loads shaken, and again."""
        search = self.search
        while True:
            search.phase = "contracts"
            yield from self._other_contracts()
            search.phase = "improve"
            for _ in range(STEPS):
                assert search.best is not None
                current = search.best.plan.decisions
                over = lambda: search.left <= 0.0  # noqa: E731
                search.offer(shake(search.problem, current, self.random, rounds=SHAKES, over=over, settlement=self.settlement)[0])
                yield

    def _other_contracts(self) -> Iterator[None]:
        search, problem = self.search, self.search.problem
        assert search.best is not None
        current, least = improve(problem, search.best.plan.decisions, passes=1, settlement=self.settlement)
        for k in contracts_to_try(problem):
            known = self.settlement
            for chosen in alternatives(problem, current, int(k)):
                answer, estimate = improve(problem, chosen, passes=1, settlement=known)
                if estimate < least and search.offer(answer):
                    current, least = answer, estimate
                yield
            if self.settlement is not known:  # estimates compare only where they take settlements alike
                current, least = improve(problem, search.best.plan.decisions, passes=1, settlement=self.settlement)

    def _take_prices(self) -> bool:
        """Raises the bound, learns what it proves, and tries the plans that come with the prices; False where there are none.

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
        if self.priced is None or priced.prices.bound_usd >= self.priced.prices.bound_usd:
            self.priced, self.settlement = priced, settlement(search.problem, priced.prices)
            search.priced = priced
        self._raise_bound(priced.prices.bound_usd)
        chosen = [self._cheapest_paths(priced)] if priced.decisions is None else [priced.decisions]
        if has_one_row(search.problem):
            self._exchange(chosen[-1])
        else:
            for decisions in chosen:
                search.offer(improve(search.problem, decisions, settlement=self.settlement)[0])
        return True

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
            self._ask_around(self.search.best.plan)
        else:
            self._ask_master()

    def _ask_master(self) -> None:
        """The pairs and options of smallest reduced cost, as many as the round has; the next one says what plans with others cost."""
        search = self.search
        costs = np.sort(np.concatenate([self.proven.uses_pair.ravel(), self.proven.takes_option]))
        cutoff = min(self.cutoff_usd, float(costs[int(self.pairs)]) if self.pairs < len(costs) and not self.whole else math.inf)
        limit = max(SHORTEST_MASTER_S, (1.0 if self.whole else MASTER_SHARE) * search.left) if np.isfinite(search.left) else None
        search.phase = "master"
        answer = self._submit(cutoff, time_limit_s=limit, relative_gap=min(1e-6, search.settings.relative_gap / 4))
        self.asked = _Asked(answer=answer, begun=search.seconds, cutoff_usd=cutoff, around=False)

    def _ask_around(self, plan: Plan) -> None:
        """Some loads and runs free, among the pairs that a better plan can use."""
        search, priced = self.search, self.priced
        assert priced is not None
        assert priced.pairs is not None
        assert priced.option_usd is not None
        if has_one_row(search.problem):
            loads, runs, keep = self._near(plan.decisions)
            request: dict[str, Any] = {"keep": keep, "around": Around(plan=plan, loads=loads, runs=runs)}
        else:
            near = neighbourhood(
                search.problem,
                plan,
                pair_usd=priced.pairs.usd,
                may=self.proven.pairs(self.cutoff_usd),
                option_usd=priced.option_usd,
                size=int(self.free),
                random=self.random,
            )
            request = {"keep": near.keep, "keep_options": near.keep_options, "around": near.around}
        guard = {"time_limit_s": min(NEIGHBOURHOOD_S, max(search.left, 1.0)), "relative_gap": 1e-7}
        answer = self._submit(self.cutoff_usd, **request, **guard)
        self.asked = _Asked(answer=answer, begun=search.seconds, cutoff_usd=math.inf, around=True)

    def _submit(self, cutoff_usd: float, **options: Any) -> Future[Part]:
        settings = self.search.settings
        request: dict[str, Any] = {
            "keep": self.proven.pairs(cutoff_usd),
            "keep_options": self.proven.options(cutoff_usd),
            "lots": self.proven.lots(self.search.problem, cutoff_usd),
            "backend": settings.backend,
            "threads": settings.threads if self.whole else 1,
            "seed": settings.seed,
        }
        if settings.deterministic_limit is not None and not self.whole:
            options |= {"time_limit_s": None, "deterministic_limit": NODES}
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
        if asked.around:
            self.search.phase = "neighbourhoods"
        better = part.decisions is not None and self.search.offer(part.decisions)
        self.stalled = 0 if better else self.stalled + 1
        if better and part.decisions is not None and self.exchange is not None:
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
