"""What holds for any problem: order, scale and choice; decisions in and out; failures in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import SolverFailure
from optimizer.integer import solver
from optimizer.integer.decide import integers
from optimizer.integer.model import Program, build_program, decisions, fix, fix_contracts, free_loads, recourse
from optimizer.integer.solver import solve_program
from optimizer.solve.settle import settle
from tests import tolerances
from tests.integer import brute_force
from tests.integer.clause_cases import CASES, problem_of
from tests.problems import Size, random_problem, with_needs, with_supply

SIZE = Size(loads=4, flexible=1, runs=1, pools=3, contracts=3, spot_offers=1, periods=3)


def optimum(problem: PlanningProblem) -> float:
    return solve_program(build_program(problem), relative_gap=tolerances.SOLVED_GAP).objective


def solved(problem: PlanningProblem) -> tuple[Program, Decisions, float]:
    program = build_program(problem)
    answer = solve_program(program, relative_gap=tolerances.SOLVED_GAP)
    assert answer.values is not None
    return program, decisions(program, problem, answer.values), answer.objective


def with_pools_in_order(problem: PlanningProblem, order: np.ndarray) -> PlanningProblem:
    """Pool i becomes pool order[i]; pairs, options and covers keep their own order, which no model may lean on."""
    by_new = np.argsort(order)
    needs, supply = problem.needs, problem.supply
    before = np.where(problem.placed_before >= 0, order[problem.placed_before], -1)
    moved = replace(
        problem,
        pools=tuple(problem.pools[p] for p in by_new),
        pool_site=problem.pool_site[by_new],
        pool_supplier=problem.pool_supplier[by_new],
        availability=problem.availability[by_new],
        shortage_price=problem.shortage_price[by_new],
        placed_before=before,
    )
    moved = with_needs(moved, pair_pool=order[needs.pair_pool], option_pool=order[needs.option_pool])
    return with_supply(moved, cover_pool=order[supply.cover_pool], offer_pool=order[supply.offer_pool])


def with_loads_in_order(problem: PlanningProblem, order: np.ndarray) -> PlanningProblem:
    by_new, needs = np.argsort(order), problem.needs
    moved = replace(
        problem,
        placed_before=problem.placed_before[by_new],
        unplaced_cash=problem.unplaced_cash[by_new],
        missed_price=problem.missed_price[by_new],
        load_spot=problem.load_spot[by_new],
    )
    return with_needs(
        moved,
        loads=tuple(needs.loads[i] for i in by_new),
        pair_load=order[needs.pair_load],
        flexible=needs.flexible[by_new],
        traffic_gb_per_s=needs.traffic_gb_per_s[by_new],
    )


@pytest.mark.parametrize("seed", range(3))
def test_order_changes_nothing(seed: int) -> None:
    problem, rng = random_problem(seed, SIZE), np.random.default_rng(seed)
    best = optimum(problem)
    assert optimum(with_pools_in_order(problem, rng.permutation(3))) == pytest.approx(best, rel=tolerances.PERMUTED)
    assert optimum(with_loads_in_order(problem, rng.permutation(4))) == pytest.approx(best, rel=tolerances.PERMUTED)


@pytest.mark.parametrize("seed", range(3))
def test_one_more_offer_never_raises_the_cost(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    supply = problem.supply
    more = with_supply(
        problem,
        offers=(*supply.offers, "more"),
        offer_pool=np.append(supply.offer_pool, 1),
        offer_spot=np.append(supply.offer_spot, False),
        offer_loss=np.append(supply.offer_loss, 0.0),
        offer_limit=np.vstack([supply.offer_limit, np.full(3, 4.0)]),
        offer_price_cash=np.concatenate([supply.offer_price_cash, np.full((1, 3, 2), 2.5)]),
    )
    assert optimum(more) <= optimum(problem) * (1 + tolerances.PERMUTED)


MONEY = ("shortage_price", "enter_cash", "leave_cash", "egress_cash", "unplaced_cash", "missed_price", "option_usd", "option_egress_cash")
MORE_MONEY = ("run_unplaced_usd", "other_spend_cash")
SUPPLY_MONEY = (
    "price_cash", "minimum_cash", "eligible_spend_cash", "fixed_fee_cash", "exit_fee_cash", "terminal_usd", "offer_price_cash",
)


def scaled(problem: PlanningProblem, factor: float) -> PlanningProblem:
    richer = replace(problem, **{name: getattr(problem, name) * factor for name in MONEY + MORE_MONEY})
    richer = with_supply(richer, **{name: getattr(problem.supply, name) * factor for name in SUPPLY_MONEY})
    return replace(richer, limits=replace(problem.limits, budget_cash=problem.limits.budget_cash * factor))


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e6])
@pytest.mark.parametrize("case", ["minimum spend", "budget", "termination"])
def test_scaling_money_scales_the_cost(case: str, factor: float) -> None:
    problem = problem_of(case)[1]
    assert optimum(scaled(problem, factor)) == pytest.approx(factor * optimum(problem), rel=tolerances.PERMUTED)


@pytest.mark.parametrize("case", CASES)
def test_decisions_come_back_as_they_were(case: str) -> None:
    problem = problem_of(case)[1]
    program, chosen, best = solved(problem)
    lower, upper = fix(program, problem, chosen)
    cases = program.integer & (lower < upper)  # in which a clause ends: they follow from draws, not from decisions
    again = solve_program(program, relax=not cases.any(), lower=lower, upper=upper, relative_gap=tolerances.SOLVED_GAP)
    assert again.values is not None
    assert cases.any() <= (problem.supply.has_options or (problem.supply.list_ratio > 1.0).any())
    settled = settle(problem, program, chosen)
    assert settled is not None
    assert settled.objective_usd == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    assert again.objective == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    assert brute_force.cost(problem, chosen) == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)
    read = decisions(program, problem, again.values)
    for name in ("placed", "option", "lots", "exits"):
        np.testing.assert_array_equal(getattr(read, name), getattr(chosen, name))
    columns, _ = integers(program, problem, chosen)
    assert sorted(columns) == list(np.flatnonzero(program.integer & ~cases))


def test_recourse_has_the_shapes_of_a_plan() -> None:
    problem = random_problem(0, SIZE)
    answer = solve_program(build_program(problem))
    assert answer.values is not None
    draws = recourse(build_program(problem), problem, answer.values)
    periods, blocks, scenarios = problem.shape
    assert draws.contract_draw.shape == (len(problem.supply.cover_pool), periods, blocks, scenarios)
    assert draws.offer_draw.shape == (len(problem.supply.offers), periods, blocks, scenarios)
    assert draws.served.shape == (len(problem.needs.loads), periods, blocks, scenarios)
    assert draws.shortage.shape == (len(problem.pools), periods, blocks, scenarios)
    assert draws.served[~problem.needs.flexible].sum() == 0 < draws.served.sum()


def test_neighbourhood_lies_between_plan_and_optimum() -> None:
    problem = random_problem(1, SIZE)
    program, _, best = solved(problem)
    lots = problem.supply.least_lots.copy()
    nothing = Decisions(placed=np.full((4, 3), -1), option=np.array([-1]), lots=lots, exits=np.zeros((3, 3), dtype=np.int64))
    boxes = fix(program, problem, nothing)
    costs = []
    for loads, runs, contracts in (([], [], False), ([0, 2], [], False), ([0, 2], [0], True), ([0, 1, 2, 3], [0], True)):
        lower, upper = free_loads(program, problem, boxes, loads=np.array(loads, int), runs=np.array(runs, int), contracts=contracts)
        costs.append(solve_program(program, lower=lower, upper=upper, relative_gap=tolerances.SOLVED_GAP).objective)
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[1] > costs[3]
    assert costs[3] == pytest.approx(best, rel=tolerances.EXACT_AGAINST_BRUTE_FORCE)


def test_contracts_alone_can_be_held() -> None:
    problem = random_problem(1, SIZE)
    program, chosen, best = solved(problem)
    lower, upper = fix_contracts(program, problem, chosen)
    assert (lower[program.variables.lots] == upper[program.variables.lots]).all()
    assert (lower[program.variables.place] < upper[program.variables.place]).all()
    assert solve_program(program, lower=lower, upper=upper, relative_gap=tolerances.SOLVED_GAP).objective == pytest.approx(best)


def test_decision_that_a_pin_forbids_is_infeasible() -> None:
    problem = random_problem(0, Size(blocks=1))
    chosen = solved(problem)[1]
    allowed = problem.pair_allowed.copy()
    allowed[(problem.needs.pair_load == 0) & (problem.needs.pair_pool == chosen.placed[0, 0]), 0] = False
    barred = replace(problem, pair_allowed=allowed)
    program = build_program(barred)
    lower, upper = fix(program, barred, chosen)
    assert solve_program(program, relax=True, lower=lower, upper=upper).status is PlanStatus.INFEASIBLE


def test_every_box_is_finite() -> None:
    for case in CASES:
        program = build_program(problem_of(case)[1])
        assert np.isfinite(program.lower).all()
        assert np.isfinite(program.upper).all()
        assert (program.lower <= program.upper).all()


def test_refuses_values_that_are_not_whole() -> None:
    problem = random_problem(0, Size(blocks=1))
    program = build_program(problem)
    half = np.full(len(program.cost), 0.5)
    with pytest.raises(SolverFailure, match=r"not whole: a decision is 0\.5 away"):
        decisions(program, problem, half)


def test_refuses_what_no_column_can_hold() -> None:
    problem = random_problem(0, Size(pools=3, blocks=1))
    program, chosen, _ = solved(problem)
    elsewhere = next(p for p in range(3) if p not in problem.needs.pair_pool[problem.needs.pair_load == 0])
    placed = chosen.placed.copy()
    placed[0, 0] = elsewhere
    with pytest.raises(SolverFailure, match="cannot serve"):
        fix(program, problem, replace(chosen, placed=placed))
    exits = chosen.exits.copy()
    exits[0, 0] = 1
    with pytest.raises(SolverFailure, match="leaving is not possible"):
        fix(program, problem, replace(chosen, exits=exits))


def test_highs_refuses_a_start_and_a_second_number_of_threads() -> None:
    program = build_program(random_problem(0, Size(blocks=1)))
    with pytest.raises(SolverFailure, match="HiGHS takes no starting values"):
        solve_program(program, start=program.lower)
    solve_program(program)
    with pytest.raises(SolverFailure, match="it was 1, now 2 are asked for"):
        solve_program(program, threads=2)


@pytest.mark.parametrize("backend", ["cp_sat", "gscip"])
def test_start_is_taken(backend: str) -> None:
    problem = random_problem(0, Size(blocks=1))
    program = build_program(problem)
    best = solve_program(program, relative_gap=tolerances.SOLVED_GAP)
    answer = solve_program(program, backend=backend, start=best.values, relative_gap=tolerances.CP_SAT_GAP)  # type: ignore[arg-type]
    assert answer.objective == pytest.approx(best.objective, rel=tolerances.CP_SAT_AGAINST_HIGHS)


@pytest.mark.parametrize("backend", ["highs", "cp_sat", "gscip"])
def test_limits_are_kept_and_bounds_hold(backend: str) -> None:
    problem = random_problem(4, replace(SIZE, loads=8, pools=4, eligible=4, scenarios=3))
    program = build_program(problem)
    answer = solve_program(program, backend=backend, relative_gap=0.5, time_limit_s=20.0)  # type: ignore[arg-type]
    best = solve_program(program, relax=True).bound
    assert answer.status is PlanStatus.OPTIMAL
    assert answer.bound <= answer.objective
    assert answer.objective - answer.bound <= 0.5 * answer.objective
    assert best <= answer.objective
    nothing = solve_program(program, backend=backend, time_limit_s=0.0)  # type: ignore[arg-type]
    assert nothing.status is PlanStatus.LIMIT
    assert nothing.bound <= answer.objective


@pytest.mark.parametrize("case", ["budget", "supplier share", "take or pay", "share of wallet in force"])
def test_long_rows_that_join_when_they_are_broken_change_nothing(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build_program(problem_of(case)[1])
    whole = solve_program(program, relax=True)
    monkeypatch.setattr(solver, "LONG", 0)  # every row is long
    joined = solve_program(program, relax=True)
    assert joined.objective == pytest.approx(whole.objective, rel=tolerances.SAFE_BOUND_AT_LP_DUALS)
    assert joined.bound == pytest.approx(whole.objective, rel=tolerances.SAFE_BOUND_AT_LP_DUALS)


@pytest.mark.parametrize("backend", ["highs", "cp_sat"])
@pytest.mark.parametrize("seed", range(3))
def test_a_cutoff_leaves_cheaper_plans_and_no_others(seed: int, backend: str) -> None:
    program = build_program(random_problem(seed, Size(loads=3)))
    best = solve_program(program, backend=backend, relative_gap=tolerances.SOLVED_GAP)
    room = 1e-3 * abs(best.objective)
    above = solve_program(program, backend=backend, relative_gap=tolerances.SOLVED_GAP, cutoff_usd=best.objective + room)
    assert above.objective == pytest.approx(best.objective, rel=1e-6)
    below = solve_program(program, backend=backend, relative_gap=tolerances.SOLVED_GAP, cutoff_usd=best.objective - room)
    assert below.status is PlanStatus.INFEASIBLE or below.bound > best.objective - room


@pytest.mark.parametrize("cutoff", [-1e12, 1e15])
def test_a_cutoff_far_from_all_costs_is_no_row(cutoff: float) -> None:
    program = build_program(random_problem(0, Size(loads=3)))
    answer = solve_program(program, backend="cp_sat", relative_gap=tolerances.CP_SAT_GAP, cutoff_usd=cutoff)
    assert answer.status is (PlanStatus.OPTIMAL if cutoff > 0 else PlanStatus.INFEASIBLE)
