"""Contract bills worked out by hand. 2028 is a leap year; nothing is discounted unless a test says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from optimizer.domain.calendar import Block, Calendar, Period
from optimizer.domain.contract import FeeStep, Interval, RampStep, Unit
from optimizer.domain.supply import ExchangeRate, OtherSpend
from tests.planning.cases import Setup, contract, contract_only, months
from tests.tolerances import CENT_USD

ALL_DAY = (Block(name="all", start_hour=0, end_hour=24),)


def calendar(start: date, count: int) -> Calendar:
    return Calendar(periods=months(start, count), blocks=ALL_DAY)


def lines(setup: Setup, line: str, *, column: str = "cash_usd") -> dict[str, float]:
    """Period: amount of one line."""
    return {entry.period: getattr(entry, column) for entry in setup.verify().ledger if entry.line == line}


def drawing(setup: Setup, accelerators: list[float]) -> Setup:
    return setup.with_plan(contract_draw=np.array(accelerators).reshape(1, -1, 1, 1))


def near(amounts: dict[str, float]) -> object:
    return pytest.approx(amounts, abs=CENT_USD, rel=0.0)


RAMPED = contract(
    start=date(2028, 2, 15),
    end=date(2028, 5, 1),
    take_or_pay_share=0.5,
    ramp=(RampStep(start=date(2028, 3, 15), accelerators=20.0, price=1.5),),
)


def test_take_or_pay_with_a_ramp_and_a_start_within_a_month() -> None:
    """Half of everything is paid.

    February: 15 days in force (15 to 29) x 24 h x 10 accelerators = 3,600 accelerator-hours at 2.00 = 7,200; half is 3,600.
    March: 14 days x 24 x 10 = 3,360 h at 2.00 = 6,720, and 17 days x 24 x 20 = 8,160 h at 1.50 = 12,240; half of 18,960 is 9,480.
    April: 30 x 24 x 20 = 14,400 h at 1.50 = 21,600; half is 10,800.
    Months count from the 15th: February and the March that begins in the first such month are one interval, April is another.
    February full (7,200) and March idle: 7,200 is less than 3,600 + 9,480. April full: 21,600 - 10,800 = 10,800 more.
    """
    setup = contract_only(RAMPED, calendar=calendar(date(2028, 2, 1), 3))
    drawn = drawing(setup, [3600 / 696, 0.0, 20.0])
    assert lines(drawn, "commitment") == near({"2028-02": 3600.0, "2028-03": 9480.0, "2028-04": 10800.0})
    assert lines(drawn, "excess") == near({"2028-04": 10800.0})
    assert drawn.verify().broken == ()


def test_what_february_draws_beyond_its_half_is_absorbed_by_march() -> None:
    """February full (7,200) and 5,520 hours in March at its mean price of 18,960 / 11,520 = 1.6458: 7,200 + 9,085 = 16,285.

    Less 13,080 committed leaves 3,205.00, settled in March and accrued by days in force: 15 of 46 in February.
    """
    setup = drawing(contract_only(RAMPED, calendar=calendar(date(2028, 2, 1), 3)), [3600 / 696, 5520 / 744, 0.0])
    assert lines(setup, "excess") == near({"2028-02": 0.0, "2028-03": 3205.0})
    assert lines(setup, "excess", column="accrued_usd") == near({"2028-02": 3205 * 15 / 46, "2028-03": 3205 * 31 / 46})


def test_full_capacity_can_be_drawn_and_no_more() -> None:
    """Mean capacity: 3,600 / 696 in February, 11,520 / 744 in March, 20 in April."""
    setup = contract_only(RAMPED, calendar=calendar(date(2028, 2, 1), 3))
    full = [3600 / 696, 11520 / 744, 20.0]
    assert drawing(setup, full).verify().broken == ()
    for t in range(3):
        more = [amount + 0.001 * (i == t) for i, amount in enumerate(full)]
        assert drawing(setup, more).verify().broken == (
            f"contract core: drawn beyond its capacity by 0.001 accelerators in 2028-0{t + 2}, block all, scenario base",
        )


def test_minimum_spend_in_euro_with_fee_and_other_spend() -> None:
    """10,000 EUR a quarter, at 1.10, 1.20 and 1.00 USD: a third each month is 3,666.67 + 4,000 + 3,333.33 = 11,000 USD.

    Counted: 1,000 hours in January at 1 EUR (1,100 USD), a fee of 300 EUR a month (330 + 360 + 300 = 990),
    and half of 1,000 USD of other spend (500). Short: 11,000 - 1,100 - 990 - 500 = 8,410 USD, settled in March.
    """
    setup = contract_only(
        contract(price=1.0, currency="EUR", interval=Interval.QUARTER, take_or_pay_share=None, minimum_spend=1e4, fixed_monthly_fee=300.0),
        exchange_rates=(
            ExchangeRate(currency="EUR", period=None, usd_per_unit=1.1),
            ExchangeRate(currency="EUR", period="2028-02", usd_per_unit=1.2),
            ExchangeRate(currency="EUR", period="2028-03", usd_per_unit=1.0),
        ),
        other_spend=(OtherSpend(supplier="north", period="2028-02", spend=1000.0, contract="core", eligible_share=0.5),),
    )
    drawn = drawing(setup, [1000 / 744, 0.0, 0.0])
    assert lines(drawn, "fixed fee") == near({"2028-01": 330.0, "2028-02": 360.0, "2028-03": 300.0})
    assert lines(drawn, "fixed fee", column="cash_in_currency") == near(dict.fromkeys(("2028-01", "2028-02", "2028-03"), 300.0))
    assert lines(drawn, "excess") == near({"2028-01": 0.0, "2028-02": 0.0, "2028-03": 1100.0})
    assert lines(drawn, "minimum shortfall") == near({"2028-01": 0.0, "2028-02": 0.0, "2028-03": 8410.0})
    assert lines(drawn, "other spend") == near({"2028-02": 1000.0})
    assert drawn.verify().objective_usd == pytest.approx(990 + 1100 + 8410 + 1000, abs=CENT_USD)


def test_a_billion_a_month_is_exact_in_months_of_any_length() -> None:
    """100,000 accelerators at 12,500 USD a month: 1.25e9 USD in each of twelve months; drawn in full it costs no more."""
    big = contract(start=date(2028, 1, 1), end=date(2031, 1, 1), accelerators=1e5, unit=Unit.ACCELERATOR_MONTH, price=12500.0)
    setup = drawing(contract_only(big, calendar=calendar(date(2028, 1, 1), 12)), [1e5] * 12)
    paid = lines(setup, "commitment")
    assert list(paid) == [period.name for period in setup.case.calendar.periods]
    assert set(paid.values()) == {1.25e9}
    assert sum(lines(setup, "excess").values()) == pytest.approx(0.0, abs=CENT_USD)
    assert setup.verify().obligations[0].cash_usd == pytest.approx(24 * 1.25e9, abs=CENT_USD)


def test_accelerator_months_of_parts_of_months() -> None:
    """15 February to 10 April at 290 USD: 15/29 of 2,900 = 1,500; 2,900; 9/30 of 2,900 = 870."""
    setup = contract_only(
        contract(start=date(2028, 2, 15), end=date(2028, 4, 10), unit=Unit.ACCELERATOR_MONTH, price=290.0),
        calendar=calendar(date(2028, 2, 1), 3),
    )
    assert lines(setup, "commitment") == near({"2028-02": 1500.0, "2028-03": 2900.0, "2028-04": 870.0})


def test_one_period_over_months_of_different_lengths() -> None:
    """A period from 15 January to 15 March holds 17/31 + 1 + 14/31 = 2 months of accelerator-months."""
    quarter = Calendar(periods=(Period(name="q", start=date(2028, 1, 15), end=date(2028, 3, 15)),), blocks=ALL_DAY)
    setup = contract_only(contract(unit=Unit.ACCELERATOR_MONTH, price=100.0, fixed_monthly_fee=7.0), calendar=quarter)
    assert lines(setup, "commitment") == near({"q": 2000.0})
    assert lines(setup, "fixed fee") == near({"q": 14.0})


LEAVABLE = contract(
    end=date(2028, 7, 1),
    notice_days=45.0,
    earliest_exit=date(2028, 3, 1),
    fee_steps=(FeeStep(start=date(2028, 4, 1), fee=500.0), FeeStep(start=date(2028, 5, 1), fee=100.0)),
)


@pytest.mark.parametrize(
    ("leave_in", "fee"),
    [
        ("2028-02", None),  # 31 days after the as-of date: too short a notice, and before the earliest exit
        ("2028-03", None),  # notice can be served, but no fee step has begun
        ("2028-04", 500.0),
        ("2028-05", 100.0),
        ("2028-06", 100.0),
    ],
)
def test_notice_and_fee_schedule(leave_in: str, fee: float | None) -> None:
    """10 accelerators at 2 USD: 480 USD a day until the day of leaving, then the fee of the step that has begun."""
    setup = contract_only(LEAVABLE, calendar=calendar(date(2028, 1, 1), 6))
    names = [period.name for period in setup.case.calendar.periods]
    exits = np.zeros((1, 6), dtype=np.int64)
    exits[0, names.index(leave_in)] = 1
    left = setup.with_decisions(exits=exits)
    verification = left.verify()
    if fee is None:
        day = f"{leave_in}-01"
        assert verification.broken == (f"contract core: 1 lots are left on {day}, when its termination terms do not allow it",)
        return
    days = (date.fromisoformat(f"{leave_in}-01") - date(2028, 1, 1)).days
    assert verification.broken == ()
    assert lines(left, "exit fee") == near({leave_in: fee} if fee else {})
    assert verification.objective_usd == pytest.approx(480 * days + fee, abs=CENT_USD)


def test_sunk_payments_of_a_contract_that_can_be_left() -> None:
    """Least of 182 days x 480 = 87,360; 91 x 480 + 500 = 44,180; 121 x 480 + 100 = 58,180; 152 x 480 + 100 = 73,060."""
    assert contract_only(LEAVABLE, calendar=calendar(date(2028, 1, 1), 6)).verify().sunk_usd == pytest.approx(44180.0, abs=CENT_USD)


def test_a_term_interval_cut_by_the_horizon() -> None:
    """24,000 USD over a term of 24 months: 3 months of the horizon count 3,000; 10 accelerators x 100 hours x 2 USD are 2,000."""
    whole_term = contract(end=date(2030, 1, 1), interval=Interval.TERM, take_or_pay_share=None, minimum_spend=24000.0, terminal_use=1.0)
    setup = drawing(contract_only(whole_term), [1000 / 744, 0.0, 0.0])
    assert lines(setup, "minimum shortfall")["2028-03"] == pytest.approx(1000.0, abs=CENT_USD)
    assert setup.verify().objective_usd == pytest.approx(3000.0, abs=CENT_USD)
    assert setup.verify().sunk_usd == pytest.approx(3000.0, abs=CENT_USD)  # whatever is drawn
    assert setup.verify().obligations[0].cash_usd == pytest.approx(21000.0, abs=CENT_USD)


BEYOND = contract(end=date(2028, 6, 1), unit=Unit.ACCELERATOR_MONTH, price=100.0, fixed_monthly_fee=10.0, minimum_spend=900.0)


@pytest.mark.parametrize(
    ("changes", "terminal"),
    [
        ({}, 2020.0),  # April and May: 10 x 100 + 10 each, above the minimum of 900
        ({"take_or_pay_share": 0.5}, 1800.0),  # 500 + 10 is below the minimum of 900
        ({"terminal_use": 0.25}, 1515.0),
        ({"notice_days": 0.0, "fee_steps": (FeeStep(start=date(2028, 1, 1), fee=300.0),)}, 300.0),
        ({"notice_days": 0.0, "fee_steps": (FeeStep(start=date(2028, 1, 1), fee=9999.0),)}, 2020.0),
        ({"notice_days": 0.0}, 0.0),  # leaving is free at the horizon's end
        ({"notice_days": 92.0}, 2020.0),  # the notice could not be served by then
        ({"end": date(2028, 4, 1)}, 0.0),
    ],
)
def test_terminal_value_is_the_fee_or_the_remaining_minimum(changes: dict[str, Any], terminal: float) -> None:
    """The horizon ends on 1 April 2028, 91 days after the as-of date."""
    setup = contract_only(replace(BEYOND, **changes))
    found = [entry for entry in setup.verify().ledger if entry.line == "terminal"]
    assert sum(entry.discounted_usd for entry in found) == pytest.approx(terminal, abs=CENT_USD)
    assert all(entry.cash_usd == 0.0 for entry in found)


def test_discounting_by_period_and_month_by_month_beyond() -> None:
    """At 10 % a year: January's middle is 15.5 days away, February's 45.5, March's 75.5, April's 106, May's 136.5."""
    verification = contract_only(BEYOND).verify(annual_discount_rate=0.1)
    expected = 1010 * sum(1.1 ** (-days / 365.25) for days in (15.5, 45.5, 75.5, 106.0, 136.5))
    assert verification.objective_usd == pytest.approx(expected, abs=CENT_USD)
    assert verification.obligations[0].cash_usd == pytest.approx(2020.0, abs=CENT_USD)
    leavable = contract_only(contract(end=date(2028, 6, 1), notice_days=0.0, fee_steps=(FeeStep(start=date(2028, 1, 1), fee=300.0),)))
    terminal = [entry.discounted_usd for entry in leavable.verify(annual_discount_rate=0.1).ledger if entry.line == "terminal"]
    assert terminal == [pytest.approx(300 * 1.1 ** (-91 / 365.25), abs=CENT_USD)]


def test_an_interval_from_the_last_day_of_a_month() -> None:
    """A quarter from 30 November 2027 ends on 1 March 2028, as February has no 30th: January and February belong to it, March does not.

    Only what January and February draw together is held against their minimum of 2 x 100: 31 x 24 h x 0.1 x 2 USD = 148.80.
    """
    setup = contract_only(contract(start=date(2027, 11, 30), interval=Interval.QUARTER, take_or_pay_share=None, minimum_spend=300.0))
    drawn = drawing(setup, [0.1, 0.0, 1.0])
    assert lines(drawn, "minimum shortfall") == near({"2028-01": 0.0, "2028-02": 200 - 148.8})
