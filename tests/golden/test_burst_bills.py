"""Bills of burst and of a true-up, worked out by hand."""

from __future__ import annotations

import pytest

from optimizer.domain.contract import Interval, Tier
from optimizer.domain.supply import ExchangeRate
from tests.golden.test_contract_bills import drawing, lines, near
from tests.planning.cases import contract, contract_only
from tests.tolerances import CENT_USD

BURST = contract(burst_share=0.5, burst_price=5.0)


def test_burst_is_paid_beside_the_commitment() -> None:
    """10 accelerators at 2.00 are paid anyway: 14,880 in January. 12 are drawn: 2 x 744 h x 5.00 = 7,440 more, in the same month."""
    setup = drawing(contract_only(BURST), [12.0, 10.0, 8.0])
    assert lines(setup, "commitment")["2028-01"] == pytest.approx(14880.0, abs=CENT_USD)
    assert lines(setup, "burst") == near({"2028-01": 7440.0})
    assert sum(lines(setup, "excess").values()) == pytest.approx(0.0, abs=CENT_USD)
    assert setup.verify().broken == ()


def test_no_more_than_the_burst_share() -> None:
    """15 accelerators, and no more: 5 x 744 h x 5.00 = 18,600 beside the commitment of 14,880."""
    most = drawing(contract_only(BURST), [15.0, 0.0, 0.0])
    assert lines(most, "burst") == near({"2028-01": 18600.0})
    assert sum(entry.cash_usd for entry in most.verify().ledger if entry.period == "2028-01") == pytest.approx(33480.0, abs=CENT_USD)
    assert most.verify().broken == ()
    assert drawing(contract_only(BURST), [15.1, 0.0, 0.0]).verify().broken == (
        "contract core: drawn beyond its capacity by 0.1 accelerators in 2028-01, block all, scenario base",
    )


def test_burst_counts_towards_neither_tiers_nor_a_minimum() -> None:
    """10 accelerators draw 7,440 hours at 2.00, a tier of 7,500 is not reached by the 744 hours of burst at the contract's own price.

    The minimum of 16,000 asks for 16,000 - 14,880 = 1,120 more.
    """
    tiers = (Tier(from_quantity=7500.0, price=1.0, kind="all_units"),)
    setup = contract_only(contract(take_or_pay_share=None, burst_share=0.1, minimum_spend=16000.0, tiers=tiers))
    drawn = drawing(setup, [11.0, 0.0, 0.0])
    assert lines(drawn, "burst") == near({"2028-01": 1488.0})
    assert lines(drawn, "excess") == near({"2028-01": 14880.0})
    assert lines(drawn, "tiers") == {}
    assert lines(drawn, "minimum shortfall")["2028-01"] == pytest.approx(1120.0, abs=CENT_USD)


def test_a_true_up_over_a_quarter_in_euro() -> None:
    """Half of 10 accelerators is committed at 2.00 EUR, what goes beyond half of the quarter's hours costs 3.00 EUR. EUR is 1.10 USD.

    2,184 hours: 10,920 committed. 6, 9 and 2 accelerators are drawn: 4,464 + 6,264 + 1,488 = 12,216 hours, 1,296 beyond: 3,888 EUR.
    """
    setup = contract_only(
        contract(take_or_pay_share=0.5, true_up_price=3.0, currency="EUR", interval=Interval.QUARTER),
        exchange_rates=(ExchangeRate(currency="EUR", period=None, usd_per_unit=1.1),),
    )
    drawn = drawing(setup, [6.0, 9.0, 2.0])
    assert sum(lines(drawn, "commitment").values()) == pytest.approx(10920 * 2.2, abs=CENT_USD)
    assert lines(drawn, "excess")["2028-03"] == pytest.approx(3888 * 1.1, abs=CENT_USD)
    assert sum(lines(drawn, "excess").values()) == pytest.approx(3888 * 1.1, abs=CENT_USD)
    assert sum(lines(drawing(setup, [5.0, 5.0, 5.0]), "excess").values()) == pytest.approx(0.0, abs=CENT_USD)
