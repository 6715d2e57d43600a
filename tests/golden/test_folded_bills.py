"""Bills of clauses that fold into prices and payments, by hand. 2028 is a leap year; nothing is discounted unless a test says so.

`core` holds 10 accelerators at 2 USD an hour: 480 USD a day, 14,880 in January and March, 13,920 in February 2028.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from optimizer.domain.calendar import Calendar
from optimizer.domain.contract import CreditStep, Delivery, FeeStep, Interval, Proration, RampStep
from optimizer.domain.demand import Scenario
from optimizer.domain.supply import ExchangeRate, IndexValue, OtherSpend
from tests.golden.test_contract_bills import ALL_DAY, drawing, lines, near
from tests.planning.cases import Setup, contract, contract_only, months
from tests.tolerances import CENT_USD

JANUARY, FEBRUARY, MARCH = 14880.0, 13920.0, 14880.0
GOOD_AND_BAD = (
    Scenario(name="good", probability=0.75, demand_quantile=0.5),
    Scenario(name="bad", probability=0.25, demand_quantile=0.5, world="bad"),
)


def total(setup: Setup, line: str) -> float:
    return sum(lines(setup, line).values())


def test_an_escalator_raises_the_price_on_each_anniversary() -> None:
    """From 15 February 2027 at 5 % a year: 2.00 until 14 February 2028, then 2.10.

    February: 14 days x 480 = 6,720 and 15 days x 504 = 7,560. January is 14,880, March 31 x 504 = 15,624.
    """
    setup = contract_only(contract(start=date(2027, 2, 15), end=date(2029, 2, 15), annual_escalator=0.05, terminal_use=1.0))
    assert lines(setup, "commitment") == near({"2028-01": 14880.0, "2028-02": 6720.0 + 7560.0, "2028-03": 15624.0})


def test_an_index_within_its_collar_and_beyond_it() -> None:
    """Base 100. January 110: 1.1 x 14,880 = 16,368. February 130, capped at 1.2: 16,704. March 70, floored at 0.9: 13,392."""
    values = {"2028-01": 110.0, "2028-02": 130.0, "2028-03": 70.0}
    setup = contract_only(
        contract(price_index="power", index_base=100.0, index_floor=0.9, index_cap=1.2),
        index_values=tuple(IndexValue(index="power", period=period, scenario=None, value=value) for period, value in values.items()),
    )
    assert lines(setup, "commitment") == near({"2028-01": 16368.0, "2028-02": 16704.0, "2028-03": 13392.0})


def test_index_and_exchange_rate_by_scenario() -> None:
    """EUR at 1.10 and 1.00, an index at par and at 1.5 times: in the good scenario 14,880 x 1.1, in the bad one 14,880 x 1.5 x 1.0.

    January: 0.75 x 16,368 + 0.25 x 22,320 = 17,856 USD expected; in euro 0.75 x 14,880 + 0.25 x 22,320 = 16,740.
    """
    setup = contract_only(
        contract(currency="EUR", price_index="power", index_base=1.0),
        scenarios=GOOD_AND_BAD,
        exchange_rates=(
            ExchangeRate(currency="EUR", period=None, usd_per_unit=1.1),
            ExchangeRate(currency="EUR", period=None, scenario="bad", usd_per_unit=1.0),
        ),
        index_values=(
            IndexValue(index="power", period=None, scenario=None, value=1.0),
            IndexValue(index="power", period=None, scenario="bad", value=1.5),
        ),
    )
    assert lines(setup, "commitment")["2028-01"] == pytest.approx(17856.0, abs=CENT_USD)
    assert lines(setup, "commitment", column="cash_in_currency")["2028-01"] == pytest.approx(16740.0, abs=CENT_USD)
    good, bad = setup.verify().scenario_cost_usd
    assert good == pytest.approx(1.1 * (JANUARY + FEBRUARY + MARCH), abs=CENT_USD)
    assert bad == pytest.approx(1.5 * (JANUARY + FEBRUARY + MARCH), abs=CENT_USD)


def test_what_comes_late_is_not_paid_for_and_the_term_stays() -> None:
    """Starts on 11 January; 30 days late in the bad scenario, so there from 10 February.

    As agreed: 21 days x 480 = 10,080 in January. Late: nothing in January, 20 days x 480 = 9,600 in February, March in full; the term ends
    as agreed. Of the fee of 290 a month January owes 21/31 as agreed and nothing late; February 290, or 290 x 20/29 = 200.
    """
    late = contract(
        start=date(2028, 1, 11),
        fixed_monthly_fee=290.0,
        deliveries=(Delivery(scenario="bad", delay_days=30, supplier_exit=None),),
    )
    setup = contract_only(late, scenarios=GOOD_AND_BAD)
    assert lines(setup, "commitment") == near({"2028-01": 0.75 * 10080, "2028-02": 0.75 * FEBRUARY + 0.25 * 9600, "2028-03": MARCH})
    fees = {"2028-01": 0.75 * 290 * 21 / 31, "2028-02": 0.75 * 290 + 0.25 * 200, "2028-03": 290.0}
    assert lines(setup, "fixed fee") == near(fees)


def test_what_is_there_on_the_date_of_the_case_cannot_come_late() -> None:
    """In force since 2027 with 10 accelerators; the step to 20 on 1 March comes 10 days late: 10 x 480 + 21 x 960 = 24,960."""
    ramped = contract(
        start=date(2027, 6, 1),
        ramp=(RampStep(start=date(2028, 3, 1), accelerators=20.0, price=None),),
        deliveries=(Delivery(scenario="bad", delay_days=10, supplier_exit=None),),
    )
    setup = contract_only(ramped, scenarios=GOOD_AND_BAD)
    expected = {"2028-01": JANUARY, "2028-02": FEBRUARY, "2028-03": 0.75 * 2 * MARCH + 0.25 * 24960}
    assert lines(setup, "commitment") == near(expected)


def test_a_supplier_that_leaves_owes_and_is_owed_nothing_more() -> None:
    """Leaves on 16 February in the bad scenario: 15 days x 480 = 7,200 of February, 15/29 of the minimum of 29,000, and nothing of March.

    Nothing is drawn: short of the minimum by 29,000 - 13,920 = 15,080 in February as agreed, else by 15,000 - 7,200 = 7,800.
    """
    gone = contract(minimum_spend=29000.0, deliveries=(Delivery(scenario="bad", delay_days=0, supplier_exit=date(2028, 2, 16)),))
    setup = contract_only(gone, scenarios=GOOD_AND_BAD)
    assert lines(setup, "commitment")["2028-02"] == pytest.approx(0.75 * FEBRUARY + 0.25 * 7200, abs=CENT_USD)
    assert lines(setup, "commitment")["2028-03"] == pytest.approx(0.75 * MARCH, abs=CENT_USD)
    assert lines(setup, "minimum shortfall")["2028-02"] == pytest.approx(0.75 * 15080 + 0.25 * 7800, abs=CENT_USD)
    assert lines(setup, "minimum shortfall")["2028-03"] == pytest.approx(0.75 * (29000 - MARCH), abs=CENT_USD)
    drawn = np.full((1, 3, 1, 2), 10.0)
    assert setup.with_plan(contract_draw=drawn).verify().broken == (
        "contract core: drawn beyond its capacity by 10 accelerators in 2028-03, block all, scenario bad (and in 1 more places)",
    )


def test_service_credits_at_the_availability_of_the_site() -> None:
    """The site is there 99 % of the time: below 99.9 % 10 % are credited, below 95 % 25 % would be. 0.9 x 14,880 = 13,392; 0.9 x 100."""
    steps = (CreditStep(availability_below=0.999, share=0.10), CreditStep(availability_below=0.95, share=0.25))
    sites = tuple(replace(site, availability=0.99) for site in contract_only(contract()).case.sites)
    setup = contract_only(contract(credits=steps, fixed_monthly_fee=100.0), sites=sites)
    assert lines(setup, "commitment")["2028-01"] == pytest.approx(13392.0, abs=CENT_USD)
    assert lines(setup, "fixed fee")["2028-01"] == pytest.approx(90.0, abs=CENT_USD)
    capped = contract_only(contract(credits=steps, credit_cap=0.04), sites=sites)
    assert lines(capped, "commitment")["2028-01"] == pytest.approx(0.96 * JANUARY, abs=CENT_USD)


def test_a_prepayment_is_drawn_down_by_what_falls_due() -> None:
    """Half of 14,880 + 13,920 + 14,880 = 43,680 is paid at the start: 21,840.

    It pays January's 14,880 and 6,960 of February; 6,960 of February and March are then paid in cash.
    """
    setup = contract_only(contract(upfront_share=0.5))
    assert lines(setup, "commitment") == near({"2028-01": JANUARY, "2028-02": FEBRUARY, "2028-03": MARCH})
    assert lines(setup, "prepayment") == near({"2028-01": 21840.0 - 14880.0, "2028-02": -6960.0})
    assert lines(setup, "prepayment", column="accrued_usd") == near({"2028-01": 0.0, "2028-02": 0.0})
    assert setup.verify().objective_usd == pytest.approx(43680.0, abs=CENT_USD)


def test_a_prepayment_is_dearer_the_earlier_it_is_paid() -> None:
    """At 10 % a year: 28,800 at January's middle in place of 14,880 there and 13,920 a month later; 46 days are 30."""
    whole, plain = (contract_only(contract(upfront_share=share)) for share in (1.0, None))
    worth = [1.1 ** (-days / 365.25) for days in (15.5, 45.5, 75.5)]
    assert plain.verify(annual_discount_rate=0.1).objective_usd == pytest.approx(
        JANUARY * worth[0] + FEBRUARY * worth[1] + MARCH * worth[2], abs=CENT_USD
    )
    assert whole.verify(annual_discount_rate=0.1).objective_usd == pytest.approx((JANUARY + FEBRUARY + MARCH) * worth[0], abs=CENT_USD)


def test_what_is_prepaid_is_forfeited_on_leaving() -> None:
    """All of 43,680 is paid in January; left on 1 March, March's 14,880 are neither due nor given back: 43,680 + fee 500."""
    fees = (FeeStep(start=date(2028, 2, 1), fee=500.0),)
    setup = contract_only(contract(upfront_share=1.0, notice_days=0.0, fee_steps=fees))
    left = setup.with_decisions(exits=np.array([[0, 0, 1]]))
    assert left.verify().broken == ()
    assert lines(left, "prepayment") == near({"2028-01": 43680 - JANUARY, "2028-02": -FEBRUARY})
    assert left.verify().objective_usd == pytest.approx(43680.0 + 500.0, abs=CENT_USD)


def test_a_balance_from_before_the_calendar() -> None:
    """20,000 of two lots are left: 10,000 each pay two thirds of January's 14,880 each; beyond, the next month owes in full."""
    setup = contract_only(contract(start=date(2027, 6, 1), lots=2, prepaid_balance=20000.0))
    assert lines(setup, "prepayment") == near({"2028-01": -20000.0})
    assert setup.verify().objective_usd == pytest.approx(2 * (JANUARY + FEBRUARY + MARCH) - 20000, abs=CENT_USD)


def test_a_balance_that_the_upfront_share_has_left() -> None:
    """From 1 December 2027 to 1 April 2028: 122 days x 480 = 58,560. A half, 29,280, less December's 14,880 leaves 14,400 for January."""
    setup = contract_only(contract(start=date(2027, 12, 1), upfront_share=0.5))
    assert lines(setup, "prepayment") == near({"2028-01": -14400.0})


def test_what_is_not_delivered_is_paid_back_of_the_prepayment() -> None:
    """The supplier leaves on 1 March, all 43,680 prepaid: 28,800 used, the other 14,880 are paid back in February, its last period."""
    gone = contract(upfront_share=1.0, deliveries=(Delivery(scenario="bad", delay_days=0, supplier_exit=date(2028, 3, 1)),))
    setup = contract_only(gone, scenarios=GOOD_AND_BAD)
    good, bad = setup.verify().scenario_cost_usd
    assert good == pytest.approx(43680.0, abs=CENT_USD)
    assert bad == pytest.approx(28800.0, abs=CENT_USD)


def test_a_clawback_of_discounts_adds_to_the_fee() -> None:
    """20 % off 2.50 is 2.00. Until 1 March 28,800 were paid, 7,200 less than at list; half of it, 3,600, goes back with the fee of 500."""
    leavable = contract(discount=0.2, clawback_share=0.5, notice_days=0.0, fee_steps=(FeeStep(start=date(2028, 2, 1), fee=500.0),))
    left = contract_only(leavable).with_decisions(exits=np.array([[0, 0, 1]]))
    assert lines(left, "exit fee") == near({"2028-03": 4100.0})
    assert left.verify().objective_usd == pytest.approx(28800 + 4100, abs=CENT_USD)


def test_a_minimum_measured_at_list_counts_more_than_is_billed() -> None:
    """20 % off: 6,000 USD billed in January count 7,500. Of a minimum of 10,000 2,500 are missing; measured net, 4,000."""
    row = contract(take_or_pay_share=None, minimum_spend=10000.0, discount=0.2)
    drawn = [3000 / 744, 3000 / 696, 3000 / 744]
    net, at_list = (drawing(contract_only(replace(row, minimum_at_list=flag)), drawn) for flag in (False, True))
    assert lines(net, "minimum shortfall")["2028-01"] == pytest.approx(4000.0, abs=CENT_USD)
    assert lines(at_list, "minimum shortfall")["2028-01"] == pytest.approx(2500.0, abs=CENT_USD)


def test_other_spend_covers_no_more_than_its_cap() -> None:
    """Of a minimum of 10,000 other spend of 9,000 may cover 30 %: 3,000. 2,000 are drawn, so 5,000 are missing."""
    row = contract(take_or_pay_share=None, minimum_spend=10000.0, other_spend_cap=0.3)
    spend = (OtherSpend(supplier="north", period="2028-01", spend=9000.0, contract="core", eligible_share=1.0),)
    setup = drawing(contract_only(row, other_spend=spend), [1000 / 744, 10.0, 10.0])
    assert lines(setup, "minimum shortfall")["2028-01"] == pytest.approx(5000.0, abs=CENT_USD)


@pytest.mark.parametrize(("spent", "missing"), [(None, 6000.0), (12000.0, 3000.0), (3000.0, 12000.0), (40000.0, 0.0)])
def test_spend_so_far_burns_the_minimum_in_progress_down(spent: float | None, missing: float) -> None:
    """A year from 1 October 2027 with a minimum of 36,000, 3,000 a month: 9,000 up to the calendar, 9,000 in its three months.

    3,000 are drawn: on schedule 6,000 are missing. With 12,000 spent by then it is 3,000 ahead, with 3,000 it is 6,000 behind.
    """
    row = contract(
        start=date(2027, 10, 1), end=date(2028, 10, 1), interval=Interval.YEAR, take_or_pay_share=None, minimum_spend=36000.0,
        spent_so_far=spent, terminal_use=1.0,
    )  # fmt: skip
    setup = drawing(contract_only(row), [1500 / 744, 0.0, 0.0])
    assert total(setup, "minimum shortfall") == pytest.approx(missing, abs=CENT_USD)


@pytest.mark.parametrize(("proration", "first"), [(Proration.DAYS, 3100 * 17 / 31), (Proration.FULL, 3100.0), (Proration.NONE, 0.0)])
def test_proration_of_an_interval_cut_by_the_start(proration: Proration, first: float) -> None:
    """From 15 January with intervals from the first of the month: the first one has 17 of 31 days. February owes 3,100 in any case."""
    row = contract(start=date(2028, 1, 15), anniversary=date(2028, 1, 1), take_or_pay_share=None, minimum_spend=3100.0, proration=proration)
    setup = contract_only(row)
    found = lines(setup, "minimum shortfall")
    assert [found.get(period, 0.0) for period in ("2028-01", "2028-02", "2028-03")] == pytest.approx([first, 3100.0, 3100.0], abs=CENT_USD)


def test_an_anniversary_moves_the_intervals() -> None:
    """Quarters from 1 February though the contract starts on 1 December: December and January are one, February to April another.

    500 a month. Drawn: 1,000 in January, nothing after. The first interval owes its January part of 500: met. The second 1,000: missing.
    """
    row = contract(
        start=date(2027, 12, 1), end=date(2028, 12, 1), interval=Interval.QUARTER, anniversary=date(2028, 2, 1),
        take_or_pay_share=None, minimum_spend=1500.0, terminal_use=1.0,
    )  # fmt: skip
    setup = drawing(contract_only(row), [500 / 744, 0.0, 0.0])
    assert total(setup, "minimum shortfall") == pytest.approx(1000.0, abs=CENT_USD)


def test_a_minimum_by_the_day() -> None:
    """100 USD a day: 3,100 in January; 1,100 hours at 2 USD are 2,200, so 900 are missing."""
    row = contract(interval=Interval.DAY, take_or_pay_share=None, minimum_spend=100.0)
    setup = drawing(contract_only(row), [1100 / 744, 10.0, 10.0])
    assert lines(setup, "minimum shortfall")["2028-01"] == pytest.approx(900.0, abs=CENT_USD)


def test_a_billion_a_month_with_every_clause_is_exact() -> None:
    """1.25e9 a month to the cent: 100,000 accelerators at 12,500, up 4 % after a year, a tenth prepaid of two years."""
    big = contract(
        start=date(2028, 1, 1), end=date(2030, 1, 1), accelerators=1e5, price=12500.0, annual_escalator=0.04, upfront_share=0.1,
        unit=contract().unit.ACCELERATOR_MONTH,
    )  # fmt: skip
    setup = contract_only(big, calendar=Calendar(periods=months(date(2028, 1, 1), 24), blocks=ALL_DAY))
    paid = lines(setup, "commitment")
    assert paid["2028-12"] == pytest.approx(1.25e9, abs=CENT_USD)
    assert paid["2029-01"] == pytest.approx(1.3e9, abs=CENT_USD)
    advance = 0.1 * 24 * 1.25e9  # 3.0e9: pays January and February and 0.5e9 of March
    assert lines(setup, "prepayment") == near({"2028-01": advance - 1.25e9, "2028-02": -1.25e9, "2028-03": -0.5e9})
    assert setup.verify().objective_usd == pytest.approx(12 * 1.25e9 + 12 * 1.3e9, abs=CENT_USD)
