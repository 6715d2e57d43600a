"""Whole paths in place of placements by period: the same program, restricted to them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from tests.problems import Size, random_problem
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE

SIZE = Size(loads=4, flexible=1, runs=1, pools=3, eligible=3, periods=3, contracts=3, lots=2)


@pytest.mark.parametrize("seed", range(4))
def test_all_paths_give_the_optimum_and_few_give_one_of_them(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    program, needs = build_program(problem), problem.needs
    best = solve_program(program, relative_gap=1e-9)
    every = tuple(
        (load, np.array(pools))
        for load in range(len(needs.loads))
        for pools in product([*needs.pair_pool[needs.pair_load == load].tolist(), -1], repeat=3)
    )
    whole = solve_program(program, relative_gap=1e-9, paths=every, problem=problem)
    assert whole.objective == pytest.approx(best.objective, rel=EXACT_AGAINST_BRUTE_FORCE)
    still = tuple((load, pools) for load, pools in every if (pools == pools[0]).all())
    answer = solve_program(program, relative_gap=1e-9, paths=still, problem=problem)
    assert answer.objective >= best.objective * (1.0 - EXACT_AGAINST_BRUTE_FORCE)
    assert answer.values is not None
    assert (np.diff(decisions(program, problem, answer.values).placed, axis=1) == 0).all()
