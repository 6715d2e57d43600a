"""A plan outside its scenarios: draws by merit order keep the rules and are near the best, figures of samples, stress, information."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.domain.chosen_scenarios import in_mean_scenario, in_scenarios
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.planning.assemble import build_problem
from optimizer.planning.calibration import shipped_calibration
from optimizer.planning.needs import compute_needs
from optimizer.planning.outside.information import worth_of_information
from optimizer.planning.outside.operating import operate
from optimizer.planning.outside.samples import estimated, outside
from optimizer.planning.outside.stress import stress_cases
from optimizer.scenarios.deviates import Correlation
from optimizer.solve.cost import objective_usd, scenario_costs
from optimizer.solve.executor import Executor
from optimizer.solve.search import SolveSettings
from optimizer.solve.settle import settle_alone, used_accelerators
from optimizer.solve.start import cheapest_first
from optimizer.tables.read import read_case
from tests.planning.cases import two_suppliers
from tests.pricing.cases import CHANGES, optimum, problem_with
from tests.problems import Size, random_problem
from tests.samples import one_in
from tests.tolerances import RUN_BY_MERIT_ORDER, SHARE_OF_TOTAL, SOLVED_GAP

ASKED_OF_DRAWS = {"share of wallet", "budget", "supplier share", "burst", "bandwidth"}  # what merit order does not look at
CORRELATION = Correlation(common=0.4, workload=0.35, origin=0.1, memory_months=12.0)


def test_draws_by_merit_order_keep_every_rule() -> None:
    setup = two_suppliers()
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=0.0)
    run = replace(setup, plan=operate(problem, setup.plan.decisions))
    verified = run.verify()
    assert verified.broken == ()
    np.testing.assert_allclose(verified.scenario_cost_usd, scenario_costs(problem, run.plan), rtol=SHARE_OF_TOTAL)


@pytest.mark.parametrize("change", one_in(4, sorted(CHANGES.keys() - ASKED_OF_DRAWS)))
def test_draws_by_merit_order_are_near_the_best(change: str) -> None:
    problem = problem_with(change, 0)
    settled = settle_alone(problem, cheapest_first(problem))
    assert settled is not None
    best, run = (scenario_costs(problem, plan) for plan in (settled.plan, operate(problem, settled.plan.decisions)))
    assert (run >= best * (1.0 - SOLVED_GAP)).all()
    assert (run <= best * (1.0 + RUN_BY_MERIT_ORDER)).all()


def test_figures_of_samples() -> None:
    costs = np.random.default_rng(0).permutation(np.arange(1.0, 1001.0))
    found = estimated(costs, 0.9, running_usd=0.0, seed=1)
    assert found.mean.usd == pytest.approx(500.5)
    assert found.p90.usd == 900.0
    assert found.cvar.usd == pytest.approx(950.5)
    for figure in (found.mean, found.p90, found.cvar):
        assert figure.low_usd < figure.usd < figure.high_usd
    assert found.mean.high_usd - found.mean.low_usd == pytest.approx(2 * 1.96 * costs.std() / np.sqrt(1000), rel=0.15)


def test_samples_of_demand_that_is_sure_cost_what_the_plan_costs() -> None:
    """Quantiles that are all alike leave nothing uncertain but what scenario of prices holds."""
    tiny = read_case(Path("data/tiny"))
    rows = tuple(replace(row, mean=None, p10=row.mean, p50=row.mean, p90=row.mean) if row.mean is not None else row for row in tiny.demand)
    one = replace(tiny, demand=rows, scenarios=(replace(tiny.scenarios[0], probability=1.0, multipliers=()),))
    calibration = shipped_calibration()
    problem = build_problem(one, compute_needs(one, calibration), annual_discount_rate=0.08)
    settled = settle_alone(problem, cheapest_first(problem))
    assert settled is not None
    found = outside(one, problem, settled.plan, calibration, count=5, correlation=CORRELATION, seed=0)
    assert found is not None
    run = objective_usd(problem, operate(problem, settled.plan.decisions))
    np.testing.assert_allclose(found.costs_usd, run, rtol=1e3 * SHARE_OF_TOTAL)
    assert found.running_usd == pytest.approx(run - settled.objective_usd, abs=1e-3)
    assert outside(tiny, problem, settled.plan, calibration, count=5, correlation=CORRELATION, seed=0) is None


def test_scenarios_taken_out_of_a_problem() -> None:
    problem = problem_with("true-up", 0)
    twice = in_scenarios(problem, np.array([1, 1]), np.full(2, 0.5))
    plan = operate(problem, cheapest_first(problem))
    both = scenario_costs(twice, operate(twice, plan.decisions))
    np.testing.assert_allclose(both, scenario_costs(problem, plan)[1], rtol=SHARE_OF_TOTAL)
    assert in_mean_scenario(problem).shape == (*problem.shape[:2], 1)
    assert (in_mean_scenario(problem).needs.need[..., 0] >= problem.needs.need @ problem.probability - 1e-6).all()


def test_stress_cases_cost_more() -> None:
    problem = problem_with("spot", 0)
    plan = operate(problem, cheapest_first(problem))
    found = {each.name: each for each in stress_cases(problem, plan)}
    assert set(found) == {"site loss", "supplier exit", "price shock", "demand surge"}
    for name in ("site loss", "price shock", "demand surge"):
        assert found[name].more_usd > 0.0, name
    assert found["site loss"].more_unserved_hours > 0.0
    assert found["price shock"].more_unserved_hours >= 0.0


def test_a_lost_site_gives_nothing_though_its_contract_covers_others() -> None:
    """Each contract of these covers two pools, at two sites."""
    problem = random_problem(0, Size(loads=3, pools=4, sites=4, suppliers=2, contracts=2))
    plan = operate(problem, cheapest_first(problem))
    assert stress_cases(problem, plan)[0].more_unserved_hours > 0.0
    closed = np.ones((4, 2), dtype=np.bool_)
    nothing = operate(problem, plan.decisions, closed)
    assert nothing.contract_draw.sum() == nothing.offer_draw.sum() == 0.0
    assert nothing.shortage.sum() == pytest.approx(used_accelerators(problem, plan.decisions, plan.served).sum())


def test_what_information_is_worth_lies_in_its_interval() -> None:
    problem = problem_with("plain", 0)
    settings = SolveSettings(method="exact", relative_gap=1e-7, time_limit_s=30.0)
    decisions = cheapest_first(problem)
    best = optimum("plain", 0)
    found = worth_of_information(
        problem, objective_usd=best, bound_usd=best, settings=settings, executor=Executor(workers=1), decisions=decisions
    )
    alone = sum(chance * _best_alone(problem, s) for s, chance in enumerate(problem.probability))
    slack = 1e-6 * best
    assert found.perfect_information.low_usd - slack <= best - alone <= found.perfect_information.high_usd + slack
    assert found.perfect_information.high_usd > 0.0
    assert -slack <= found.stochastic_solution.low_usd <= found.stochastic_solution.high_usd


def _best_alone(problem: PlanningProblem, s: int) -> float:
    return solve_program(build_program(in_scenarios(problem, np.array([s]), np.ones(1))), relative_gap=SOLVED_GAP).objective
