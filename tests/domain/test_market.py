"""Which price points a contract is compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from optimizer.domain.market import FRESH_DAYS, market_points
from optimizer.domain.supply import PricePoint

AS_OF = date(2028, 1, 1)
POINT = PricePoint(
    observed_on=date(2027, 12, 1), supplier="north", accelerator="h100", region="eu-1", term_months=0.0, kind="list", price=5.0
)


def test_of_a_price_observed_every_day_the_last_counts():
    history = [replace(POINT, observed_on=AS_OF - timedelta(days=day), price=5.0 + day) for day in range(500)]
    assert market_points(history, "h100", AS_OF) == [history[0]]
    assert market_points(reversed(history), "h100", AS_OF) == [history[0]]


def test_another_supplier_region_term_or_kind_is_another_market():
    others = [
        replace(POINT, supplier="south"),
        replace(POINT, region=None),
        replace(POINT, term_months=12.0),
        replace(POINT, kind="quote"),
    ]
    assert set(market_points([POINT, *others], "h100", AS_OF)) == {POINT, *others}


def test_what_is_old_later_or_of_another_accelerator_does_not_count():
    last_day = replace(POINT, observed_on=AS_OF - timedelta(days=FRESH_DAYS), region="eu-2")
    gone = [
        replace(POINT, observed_on=AS_OF - timedelta(days=FRESH_DAYS + 1), region="eu-3"),
        replace(POINT, observed_on=AS_OF + timedelta(days=1), region="eu-4"),
        replace(POINT, accelerator="h200"),
    ]
    assert market_points([last_day, POINT, *gone], "h100", AS_OF) == [POINT, last_day]
