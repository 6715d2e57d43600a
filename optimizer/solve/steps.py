"""The steps that searches are made of: prices taken in, contracts tried, loads shaken, neighbourhoods solved."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import InfeasiblePlan
from optimizer.integer.explain import explain
from optimizer.integer.model import Program, decisions, fix, free_loads
from optimizer.integer.solver import Answer
from optimizer.solve.best_response import improve, shake
from optimizer.solve.climb import Climb
from optimizer.solve.contract_search import alternatives, contracts_to_try
from optimizer.solve.search import Search
from optimizer.solve.worker import Worker

NEIGHBOURHOOD_S = 8.0  # guard on one neighbourhood
NEIGHBOURHOOD_INTEGERS = 800  # placements freed at once
SHAKES = 60  # in a round
GRACE_S = 3.0  # that a solver may take to stop after its limit


def await_prices(search: Search, climb: Climb) -> None:
    while not search.over and not take_prices(search, climb):
        time.sleep(0.1)


def take_prices(search: Search, climb: Climb) -> bool:
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


def try_contracts(search: Search, meanwhile: Callable[[], object]) -> None:
    """Changes one contract at a time, loads re-placed around it, where that gives a better plan.

    Args:
      meanwhile: called between two trials, to look after other processes; never under a deterministic limit.
    """
    if search.best is None:
        return
    problem, deterministic = search.problem, search.settings.deterministic_limit is not None
    current, least = improve(problem, search.best.plan.decisions, passes=1)
    for k in contracts_to_try(problem):
        for chosen in alternatives(problem, current, int(k)):
            if search.over:
                return
            if not deterministic:
                meanwhile()
            answer, estimate = improve(problem, chosen, passes=1)
            search.tell()
            if estimate < least and search.offer(answer):
                current, least = answer, estimate


def shake_loads(search: Search, random: np.random.Generator) -> None:
    if search.best is not None:
        chosen, _ = shake(search.problem, search.best.plan.decisions, random, rounds=SHAKES, over=lambda: search.over)
        search.offer(chosen)


def solve_neighbourhood(search: Search, program: Program, solver: Worker[Answer], random: np.random.Generator) -> None:
    """The loads and runs of a few pools re-solved exactly, all else fixed."""
    if search.best is None or search.over:
        return
    current = search.best.plan.decisions
    loads, runs = near(search, current, random)
    boxes = fix(program, search.problem, current)
    solve_within(search, program, solver, free_loads(program, search.problem, boxes, loads=loads, runs=runs), guard_s=NEIGHBOURHOOD_S)


def near(search: Search, current: Decisions, random: np.random.Generator) -> tuple[Ints, Ints]:
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


def solve_within(search: Search, program: Program, solver: Worker[Answer], boxes: tuple[Floats, Floats], *, guard_s: float) -> bool:
    """Solves within the boxes; True where that gave a better plan."""
    pending = solver.ask(
        backend=search.settings.backend,
        lower=boxes[0],
        upper=boxes[1],
        threads=1,
        seed=search.settings.seed,
        relative_gap=search.settings.relative_gap / 4,
        time_limit_s=seconds_for(min(guard_s, search.left)),
    )
    answer = wait(search, pending, grace_s=GRACE_S)
    if answer is not None and answer.status is PlanStatus.INFEASIBLE and search.best is None:
        raise InfeasiblePlan(explain(search.problem))
    return answer is not None and answer.values is not None and search.offer(decisions(program, search.problem, answer.values))


def wait(search: Search, pending: Future[Answer], *, grace_s: float) -> Answer | None:
    """The answer, or None when time and grace are up; reports while waiting."""
    while True:
        try:
            return pending.result(timeout=max(0.05, min(1.0, search.left + grace_s)))
        except TimeoutError:
            search.tell()
            if search.left + grace_s <= 0.0:
                return None


def seconds_for(seconds: float) -> float | None:
    return max(1.0, seconds) if np.isfinite(seconds) else None
