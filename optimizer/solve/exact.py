"""The exact model brought to a good plan: best responses of loads, contracts tried one by one, neighbourhoods re-solved exactly.

A small program is solved whole. A large one is bounded by its relaxation in a second process, whose row prices give a bound that
holds whatever the solver did, while the first looks for plans; once the relaxation is there, its own placements are rounded too.
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
from optimizer.integer.bound import safe_bound
from optimizer.integer.explain import explain
from optimizer.integer.model import Program, decisions, fix, fix_contracts, free_loads
from optimizer.integer.solver import Answer
from optimizer.solve.best_response import improve
from optimizer.solve.contract_search import alternatives, contracts_to_try
from optimizer.solve.settle import Settled, settle
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.worker import Worker

WHOLE_PROGRAM = 6_000  # integer variables up to which the program is solved whole
NEIGHBOURHOOD_S = 12.0  # guard on one neighbourhood
NEIGHBOURHOOD_INTEGERS = 2_500  # placements freed at once
STALLED_ROUNDS = 25  # neighbourhoods in a row without a better plan after which the search ends


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
    time_limit_s: float | None = 75.0
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
        with Worker(program) as bounding, Worker(program) as improving:
            _search(search, bounding, improving)
    except KeyboardInterrupt:
        alerts = ("interrupted: this is the best plan found until then",)
    if search.best is None:
        raise NoPlanInLimit(f"No plan was found within {search.seconds:.0f} s. Raise solver.time_limit_s.")
    return Solved(settled=search.best, bound_usd=search.bound_usd, status=_status(search), alerts=alerts)


def _status(search: Search) -> PlanStatus:
    if search.proven:
        return PlanStatus.OPTIMAL
    return PlanStatus.WITHIN_GAP if search.within_gap else PlanStatus.LIMIT


def _search(search: Search, bounding: Worker, improving: Worker) -> None:
    whole = int(search.program.integer.sum()) <= WHOLE_PROGRAM
    pending = bounding.ask(**(_whole_options(search) if whole else {"relax": True, "threads": 1, "time_limit_s": _finite(search.left)}))
    for chosen in (hold(search.problem), cheapest_first(search.problem)):
        search.offer(chosen)
        if not whole:
            search.offer(improve(search.problem, chosen)[0])
    if whole:
        search.phase = "exact"
        _wait_whole(search, pending)
        return
    search.phase = "contracts"
    _try_contracts(search)
    relaxed = _neighbourhoods(search, improving, pending)
    if search.best is None:
        _first_plan(search, improving, relaxed)


def _try_contracts(search: Search) -> None:
    """Changes one contract at a time, loads re-placed around it, as long as that gives better plans."""
    if search.best is None:
        return
    problem, improved = search.problem, True
    current, least = improve(problem, search.best.plan.decisions, passes=1)
    while improved:
        improved = False
        for k in contracts_to_try(problem):
            for chosen in alternatives(problem, current, int(k)):
                if search.over:
                    return
                answer, estimate = improve(problem, chosen, passes=2)
                search.tell()
                if estimate < least and search.offer(answer):
                    current, least, improved = answer, estimate, True


def _whole_options(search: Search) -> dict[str, object]:
    settings = search.settings
    return {
        "backend": settings.backend,
        "time_limit_s": _finite(search.left),
        "relative_gap": settings.relative_gap,
        "threads": settings.threads,
        "seed": settings.seed,
    }


def _wait_whole(search: Search, pending: Future[Answer]) -> None:
    answer = _wait(search, pending, grace_s=10.0)
    if answer is None:
        return
    if answer.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if answer.values is not None:
        search.offer(decisions(search.program, search.problem, answer.values))
    search.raise_bound(answer.bound)
    search.proven = answer.status is PlanStatus.OPTIMAL


def _wait(search: Search, pending: Future[Answer], *, grace_s: float = 0.0) -> Answer | None:
    """The answer, or None when time is up; reports while waiting."""
    while True:
        try:
            return pending.result(timeout=max(0.05, min(1.0, search.left + grace_s)))
        except TimeoutError:
            search.tell()
            if search.left + grace_s <= 0.0:
                return None


def _finite(seconds: float) -> float | None:
    return max(1.0, seconds) if np.isfinite(seconds) else None


def _neighbourhoods(search: Search, improving: Worker, pending: Future[Answer]) -> Answer | None:
    """Re-solves parts of the plan until nothing improves; takes the relaxation in when it comes, and returns it."""
    random = np.random.default_rng(search.settings.seed)
    relaxed: Answer | None = None
    limit = search.settings.deterministic_limit
    rounds = stalled = 0
    while search.best is not None and not search.over and stalled < STALLED_ROUNDS and (limit is None or rounds < limit):
        if relaxed is None and (pending.done() or limit is not None):
            relaxed = _take_relaxation(search, _wait(search, pending))
            if relaxed is not None and relaxed.values is not None:
                search.phase = "rounding"
                stalled = 0 if _try(search, improving, _support(search, relaxed.values), guard_s=2 * NEIGHBOURHOOD_S) else stalled
                continue
        search.phase = "improve"
        current = search.best.plan.decisions
        loads, runs = _near(search, current, random)
        boxes = free_loads(search.program, search.problem, fix(search.program, search.problem, current), loads=loads, runs=runs)
        stalled = 0 if _try(search, improving, boxes, contracts=rounds % 4 == 3) else stalled + 1
        rounds += 1
    if relaxed is None and not search.over:
        relaxed = _take_relaxation(search, _wait(search, pending))
    return relaxed


def _take_relaxation(search: Search, answer: Answer | None) -> Answer | None:
    """Turns the relaxation's row prices into a bound.

    Raises:
      InfeasiblePlan: not even fractions of loads keep the rules.
    """
    if answer is not None and answer.status is PlanStatus.INFEASIBLE:
        raise InfeasiblePlan(explain(search.problem))
    if answer is not None and answer.row_duals is not None:
        search.raise_bound(safe_bound(search.program, answer.row_duals))
    return answer


def _support(search: Search, values: Floats) -> tuple[Floats, Floats]:
    """Boxes that leave only placements that the relaxation or the best plan uses, and all contracts."""
    program, variables = search.program, search.program.variables
    lower, upper = program.lower.copy(), program.upper.copy()
    columns = np.concatenate([variables.place.ravel(), variables.option.ravel()])
    used = values[columns] > 1e-6
    if search.best is not None:
        used |= fix(program, search.problem, search.best.plan.decisions)[0][columns] > 0.5
    upper[columns] = np.where(used, upper[columns], lower[columns])
    return lower, upper


def _near(search: Search, current: Decisions, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Loads and runs of a few pools, picked at random, as many as a neighbourhood holds."""
    problem, needs = search.problem, search.problem.needs
    size = np.bincount(needs.pair_load, minlength=len(needs.loads)) * len(problem.periods)
    options = np.bincount(needs.option_run, minlength=len(needs.runs))
    run_pool = np.where(current.option >= 0, needs.option_pool[current.option], -1) if len(needs.option_pool) else current.option
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


def _try(
    search: Search,
    improving: Worker,
    boxes: tuple[Floats, Floats],
    *,
    contracts: bool = False,
    guard_s: float = NEIGHBOURHOOD_S,
) -> bool:
    """Solves within the boxes, contracts free if asked for; True where that gave a better plan."""
    lower, upper = boxes
    if contracts and search.best is not None:
        held = fix_contracts(search.program, search.problem, search.best.plan.decisions)
        free = (held[0] != search.program.lower) | (held[1] != search.program.upper)
        lower, upper = np.where(free, search.program.lower, lower), np.where(free, search.program.upper, upper)
    pending = improving.ask(
        backend=search.settings.backend,
        lower=lower,
        upper=upper,
        threads=1,
        seed=search.settings.seed,
        relative_gap=search.settings.relative_gap / 4,
        time_limit_s=max(1.0, min(guard_s, search.left)),
    )
    answer = _wait(search, pending, grace_s=2.0)
    return answer is not None and answer.values is not None and search.offer(decisions(search.program, search.problem, answer.values))


def _first_plan(search: Search, improving: Worker, relaxed: Answer | None) -> None:
    """No start kept all rules: any plan that does, from the relaxation's support and then from the whole program."""
    search.phase = "first plan"
    boxes = (search.program.lower, search.program.upper)
    if relaxed is not None and relaxed.values is not None:
        boxes = _support(search, relaxed.values)
    _try(search, improving, boxes, guard_s=search.left)
