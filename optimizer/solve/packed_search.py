"""Price and assign where a pool has one row: knapsacks prove a bound, exchanges and neighbourhoods solved by CP-SAT find plans.

    price      multipliers whose dual value bounds every plan's cost, of capacity (`climb`) or of placing loads (`packing`)
    fix        what no plan better than the best so far can take, by reduced costs (`fixing`)
    branch     over the lots of contracts, with the bound of packings (`branching`)
    assign     a restricted master: the pairs of smallest reduced cost, all contracts with all clauses (`part`); where nothing branches
    dive       plans from the packings of all pools at the best multipliers (`diving`)
    search     exchanges of loads (`exchange`), and neighbourhoods solved by the MILP solver (`neighbourhoods`)

The bound after a master is proven over what it had left in is the smaller of the master's own and the least that any plan costs which takes
something left out. Other processes price, branch, dive, and solve masters and neighbourhoods; this one searches.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.surface import Floats
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.pricing.knapsack import has_knapsacks
from optimizer.solve.branching import Branchers, Tree, look
from optimizer.solve.climb import Climb, Priced
from optimizer.solve.diving import dive
from optimizer.solve.exchange import Exchange
from optimizer.solve.neighbourhoods import choose
from optimizer.solve.packing import Limit, Packing, pack
from optimizer.solve.part import Around, Part, solve_part
from optimizer.solve.rounding import each_alone
from optimizer.solve.search import Search
from optimizer.solve.standing import Standing
from optimizer.solve.worker import Worker

FIRST_PAIRS = 5  # pairs and periods in the first master, for each load and period
MASTER_SHARE = 0.2  # of the time left that a master may take
SHORTEST_MASTER_S = 5.0
PACKING_SHARE = 0.15  # of the time limit that the first master waits at most
FIRST_PACKINGS = 3
WIDER = 1.7  # times as many pairs in the next master
FREE_PLACEMENTS = 150  # pairs and periods free in the first neighbourhood
NEIGHBOURHOOD_S = 5.0  # guard on one neighbourhood, or on the loads of a few pools
MASTER_NODES, NEIGHBOURHOOD_NODES, NEIGHBOURHOOD_WORK = 500, 500, 2.0  # under a deterministic limit: nodes, and CP-SAT's own seconds
QUICK_S = 1.0  # a neighbourhood solved sooner is followed by larger ones
LARGER, SMALLER = 1.15, 0.85
VAIN, LEFT_TO_TREE = 6, 8e-3  # neighbourhoods in a row without a better plan after which the processor is the tree's, at such a gap
DIVES = 15  # in a row without a better plan after which there are no more
NEAR_ENOUGH = 5e-4  # relative: a gap that neighbourhoods close sooner than dives
FAR_BEST = 2.0  # relative to the bound: a plan further above it says nothing about how far the bound may rise


def search_packed(search: Search) -> None:
    """Improves the search's plan and bound until it is over.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
    """
    problem = search.problem
    with ExitStack() as processes:
        climb = processes.enter_context(Climb(problem, reduced=True, start=search.start.prices))
        assigners = [processes.enter_context(Worker(solve_part, problem)) for _ in range(max(1, min(2, search.settings.threads)))]
        packer = processes.enter_context(Worker(pack, problem)) if has_knapsacks(problem) else None
        diver = None if packer is None else processes.enter_context(Worker(dive, problem))
        branchers = [] if packer is None else [processes.enter_context(Worker(look, problem)) for _ in assigners]
        _Run(search, climb, assigners, packer, diver, Branchers(branchers)).run()


@dataclass
class _Asked:
    """A part that an assigner works on."""

    answer: Future[Part]
    begun: float
    cutoff_usd: float  # least cost of plans with anything left out; of masters only
    around: Decisions | None  # None: a master


@dataclass
class _Run:
    """The search in this process, and what it knows."""

    search: Search
    climb: Climb
    assigners: list[Worker[Part]]  # the second helps where this process has nothing to do
    packer: Worker[Packing] | None
    diver: Worker[Decisions | None] | None
    branchers: Branchers
    pairs: float = 0.0  # in the next master
    free: float = FREE_PLACEMENTS
    masters: int = 0  # asked so far
    masters_done: bool = False
    rounds: int = 0  # neighbourhoods solved
    vain: int = 0  # of them, since the last better plan
    packed: int = 0  # reports of the packer
    standing: Standing = field(init=False)
    random: np.random.Generator = field(init=False)
    asked: list[_Asked | None] = field(init=False)
    exchanged: bool = False
    exchange: Exchange | None = None
    priced: Priced | None = None
    packing: Future[Packing] | None = None
    packed_to: Packing | None = None  # the end of the ascent, from which dives begin
    diving: Future[Decisions | None] | None = None
    dives: int = 0  # in a row that led to no better plan

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.search.settings.seed)
        self.pairs = float(FIRST_PAIRS * len(self.search.problem.needs.loads) * len(self.search.problem.periods))
        self.asked = [None] * len(self.assigners)

    def run(self) -> None:
        search = self.search
        if self.packer is None:
            self.climb.begin()
        else:
            self.packing = self.packer.ask(evaluations=1)
        self.standing = Standing(search)  # while others begin
        search.offer_first()
        while not search.over and self.rounds != search.settings.deterministic_limit:
            self._look_after()
            self._look_around()
            search.proven |= self.standing.met

    def _look_after(self) -> None:
        """Takes in what other processes have found, and gives them more to do."""
        self._take_prices()
        self._take_packing()
        self._take_dive()
        self._take_branches()
        if self.priced is not None or self.packed > 0:
            self._take_parts()
            self._ask_parts()

    @property
    def deterministic(self) -> bool:
        """Whether nothing may depend on how fast other processes are."""
        return self.search.settings.deterministic_limit is not None

    # ---- the search in this process

    def _look_around(self) -> None:
        """A slice of work on plans; waits a moment where there is none to do."""
        search, exchange = self.search, self.exchange
        if exchange is None:
            time.sleep(0.05)
            return
        search.phase = "exchange"
        if exchange.run():
            search.offer(exchange.decisions())
        if exchange.stalled:
            self.exchange = None

    def _take_prices(self) -> None:
        """Raises the bound, learns what it proves, and tries the plans that come with the prices.

        Raises:
          InfeasiblePlan: pins alone leave some load or run without a place.
        """
        search, priced = self.search, self.climb.latest()
        while priced is None and self.deterministic and self.climb.climbing and search.left > 0:
            time.sleep(0.01)
            priced = self.climb.latest()
        if priced is None:
            return
        if priced.prices.bound_usd == np.inf:
            raise InfeasiblePlan(explain(search.problem))
        assert priced.pairs is not None
        assert priced.option_usd is not None
        self.standing.proven.learn(search.problem, priced.prices, priced.pairs.reduced_usd, priced.option_usd)
        self.priced = priced
        self.standing.raise_bound(priced.prices.bound_usd)
        if self.exchange is None and not self.exchanged:
            chosen = each_alone(self.search.problem, priced.prices) if priced.decisions is None else priced.decisions
            self._exchange(chosen, np.asarray(priced.prices.multipliers.firm[:, 0, 0] * priced.prices.unit))

    def _take_packing(self) -> None:
        """Raises the bound by what knapsacks prove, and asks for more of it."""
        packing, problem = self.packing, self.search.problem
        if packing is None or not (self.deterministic or packing.done()):
            return
        found = packing.result()
        self.standing.proven.learn_packing(problem, found)
        self.standing.raise_bound(found.bound_usd)
        self.packing = None if found.over else self._ask_packing()
        self.packed += 1
        if found.over:
            self.packed_to = found
            if self.standing.contracts_open:
                self.branchers.tree = Tree(problem, found.multipliers)
            else:
                self.diving = self._ask_dive(found)
        if self.masters == 0 and (self.packed == 1 or self.standing.contracts_open):
            self._exchange(found.decisions, found.prices)

    def _ask_packing(self) -> Future[Packing]:
        """The target is the best plan, unless that is so far above the bound that it says nothing."""
        assert self.packer is not None
        best, bound = self.standing.best_usd, self.search.bound_usd
        return self.packer.ask(target_usd=best if best <= bound + FAR_BEST * abs(bound) else math.nan)

    def _take_dive(self) -> None:
        """Offers what a dive has come to, and asks for another while they lead to better plans."""
        diving, packed = self.diving, self.packed_to
        if diving is None or packed is None or not self._here(diving):
            return
        chosen, search = diving.result(), self.search
        self.dives = 0 if chosen is not None and search.offer(chosen) else self.dives + 1
        self.diving = self._ask_dive(packed) if self.dives < DIVES and not self.standing.near(NEAR_ENOUGH) else None

    def _ask_dive(self, packed: Packing) -> Future[Decisions | None]:
        assert self.diver is not None
        return self.diver.ask(
            multipliers=packed.multipliers,
            seed=int(self.random.integers(2**31)),
            cutoff_usd=self.standing.cutoff_usd,
            limit=self._part_limit(NEIGHBOURHOOD_WORK),
        )

    def _take_branches(self) -> None:
        """Takes in what has come of nodes, and gives branchers more of them; the end of the tree is the end of the search."""
        tree, search = self.branchers.tree, self.search
        if tree is None:
            return
        for decisions in self.branchers.found(self._here):
            self.vain = 0 if search.offer(decisions) else self.vain
        self.standing.raise_bound(min(tree.bound_usd, self.standing.cutoff_usd, self.standing.best_usd))
        self.branchers.ask(self.standing.cutoff_usd, self._part_limit(NEIGHBOURHOOD_WORK))
        if tree.over:
            search.proven |= tree.whole and search.best is not None
            self.branchers.tree = None

    def _here(self, answer: Future[Any]) -> bool:
        """Whether an answer is there; under a deterministic limit it is waited for."""
        while self.deterministic and not answer.done() and self.search.left > 0:
            time.sleep(0.01)
        return answer.done()

    def _part_limit(self, work: float) -> Limit:
        """How long a solver may look at a small part; under a deterministic limit its work says so."""
        if self.deterministic:
            return Limit(seconds=self.search.settings.time_limit_s, work=work)
        return Limit(seconds=min(NEIGHBOURHOOD_S, max(self.search.left, 1.0)))

    def _exchange(self, chosen: Decisions, prices: Floats) -> None:
        """Begins to exchange loads, with the contracts of these decisions."""
        self.exchange, self.exchanged = Exchange(self.search.problem, chosen, prices, self.random), True

    # ---- masters and neighbourhoods in the other process

    @property
    def _packing_first(self) -> bool:
        """Whether the first master waits for the knapsack bound, which says better which pairs matter."""
        patient = self.search.settings.deterministic_limit is not None or self.search.left > (1.0 - PACKING_SHARE) * self._limit
        return self.masters == 0 and self.packing is not None and self.packed < FIRST_PACKINGS and patient

    @property
    def _limit(self) -> float:
        limit = self.search.settings.time_limit_s
        return math.inf if limit is None else limit

    @property
    def _branches(self) -> bool:
        """Whether contracts are decided on by branching, and not by masters."""
        return self.packer is not None and self.standing.contracts_open and (self.packed_to is None or self.branchers.tree is not None)

    @property
    def _left_to_tree(self) -> bool:
        """Whether neighbourhoods find nothing more near the bound that the tree is raising."""
        return self.branchers.tree is not None and self.vain >= VAIN and self.standing.near(LEFT_TO_TREE)

    @property
    def _busy(self) -> bool:
        """Whether this process or the packer's or diver's has something to do beside the first assigner."""
        return self.packing is not None or self.diving is not None or self.exchange is not None

    def _ask_parts(self) -> None:
        """Gives idle assigners something to solve."""
        if self._packing_first:
            return
        for i, asked in enumerate(self.asked):
            helping = i > 0 and (self.deterministic or self._busy)
            if asked is not None or helping or self.search.over or self._left_to_tree:
                continue
            best = self.search.best
            if best is not None and (self.masters_done or i > 0 or self._branches):
                self._ask_around(i, best.plan.decisions)
            elif i == 0:
                self._ask_master()

    def _ask_master(self) -> None:
        """The pairs and options of smallest reduced cost, as many as the round has; the next one says what plans with others cost."""
        search = self.search
        costs = np.sort(np.concatenate([self.standing.proven.uses_pair.ravel(), self.standing.proven.takes_option]))
        cutoff = min(self.standing.cutoff_usd, float(costs[int(self.pairs)]) if self.pairs < len(costs) else math.inf)
        share = 1.0 if cutoff == self.standing.cutoff_usd and self.standing.contracts_open else MASTER_SHARE
        limit = max(SHORTEST_MASTER_S, share * search.left) if np.isfinite(search.left) else None
        self.masters += 1
        search.phase = "master"
        gap, nodes = min(1e-6, search.settings.relative_gap / 4), MASTER_NODES if self.deterministic else None
        answer = self._submit(0, cutoff, time_limit_s=limit, relative_gap=gap, deterministic_limit=nodes)
        self.asked[0] = _Asked(answer=answer, begun=search.seconds, cutoff_usd=cutoff, around=None)

    def _ask_around(self, assigner: int, current: Decisions) -> None:
        """Some loads and runs free, among the pairs that a better plan can use."""
        search, problem = self.search, self.search.problem
        near = choose(problem, current, self.standing.useful_pairs(self.random), self.free, self.random)
        whole = self.packer is not None  # CP-SAT is quick where all is whole, and its bound and plans are then exact
        limit = self._part_limit(NEIGHBOURHOOD_WORK if whole else NEIGHBOURHOOD_NODES)
        answer = self._submit(
            assigner,
            self.standing.cutoff_usd,
            keep=near.keep,
            around=Around(decisions=current, loads=near.loads, runs=near.runs, contracts=self.standing.contracts_open),
            time_limit_s=limit.seconds,
            deterministic_limit=limit.work,
            relative_gap=1e-7,
            backend="cp_sat" if whole else search.settings.backend,
        )
        self.asked[assigner] = _Asked(answer=answer, begun=search.seconds, cutoff_usd=math.inf, around=current)

    def _submit(self, assigner: int, cutoff_usd: float, **options: Any) -> Future[Part]:
        settings, problem = self.search.settings, self.search.problem
        request: dict[str, Any] = {
            "keep": self.standing.proven.pairs(problem, cutoff_usd),
            "keep_options": self.standing.proven.options(cutoff_usd),
            "lots": self.standing.proven.lots(problem, cutoff_usd),
            "backend": settings.backend,
            "threads": 1,
            "seed": settings.seed,
        }
        return self.assigners[assigner].ask(**(request | options))

    def _take_parts(self) -> None:
        for i, asked in enumerate(self.asked):
            if asked is not None and (self.deterministic or asked.answer.done()):
                self.asked[i] = None
                self._take_part(asked, asked.answer.result())

    def _take_part(self, asked: _Asked, part: Part) -> None:
        quick = self.search.seconds - asked.begun < QUICK_S
        better = part.decisions is not None and self._offer(part.decisions, asked.around)
        self.vain = 0 if better else self.vain + 1
        if better and self.exchange is not None:
            self._follow()
        if asked.around is None:
            self._after_master(part, asked.cutoff_usd)
            return
        self.rounds += 1
        solved = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
        if not self.deterministic:
            self.free *= LARGER if solved and quick else 1.0 if solved else SMALLER

    def _offer(self, found: Decisions, around: Decisions | None) -> bool:
        """Offers a plan; where a better one has come meanwhile, what changed in it."""
        search = self.search
        if search.offer(found):
            return True
        if around is None or search.best is None or search.best.plan.decisions is around:
            return False
        best = search.best.plan.decisions
        if (best.lots != around.lots).any() or (best.exits != around.exits).any():
            return False
        return search.offer(
            replace(
                found,
                placed=np.where(found.placed != around.placed, found.placed, best.placed),
                option=np.where(found.option != around.option, found.option, best.option),
            )
        )

    def _after_master(self, part: Part, cutoff_usd: float) -> None:
        search = self.search
        everything = cutoff_usd >= self.standing.cutoff_usd
        if part.status is PlanStatus.INFEASIBLE and math.isinf(cutoff_usd):
            raise InfeasiblePlan(explain(search.problem))
        self.standing.raise_bound(min(part.bound_usd, cutoff_usd, self.standing.best_usd))
        finished = part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE)
        if finished and everything and search.best is not None:
            search.proven = True
        self.pairs = math.inf if self.standing.contracts_open else self.pairs * WIDER
        self.masters_done = everything or not (finished or self.standing.contracts_open)

    def _follow(self) -> None:
        """The exchange goes on from the best plan, if that has the same contracts."""
        assert self.exchange is not None
        assert self.search.best is not None
        chosen = self.search.best.plan.decisions
        if (chosen.lots == self.exchange.decisions().lots).all():
            self.exchange.resume(chosen)
