"""The solvers' cost of a plan and verification's are two pieces of code; they give the same sum, and the same terms of contracts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.domain.contract import Contract
from optimizer.domain.supply import OtherSpend
from optimizer.planning.assemble import build_problem
from optimizer.planning.verify import agrees
from optimizer.planning.verify.terms import contract_terms
from optimizer.solve.cost import objective_usd
from tests.planning.cases import Setup, contract_only, two_suppliers
from tests.planning.test_verify_bills import contracts, drawn
from tests.tolerances import SHARE_OF_TOTAL

RATE = 0.08


def assert_agreement(setup: Setup, rate: float = RATE) -> None:
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=rate)
    same, error = agrees(objective_usd(problem, setup.plan), setup.verify(rate))
    assert same, error


@pytest.mark.parametrize("rate", [0.0, RATE])
def test_small_plans(rate: float) -> None:
    setup = two_suppliers()
    assert_agreement(setup, rate)
    assert_agreement(setup.with_decisions(placed=np.full((3, 3), -1), option=np.array([-1])), rate)
    assert_agreement(setup.with_decisions(option=np.array([2]), lots=np.array([2, 3, 0])), rate)


@settings(max_examples=50, deadline=None)
@given(st.tuples(contracts("a"), contracts("b")), st.tuples(*[st.floats(0.0, 1.0)] * 2), st.integers(0, 2))
def test_contracts_of_all_sorts(rows: tuple[Contract, ...], shares: tuple[float, ...], leave: int) -> None:
    spend = (OtherSpend(supplier="north", period="2028-02", spend=5e4, contract="b", eligible_share=0.5),)
    setup = drawn(contract_only(*rows, other_spend=spend), list(shares))
    assert_agreement(setup)
    supply = build_problem(setup.case, setup.needs, annual_discount_rate=RATE).supply
    if supply.leavable[0, leave]:
        exits = np.zeros((2, 3), dtype=np.int64)
        exits[0, leave] = 1
        assert_agreement(setup.with_decisions(exits=exits))
    for k, row in enumerate(setup.case.contracts):
        terms = contract_terms(row, setup.case, RATE)
        in_force = terms.interval >= 0
        assert terms.capacity[in_force] == pytest.approx(supply.capacity[k, in_force, 0], rel=SHARE_OF_TOTAL)
        held = in_force & (terms.capacity > SHARE_OF_TOTAL)  # where a lot holds nothing, an hour of it has no price
        assert terms.price[held] == pytest.approx(supply.price_cash[k, held, 0], rel=SHARE_OF_TOTAL)
        assert (np.isfinite(terms.exit_fee) == np.isfinite(supply.exit_fee_cash[k, :, 0])).all()
        assert (in_force == (supply.interval[k] >= 0)).all()
