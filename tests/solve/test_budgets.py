"""What budgets count, on the plan that is priced by hand in `tests.planning.cases`."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.domain.rules import Limit, LimitKind
from optimizer.planning.assemble import build_problem
from optimizer.solve.budgets import most_of_budgets
from tests.planning.cases import Setup, two_suppliers

BURST: dict[str, Any] = {"accelerators": 6.0, "burst_share": 0.5, "burst_price": 3.0}
PAID_AHEAD: dict[str, Any] = {"upfront_share": 0.5}


def share(setup: Setup, *budgets: tuple[str | None, str | None, float]) -> float:
    limits = tuple(Limit(kind=LimitKind.BUDGET, supplier=who, period=when, value=usd) for who, when, usd in budgets)
    return most_of_budgets(build_problem(setup.with_case(limits=limits).case, setup.needs, annual_discount_rate=0.08), setup.plan)


def core(**terms: Any) -> Setup:
    return two_suppliers().with_noun("contracts", "core", **terms)


@pytest.mark.parametrize(
    ("setup", "budget", "spent"),
    [
        (core(), (None, None, 40_000.0), 35_320.0),  # all suppliers, busiest in February
        (core(), ("south", "2028-01", 3_700.0), 3_830.0),
        (core(**BURST), ("north", "2028-01", 20_000.0), 26_794.0),
        (core(**PAID_AHEAD), ("north", "2028-02", 100.0), 10.0),  # egress alone
        (core(**PAID_AHEAD), ("north", "2028-01", 1e6), 366 * 24 * 20 * 2.0 / 2 + 10.0),
    ],
)
def test_budgets_count_what_suppliers_bill(setup: Setup, budget: tuple[str | None, str | None, float], spent: float) -> None:
    assert share(setup, budget) == pytest.approx(spent / budget[2])
    assert share(setup, budget, (None, None, 1e9)) == pytest.approx(spent / budget[2])


def test_without_budgets_nothing_is_taken_up() -> None:
    assert share(core()) == 0.0
