"""Clauses that fold into figures by period and scenario: assembly's figures and verification's are two pieces of code that agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.domain.contract import Contract, CreditStep, Delivery, Proration
from optimizer.domain.demand import Scenario
from optimizer.domain.supply import ExchangeRate, IndexValue, OtherSpend
from optimizer.planning.assemble import build_problem
from optimizer.planning.notebook import plan
from optimizer.planning.verify import agrees
from optimizer.planning.verify.position import read_position
from optimizer.solve.cost import objective_usd
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import Setup, contract_only
from tests.planning.test_verify_bills import contracts
from tests.tolerances import SHARE_OF_TOTAL

RATE = 0.08
SCENARIOS = tuple(
    Scenario(name=name, probability=chance, demand_quantile=0.5, world=world)
    for name, chance, world in (("calm", 0.5, None), ("late", 0.3, "late"), ("gone", 0.2, "gone"))
)
RATES = (
    ExchangeRate(currency="EUR", period=None, usd_per_unit=1.1),
    ExchangeRate(currency="EUR", period="2028-02", scenario="late", usd_per_unit=1.3),
    ExchangeRate(currency="EUR", period=None, scenario="gone", usd_per_unit=0.9),
)
INDEX = (
    IndexValue(index="power", period=None, scenario=None, value=100.0),
    IndexValue(index="power", period="2028-02", scenario=None, value=150.0),
    IndexValue(index="power", period="2028-03", scenario="late", value=60.0),
)


@st.composite
def folded(draw: st.DrawFn, name: str) -> Contract:
    made = draw(contracts(name))
    share = st.floats(0.0, 1.0)
    day = st.dates(made.start, made.end)
    steps = (CreditStep(availability_below=0.9, share=0.3), CreditStep(availability_below=0.999, share=0.1))
    return replace(
        made,
        ramp=tuple(replace(step, accelerators=round(step.accelerators, 3)) for step in made.ramp if made.start <= step.start < made.end),
        currency=draw(st.sampled_from(["USD", "EUR"])),
        annual_escalator=draw(st.none() | st.floats(-0.2, 0.2)),
        price_index=draw(st.sampled_from([None, "power"])),
        index_base=100.0,
        index_floor=draw(st.none() | st.floats(0.5, 1.0)),
        index_cap=draw(st.none() | st.floats(1.0, 1.4)),
        upfront_share=draw(st.none() | share),
        discount=draw(st.none() | st.floats(0.0, 0.6)),
        clawback_share=draw(st.none() | share),
        minimum_at_list=draw(st.booleans()),
        other_spend_cap=draw(st.none() | share),
        spent_so_far=draw(st.none() | st.floats(0.0, 1e6)),
        anniversary=draw(st.none() | st.dates(date(2027, 1, 1), date(2028, 6, 30))),
        proration=draw(st.sampled_from(list(Proration))),
        credits=draw(st.sampled_from([None, steps])),
        credit_cap=draw(st.none() | share),
        deliveries=(
            Delivery(scenario="late", delay_days=draw(st.integers(0, 60)), supplier_exit=None),
            Delivery(scenario="gone", delay_days=0, supplier_exit=draw(st.none() | day)),
        ),
    )


def assert_agreement(setup: Setup) -> None:
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=RATE)
    same, error = agrees(objective_usd(problem, setup.plan), setup.verify(RATE))
    assert same, error


@settings(max_examples=40, deadline=None)
@given(st.tuples(folded("a"), folded("b")), st.tuples(*[st.floats(0.0, 1.0)] * 2), st.integers(0, 2))
def test_two_codes_agree_on_every_figure(rows: tuple[Contract, ...], shares: tuple[float, ...], leave: int) -> None:
    spend = (OtherSpend(supplier="north", period="2028-02", spend=5e4, contract="b", eligible_share=0.5),)
    setup = contract_only(*rows, other_spend=spend, scenarios=SCENARIOS, exchange_rates=RATES, index_values=INDEX)
    supply = build_problem(setup.case, setup.needs, annual_discount_rate=RATE).supply
    draws = np.array(shares)[:, None, None] * supply.capacity * supply.most_lots[:, None, None]
    setup = setup.with_plan(contract_draw=draws[:, :, None, :])
    assert_agreement(setup)
    if supply.leavable[0, leave]:
        exits = np.zeros((2, 3), dtype=np.int64)
        exits[0, leave] = 1
        assert_agreement(setup.with_decisions(exits=exits))
    position = read_position(setup.case, setup.needs, setup.plan, RATE)
    for k in range(2):
        in_force = supply.interval[k] >= 0
        for ours, theirs in (
            (supply.capacity, "capacity"),
            (supply.minimum_cash, "minimum"),
            (supply.fixed_fee_cash, "fixed_fee"),
            (supply.prepaid_cash, "prepaid"),
            (supply.brought_spend_cash, "brought"),
        ):
            found = position.by_scenario(k, theirs)[in_force]
            size = max(1.0, float(np.abs(found).max(initial=0.0)))
            assert ours[k][in_force] == pytest.approx(found, rel=SHARE_OF_TOTAL, abs=SHARE_OF_TOTAL * size), theirs
        assert (np.isfinite(position.by_scenario(k, "exit_fee")) == np.isfinite(supply.exit_fee_cash[k])).all()


@settings(max_examples=30, deadline=None)
@given(folded("a"))
def test_what_is_sunk_is_no_more_than_any_plan_pays(row: Contract) -> None:
    assume(row.balance is None)  # an opening balance is worth something that no payment of the plan shows
    setup = contract_only(row, scenarios=SCENARIOS, exchange_rates=RATES, index_values=INDEX)
    found = setup.verify(RATE)
    assert found.sunk_usd <= found.objective_usd + SHARE_OF_TOTAL * found.absolute_usd


def test_a_plan_under_all_of_them_verifies_and_is_proven() -> None:
    """The tiny case with every one of these clauses: the figures that solvers and the bound read are those that verification bills."""
    case = read_case(case_folder("tiny"))
    scenarios = tuple(replace(scenario, world=scenario.name) for scenario in case.scenarios)
    last = scenarios[-1].name
    clauses = {
        "annual_escalator": 0.05,
        "price_index": "power",
        "index_base": 1.0,
        "index_cap": 1.2,
        "upfront_share": 0.2,
        "discount": 0.2,
        "clawback_share": 0.5,
        "minimum_spend": 4000.0,
        "minimum_at_list": True,
        "other_spend_cap": 0.5,
        "credits": (CreditStep(availability_below=1.0, share=0.05),),
        "deliveries": (Delivery(scenario=last, delay_days=10, supplier_exit=None),),
    }
    values = (
        IndexValue(index="power", period=None, scenario=None, value=1.1),
        IndexValue(index="power", period=None, scenario=last, value=1.3),
    )
    contracts = tuple(replace(row, **clauses) for row in case.contracts)
    found = plan(replace(case, scenarios=scenarios, contracts=contracts, index_values=values)).summary
    assert found["status"] == "optimal"
    assert found["verified"]
    assert found["bound_usd"] <= found["objective_usd"] * (1 + SHARE_OF_TOTAL)
