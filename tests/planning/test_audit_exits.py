"""Whole terms and exits by hand: the contract of 1.25 billion USD a month, minimums by quarter, unread terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from optimizer.domain.calendar import Calendar
from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, FeeStep, Interval, Status, Tier, Unit
from optimizer.domain.supply import ExchangeRate, IndexValue
from optimizer.planning.audit.exits import Exit, earliest_exit, exits, non_cancellable
from optimizer.planning.audit.whole_term import WholeTerm, whole_term
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import contract, contract_only, months
from tests.tolerances import CENT_USD

BILLION = 1e9


def cents(usd: float) -> Any:
    return pytest.approx(usd, abs=CENT_USD)


@pytest.fixture(scope="module")
def frontier_lab() -> Case:
    return read_case(case_folder("frontier_lab"))


def satellite(case: Case) -> Contract:
    (found,) = (row for row in case.contracts if row.name == "satellite_take_or_pay")
    return found


def at(curve: tuple[Exit, ...], day: date) -> Exit:
    (found,) = (way for way in curve if way.on == day)
    return found


def parts_of(curve: tuple[Exit, ...], day: date) -> list[float]:
    """Minimums, what is forfeited, the fee and the clawback."""
    parts = at(curve, day).parts
    assert parts is not None
    return [parts.minimums_usd, parts.forfeited_usd, parts.fee_usd, parts.clawback_usd]


def test_the_contract_of_a_billion_and_a_quarter_a_month(frontier_lab: Case) -> None:
    """May 2026 to May 2029 is 37 months; the calendar begins on 1 August 2026, when 34 are left.

    Leaving on 1 June 2027, the first day allowed: August to May are 10 months of 1.25, and a fee of 5. Leaving on 1 June 2028:
    22 months and 2.5. To the end: 34 months. Notice is 90 days.
    """
    term = whole_term(satellite(frontier_lab), frontier_lab)
    curve = exits(term)
    assert sum(term.value()) == cents(37 * 1.25 * BILLION)
    assert curve[0].on == earliest_exit(curve, term.contract) == date(2027, 6, 1)
    assert at(curve, date(2027, 6, 1)).cost_usd == cents((10 * 1.25 + 5.0) * BILLION)
    assert at(curve, date(2027, 6, 1)).notice_by == date(2027, 3, 3)
    assert at(curve, date(2028, 5, 1)).cost_usd == cents((21 * 1.25 + 5.0) * BILLION)
    assert at(curve, date(2028, 6, 1)).cost_usd == cents((22 * 1.25 + 2.5) * BILLION)
    assert curve[-1].on == date(2029, 6, 1)
    assert curve[-1].cost_usd == cents(34 * 1.25 * BILLION)
    assert parts_of(curve, date(2027, 6, 1)) == [cents(usd) for usd in (10 * 1.25 * BILLION, 0.0, 5.0 * BILLION, 0.0)]
    assert parts_of(curve, date(2029, 6, 1)) == [cents(usd) for usd in (34 * 1.25 * BILLION, 0.0, 0.0, 0.0)]
    locked = non_cancellable(curve)
    assert locked.usd == cents(17.5 * BILLION)
    assert locked.exit.on == date(2027, 6, 1)


def test_unread_termination_gives_a_range(frontier_lab: Case) -> None:
    """It may be left at any time for nothing, or never."""
    for unread in ({"notice_days": UNKNOWN, "fee_steps": UNKNOWN, "earliest_exit": None}, {"fee_steps": UNKNOWN, "earliest_exit": None}):
        term = whole_term(replace(satellite(frontier_lab), **unread), frontier_lab)
        curve = exits(term)
        way = at(curve, date(2027, 6, 1))
        assert way.cost_usd is None
        assert (way.low_usd, way.high_usd) == (cents(10 * 1.25 * BILLION), cents(34 * 1.25 * BILLION))
        assert earliest_exit(curve, term.contract) is None
        locked = non_cancellable(curve)
        assert locked.usd is None
        assert (locked.low_usd, locked.high_usd) == (cents(0.0), cents(34 * 1.25 * BILLION))


def test_an_unread_notice_still_asks_for_the_fee_that_was_read(frontier_lab: Case) -> None:
    term = whole_term(replace(satellite(frontier_lab), notice_days=UNKNOWN), frontier_lab)
    curve = exits(term)
    assert curve[0].on == date(2027, 6, 1)
    assert curve[0].low_usd == cents((10 * 1.25 + 5.0) * BILLION)
    assert curve[0].notice_by is None


def test_a_contract_that_may_not_be_left_is_all_locked_in(frontier_lab: Case) -> None:
    curve = exits(whole_term(replace(satellite(frontier_lab), notice_days=None), frontier_lab))
    assert [way.on for way in curve] == [date(2029, 6, 1)]
    assert non_cancellable(curve).usd == cents(34 * 1.25 * BILLION)
    assert earliest_exit(curve, satellite(frontier_lab)) is None


def by_hand(row: Contract, **changes: Any) -> WholeTerm:
    return whole_term(row, contract_only(row, **changes).case)


def test_a_minimum_is_settled_by_interval_and_cut_where_it_is_left() -> None:
    """2028 in quarters of 60,000 USD a lot, two lots of 10 accelerators at 2 USD, half paid.

    A quarter's commitment of a lot is 10 x 2 x 24 x 91 x 0.5 = 21,840 (January to June have 91 days each, the others 92: 22,080), so the
    minimum is what is paid. Leaving on 1 June: 60,000 and two thirds of it.
    """
    row = contract(
        lots=2,
        end=date(2029, 1, 1),
        interval=Interval.QUARTER,
        take_or_pay_share=0.5,
        minimum_spend=60_000.0,
        notice_days=30.0,
        fee_steps=(FeeStep(start=date(2028, 6, 1), fee=7_000.0),),
    )
    term = by_hand(row)
    curve = exits(term)
    assert curve[0].on == date(2028, 6, 1)
    assert curve[0].cost_usd == cents(2 * (60_000.0 + 40_000.0 + 7_000.0))
    assert curve[-1].cost_usd == cents(2 * 4 * 60_000.0)
    assert sum(term.full) == cents(2 * 10 * 2.0 * 24 * 366)
    assert sum(term.value()) == cents(2 * 10 * 2.0 * 24 * 366 + 2 * sum(max(0.0, 60_000.0 - 480.0 * days) for days in (91, 91, 92, 92)))


def test_what_was_paid_in_advance_is_forfeited_and_the_discount_clawed_back() -> None:
    """1,000 USD a lot and month in 2028, a quarter of the year paid on 1 January and drawn down from then on: 3,000 last to April.

    The price is a fifth below the list. Leaving on 1 February: a month, 2,000 forfeited, and half of the 250 of discount had in it.
    """
    row = contract(
        end=date(2029, 1, 1),
        unit=Unit.ACCELERATOR_MONTH,
        price=100.0,
        upfront_share=0.25,
        discount=0.2,
        clawback_share=0.5,
        notice_days=0.0,
    )
    curve = exits(by_hand(row))
    assert at(curve, date(2028, 2, 1)).cost_usd == cents(1_000.0 + 2_000.0 + 125.0)
    assert at(curve, date(2028, 3, 1)).cost_usd == cents(2_000.0 + 1_000.0 + 250.0)
    assert parts_of(curve, date(2028, 2, 1)) == [cents(usd) for usd in (1_000.0, 2_000.0, 0.0, 125.0)]
    assert at(curve, date(2028, 5, 1)).cost_usd == cents(4_000.0 + 500.0)
    assert curve[-1].cost_usd == cents(12_000.0)
    unread = exits(by_hand(replace(row, clawback_share=UNKNOWN)))
    assert at(unread, date(2028, 2, 1)).cost_usd is None
    assert at(unread, date(2028, 2, 1)).parts is None


def test_a_balance_that_the_case_states_is_what_is_forfeited() -> None:
    """Begun in 2027; on 1 January 2028 500 USD are left, half of a month."""
    row = contract(
        start=date(2027, 7, 1), end=date(2028, 7, 1), unit=Unit.ACCELERATOR_MONTH, price=100.0, upfront_share=0.25, notice_days=0.0
    )
    curve = exits(by_hand(replace(row, prepaid_balance=1_500.0)))
    assert at(curve, date(2028, 2, 1)).cost_usd == cents(1_000.0 + 500.0)
    assert at(curve, date(2028, 3, 1)).cost_usd == cents(2_000.0)


def test_a_minimum_at_list_prices_with_a_part_that_is_spent() -> None:
    """10,000 USD a quarter at list prices, of which the discount is a fifth; 600 a month are committed and count as 750.

    The quarter began in December; 3,000 were spent in it by 1 January, when a third of it is over: 333 less than its share.
    """
    row = contract(
        start=date(2027, 12, 1),
        end=date(2028, 6, 1),
        interval=Interval.QUARTER,
        unit=Unit.ACCELERATOR_MONTH,
        price=100.0,
        take_or_pay_share=0.6,
        minimum_spend=10_000.0,
        discount=0.2,
        minimum_at_list=True,
        spent_so_far=3_000.0,
    )
    (way,) = exits(by_hand(row))
    first, second = 10_000.0 * 2 / 3 - 2 * 750.0 - (3_000.0 - 10_000.0 / 3), 10_000.0 - 3 * 750.0
    assert way.cost_usd == cents(5 * 600.0 + first + second)


def test_an_index_and_an_escalator_over_the_whole_term() -> None:
    """Ten accelerators at 100 USD a month at an index of 50, which is 60 in January and 55 from February on; 10 % more from July on."""
    row = contract(start=date(2027, 7, 1), end=date(2028, 9, 1), unit=Unit.ACCELERATOR_MONTH, price=100.0, annual_escalator=0.1)
    indexed = replace(row, price_index="energy", index_base=50.0)
    values = [
        IndexValue(index="energy", period=f"2028-0{month}", scenario=None, value=value)
        for month, value in ((1, 60.0), (2, 55.0), (3, 55.0))
    ]
    term = by_hand(indexed, index_values=tuple(values))
    by_month = dict(zip((piece.start for piece in term.pieces), term.value(), strict=True))
    assert by_month[date(2027, 12, 1)] == cents(1_200.0)
    assert by_month[date(2028, 2, 1)] == cents(1_100.0)
    assert by_month[date(2028, 8, 1)] == cents(1_210.0)


def test_volume_tiers_price_what_is_committed_and_what_is_promised() -> None:
    """Two lots of 10 accelerators for a quarter at 100 USD a month: 60 accelerator-months, 40 % of them committed.

    From 50 in a quarter on every unit costs 90: all of it is 5,400, the commitment of 24 is still at 100. Incremental: 5,000 + 900.
    """
    terms = {
        "end": date(2028, 4, 1),
        "interval": Interval.QUARTER,
        "unit": Unit.ACCELERATOR_MONTH,
        "price": 100.0,
        "take_or_pay_share": 0.4,
    }
    row = contract(lots=2, **terms, tiers=(Tier(from_quantity=50.0, price=90.0, kind="all_units"),))
    term = by_hand(row)
    assert sum(term.value()) == cents(5_400.0)
    assert exits(term)[-1].cost_usd == cents(2_400.0)
    incremental = by_hand(replace(row, tiers=(Tier(from_quantity=50.0, price=90.0, kind="incremental"),)))
    assert sum(incremental.value()) == cents(5_900.0)


def test_notice_reaches_a_day_within_a_month() -> None:
    row = contract(end=date(2029, 1, 1), notice_days=45.0)
    curve = exits(by_hand(row))
    assert curve[0].on == date(2028, 1, 1) + timedelta(days=45)
    assert curve[0].notice_by == date(2028, 1, 1)
    assert curve[0].cost_usd == cents(10 * 2.0 * 24 * 45)


def test_a_quote_is_locked_in_from_its_own_start() -> None:
    quote = contract(status=Status.PROPOSED, start=date(2028, 2, 1), end=date(2028, 5, 1), notice_days=30.0)
    curve = exits(by_hand(quote))
    assert curve[0].on == date(2028, 3, 2)
    assert curve[0].cost_usd == cents(10 * 2.0 * 24 * 30)


def test_months_beyond_the_calendar_are_paid_at_the_last_rate() -> None:
    """A contract in euro to the end of June; rates by period, the last of which is March's, and months before at January's."""
    row = contract(
        start=date(2027, 12, 1), end=date(2028, 7, 1), currency="EUR", unit=Unit.ACCELERATOR_MONTH, price=100.0, fixed_monthly_fee=50.0
    )
    rates = tuple(ExchangeRate(currency="EUR", period=f"2028-0{month}", usd_per_unit=1.0 + month / 10) for month in (1, 2, 3))
    term = by_hand(row, exchange_rates=rates)
    assert [float(amount) for amount in term.value()] == [cents(1_050.0 * rate) for rate in (1.1, 1.1, 1.2, 1.3, 1.3, 1.3, 1.3)]
    assert exits(term)[-1].cost_usd == cents(1_050.0 * (1.1 + 1.2 + 4 * 1.3))


def test_a_calendar_of_any_grain_gives_the_same_amounts() -> None:
    row = contract(end=date(2029, 1, 1), notice_days=0.0, unit=Unit.ACCELERATOR_MONTH, price=1_000.0)
    case = contract_only(row).case
    longer = replace(case, calendar=Calendar(periods=months(date(2028, 1, 1), 11), blocks=case.calendar.blocks))
    one, other = (exits(whole_term(row, changed)) for changed in (case, longer))
    assert [(way.on, way.cost_usd) for way in one] == [(way.on, way.cost_usd) for way in other]
    assert len(one) == 12
