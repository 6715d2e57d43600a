"""Bills of contracts that bring something forward, worked out by hand; 10 accelerators at 2.00 USD an hour, by month.

January has 744 hours (7,440 accelerator-hours), February 696 (6,960), March 744.
"""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.domain.contract import Balance, BalanceKind
from optimizer.domain.supply import ExchangeRate
from tests.golden.test_contract_bills import drawing, lines
from tests.planning.cases import Setup, contract, contract_only
from tests.tolerances import CENT_USD


def bringing(kind: BalanceKind, drawn: list[float], *, clause: dict[str, Any] | None = None, **changes: Any) -> Setup:
    """Accelerator-hours drawn in each month; half of the capacity is committed unless said otherwise."""
    balance = Balance(kind=kind, **(clause or {}))
    row = contract(**({"take_or_pay_share": 0.5, "balance": balance} | changes))
    return drawing(contract_only(row, exchange_rates=RATES), [hours / full for hours, full in zip(drawn, (744, 696, 744), strict=True)])


RATES = (ExchangeRate(currency="EUR", period=None, usd_per_unit=1.25),)


def used(setup: Setup) -> list[float]:
    found = lines(setup, "balance")
    return [found.get(f"2028-0{month}", 0.0) for month in (1, 2, 3)]


MAKE_UP, CARRY_FORWARD, ROLLOVER = BalanceKind


@pytest.mark.parametrize(
    ("clause", "saved"),
    [
        ({}, [0.0, 1040.0, 4400.0]),
        ({"cap": 3000.0}, [0.0, 1040.0, 1960.0]),
        ({"expires_after": 1}, [0.0, 1040.0, 0.0]),
        ({"expires_after": 2}, [0.0, 1040.0, 4400.0]),
        ({"opening": 500.0}, [0.0, 1040.0, 4900.0]),
        ({"opening": 500.0, "expires_after": 1}, [0.0, 1040.0, 0.0]),
    ],
)
def test_make_up_of_what_was_paid_and_not_taken(clause: dict[str, Any], saved: list[float]) -> None:
    """Committed are 3,720 hours in January and March, 3,480 in February: 7,440 and 6,960 USD.

    January draws 1,000 hours: 5,440 are paid and not taken. February draws 4,000: 520 beyond the commitment, 1,040 USD, which the balance
    pays; 4,400 are left. March draws 6,170: 2,450 beyond, 4,900 USD, of which the balance pays what is left of it.
    """
    setup = bringing(MAKE_UP, [1000.0, 4000.0, 6170.0], clause=clause)
    assert used(setup) == pytest.approx([-usd for usd in saved], abs=CENT_USD)
    assert lines(setup, "excess")["2028-03"] == pytest.approx(4900.0, abs=CENT_USD)
    assert setup.verify().objective_usd == pytest.approx(7440 + 6960 + 7440 + 1040 + 4900 - sum(saved), abs=CENT_USD)


def test_carry_forward_of_what_was_taken_beyond_the_commitment() -> None:
    """January draws 5,720 hours, 2,000 beyond: 4,000 USD of excess, brought forward.

    February takes 2,480 of 3,480 hours: 2,000 USD of its commitment are given back. March takes 1,720 of 3,720 hours: 4,000 USD short,
    2,000 of which the balance still has.
    """
    setup = bringing(CARRY_FORWARD, [5720.0, 2480.0, 1720.0])
    assert lines(setup, "excess")["2028-01"] == pytest.approx(4000.0, abs=CENT_USD)
    assert used(setup) == pytest.approx([0.0, -2000.0, -2000.0], abs=CENT_USD)


def test_rollover_of_minimum_spend_in_euro() -> None:
    """A minimum of 10,000 EUR a month, nothing else committed, at 2.00 EUR an hour; EUR is 1.25 USD.

    January draws 3,000 hours: 6,000 EUR, 4,000 short. February draws 6,000: 12,000 EUR, 2,000 of it from the balance. March draws 7,000:
    14,000 EUR, the last 2,000 of the balance off it.
    """
    setup = bringing(ROLLOVER, [3000.0, 6000.0, 7000.0], take_or_pay_share=None, minimum_spend=10000.0, currency="EUR")
    assert lines(setup, "minimum shortfall")["2028-01"] == pytest.approx(5000.0, abs=CENT_USD)
    assert used(setup) == pytest.approx([0.0, -2500.0, -2500.0], abs=CENT_USD)
    assert setup.verify().objective_usd == pytest.approx(1.25 * (6000 + 4000 + 12000 - 2000 + 14000 - 2000), abs=CENT_USD)


def test_an_opening_balance_is_held_to_the_cap() -> None:
    """Of 9,000 EUR at most 4,000 count: 5,000 USD. January draws 6,720 hours: 3,000 beyond at 2.00 EUR, 7,500 USD."""
    clause = {"opening": 9000.0, "cap": 4000.0}
    assert used(bringing(MAKE_UP, [6720.0, 3480.0, 3720.0], clause=clause, currency="EUR")) == pytest.approx([-5000.0, 0.0, 0.0])
