"""Stages: what is decided after scenarios are told apart differs by group, what is decided before does not, and bounds hold."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from typing import Any

import jax
import numpy as np
import pytest

from optimizer.domain.calendar import Block, Calendar
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Renewal, Status
from optimizer.domain.demand import Scenario
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import Risk
from optimizer.domain.rules import Stage
from optimizer.domain.stages import in_stages
from optimizer.domain.surface import Load, Needs
from optimizer.domain.workload import Kind
from optimizer.integer.model import build_program, decisions
from optimizer.integer.solver import solve_program
from optimizer.planning.assemble import build_problem
from optimizer.planning.verify import verify
from optimizer.pricing.arrays import prepare
from optimizer.pricing.ascent import price
from optimizer.pricing.bound import certify
from optimizer.pricing.coordinates import nothing
from optimizer.solve import price_and_assign
from optimizer.solve.exact import solve_exact
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Solved, SolveSettings
from optimizer.solve.settle import Settled, settle_alone
from optimizer.solve.start import cheapest_first
from optimizer.tables.nouns import with_renewals
from tests.planning.cases import build_needs, contract, empty_case, months, offer, workload
from tests.tolerances import BOUND_BELOW_RELAXATION, CENT_USD, EXACT_AGAINST_BRUTE_FORCE, SOLVED_GAP

HOURS = [24 * days for days in (31, 29, 31)]  # January to March 2028
KNOWN = date(2028, 1, 15)
STAGES = (Stage(decided_on=KNOWN, scenario="calm", group="slow"), Stage(decided_on=KNOWN, scenario="busy", group="fast"))


def staged(*contracts: Contract, stages: tuple[Stage, ...] = STAGES, **changes: Any) -> tuple[Case, Needs]:
    """Ten accelerators are needed in January; from February on none when calm (3 in 4), and ten when busy. The market asks 5 USD."""
    fields: dict[str, Any] = {
        "calendar": Calendar(periods=months(date(2028, 1, 1), 3), blocks=(Block(name="all", start_hour=0, end_hour=24),)),
        "scenarios": (
            Scenario(name="calm", probability=0.75, demand_quantile=0.5),
            Scenario(name="busy", probability=0.25, demand_quantile=0.9),
        ),
        "contracts": with_renewals(contracts),
        "workloads": (workload("chat", Kind.INFERENCE, 50.0),),
        "offers": (offer("od-oslo", "oslo-h100", 5.0),),
        "stages": stages,
    }
    case = empty_case(**(fields | changes))
    need = np.full((3, 1, 2), 10)
    need[1:, :, 0] = 0
    load = Load(name="chat", workload="chat", origin=None, share=1.0)
    return case, build_needs(case, loads=(load,), rigid={("chat", "oslo-h100"): need})


def problem_of(case: Case, needs: Needs) -> PlanningProblem:
    return build_problem(in_stages(case), needs, annual_discount_rate=0.0)


def best(case: Case, needs: Needs) -> Settled:
    """The optimum, verified."""
    problem = problem_of(case, needs)
    program = build_program(problem)
    values = solve_program(program, relative_gap=SOLVED_GAP).values
    assert values is not None
    settled = settle_alone(problem, decisions(program, problem, values))
    assert settled is not None
    found = verify(in_stages(case), needs, settled.plan, annual_discount_rate=0.0)
    assert found.broken == ()
    assert found.objective_usd == pytest.approx(settled.objective_usd, abs=CENT_USD)
    return settled


LEAVABLE = contract(notice_days=0.0)
FIXED = contract()
LATER = 10 * (HOURS[1] + HOURS[2])  # accelerator-hours of February and March
JANUARY = 10 * 2.0 * HOURS[0]


def test_a_termination_right_is_worth_more_with_stages() -> None:
    """Held by all: 2 USD an hour. Left by all: 5 USD when busy. Left when calm only: 2 USD when busy."""
    worth = {}
    for name, stages in (("without", ()), ("with", STAGES)):
        kept, left = (best(*staged(row, stages=stages)).objective_usd for row in (FIXED, LEAVABLE))
        assert kept == pytest.approx(JANUARY + 2.0 * LATER, abs=CENT_USD)
        worth[name] = kept - left
    assert worth["without"] == pytest.approx((2.0 - 0.25 * 5.0) * LATER, abs=CENT_USD)
    assert worth["with"] == pytest.approx(0.75 * 2.0 * LATER, abs=CENT_USD)


def test_notice_that_must_be_given_before_is_given_for_all() -> None:
    """20 days before 1 February nothing is known; before 1 March it is."""
    settled = best(*staged(replace(LEAVABLE, notice_days=20.0)))
    plan = settled.plan
    assert plan.contracts == ("core [slow]", "core [fast]")
    slow, fast = plan.decisions.exits
    assert slow[1] == fast[1]
    waits = JANUARY + 10 * 2.0 * HOURS[1] + 0.25 * 10 * 2.0 * HOURS[2]
    goes = JANUARY + 0.25 * 5.0 * LATER
    assert settled.objective_usd == pytest.approx(min(waits, goes), abs=CENT_USD)
    assert (settled.objective_usd == pytest.approx(waits, abs=CENT_USD)) == (slow[2] != fast[2])


def test_verification_names_what_is_decided_on_what_is_not_known() -> None:
    case, needs = staged(replace(LEAVABLE, notice_days=20.0))
    plan = best(case, needs).plan
    exits = np.zeros((2, 3), dtype=np.int64)
    exits[0, 1] = 1
    draw = plan.contract_draw.copy()
    draw[0] = 0.0
    wrong = replace(plan, decisions=replace(plan.decisions, exits=exits), contract_draw=draw)
    broken = verify(in_stages(case), needs, wrong, annual_discount_rate=0.0).broken
    assert any("are not told apart by 2028-01-12" in text for text in broken), broken


def test_later_signings_and_renewals_differ_by_group() -> None:
    quote = contract("spring", status=Status.PROPOSED, start=date(2028, 2, 1), price=3.0)
    plan = best(*staged(quote)).plan
    assert dict(zip(plan.contracts, plan.decisions.lots.tolist(), strict=True)) == {"spring [slow]": 0, "spring [fast]": 1}
    early = replace(quote, sign_by=date(2028, 1, 10))
    assert len(set(best(*staged(early)).plan.decisions.lots.tolist())) == 1
    prolonged = contract(end=date(2028, 2, 1), renewal=Renewal(months=2, price=3.0))
    plan = best(*staged(prolonged)).plan
    held = dict(zip(plan.contracts, plan.decisions.lots.tolist(), strict=True))
    assert held["core/renewed [slow]"] == 0
    assert held["core/renewed [fast]"] == 1


def test_copies_that_go_together_cost_what_the_contract_costs() -> None:
    """Everything of the contract is there once in each scenario."""
    row = replace(
        LEAVABLE, take_or_pay_share=0.5, minimum_spend=9_000.0, fixed_monthly_fee=500.0, end=date(2029, 1, 1), terminal_use=0.3
    )
    case, needs = staged(row)
    for exits in ([0, 0, 0], [0, 1, 0], [0, 0, 1]):
        cost = []
        for one in (case, replace(case, stages=())):
            problem = problem_of(one, needs)
            copies = len(problem.supply.contracts)
            start = settle_alone(problem, _keep_all(problem, np.tile(exits, (copies, 1))))
            assert start is not None
            cost.append(start.objective_usd)
        assert cost[0] == pytest.approx(cost[1], abs=CENT_USD)


def _keep_all(problem: PlanningProblem, exits: np.ndarray) -> Any:
    return replace(cheapest_first(problem), exits=exits)


def solved(solve: Any, problem: PlanningProblem, **settings: Any) -> Solved:
    found: Solved = solve(
        problem, settings=SolveSettings(relative_gap=1e-7, **settings), started=time.monotonic(), report=lambda step: None
    )
    return found


def test_both_methods_agree_with_stages_and_risk() -> None:
    problem = replace(problem_of(*staged(LEAVABLE)), risk=Risk(omega=0.5, alpha=0.8))
    one, other = (solved(solve, problem) for solve in (solve_exact, solve_price_and_assign))
    assert one.settled.objective_usd == pytest.approx(other.settled.objective_usd, rel=EXACT_AGAINST_BRUTE_FORCE)
    assert one.settled.objective_usd > best(*staged(LEAVABLE)).objective_usd


def test_no_prices_prove_more_than_stages_allow() -> None:
    early = contract("spring", status=Status.PROPOSED, start=date(2028, 2, 1), price=3.0, sign_by=date(2028, 1, 10), notice_days=0.0)
    case, needs = staged(early, LEAVABLE)
    problem = problem_of(case, needs)
    assert len(problem.supply.same_lots) == 1
    assert len(problem.supply.same_exits)
    prepared, optimum = prepare(problem), best(case, needs).objective_usd
    for seed in range(4):
        rng = np.random.default_rng(seed)
        anywhere = jax.tree.map(lambda leaf, rng=rng: 10.0 ** rng.integers(-2, 3) * rng.uniform(size=leaf.shape), nothing(prepared.single))
        assert certify(prepared, anywhere).bound_usd <= optimum * (1.0 + SOLVED_GAP)


@pytest.mark.slow
def test_prices_climb_to_what_stages_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    case, needs = staged(replace(LEAVABLE, notice_days=20.0))
    problem, optimum = problem_of(case, needs), best(case, needs).objective_usd
    assert optimum * (1.0 - BOUND_BELOW_RELAXATION) <= price(problem).bound_usd <= optimum * (1.0 + SOLVED_GAP)
    monkeypatch.setattr(price_and_assign, "SMALL", 0)
    found = solved(solve_price_and_assign, problem, deterministic_limit=8, side_by_side=False)
    assert found.settled.objective_usd == pytest.approx(optimum, rel=EXACT_AGAINST_BRUTE_FORCE)


def test_without_stages_nothing_changes() -> None:
    case, _ = staged(LEAVABLE, stages=())
    assert in_stages(case) is case
    once = in_stages(staged(LEAVABLE)[0])
    assert in_stages(once) is once
