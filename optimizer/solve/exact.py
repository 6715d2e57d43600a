"""The exact model brought to a good plan: a start, best responses of loads, contracts tried one by one, neighbourhoods re-solved exactly.

A small program is solved whole by its MILP solver, which proves the optimum. A large one is searched, while pricing (in a second
process) finds prices of capacity whose dual value bounds every plan's cost, whatever the search did; the cheapest paths at those
prices are one more start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import InfeasiblePlan, NoPlanInLimit
from optimizer.integer.explain import explain
from optimizer.integer.model import Program, decisions, fix, free_loads
from optimizer.integer.solver import Answer, solve_program
from optimizer.solve.best_response import improve, shake
from optimizer.solve.climb import Climb
from optimizer.solve.contract_search import alternatives, contracts_to_try
from optimizer.solve.settle import Settled, settle
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.worker import Worker

WHOLE_PROGRAM = 6_000  # integer variables up to which the program is solved whole
NEIGHBOURHOOD_S = 8.0  # guard on one neighbourhood
NEIGHBOURHOOD_INTEGERS = 800  # placements freed at once
SHAKES = 60  # in a round
STALLED_ROUNDS = 6  # rounds in a row without a better plan after which the search ends
GRACE_S = 3.0  # that a solver may take to stop after its limit


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a solve stands; money in discounted USD."""

    phase: str
    seconds: float
    incumbent_usd: float | None = None
    bound_usd: float | None = None
    gap: float | None = None


@dataclass(frozen=True, kw_only=True)
class SolveSettings:
    """`deterministic_limit` counts neighbourhoods; the wall clock is then only a guard. Threads 1 solves bound and plans in turn."""

    backend: str = "highs"
    time_limit_s: float | None = 60.0
    relative_gap: float = 1e-4
    threads: int = 2
    seed: int = 0
    deterministic_limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Solved:
    settled: Settled
    bound_usd: float
    status: PlanStatus
    alerts: tuple[str, ...] = ()


@dataclass
class Search:
    """The best plan and bound so far, and the clock."""

    problem: PlanningProblem
    program: Program
    settings: SolveSettings
    started: float
    report: Callable[[Progress], None]
    best: Settled | None = None
    bound_usd: float = -np.inf
    proven: bool = False
    phase: str = "start"
    tried: set[bytes] = field(default_factory=set)

    def offer(self, chosen: Decisions) -> bool:
        """Settles decisions and keeps them if they are the best so far."""
        key = b"".join(np.ascontiguousarray(part).tobytes() for part in (chosen.placed, chosen.option, chosen.lots, chosen.exits))
        if key in self.tried:
            return False
        self.tried.add(key)
        settled = settle(self.problem, self.program, chosen)
        better = settled is not None and (self.best is None or settled.objective_usd < self.best.objective_usd - 1e-9)
        if better:
            self.best = settled
        self.tell()
        return better

    def raise_bound(self, bound_usd: float) -> None:
        self.bound_usd = max(self.bound_usd, bound_usd)
        self.tell()

    def tell(self) -> None:
        incumbent = self.best.objective_usd if self.best else None
        bound = self.bound_usd if np.isfinite(self.bound_usd) else None
        gap = (incumbent - bound) / abs(incumbent) if incumbent and bound is not None else None
        self.report(Progress(phase=self.phase, seconds=self.seconds, incumbent_usd=incumbent, bound_usd=bound, gap=gap))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        limit = self.settings.time_limit_s
        return np.inf if limit is None else limit - self.seconds

    @property
    def within_gap(self) -> bool:
        if self.best is None:
            return False
        return self.best.objective_usd - self.bound_usd <= self.settings.relative_gap * abs(self.best.objective_usd)

    @property
    def over(self) -> bool:
        return self.left <= 0.0 or self.within_gap or self.proven


def solve_exact(
    problem: PlanningProblem, program: Program, *, settings: SolveSettings, started: float, report: Callable[[Progress], None]
) -> Solved:
    """The best plan found within the limits, with a bound on every plan's cost. Ctrl-C ends the search.

    Args:
      started: `time.monotonic()` from which the time limit counts.

    Raises:
      InfeasiblePlan: the rules cannot hold together.
      NoPlanInLimit: the limit was reached before any plan was found.
    """
    search = Search(problem, program, settings, started, report)
    alerts: tuple[str, ...] = ()
    try:
        with Worker(solve_program, program) as solver, Climb(problem) as climb:
            if int(program.integer.sum()) <= WHOLE_PROGRAM:
                _solve_whole(search, solver)
            else:
                _search(search, solver, climb)
    except KeyboardInterrupt:
        alerts = ("interrupted: this is the best plan found until then",)
    if search.best is None:
        raise NoPlanInLimit(f"No plan was found within {search.seconds:.0f} s. Raise solver.time_limit_s.")
    return Solved(settled=search.best, bound_usd=search.bound_usd, status=_status(search), alerts=alerts)


def _status(search: Search) -> PlanStatus:
    if search.proven:
        return PlanStatus.OPTIMAL
    return PlanStatus.WITHIN_GAP if search.within_gap else PlanStatus.LIMIT


def _solve_whole(search: Search, solver: Worker[Answer]) -> None:
    settings = search.settings
    pending = solver.ask(
        backend=settings.backend,
        time_limit_s=_finite(search.left),
        relative_gap=settings.relative_gap,
        threads=settings.threads,
        seed=settings.seed,
    )
    for chosen in (hold(search.problem), cheapest_first(search.problem)):
        search.offer(chosen)
    search.phase = "exact"
    answer = _wait(search, pending, grace_s=GRACE_S)
    if answer is None:
        return
    if answer.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if answer.values is not None:
        search.offer(decisions(search.program, search.problem, answer.values))
    search.raise_bound(answer.bound)
    search.proven = answer.status is PlanStatus.OPTIMAL


def _search(search: Search, solver: Worker[Answer], climb: Climb) -> None:
    """Starts, then rounds of shaking, contracts and neighbourhoods until nothing improves or a limit is reached."""
    problem, settings = search.problem, search.settings
    climb.begin()
    for chosen in (hold(problem), cheapest_first(problem)):
        search.offer(chosen)
        search.offer(improve(problem, chosen)[0])
    if settings.deterministic_limit is not None:
        _await_prices(search, climb)
    random = np.random.default_rng(settings.seed)
    rounds = stalled = 0
    while not search.over and stalled < STALLED_ROUNDS and rounds != settings.deterministic_limit:
        before = search.best
        search.phase = "contracts"
        _try_contracts(search, climb)
        search.phase = "improve"
        _shake(search, random)
        _solve_neighbourhood(search, solver, random)
        _take_prices(search, climb)
        stalled = 0 if search.best is not before else stalled + 1
        rounds += 1
    if settings.deterministic_limit is None:
        while not search.over and climb.climbing:
            _await_prices(search, climb)
    if search.best is None:
        search.phase = "first plan"
        _try(search, solver, (search.program.lower, search.program.upper), guard_s=search.left)


def _await_prices(search: Search, climb: Climb) -> None:
    while not search.over and not _take_prices(search, climb):
        time.sleep(0.1)


def _take_prices(search: Search, climb: Climb) -> bool:
    """Takes in prices if there are new ones: raises the bound, and tries the cheapest paths and the contracts that pay at them.

    Raises:
      InfeasiblePlan: pins alone leave some load or run without a place.
    """
    priced = climb.latest()
    if priced is None:
        return False
    prices = priced.prices
    if prices.bound_usd == np.inf:
        raise InfeasiblePlan(explain(search.problem))
    search.raise_bound(prices.bound_usd)
    if priced.decisions is not None:
        search.offer(improve(search.problem, priced.decisions)[0])
    supply = search.problem.supply
    pays = (prices.contract_usd < 0.0) & (supply.option_group < 0)
    lots = np.where(pays, supply.most_lots, supply.least_lots)
    exits = np.zeros((len(lots), len(search.problem.periods)), dtype=np.int64)
    chosen = Decisions(placed=prices.placed, option=prices.option, lots=lots, exits=exits)
    search.offer(improve(search.problem, chosen, passes=2)[0])
    return True


def _try_contracts(search: Search, climb: Climb) -> None:
    """Changes one contract at a time, loads re-placed around it, where that gives a better plan."""
    if search.best is None:
        return
    problem, deterministic = search.problem, search.settings.deterministic_limit is not None
    current, least = improve(problem, search.best.plan.decisions, passes=1)
    for k in contracts_to_try(problem):
        for chosen in alternatives(problem, current, int(k)):
            if search.over:
                return
            if not deterministic:
                _take_prices(search, climb)
            answer, estimate = improve(problem, chosen, passes=1)
            search.tell()
            if estimate < least and search.offer(answer):
                current, least = answer, estimate


def _shake(search: Search, random: np.random.Generator) -> None:
    if search.best is not None:
        chosen, _ = shake(search.problem, search.best.plan.decisions, random, rounds=SHAKES, over=lambda: search.over)
        search.offer(chosen)


def _solve_neighbourhood(search: Search, solver: Worker[Answer], random: np.random.Generator) -> None:
    """The loads and runs of a few pools re-solved exactly, all else fixed."""
    if search.best is None or search.over:
        return
    current = search.best.plan.decisions
    loads, runs = _near(search, current, random)
    boxes = fix(search.program, search.problem, current)
    _try(search, solver, free_loads(search.program, search.problem, boxes, loads=loads, runs=runs), guard_s=NEIGHBOURHOOD_S)


def _near(search: Search, current: Decisions, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Loads and runs of a few pools, picked at random, as many as a neighbourhood holds."""
    problem, needs = search.problem, search.problem.needs
    size = np.bincount(needs.pair_load, minlength=len(needs.loads)) * len(problem.periods)
    options = np.bincount(needs.option_run, minlength=len(needs.runs))
    run_pool = np.array([needs.option_pool[g] if g >= 0 else -1 for g in current.option], dtype=np.int64)
    loads: list[int] = []
    runs: list[int] = []
    room = NEIGHBOURHOOD_INTEGERS
    for pool in random.permutation(np.arange(-1, len(problem.pools))):
        for load in random.permutation(np.flatnonzero((current.placed == pool).any(axis=1))):
            if load not in loads and size[load] <= room:
                loads.append(int(load))
                room -= int(size[load])
        for run in random.permutation(np.flatnonzero(run_pool == pool)):
            if options[run] <= room:
                runs.append(int(run))
                room -= int(options[run])
    return np.array(sorted(loads), dtype=np.int64), np.array(sorted(runs), dtype=np.int64)


def _try(search: Search, solver: Worker[Answer], boxes: tuple[Floats, Floats], *, guard_s: float) -> bool:
    """Solves within the boxes; True where that gave a better plan."""
    pending = solver.ask(
        backend=search.settings.backend,
        lower=boxes[0],
        upper=boxes[1],
        threads=1,
        seed=search.settings.seed,
        relative_gap=search.settings.relative_gap / 4,
        time_limit_s=_finite(min(guard_s, search.left)),
    )
    answer = _wait(search, pending, grace_s=GRACE_S)
    if answer is not None and answer.status is PlanStatus.INFEASIBLE and search.best is None:
        raise InfeasiblePlan(explain(search.problem))
    return answer is not None and answer.values is not None and search.offer(decisions(search.program, search.problem, answer.values))


def _wait(search: Search, pending: Future[Answer], *, grace_s: float) -> Answer | None:
    """The answer, or None when time and grace are up; reports while waiting."""
    while True:
        try:
            return pending.result(timeout=max(0.05, min(1.0, search.left + grace_s)))
        except TimeoutError:
            search.tell()
            if search.left + grace_s <= 0.0:
                return None


def _finite(seconds: float) -> float | None:
    return max(1.0, seconds) if np.isfinite(seconds) else None
