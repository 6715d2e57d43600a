"""Charges for being elsewhere than in the last plan: in a search, between two plans, and one load at a time. Costs and bounds stay true."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import FREE, Stay
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.solve import price_and_assign
from optimizer.solve.between import MOST_ELSEWHERE, names_elsewhere, worth_leaving
from optimizer.solve.cost import objective_usd
from optimizer.solve.exact import solve_exact
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Solved, SolveSettings, Start
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import hold
from optimizer.solve.stay import charge_usd, option_charges, path_charges, with_options_charged
from tests.problems import Size, random_problem
from tests.samples import one_in
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL

SIZE = Size(loads=5, flexible=1, runs=2, pools=4, eligible=3, periods=3, contracts=4, lots=2)
MUCH_USD = 1e9  # more than any of these plans costs


def staying(decisions: Decisions, usd: float) -> Stay:
    return Stay(placed=decisions.placed, option=decisions.option, usd=usd)


def solved(problem: PlanningProblem, last: Decisions | None, usd: float, solve=solve_price_and_assign, **limits) -> Solved:
    settings = SolveSettings(relative_gap=1e-7, side_by_side=False, threads=1, **({"time_limit_s": 120.0} | limits))
    start = Start() if last is None else Start(decisions=(last,), stay=staying(last, usd))
    return solve(problem, settings=settings, started=time.monotonic(), report=lambda step: None, start=start)


def cost(problem: PlanningProblem, decisions: Decisions) -> float:
    settled = settle_alone(problem, decisions)
    assert settled is not None
    return settled.objective_usd


def optimum(problem: PlanningProblem) -> float:
    return solve_program(build_program(problem), relative_gap=1e-7).objective


def check(problem: PlanningProblem, last: Decisions, found: Solved, usd: float) -> None:
    """True cost, true bound, and no more with the charge than the last plan."""
    settled, stay = found.settled, staying(last, usd)
    assert settled.objective_usd == pytest.approx(objective_usd(problem, settled.plan), rel=SHARE_OF_TOTAL)
    assert found.bound_usd <= optimum(problem) * (1.0 + EXACT_AGAINST_BRUTE_FORCE)
    charged = settled.objective_usd + charge_usd(stay, settled.plan.decisions)
    assert charged <= cost(problem, last) * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


@pytest.mark.parametrize("solve", [solve_price_and_assign, pytest.param(solve_exact, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", one_in(3, range(3)))
def test_a_small_plan_is_elsewhere_only_where_that_pays(seed, solve) -> None:
    problem = random_problem(seed, SIZE)
    last, best = hold(problem), optimum(problem)
    free = solved(problem, last, 1e-9, solve)
    assert free.settled.objective_usd == pytest.approx(best, rel=EXACT_AGAINST_BRUTE_FORCE)
    changed = len(names_elsewhere(problem, staying(last, 0.0), free.settled.plan.decisions))
    assert changed > 1
    usd = (cost(problem, last) - best) / changed
    some = solved(problem, last, usd, solve)
    check(problem, last, some, usd)
    assert charge_usd(staying(last, 1.0), some.settled.plan.decisions) < changed
    none = solved(problem, last, MUCH_USD, solve)
    check(problem, last, none, MUCH_USD)
    assert names_elsewhere(problem, staying(last, 0.0), none.settled.plan.decisions) == ()
    assert none.settled.objective_usd > best
    assert none.status is PlanStatus.LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 100.0])
def test_a_search_among_paths_is_elsewhere_only_where_that_pays(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    problem = random_problem(0, SIZE)
    last = hold(problem)
    usd = share * (cost(problem, last) - optimum(problem))
    found = solved(problem, last, usd, time_limit_s=None, deterministic_limit=2)
    check(problem, last, found, usd)
    elsewhere = names_elsewhere(problem, staying(last, 0.0), found.settled.plan.decisions)
    assert elsewhere == () if share > 1.0 else 0 < len(elsewhere) <= 1.0 / share


@pytest.mark.parametrize("seed", range(2))
def test_what_is_elsewhere_goes_back_one_by_one_unless_that_costs_more_than_the_charge(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    last, best = hold(problem), solved(problem, None, 0.0)
    saving = cost(problem, last) - best.settled.objective_usd
    for usd in (0.0, 0.1 * saving, MUCH_USD):
        stay = staying(last, usd)
        found, saved = worth_leaving(problem, best, stay, 1e-4)
        assert tuple(saved) == names_elsewhere(problem, stay, found.settled.plan.decisions)
        assert all(value >= usd for value in saved.values())
        assert found.bound_usd == best.bound_usd
        for name, value in saved.items():
            loads = [load.name for load in problem.needs.loads]
            placed, option = found.settled.plan.decisions.placed.copy(), found.settled.plan.decisions.option.copy()
            if name in loads:
                placed[loads.index(name)] = last.placed[loads.index(name)]
            else:
                option[problem.needs.runs.index(name)] = last.option[problem.needs.runs.index(name)]
            back = settle_alone(problem, replace(found.settled.plan.decisions, placed=placed, option=option))
            assert value == (np.inf if back is None else pytest.approx(back.objective_usd - found.settled.objective_usd, abs=0.01))
    assert saved == {}
    assert found.status is PlanStatus.LIMIT
    assert best.status is not PlanStatus.LIMIT


def test_where_much_has_changed_nothing_goes_back_by_itself() -> None:
    problem = random_problem(0, replace(SIZE, loads=MOST_ELSEWHERE + 1, runs=0))
    last = hold(problem)
    settled = settle_alone(problem, last)
    assert settled is not None
    other = staying(replace(last, placed=(last.placed + 1) % len(problem.pools)), MUCH_USD)
    before = Solved(settled=settled, bound_usd=0.0, status=PlanStatus.LIMIT)
    assert worth_leaving(problem, before, other, 1e-4) == (before, {})


def test_charges_are_for_loads_and_runs_as_wholes() -> None:
    problem = random_problem(0, SIZE)
    here = hold(problem)
    stay = Stay(placed=here.placed.copy(), option=np.array([here.option[0], FREE]), usd=5.0)
    assert charge_usd(stay, here) == 0.0
    away = here.placed.copy()
    away[0], away[1, 0] = -1, -1
    stay.placed[1, 0] = FREE
    assert charge_usd(stay, replace(here, placed=away, option=np.full(2, -1))) == 10.0
    assert path_charges(stay, ((0, here.placed[0]), (0, away[0]), (1, away[1]))).tolist() == [0.0, 5.0, 0.0]
    first = problem.needs.option_run == 0
    assert (option_charges(problem, stay) == np.where(first & (np.arange(len(first)) != here.option[0]), 5.0, 0.0)).all()
    more = with_options_charged(problem, stay)
    assert (more.run_unplaced_usd - problem.run_unplaced_usd).tolist() == pytest.approx([5.0 if here.option[0] >= 0 else 0.0, 0.0])
