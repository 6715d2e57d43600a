"""Parts of problems: what is left, the way back, and what a part proves about the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.solve.climb import price_more
from optimizer.solve.fixing import nothing_proven
from optimizer.solve.part import Around, solve_part
from optimizer.solve.restrict import restrict
from optimizer.solve.settle import settle, settle_alone
from tests.pricing.cases import CHANGES, optimum, problem_with
from tests.problems import Size, random_problem
from tests.samples import one_in
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SHARE_OF_TOTAL, SOLVED_GAP

SMALL = Size(loads=5, flexible=1, runs=2, pools=4, eligible=3, periods=3, contracts=4, lots=2)


def best(problem):
    program = build_program(problem)
    return decisions(program, problem, solve_program(program, relative_gap=SOLVED_GAP).values)


def used(problem, chosen):
    return chosen.placed[problem.needs.pair_load] == problem.needs.pair_pool[:, None]


def part_of(problem, **options):
    request = {
        "keep": np.ones_like(problem.pair_allowed),
        "keep_options": np.ones(len(problem.needs.option_run), dtype=np.bool_),
        "lots": (problem.supply.least_lots, problem.supply.most_lots),
        "time_limit_s": None,
        "relative_gap": SOLVED_GAP,
    }
    return solve_part(problem, **(request | options))


@pytest.mark.parametrize("seed", range(3))
def test_the_best_plan_is_the_best_of_its_own_part(seed):
    problem = random_problem(seed, SMALL)
    chosen, whole = best(problem), part_of(problem)
    taken = np.isin(np.arange(len(problem.needs.option_run)), chosen.option)
    part = part_of(problem, keep=used(problem, chosen), keep_options=taken)
    assert part.bound_usd == pytest.approx(whole.bound_usd, rel=EXACT_AGAINST_BRUTE_FORCE)
    settled = settle_alone(problem, part.decisions)
    assert settled is not None
    assert settled.objective_usd == pytest.approx(whole.bound_usd, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert settled.objective_usd == pytest.approx(
        settle(problem, build_program(problem), part.decisions).objective_usd, rel=SHARE_OF_TOTAL
    )


def test_there_and_back():
    problem = random_problem(1, SMALL)
    chosen = best(problem)
    keep_options = np.isin(np.arange(len(problem.needs.option_run)), chosen.option)
    part = restrict(problem, used(problem, chosen), keep_options)
    narrow = part.narrow(chosen)
    assert narrow is not None
    again = part.widen(narrow)
    assert (again.placed == chosen.placed).all()
    assert (again.option == chosen.option).all()
    elsewhere = replace(chosen, placed=(chosen.placed + 1) % len(problem.pools))
    assert part.narrow(elsewhere) is None
    assert restrict(problem, used(problem, chosen), np.zeros_like(keep_options)).narrow(chosen) is None or (chosen.option < 0).all()


def test_pairs_in_force_and_pairs_that_pins_force_stay():
    problem = random_problem(2, SMALL)
    forced = np.zeros_like(problem.pair_forced)
    forced[0, 1] = True
    part = restrict(replace(problem, pair_forced=forced), np.zeros_like(problem.pair_allowed))
    needs = problem.needs
    in_force = np.flatnonzero(problem.placed_before[needs.pair_load] == needs.pair_pool)
    assert set(part.pairs) == {0, *in_force.tolist()}
    assert part.problem.pair_allowed.sum() == 1


@pytest.mark.parametrize("change", one_in(40, sorted(CHANGES)))
def test_prices_never_rule_out_the_optimum(change):
    problem, least = problem_with(change, 0), optimum(change, 0)
    proven = nothing_proven(problem)
    priced = price_more(problem, evaluations=0, start=None, reduced=True)
    proven.learn(problem, priced.prices, priced.pairs.reduced_usd, priced.option_usd)
    cutoff = least + 1e-6 * abs(least)
    fixed = part_of(
        problem, keep=proven.pairs(problem, cutoff), keep_options=proven.options(cutoff), lots=proven.lots(problem, cutoff)
    )
    assert fixed.bound_usd == pytest.approx(least, rel=EXACT_AGAINST_BRUTE_FORCE)
    costs = np.sort(proven.uses_pair.ravel())
    for cut in costs[:: max(1, len(costs) // 4)]:
        part = part_of(problem, keep=proven.pairs(problem, cut), keep_options=proven.options(cut), lots=proven.lots(problem, cut))
        assert min(part.bound_usd, cut) <= least * (1.0 + EXACT_AGAINST_BRUTE_FORCE)


@pytest.mark.parametrize("backend", ["highs", "cp_sat"])
def test_a_neighbourhood_changes_only_what_is_free(backend):
    problem = random_problem(0, SMALL)
    chosen = best(problem)
    worse = replace(chosen, placed=np.full_like(chosen.placed, -1), option=np.full_like(chosen.option, -1))
    around = Around(decisions=worse, loads=np.array([0, 2]), runs=np.array([1]))
    part = part_of(problem, around=around, backend=backend, relative_gap=1e-4)
    assert (part.decisions.placed[[1, 3, 4]] == -1).all()
    assert part.decisions.option[0] == -1
    assert (part.decisions.placed[[0, 2]] >= 0).any()


def test_what_contracts_decided_otherwise_cost_is_the_dearest_of_them() -> None:
    proven = nothing_proven(random_problem(0, SMALL))
    contracts = len(proven.holds)
    proven.holds[:], proven.holds_none[:] = np.arange(contracts) + 10.0, np.arange(contracts) + 100.0
    before = np.zeros(contracts, dtype=np.int64)
    first, both, more = before.copy(), before.copy(), before.copy()
    first[0], both[:2], more[0] = 1, 1, 2
    assert proven.decided_usd(first, before) == 10.0
    assert proven.decided_usd(before, both) == 101.0
    assert proven.decided_usd(more, first) == -np.inf
