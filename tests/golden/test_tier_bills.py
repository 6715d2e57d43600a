"""Bills of contracts with volume tiers, worked out by hand: the example of docs/contracts/volume_tiers.md, and what happens around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from optimizer.domain.contract import Contract, Interval, RampStep, Tier, Unit
from optimizer.domain.supply import ExchangeRate
from tests.golden.test_contract_bills import calendar, drawing, lines, near
from tests.planning.cases import contract, contract_only
from tests.tolerances import CENT_USD


def tiered(kind: str, *steps: tuple[float, float], **changes: Any) -> Contract:
    """10 accelerators at 2.00 USD an hour and tiers; nothing is paid for what is not drawn."""
    tiers = tuple(Tier(from_quantity=start, price=price, kind=kind) for start, price in steps)
    return contract(**({"take_or_pay_share": None, "tiers": tiers} | changes))


ALL_UNITS = tiered("all_units", (5000.0, 1.8), (7000.0, 1.5))
INCREMENTAL = tiered("incremental", (5000.0, 1.8), (7000.0, 1.5))


@pytest.mark.parametrize(
    ("hours", "tiers"),
    [
        (4999.0, 0.0),  # 2.00 each
        (5000.0, -1000.0),  # the boundary quantity is the higher tier's: 5,000 x 1.80 = 9,000 in place of 10,000
        (6999.0, -1399.8),  # 6,999 x 0.20 less
        (7000.0, -3500.0),  # 7,000 x 0.50 less
        (7200.0, -3600.0),
    ],
)
def test_all_units_tiers_of_what_january_draws(hours: float, tiers: float) -> None:
    """January has 744 hours; all that is drawn is excess at 2.00 until the tier takes its part off."""
    setup = drawing(contract_only(ALL_UNITS), [hours / 744, 0.0, 0.0])
    assert lines(setup, "excess")["2028-01"] == pytest.approx(2.0 * hours, abs=CENT_USD)
    assert lines(setup, "tiers").get("2028-01", 0.0) == pytest.approx(tiers, abs=CENT_USD)
    assert setup.verify().broken == ()


@pytest.mark.parametrize(("hours", "tiers"), [(4999.0, 0.0), (5000.0, 0.0), (6999.0, -399.8), (7200.0, -500.0)])
def test_incremental_tiers_of_what_january_draws(hours: float, tiers: float) -> None:
    """Of 6,999 hours 1,999 are in the first tier: 0.20 less each."""
    setup = drawing(contract_only(INCREMENTAL), [hours / 744, 0.0, 0.0])
    assert lines(setup, "tiers").get("2028-01", 0.0) == pytest.approx(tiers, abs=CENT_USD)


def test_incremental_tiers() -> None:
    """7,200 hours: 5,000 at 2.00, 2,000 at 1.80, 200 at 1.50 = 13,900; at 2.00 they are 14,400."""
    setup = drawing(contract_only(INCREMENTAL), [7200 / 744, 4000 / 696, 0.0])
    assert lines(setup, "excess") == near({"2028-01": 14400.0, "2028-02": 8000.0})
    assert lines(setup, "tiers") == near({"2028-01": -500.0})


def test_what_is_paid_anyway_counts_as_volume() -> None:
    """Three quarters of 7,440 hours are committed: 5,580, at 1.80 from the boundary of 5,000 on.

    February commits 0.75 x 6,960 = 5,220 hours and draws 6,000: 6,000 x 1.80 = 10,800, of which 10,440 is the commitment at 2.00 and
    1,560 the excess; the tier takes 1,200 off.
    """
    setup = contract_only(tiered("all_units", (5000.0, 1.8), take_or_pay_share=0.75))
    drawn = drawing(setup, [100 / 744, 6000 / 696, 0.0])
    assert lines(drawn, "commitment")["2028-01"] == pytest.approx(11160.0, abs=CENT_USD)
    assert lines(drawn, "tiers") == near({"2028-01": -1116.0, "2028-02": -1200.0, "2028-03": -1116.0})
    assert lines(drawn, "excess")["2028-02"] == pytest.approx(1560.0, abs=CENT_USD)


def test_tiers_in_euro_over_a_quarter_of_accelerator_months() -> None:
    """A quarter of 3 x 10 accelerator-months at 600 EUR; from 20 months on 540. 27 months are drawn: 9 in each month.

    EUR is 1.00, 1.10 and 1.20 USD: at 600 EUR the months cost 5,400, 5,940 and 6,480 USD. The interval's mean price over its capacity is
    660 USD, a tenth of which comes off each of the 27 months: 1,782 USD, settled in March.
    """
    setup = contract_only(
        tiered("all_units", (20.0, 540.0), unit=Unit.ACCELERATOR_MONTH, price=600.0, currency="EUR", interval=Interval.QUARTER),
        exchange_rates=tuple(
            ExchangeRate(currency="EUR", period=f"2028-0{month}", usd_per_unit=rate) for month, rate in ((1, 1.0), (2, 1.1), (3, 1.2))
        ),
    )
    drawn = drawing(setup, [9.0, 9.0, 9.0])
    assert lines(drawn, "excess")["2028-03"] == pytest.approx(5400 + 5940 + 6480, abs=CENT_USD)
    assert sum(lines(drawn, "tiers").values()) == pytest.approx(-1782.0, abs=CENT_USD)


def test_an_interval_cut_by_the_term_has_a_part_of_the_quantities() -> None:
    """In force for 14 of the 29 days of February, so that the tier of 2,900 hours a month holds from 1,400 on."""
    late = tiered("all_units", (2900.0, 1.0), start=date(2028, 2, 1), end=date(2028, 2, 15))
    setup = contract_only(late, calendar=calendar(date(2028, 2, 1), 1))
    for hours, tiers in ((1399.0, 0.0), (1400.0, -1400.0)):
        assert sum(lines(drawing(setup, [hours / 696]), "tiers").values()) == pytest.approx(tiers, abs=CENT_USD)


def test_tiers_lower_the_spend_that_counts_towards_a_minimum() -> None:
    """7,000 hours cost 10,500; the minimum of 12,000 asks for 1,500 more."""
    setup = drawing(contract_only(replace(ALL_UNITS, minimum_spend=12000.0)), [7000 / 744, 0.0, 0.0])
    assert lines(setup, "minimum shortfall")["2028-01"] == pytest.approx(1500.0, abs=CENT_USD)


def test_tiers_of_a_ramp() -> None:
    """10 accelerators until 15 January, 30 from 16 January on at 1.00: 15 x 24 x 10 = 3,600 h at 2.00 and 16 x 24 x 30 = 11,520 h at 1.00.

    The mean price of a full January is 18,720 / 15,120 = 1.238095. From 10,000 hours on a tier halves the contract's price of 2.00:
    12,000 hours less 6,000 times that mean.
    """
    ramp = (RampStep(start=date(2028, 1, 16), accelerators=30.0, price=1.0),)
    setup = drawing(contract_only(tiered("all_units", (10000.0, 1.0), ramp=ramp)), [12000 / 744, 0.0, 0.0])
    assert lines(setup, "tiers")["2028-01"] == pytest.approx(-6000 * 18720 / 15120, abs=CENT_USD)


def test_a_billion_a_month_with_tiers_is_exact_to_the_cent() -> None:
    """100,000 accelerators at 12,500 USD a month, 0.99 of it from 90,000 months on: 12 x 1.2375e9, 1.485e10 USD a year; seven of them."""
    big = tiered(
        "all_units",
        (90000.0, 12375.0),
        start=date(2028, 1, 1),
        end=date(2035, 1, 1),
        accelerators=1e5,
        unit=Unit.ACCELERATOR_MONTH,
        price=12500.0,
        take_or_pay_share=1.0,
    )
    setup = drawing(contract_only(big, calendar=calendar(date(2028, 1, 1), 84)), [1e5] * 84)
    assert setup.verify().objective_usd == pytest.approx(84 * 1.2375e9, abs=CENT_USD, rel=0.0)
