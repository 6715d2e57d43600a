"""Draws that are whole at an optimum, steps of the objective, and cuts that change no optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.assignment_files import assignment_problem
from optimizer.domain.problem import PlanningProblem
from optimizer.integer import cuts, model
from optimizer.integer.cuts import CUTS
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.integer.whole import objective_step, whole_draws
from tests.assignments import made
from tests.problems import Size, random_problem, with_needs, with_supply
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SOLVED_GAP


def scarce(seed: int) -> PlanningProblem:
    """Loads that fit into what the market gives only if contracts are signed."""
    problem = random_problem(seed, Size(loads=5, contracts=4, periods=2, lots=2))
    return with_supply(problem, offer_limit=np.minimum(problem.supply.offer_limit, 1.0))


def without_cuts(problem: PlanningProblem, monkeypatch: pytest.MonkeyPatch) -> float:
    empty = cuts.whole_loads(replace(problem, pair_allowed=np.zeros_like(problem.pair_allowed)), build_program(problem).variables)
    with monkeypatch.context() as patch:
        patch.setattr(model.cuts, "whole_loads", lambda problem, variables: empty)
        program = build_program(problem)
    assert not any(name.clause in CUTS for name in program.names)
    return solve_program(program, relative_gap=SOLVED_GAP).objective


@pytest.mark.parametrize("seed", range(4))
def test_cuts_keep_the_optimum(seed, monkeypatch):
    problem = scarce(seed)
    program = build_program(problem)
    assert any(name.clause in CUTS for name in program.names)
    found = solve_program(program, relative_gap=SOLVED_GAP).objective
    assert found == pytest.approx(without_cuts(problem, monkeypatch), rel=EXACT_AGAINST_BRUTE_FORCE)


def test_shares_of_flexible_work_are_not_missed_by_the_same_hours():
    """Nothing can be drawn: all work is missed, also where the relaxation puts half of a load into each of two pools."""
    problem = random_problem(0, Size(loads=2, flexible=2, contracts=0))
    work = np.full_like(problem.needs.work, 100.0)
    dear = replace(with_needs(problem, work=work), egress_cash=0.0 * problem.egress_cash, unplaced_cash=1e9 + problem.unplaced_cash)
    program = build_program(with_supply(dear, offer_limit=np.zeros_like(problem.supply.offer_limit)))
    whole, relaxed = solve_program(program, relative_gap=SOLVED_GAP), solve_program(program, relax=True)
    assert relaxed.objective == pytest.approx(whole.objective, rel=EXACT_AGAINST_BRUTE_FORCE)


@pytest.mark.parametrize("fees", [False, True])
def test_whole_needs_and_capacities_make_whole_draws(fees):
    program = build_program(assignment_problem(made(0, fees=fees)))
    assert (program.integer | program.implied).all()
    assert objective_step(program) == 1.0


def test_a_fraction_spreads_to_all_that_depends_on_it():
    problem = assignment_problem(made(0, fees=True))
    capacity = problem.supply.capacity.copy()
    capacity[0] += 0.5
    program = build_program(with_supply(problem, capacity=capacity))
    draw = program.variables.contract_draw[:, 0, 0, 0]
    assert not program.implied[draw[0]]
    assert program.implied[draw[1:]].all()
    assert not program.implied[program.variables.shortage[0, 0, 0, 0]]
    assert objective_step(program) == 0.0
    assert not whole_draws(program)[draw[0]]


@pytest.mark.parametrize("seed", range(3))
def test_cp_sat_is_exact_where_all_is_whole(seed):
    program = build_program(assignment_problem(made(seed, fees=True)))
    one, other = (solve_program(program, backend=name, relative_gap=SOLVED_GAP).objective for name in ("highs", "cp_sat"))
    assert one == pytest.approx(other, rel=EXACT_AGAINST_BRUTE_FORCE)
