"""Plans of changed cases: verified, started from another plan, the same in a pool as in this process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Status
from optimizer.domain.plan import PlanStatus
from optimizer.domain.rules import Pin
from optimizer.planning.assemble import build_problem
from optimizer.planning.changes import with_contract, with_terms
from optimizer.planning.plan import make_plan
from optimizer.planning.variants import Base, VariantPlan, base_of, bound_variant, look_at_variant, plan_variant
from optimizer.solve.carry import carried_decisions
from optimizer.solve.climb import price_more
from optimizer.solve.executor import Task
from optimizer.solve.process_pool import ProcessPool
from optimizer.solve.search import SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import two_suppliers
from tests.tolerances import CENT_USD

SETTINGS = SolveSettings(relative_gap=1e-9, time_limit_s=None, threads=1, side_by_side=False)
TINY_USD, WITHOUT_QUOTE_USD = 75_663.40, 75_663.40 + 3.60 * 744 - 25.0  # both by hand, data/tiny/README.md


@pytest.fixture(scope="module")
def tiny() -> Base:
    case = read_case(case_folder("tiny"))
    return base_of(make_plan(case, annual_discount_rate=0.0, settings=SETTINGS, progress=lambda step: None))


def pinned(case: Case, action: str) -> Case:
    """The quote forced, or forbidden."""
    pin = Pin(subject="quote", action=action, pool=None, period=None, reason="what if", owner="test", expires=None)
    return replace(case, pins=(*case.pins, pin))


def planned(base: Base, case: Case) -> VariantPlan:
    return plan_variant(base, case=case, settings=SETTINGS)


def test_a_quote_out_of_reach_or_forced_or_dearer(tiny: Base) -> None:
    case = tiny.case
    assert tiny.objective_usd == pytest.approx(TINY_USD, abs=CENT_USD)
    for changed in (with_terms(case, "quote", status=Status.CANCELED), pinned(case, "forbid")):
        found = planned(tiny, changed)
        assert found.objective_usd == pytest.approx(WITHOUT_QUOTE_USD, abs=CENT_USD)
        assert found.bound_usd <= found.objective_usd
        assert found.base_objective_usd == np.inf  # nothing beats the best plan
    dearer = planned(tiny, pinned(with_terms(case, "quote", price=4.0), "force"))
    forced = dict(zip(dearer.plan.contracts, dearer.plan.decisions.lots, strict=True))
    assert forced == {"held": 1, "quote": 1}
    assert dearer.objective_usd > WITHOUT_QUOTE_USD


def test_a_look_keeps_the_decisions_as_far_as_they_are_allowed(tiny: Base) -> None:
    """`code` stays in pool_a and nothing else changes: the plan with the quote's lots, at twice the price, or none of them."""
    dear, gone = with_terms(tiny.case, "quote", price=4.0), with_terms(tiny.case, "quote", status=Status.CANCELED)
    for changed in (dear, gone):
        look, best = look_at_variant(tiny, case=changed), planned(tiny, changed)
        assert (look.plan.decisions.placed == tiny.plan.decisions.placed).all()
        assert look.objective_usd >= best.objective_usd - CENT_USD
        assert look.bound_usd <= best.objective_usd


@pytest.mark.slow
def test_bounds_of_changed_cases_are_below_their_plans_and_rise_with_the_steps(tiny: Base) -> None:
    priced = replace(tiny, prices=price_more(tiny.problem, evaluations=60).prices)
    gone, free = with_terms(tiny.case, "quote", status=Status.CANCELED), with_terms(tiny.case, "held", take_or_pay_share=None)
    for changed in (gone, free):
        found, look, best = bound_variant(priced, case=changed), look_at_variant(priced, case=changed), planned(tiny, changed)
        assert look.bound_usd <= found.bound_usd <= best.objective_usd + CENT_USD
        assert found.base_bound_usd <= tiny.objective_usd + CENT_USD
    assert found.bound_usd > look.bound_usd  # without take-or-pay other prices prove more


def test_what_a_changed_case_finds_is_told_of_the_case_as_it_is(tiny: Base) -> None:
    """A base that keeps `chat` where it was is dearer than the decisions that any change finds."""
    idle = replace(tiny.plan.decisions, lots=np.array([1, 0]))
    poor = replace(tiny, plan=replace(tiny.plan, decisions=idle), objective_usd=WITHOUT_QUOTE_USD + 1e6)
    found = planned(poor, with_terms(tiny.case, "quote", price=2.4))
    assert found.base_objective_usd == pytest.approx(TINY_USD, abs=CENT_USD)


@pytest.mark.slow
def test_a_pool_of_processes_gives_the_same_plans(tiny: Base) -> None:
    cases = {name: with_terms(tiny.case, "quote", price=price) for name, price in (("cheap", 2.0), ("as offered", 2.5), ("dear", 3.5))}
    serial = {name: planned(tiny, changed) for name, changed in cases.items()}
    with ProcessPool(2, shared=tiny) as pool:
        for name, changed in cases.items():
            pool.submit(Task(key=name, work=plan_variant, arguments={"case": changed, "settings": SETTINGS}))
        beside = {outcome.key: outcome.result() for outcome in pool.outcomes()}
    for name, plan in serial.items():
        assert beside[name].objective_usd == plan.objective_usd
        assert beside[name].bound_usd == plan.bound_usd
        assert (beside[name].plan.decisions.placed == plan.plan.decisions.placed).all()


def test_a_start_fits_the_contracts_of_the_changed_case() -> None:
    setup = two_suppliers()
    case = with_contract(setup.case, "core", lambda contract: replace(contract, notice_days=None))
    exits = np.zeros((3, 3), dtype=np.int64)
    exits[0, 2] = 1
    decisions = replace(setup.plan.decisions, lots=np.array([2, 3, 0]), exits=exits)
    names = tuple(contract.name for contract in setup.case.contracts)
    barred = carried_decisions(build_problem(case, setup.needs, annual_discount_rate=0.0), names, decisions)
    assert barred.exits.sum() == 0
    fewer = with_contract(setup.case, "quote", lambda contract: replace(contract, lots=1))
    fewer = with_contract(fewer, "rival", lambda contract: replace(contract, status=Status.CANCELED))
    carried = carried_decisions(build_problem(fewer, setup.needs, annual_discount_rate=0.0), names, decisions)
    assert carried.lots.tolist() == [2, 1]
    assert carried.exits.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_changes_name_contracts_of_the_case(tiny: Base) -> None:
    with pytest.raises(KeyError, match="nobody"):
        with_terms(tiny.case, "nobody", price=1.0)


def test_the_plan_is_not_dearer_than_the_one_it_started_from(tiny: Base) -> None:
    again = planned(tiny, tiny.case)
    assert again.objective_usd == tiny.objective_usd
    assert again.status is PlanStatus.OPTIMAL
