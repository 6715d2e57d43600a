"""Bills of contracts with several clauses at once, worked out by hand from docs/contracts, and at 1e11 USD; 10 accelerators, by hour.

January has 744 hours, February 696, March 744. `scale` multiplies every price, fee and minimum, and with them the bill.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from optimizer.domain.contract import CreditStep, FeeStep, Interval, RampStep, Tier
from optimizer.domain.supply import ExchangeRate, OtherSpend
from optimizer.planning.assemble import build_problem
from optimizer.solve.cost import objective_usd
from tests.planning.cases import Setup, contract, contract_only
from tests.tolerances import CENT_USD

MONTHS = ("2028-01", "2028-02", "2028-03")


def rates(*usd_per_eur: float) -> tuple[ExchangeRate, ...]:
    return tuple(ExchangeRate(currency="EUR", period=month, usd_per_unit=rate) for month, rate in zip(MONTHS, usd_per_eur, strict=True))


def drawing(setup: Setup, *accelerators: float) -> Setup:
    """The first contract's draw, month by month; others draw nothing."""
    draw = np.zeros_like(setup.plan.contract_draw)
    draw[0, :, 0, 0] = accelerators
    return setup.with_plan(contract_draw=draw)


def burst_and_true_up_in_euro(scale: float) -> Setup:
    """Half is committed at 2.00 EUR, true-up at 3.00 by quarter, burst of a half at 5.00; 1.10, 1.20 and 1.00 USD a EUR.

    Commitment: 5 x 2.00 x (744 x 1.10 + 696 x 1.20 + 744 x 1.00) = 8,184 + 8,352 + 7,440 = 23,976 USD.
    January draws 12: 2 x 744 x 5.00 x 1.10 = 8,184 of burst. Without it 10, 4 and 8 are drawn, 5 more, 1 less and 3 more than committed:
    3.00 x (5 x 744 x 1.10 - 696 x 1.20 + 3 x 744) = 3.00 x (4,092 - 835.20 + 2,232) = 16,466.40, settled in March.
    """
    row = contract(
        currency="EUR",
        price=2.0 * scale,
        take_or_pay_share=0.5,
        true_up_price=3.0 * scale,
        burst_share=0.5,
        burst_price=5.0 * scale,
        interval=Interval.QUARTER,
    )
    return drawing(contract_only(row, exchange_rates=rates(1.1, 1.2, 1.0)), 12.0, 4.0, 8.0)


def prepaid_discounted_and_left(scale: float) -> Setup:
    """Everything is paid, half of it in January, at 20 % off 2.50; left on 1 March for 500 and half of the discount.

    43,680 are committed; 21,840 paid in advance pay January's 14,880 and 6,960 of February's 13,920. Cash: 21,840 and 6,960.
    By March 28,800 were paid for what is 36,000 at list: half of 7,200 and 500 are 4,100.
    """
    row = contract(
        price=2.0 * scale,
        upfront_share=0.5,
        discount=0.2,
        clawback_share=0.5,
        notice_days=30.0,
        fee_steps=(FeeStep(start=date(2028, 3, 1), fee=500.0 * scale),),
    )
    return contract_only(row).with_decisions(exits=np.array([[0, 0, 1]]))


def tiers_and_service_credits(scale: float) -> Setup:
    """Three quarters are committed; 1.80 in place of 2.00 for all units from 5,000 a month; at 99 % the supplier credits 10 % of the bill.

    A unit is 1.80 net of the credit. January draws nothing: 5,580 committed hours are 10,044, less a tenth: 9,039.60.
    February draws 6,000: 5,220 committed 9,396, 780 more 1,404, less a tenth: 9,720. March draws all of 7,440: 13,392, less a tenth:
    12,052.80.
    """
    row = contract(
        price=2.0 * scale,
        take_or_pay_share=0.75,
        tiers=(Tier(from_quantity=5000.0, price=1.8 * scale, kind="all_units"),),
        credits=(CreditStep(availability_below=0.999, share=0.1),),
    )
    sites = tuple(replace(site, availability=0.99) for site in contract_only(contract()).case.sites)
    return drawing(contract_only(row, sites=sites), 0.0, 6000 / 696, 10.0)


def minimum_at_list_with_other_spend(scale: float) -> Setup:
    """60,000 a quarter at list prices, 20 % above what is paid; a fee of 300 a month; other spend covers 30 % of the minimum at most.

    Half is committed: 7,440 + 6,960 + 7,440 = 21,840. Drawn are 5,952, 1,392 and 3,720 hours: 22,128 USD, 288 more.
    22,128 / 0.8 = 27,660 count, 900 of fees, and 18,000 of 20,000 spent elsewhere: 13,440 are short.
    """
    row = contract(
        price=2.0 * scale,
        take_or_pay_share=0.5,
        minimum_spend=60_000.0 * scale,
        minimum_at_list=True,
        discount=0.2,
        fixed_monthly_fee=300.0 * scale,
        other_spend_cap=0.3,
        interval=Interval.QUARTER,
    )
    spend = (OtherSpend(supplier="north", period="2028-02", spend=20_000.0 * scale, contract="core", eligible_share=1.0),)
    return drawing(contract_only(row, other_spend=spend), 8.0, 2.0, 5.0)


def most_favoured_price_with_a_ramp(scale: float) -> Setup:
    """2.00, from February on 20 accelerators at 1.60, half committed; the other contract is at 1.20 EUR: 1.80, 1.50 and 1.68 USD.

    January bills 4,464 hours, 8,928, less 0.20 on each, 892.80. February draws nothing: 6,960 hours at 1.60 are 11,136, less 0.10 on each,
    696. March draws all of 14,880 hours, 23,808; the other contract is dearer then.
    """
    core = contract(
        price=2.0 * scale,
        take_or_pay_share=0.5,
        comparables=("other",),
        ramp=(RampStep(start=date(2028, 2, 1), accelerators=20.0, price=1.6 * scale),),
    )
    other = contract("other", currency="EUR", price=1.2 * scale, take_or_pay_share=0.0, accelerators=1.0)
    return drawing(contract_only(core, other, exchange_rates=rates(1.5, 1.25, 1.4)), 6.0, 0.0, 20.0)


Amounts = dict[str, float]
BILLS: dict[Callable[[float], Setup], Amounts] = {
    burst_and_true_up_in_euro: {"commitment": 23_976.0, "burst": 8_184.0, "excess": 16_466.4},
    prepaid_discounted_and_left: {"commitment": 28_800.0, "prepayment": 0.0, "exit fee": 4_100.0},
    tiers_and_service_credits: {"commitment": 29_484.0, "excess": 4_752.0, "tiers": -3_423.6},
    minimum_at_list_with_other_spend: {"commitment": 21_840.0, "excess": 288.0, "fixed fee": 900.0, "minimum shortfall": 13_440.0},
    most_favoured_price_with_a_ramp: {"commitment": 30_480.0, "excess": 13_392.0, "most favoured price": -1_588.8},
}


def paid(setup: Setup) -> Amounts:
    """Cash by line of the ledger, other spend and lines without any left out."""
    found: dict[str, Any] = {}
    for entry in setup.verify().ledger:
        if entry.name == "core":
            found[entry.line] = found.get(entry.line, 0.0) + entry.cash_usd
    return {line: usd for line, usd in found.items() if abs(usd) > CENT_USD}


@pytest.mark.parametrize("scale", [1.0, 4e6])
@pytest.mark.parametrize("made", BILLS, ids=lambda made: made.__name__)
def test_a_bill_by_hand(made: Callable[[float], Setup], scale: float) -> None:
    setup, lines = made(scale), BILLS[made]
    assert paid(setup) == pytest.approx({line: usd * scale for line, usd in lines.items() if usd}, abs=CENT_USD, rel=0.0)
    verification = setup.verify()
    assert verification.broken == ()
    elsewhere = sum(entry.discounted_usd for entry in verification.ledger if entry.name != "core")
    total = sum(lines.values()) * scale + elsewhere
    assert verification.objective_usd == pytest.approx(total, abs=CENT_USD, rel=0.0)
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=0.0)
    assert objective_usd(problem, setup.plan) == pytest.approx(total, abs=CENT_USD, rel=0.0)
