"""Price and assign where pools have many rows of capacity: loads follow whole paths, chosen around certified prices.

    price      multipliers of all linking rows, whose dual value bounds every plan's cost (`climb`)
    periods    where nothing but paths and lots ties them together, each solved alone with what is whole: a higher bound (`period_bounds`)
    round      the shares of decisions that pricing ends with (`rounding`)
    dive       contracts and large loads are decided on some at a time, and prices follow (`price_diving`)
    walk       some loads at a time are taken out and put back on their cheapest paths (`walking`)
    contracts  signed, declined, kept or left otherwise, one at a time, with the loads that they touch (`contract_search`)
    assign     neighbourhoods: loads of a few pools choose among whole paths in a restricted master (`path_parts`)

One process prices, one solves neighbourhoods, one walks, one bounds periods, and this one does the rest. Under a deterministic limit they
take turns, without the periods, and so they do in one process where they are not to run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.surface import Ints
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.solve.climb import Climb
from optimizer.solve.contract_search import alternatives, contracts_to_try, together
from optimizer.solve.fixing import Proven, nothing_proven
from optimizer.solve.guides import guides_from
from optimizer.solve.part import solve_part
from optimizer.solve.path_parts import Parts
from optimizer.solve.period_bounds import PeriodBounds
from optimizer.solve.search import Search
from optimizer.solve.settle import Settled
from optimizer.solve.stay import with_options_charged
from optimizer.solve.walking import Guides, Walked, walk_more
from optimizer.solve.worker import InTurn, Worker
from optimizer.walk.walking import EVERYWHERE

STEPS = 3  # of walking between two neighbourhoods, where they take turns
PART_EVERY = 4  # turns, in one process on the clock: walking finds more in the same time
RIVALS = 3  # of the walk at once, where plans come with prices sooner than it takes them up
ROUNDS = 2  # of walking between two looks at it
WALKS = 6  # of these before contracts are tried one after the other
DOUBT = 0.1  # of the gap: a contract decided otherwise is tried so much less often, by e, for each that prices say it costs
SELDOM = 3.0  # times as long is walked as it takes to settle what was found
COOL = 0.5  # warmth below which the walk is compared with a better plan found elsewhere
STALLED = 60  # neighbourhoods in a row without a better plan after which the search ends
LOOK_S = 0.01  # between two looks at other processes


def search_paths(search: Search) -> None:
    """Improves the search's plan and bound until it is over or nothing improves.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
    """
    beside, start, search.stay = search.settings.side_by_side, search.start.prices, search.start.stay
    search.waits = True
    weighed = search.problem if search.stay is None else with_options_charged(search.problem, search.stay)
    with (
        ThreadPoolExecutor(max_workers=1) as settler,
        Climb(search.problem, reduced=True, dives=beside, seed=search.settings.seed, start=start, side_by_side=beside) as climb,
        (Worker(solve_part, weighed, behind=True) if beside else InTurn(solve_part, weighed)) as assigner,
        PeriodBounds(search.problem, seed=search.settings.seed) as periods,
    ):
        walker = (Worker if beside else InTurn)(walk_more, weighed)
        proven, random = nothing_proven(search.problem), np.random.default_rng(search.settings.seed)
        parts = Parts(search, weighed, assigner, proven, random)
        run = _Run(search, climb, parts, walker, periods, settler, proven, random)
        try:
            run.run()
        except KeyboardInterrupt:
            run.take_settled(wait=True)  # what is nearly there is not lost
            raise
        finally:
            if run.walked is None:
                walker.leave()  # it may still be compiling: the next run then begins with its kernels
            else:
                walker.pass_on()


def _settled(settle: Callable[[Decisions], Settled | None], decisions: Sequence[Decisions]) -> list[Settled | None]:
    return [settle(chosen) for chosen in decisions]


@dataclass
class _Run:
    """The search in this process, and what it knows."""

    search: Search
    climb: Climb
    parts: Parts
    walker: Worker[Walked] | InTurn[Walked]
    periods: PeriodBounds  # beside the search only
    settler: ThreadPoolExecutor  # settles what the walk has found, while the search goes on
    proven: Proven
    random: np.random.Generator
    guides: Guides | None = None  # that the walker does not know yet
    guided: bool = False  # whether it has been told any
    rivals: list[Decisions] = field(default_factory=list)  # of the walk, likewise: starts
    rounded: list[Decisions] = field(default_factory=list)  # and plans that came with prices, at most RIVALS of them
    walking: Future[Walked] | None = None
    walked: Walked | None = None
    settling: Future[list[Settled | None]] | None = None  # of the walk's plan, or of starts
    told_usd: float = np.inf  # of the walk's plan that was told last
    told_at: float = -np.inf  # seconds: when it was; once it is settled, when that was
    shown_usd: float = np.inf  # of the plan found elsewhere that the walk was last compared with
    settling_s: float = 0.0  # what settling one took
    charging: bool = False  # whether the walk counts what loads are charged for being elsewhere than in the last plan
    rounds: int = 0
    stalled: int = 0  # neighbourhoods since the last better plan
    turns: Iterator[tuple[Decisions | None, Ints]] = field(init=False)

    def __post_init__(self) -> None:
        self.rivals = list(self.search.start.decisions)
        self.turns = self._turns()

    def run(self) -> None:
        search = self.search
        self.climb.begin()
        beside = search.settings.side_by_side and search.settings.deterministic_limit is None
        if beside and self.rivals:
            self._go_walking()
            self._settle(search.start.decisions)
        if self.settling is None:
            search.offer_first()
        while not search.over and not self._stands_still() and self.rounds != search.settings.deterministic_limit:
            if beside:
                self._side_by_side()
            else:
                self._in_turn()
                self.rounds += 1
        self.take_settled(wait=True)
        self._tell()
        self.take_settled(wait=True)

    def _side_by_side(self) -> None:
        """One look at what the other processes have found, and what they do next."""
        search = self.search
        self._take_prices()
        if search.priced is not None and not self.climb.climbing:
            self.periods.begin(search.priced, search.left)
            search.raise_bound(self.periods.look())
        self._take_part()
        self.take_settled()
        walked = self._take_walk()
        waits = self.climb.climbing if search.best is not None else self.settling is not None
        if self.parts.asked is None and not search.over and search.priced is not None and not waits:
            self.parts.ask()
        if self.walking is None:
            self._go_walking()
        if walked and search.seconds - self.told_at > SELDOM * self.settling_s and search.left > 2.0 * self.settling_s:
            self._tell()
        search.tell()
        time.sleep(LOOK_S)

    def _in_turn(self) -> None:
        """Prices, a part and some walking, each waited for, so that the same limit gives the same plan."""
        while self.climb.climbing and not self._take_prices() and not self.search.over:
            time.sleep(LOOK_S)
        if self.search.over:
            return
        limited = self.search.settings.deterministic_limit is None
        before = self.search.cutoff_usd
        if not limited or self.search.best is None or self.rounds % PART_EVERY == PART_EVERY - 1:
            self.parts.ask()
        while self.parts.asked is not None and self.search.left > 0.0:
            self._take_part()
            time.sleep(LOOK_S)
        for _ in range(STEPS):
            self._go_walking()
            while self.walking is not None and not self._take_walk() and self.search.left > 0.0:
                time.sleep(LOOK_S)
            self._tell()
            self.take_settled(wait=True)
        if limited:
            self.stalled = 0 if self.search.cutoff_usd < before else self.stalled + 1

    def _stands_still(self) -> bool:
        busy = self.climb.climbing or self.periods.busy
        return not busy and self.stalled >= STALLED and self.search.best is not None

    # ---- prices

    def _take_prices(self) -> bool:
        """Raises the bound, learns what it proves, and tries the plan that comes with the prices; False where there are none.

        Raises:
          InfeasiblePlan: pins alone leave some load or run without a place.
        """
        search, priced = self.search, self.climb.latest()
        came = self.climb.dived() if priced is None else priced.decisions
        if came is not None:
            self.rounded = [*self.rounded, together(search.problem, came)][-RIVALS:]
        if priced is None:
            return False
        if priced.prices.bound_usd == np.inf:
            raise InfeasiblePlan(explain(search.problem))
        assert priced.pairs is not None
        assert priced.option_usd is not None
        self.proven.learn(search.problem, priced.prices, priced.pairs.reduced_usd, priced.option_usd)
        search.keep(priced)
        search.raise_bound(priced.prices.bound_usd)
        self.guides = guides_from(search.problem, priced)
        return True

    # ---- neighbourhoods

    def _take_part(self) -> None:
        better = self.parts.take()
        if better is not None:
            self.stalled = 0 if better else self.stalled + 1

    # ---- the walk

    def _turns(self) -> Iterator[tuple[Decisions | None, Ints]]:
        """Contracts decided otherwise, one at a time, with the pools that they cover, and between them nothing but walking."""
        search, problem = self.search, self.search.problem
        while True:
            search.phase = "paths"
            yield from [(None, EVERYWHERE)] * WALKS
            for k in self.random.permutation(contracts_to_try(problem)):
                if search.priced is None or self.walked is None:
                    break
                near = problem.supply.cover_pool[problem.supply.cover_contract == k]
                search.phase = "contracts"
                before = self.walked.decisions
                for other in alternatives(problem, before, int(k)):
                    now = self.walked.decisions
                    if (now.lots != before.lots).any() or (now.exits != before.exits).any():
                        break
                    if self.random.random() < self._hope(other):
                        yield replace(now, lots=other.lots, exits=other.exits), near
                        search.phase = "paths"
                        yield None, EVERYWHERE

    def _hope(self, other: Decisions) -> float:
        """How likely it is tried that contracts are decided so: less, the more of the gap prices say it costs."""
        assert self.walked is not None
        costs = self.proven.decided_usd(other.lots, self.walked.decisions.lots) - self.search.bound_usd
        gap = self.search.cutoff_usd - self.search.bound_usd
        return 0.0 if costs >= gap or gap <= 0.0 else float(np.exp(-max(costs, 0.0) / (DOUBT * gap)))

    def _go_walking(self) -> None:
        """Asks for more of the walk, with rivals for it: new prices, a contract decided otherwise, a better plan found elsewhere."""
        if self.search.stay is not None and not self.charging and self._warmth() < COOL:
            self._begin_charging()
        best, walked = self.search.best, self.walked
        rivals, near = [*self.rivals, *self.rounded], EVERYWHERE
        known = np.inf if walked is None else min(walked.usd, self.told_usd, self.shown_usd)
        if best is not None and (walked is None or (self.search.cutoff_usd < known and self._warmth() < COOL)):
            self.shown_usd = self.search.cutoff_usd
            rivals.append(best.plan.decisions)
        if not rivals and self.guides is None and walked is not None:
            other, near = next(self.turns)
            rivals = [] if other is None else [other]
        if not rivals and walked is None:
            return
        seed = int(self.random.integers(2**31))
        asked = {"warmth": self._warmth(), "rounds": ROUNDS, "seed": seed, "stay": self.search.stay if self.charging else None}
        if self.guides is not None and not self.search.problem.risk_neutral:
            self.told_usd = np.inf  # scenarios weigh otherwise from here on: what was told before is no measure
        self.guided |= self.guides is not None
        self.walking = self.walker.ask(**asked, rivals=tuple(rivals), guides=self.guides, near=near)
        self.guides, self.rivals, self.rounded = None, [], []

    def _begin_charging(self) -> None:
        """From now on the walk is compared with walks from the last and the best plan by what loads are charged too: until then it is free
        to find a plan that is better as a whole, however many loads that moves."""
        self._tell()
        self.take_settled(wait=True)
        self.charging, self.walked, self.told_usd, self.shown_usd = True, None, np.inf, np.inf
        self.rivals += self.search.start.decisions
        self.rivals += [] if self.search.best is None else [self.search.best.plan.decisions]

    def _take_walk(self) -> bool:
        if self.walking is None or not self.walking.done():
            return False
        self.walked, self.walking = self.walking.result(), None
        if self.guided:
            self.search.guided_at = min(self.search.guided_at, self.search.seconds)
        return True

    def _tell(self) -> None:
        """Has settled what the walk has found, if it looks better than what it had found before."""
        if self.settling is not None or self.walked is None or self.walked.usd >= self.told_usd:
            return
        self.told_usd = self.walked.usd
        self._settle((self.walked.decisions,))

    def _settle(self, decisions: Sequence[Decisions]) -> None:
        """Begins to settle what has not been tried, beside what else goes on."""
        new = [untried for chosen in decisions if (untried := self.search.untried(chosen)) is not None]
        if new:
            self.told_at, self.settling = self.search.seconds, self.settler.submit(_settled, self.search.settle, new)

    def take_settled(self, *, wait: bool = False) -> None:
        """Keeps what has been settled; what a planner would do without a search where that is no plan and there is none yet."""
        if self.settling is None or not (wait or self.settling.done()):
            return
        found, self.settling = self.settling.result(), None
        for settled in found:
            self.search.keep_if_better(settled)
        now = self.search.seconds
        self.settling_s, self.told_at = (now - self.told_at) / len(found), now
        if self.search.best is None:
            self.search.offer_first()

    def _warmth(self) -> float:
        """1 where the walk begins, 0 at the end of the search."""
        search = self.search
        if search.settings.deterministic_limit is not None:
            return 1.0 - self.rounds / search.settings.deterministic_limit
        if not np.isfinite(search.left):
            return max(0.0, 1.0 - self.stalled / STALLED)
        if search.priced is None:
            return 1.0
        gone = max(0.0, search.seconds - search.guided_at)
        return search.left / (search.left + gone) if search.left > 0.0 else 0.0
