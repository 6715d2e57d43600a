"""A history made by hand: one service counted in accelerators, two pools, a contract that can be left and a quote."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from optimizer.domain.contract import Contract, Interval, Status, Unit
from optimizer.domain.demand import DemandUnit
from optimizer.domain.history import Vintage
from optimizer.domain.supply import Offer, OfferKind
from optimizer.domain.workload import PlacementInForce
from optimizer.planning.backtest.history import History, MarketPrice
from optimizer.planning.backtest.replay import Replay
from optimizer.planning.calibration import shipped_calibration
from tests.planning.small_nouns import PERIODS, case, demand, workload

CAME = {"jan": 10.0, "feb": 12.0, "mar": 8.0}
FORECAST = {"jan": (9.0, 10.0, 11.0), "feb": (9.0, 10.0, 12.0), "mar": (8.0, 10.0, 13.0)}


def offer(pool: str, price: float) -> Offer:
    return Offer(name=f"market_{pool}", pool=pool, kind=OfferKind.ON_DEMAND, price=price, start=None, end=None, limit=None, loss_share=0.0)


def contract(name: str, **changes: Any) -> Contract:
    """10 accelerators of the old pool, all paid, at 1 USD an hour, over the three periods."""
    plain = Contract(
        name=name,
        agreement=name,
        supplier="cloud",
        status=Status.ACTIVE,
        start=PERIODS[0].start,
        end=PERIODS[-1].end,
        sign_by=None,
        pools=("old",),
        lots=2,
        accelerators=5.0,
        unit=Unit.ACCELERATOR_HOUR,
        price=1.0,
        currency="USD",
        interval=Interval.MONTH,
        take_or_pay_share=1.0,
        minimum_spend=None,
        fixed_monthly_fee=None,
        share_of_wallet=None,
        notice_days=None,
        earliest_exit=None,
        fee_steps=None,
        option_group=None,
        terminal_use=0.0,
    )
    return replace(plain, **changes)


def quote(**changes: Any) -> Contract:
    """Up to 3 lots of 4 accelerators of the new pool from February, at 2 USD an hour."""
    given: dict[str, Any] = {"status": Status.PROPOSED, "pools": ("new",), "start": date(2026, 2, 1), "lots": 3, "accelerators": 4.0}
    return contract("quote", **given | {"price": 2.0} | changes)


def history(**changes: Any) -> History:
    """Forecast in January and again in February; the new pool's market price falls in March."""
    rows = demand("chat", DemandUnit.ACCELERATORS, None)
    made = [replace(row, p10=low, p50=middle, p90=high) for row in rows for low, middle, high in [FORECAST[row.period]]]
    plain = History(
        name="by hand",
        case=case(
            workloads=(workload("chat", model=None, shortage_penalty=50.0),),
            offers=(offer("new", 3.0), offer("old", 4.0)),
            contracts=(contract("held"), quote()),
            placements=(PlacementInForce(load="chat@paris", pool="old"),),
        ),
        actual=tuple(replace(row, mean=CAME[row.period]) for row in rows),
        vintages=(
            Vintage(issued_at=date(2026, 1, 1), demand=tuple(made)),
            Vintage(issued_at=date(2026, 2, 1), demand=tuple(replace(row, p10=10.0, p50=11.0, p90=12.0) for row in made[1:])),
        ),
        prices=(MarketPrice(offer="market_new", since=date(2026, 3, 1), price=2.5),),
    )
    return replace(plain, **changes)


def replay(of: History) -> Replay:
    return Replay(of, 0.0, shipped_calibration(), lambda known: known)
