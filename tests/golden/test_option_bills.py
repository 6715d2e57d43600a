"""A most favoured price and a renewal option, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from optimizer.domain.contract import RampStep, Renewal, Status
from tests.golden.test_contract_bills import lines
from tests.planning.cases import Setup, contract, contract_only
from tests.tolerances import CENT_USD

QUOTE = contract("quote", supplier="south", pools=("lima-h100",), status=Status.PROPOSED, price=1.7, accelerators=1.0, end=date(2028, 3, 1))


def favoured(lots: int) -> Setup:
    """10 accelerators at 2.00, half of them committed, that must cost no more than a quote at 1.70 once that is signed."""
    core = contract(take_or_pay_share=0.5, comparables=("quote",))
    setup = contract_only(core, QUOTE).with_decisions(lots=np.array([1, lots]))
    draw = np.zeros_like(setup.plan.contract_draw)
    draw[0, 0] = 6.0
    return setup.with_plan(contract_draw=draw)


def test_a_most_favoured_price() -> None:
    """January draws 6 x 744 = 4,464 hours, more than the 3,720 committed: 0.30 off each, 1,339.20.

    February draws nothing and pays for 3,480 committed hours: 1,044.00 off. The quote ends on 1 March: nothing off in March.
    """
    assert lines(favoured(0), "most favoured price") == {}
    setup = favoured(1)
    amounts = lines(setup, "most favoured price")
    assert amounts["2028-01"] == pytest.approx(-1339.2, abs=CENT_USD)
    assert amounts["2028-02"] == pytest.approx(-1044.0, abs=CENT_USD)
    assert amounts.get("2028-03", 0.0) == pytest.approx(0.0, abs=CENT_USD)
    assert setup.verify().broken == ()


ENDING = contract(
    lots=2,
    end=date(2028, 2, 15),
    ramp=(RampStep(start=date(2028, 1, 15), accelerators=20.0, price=3.0),),
    notice_days=10.0,
    renewal=Renewal(months=1, price=2.5, decide_by=date(2028, 2, 1)),
)


def test_a_renewal_prolongs_the_term_at_its_price() -> None:
    """A lot of 20 accelerators, as after the ramp, from 15 February to 15 March at 2.50: 15 days and 14 days of 1,200 USD."""
    renewed = ENDING.renewed
    assert renewed is not None
    assert (renewed.name, renewed.start, renewed.end) == ("core/renewed", date(2028, 2, 15), date(2028, 3, 15))
    assert (renewed.sign_by, renewed.accelerators, renewed.price, renewed.renews) == (date(2028, 2, 1), 20.0, 2.5, "core")
    setup = contract_only(ENDING, renewed).with_decisions(lots=np.array([2, 1]))
    paid = {entry.period: entry.cash_usd for entry in setup.verify().ledger if entry.name == "core/renewed" and entry.line == "commitment"}
    assert paid == pytest.approx({"2028-02": 15 * 1200.0, "2028-03": 14 * 1200.0}, abs=CENT_USD)
    assert setup.verify().broken == ()


def test_no_more_is_renewed_than_is_held() -> None:
    assert ENDING.renewed is not None
    exits = np.array([[0, 1, 0], [0, 0, 0]])
    setup = contract_only(ENDING, ENDING.renewed).with_decisions(lots=np.array([2, 2]), exits=exits)
    assert setup.verify().broken == ("contract core/renewed: 2 lots are renewed, of 1 that core still holds when it ends",)


def test_a_renewal_without_a_price_stays_at_the_last_one() -> None:
    renewed = replace(ENDING, renewal=Renewal(months=12)).renewed
    assert renewed is not None
    assert (renewed.price, renewed.end, renewed.sign_by) == (3.0, date(2029, 2, 15), None)
