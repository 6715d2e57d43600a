"""When a price of the market has crossed what capacity is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from optimizer.domain.demand import DemandUnit
from optimizer.domain.supply import PricePoint
from optimizer.planning.replan.market import break_even, crossed
from tests.planning.small_nouns import case, demand, workload

PLANNED = case(workloads=(workload("chat"),), demand=demand("chat", DemandUnit.ACCELERATORS, 5.0))
POOL = next(pool for pool in PLANNED.pools if pool.accelerator == "h100")
AVAILABLE = next(site.availability for site in PLANNED.sites if site.name == POOL.site)


def point(price: float, term_months: float = 0, **changes: object) -> PricePoint:
    observed = PLANNED.as_of
    found = PricePoint(
        observed_on=observed, supplier="other", accelerator="h100", region=None, term_months=term_months, kind="list", price=price
    )
    return replace(found, **changes)


def worth(january: float, later: float) -> list[dict[str, object]]:
    """What an accelerator-hour is worth by day; nothing at night."""
    return [
        {
            "pool": POOL.name,
            "period": period.name,
            "block": block.name,
            "usd_per_accelerator_hour": (january if period.name == "jan" else later) if block.name == "day" else 0.0,
        }
        for period in PLANNED.calendar.periods
        for block in PLANNED.calendar.blocks
    ]


def told(before, now):
    return [(alert.kind, alert.subject) for alert in crossed(before, now)]


def test_the_dearest_hours_count_on_demand_and_all_hours_of_a_term():
    prices = worth(4.0, 8.0)
    assert break_even(PLANNED, prices, "h100", 0).usd == pytest.approx(8.0 * AVAILABLE)
    assert break_even(PLANNED, prices, "h100", 1).usd == pytest.approx(2.0 * AVAILABLE)  # January, half of it at 0
    assert break_even(PLANNED, prices, "h100", 1).pool == POOL.name
    assert break_even(PLANNED, prices, "b200", 0) is None


def test_a_price_is_told_once_when_it_crosses():
    def at(price, value=4.0):
        return replace(PLANNED, price_points=(point(price),)), worth(value, value)

    none = (PLANNED, worth(4.0, 4.0))
    assert told(None, at(3.0)) == told(none, at(3.0)) == [("price_point", "other")]
    assert told(at(3.0), at(3.0)) == []
    assert told(at(5.0), at(3.0)) == [("price_point", "other")]  # it fell
    assert told(at(3.0), at(2.5)) == [("price_point", "other")]  # it fell further
    assert told(at(3.0, value=2.0), at(3.0)) == [("price_point", "other")]  # capacity became dearer
    assert told(None, at(5.0)) == []


def test_old_points_and_those_still_to_come_say_nothing():
    late = replace(PLANNED, price_points=(point(1.0, observed_on=date(2031, 1, 1)), point(1.0, observed_on=date(2020, 1, 1))))
    assert told(None, (late, worth(4.0, 4.0))) == []
