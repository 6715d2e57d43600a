"""Plans of changed cases: verified, started from another plan, the same in a pool as in this process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Status
from optimizer.domain.plan import PlanStatus
from optimizer.domain.surface import Needs
from optimizer.planning.assemble import build_problem
from optimizer.planning.changes import with_contract, with_contract_forbidden, with_contract_forced, with_terms, without_contract
from optimizer.planning.needs import compute_needs
from optimizer.planning.variants import Known, VariantPlan, plan_variant
from optimizer.solve.carry import carried_decisions
from optimizer.solve.executor import Task
from optimizer.solve.process_pool import ProcessPool
from optimizer.solve.search import SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import two_suppliers
from tests.tolerances import CENT_USD

SETTINGS = SolveSettings(relative_gap=1e-9, threads=1, side_by_side=False)
TINY_USD, WITHOUT_QUOTE_USD = 75_663.40, 75_663.40 + 3.60 * 744 - 25.0  # both by hand, data/tiny/README.md


@pytest.fixture(scope="module")
def tiny() -> tuple[Case, Needs]:
    case = read_case(case_folder("tiny"))
    return case, compute_needs(case)


def planned(case: Case, needs: Needs, start: Known | None = None) -> VariantPlan:
    return plan_variant(case, needs, annual_discount_rate=0.0, settings=SETTINGS, start=start)


def test_a_quote_out_of_reach_or_forced_or_dearer(tiny: tuple[Case, Needs]) -> None:
    case, needs = tiny
    base = planned(case, needs)
    assert base.objective_usd == pytest.approx(TINY_USD, abs=CENT_USD)
    for changed in (without_contract(case, "quote"), with_contract_forbidden(case, "quote")):
        found = planned(changed, needs, base.known)
        assert found.objective_usd == pytest.approx(WITHOUT_QUOTE_USD, abs=CENT_USD)
        assert found.bound_usd <= found.objective_usd
        assert found.verification.broken == ()
    dearer = planned(with_contract_forced(with_terms(case, "quote", price=4.0), "quote"), needs, base.known)
    forced = dict(zip(dearer.plan.contracts, dearer.plan.decisions.lots, strict=True))
    assert forced == {"held": 1, "quote": 1}
    assert dearer.objective_usd > WITHOUT_QUOTE_USD


def test_a_pool_of_processes_gives_the_same_plans(tiny: tuple[Case, Needs]) -> None:
    case, needs = tiny
    known = planned(case, needs).known
    cases = {name: with_terms(case, "quote", price=price) for name, price in (("cheap", 2.0), ("as offered", 2.5), ("dear", 3.5))}
    serial = {name: planned(changed, needs, known) for name, changed in cases.items()}
    with ProcessPool(2) as pool:
        for name, changed in cases.items():
            arguments = {"case": changed, "needs": needs, "annual_discount_rate": 0.0, "settings": SETTINGS, "start": known}
            pool.submit(Task(key=name, work=plan_variant, arguments=arguments))
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


def test_changes_name_contracts_of_the_case(tiny: tuple[Case, Needs]) -> None:
    with pytest.raises(KeyError, match="nobody"):
        with_terms(tiny[0], "nobody", price=1.0)


def test_the_plan_is_not_dearer_than_the_one_it_started_from(tiny: tuple[Case, Needs]) -> None:
    case, needs = tiny
    base = planned(case, needs)
    again = planned(case, needs, base.known)
    assert again.objective_usd == base.objective_usd
    assert again.status is PlanStatus.OPTIMAL
