"""What happened, and what was known of it when.

Every decision of a replay reads its case from `known`, and no policy sees anything else: that is all that keeps later data out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from optimizer.domain.calendar import Calendar, Period
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.demand import Demand, Scenario
from optimizer.domain.history import Vintage, newest_forecast
from optimizer.domain.supply import Offer
from optimizer.errors import DataError, Violation
from optimizer.planning.replan.clock import within

Row = tuple[str, str | None, str]  # workload, origin, period


@dataclass(frozen=True, kw_only=True)
class MarketPrice:
    """What an offer cost from a day on, until its next price."""

    offer: str
    since: date
    price: float  # USD / accelerator-hour


@dataclass(frozen=True, kw_only=True)
class History:
    """A case over the periods to be replayed, with what was forecast and what came.

    Contracts and placements are those in force on the first day, and all quotes that were made later; `case.demand` does not count.
    """

    name: str
    case: Case
    actual: tuple[Demand, ...]  # a mean for every workload, origin and period
    vintages: tuple[Vintage, ...]
    prices: tuple[MarketPrice, ...] = ()  # of offers whose price moved
    quoted_on: Mapping[str, date] = field(default_factory=dict)  # Proposed contracts that were not known from the start

    @property
    def periods(self) -> tuple[Period, ...]:
        return self.case.calendar.periods


def known(history: History, t: int, *, ahead: int | None = None) -> Case:
    """The case as it was known on the first day of period t, over `ahead` periods from there (None: to the end).

    Forecasts: for each workload, origin and period the newest issued by then. Prices: the newest by then, taken to stay. Quotes: those
    made by then and still open. Contracts and placements are those of the history's first day; a policy's own are laid over them. Stages
    are left out: every period decides anew.

    Raises:
      DataError: no forecast of a workload's demand had been issued by then.
    """
    periods = history.periods[t : None if ahead is None else t + ahead]
    as_of = periods[0].start
    case = within(history.case, periods)
    names = {period.name for period in periods}
    demand = newest_forecast(history.vintages, as_of)
    wanted = [_stream(row) for row in history.actual if row.period in names]
    _check_complete(set(wanted) - demand.keys(), as_of)
    return replace(
        case,
        as_of=as_of,
        demand=tuple(demand[stream] for stream in wanted),
        offers=tuple(replace(offer, price=_price_on(history.prices, offer, as_of)) for offer in case.offers),
        contracts=tuple(contract for contract in case.contracts if _on_the_table(history, contract, as_of)),
        price_points=tuple(point for point in case.price_points if point.observed_on <= as_of),
        stages=(),
    )


def realised(history: History) -> Case:
    """The case as it turned out, certain: demand as it came, market prices as they were."""
    case = history.case
    return replace(
        case,
        as_of=case.calendar.start,
        demand=history.actual,
        offers=tuple(piece for offer in case.offers for piece in _priced(history.prices, offer, case.calendar)),
        scenarios=(Scenario(name="realised", probability=1.0, demand_quantile=0.5),),
        stages=(),
    )


def _stream(row: Demand) -> Row:
    return row.workload, row.origin, row.period


def _check_complete(missing: set[Row], as_of: date) -> None:
    if missing:
        names = tuple("/".join(part or "-" for part in stream) for stream in sorted(missing, key=str))
        raise DataError(
            [
                Violation(
                    where="demand",
                    rule="every workload, origin and period must have been forecast before it is decided on",
                    got=f"nothing issued by {as_of}",
                    rows=names,
                    remedy="Add earlier forecasts (issued_at), or begin the replay later.",
                )
            ]
        )


def _on_the_table(history: History, contract: Contract, as_of: date) -> bool:
    if contract.status.in_force:
        return contract.end > as_of
    quoted = history.quoted_on.get(contract.name)
    return (quoted is None or quoted <= as_of) and contract.last_day_to_sign >= as_of


def _price_on(prices: Iterable[MarketPrice], offer: Offer, day: date) -> float:
    """The offer's newest price by a day; the table's own before the first."""
    seen = [price for price in prices if price.offer == offer.name and price.since <= day]
    return max(seen, key=lambda price: price.since).price if seen else offer.price


def _priced(prices: Iterable[MarketPrice], offer: Offer, calendar: Calendar) -> list[Offer]:
    """The offer cut where its price changed."""
    begins = max(calendar.start, offer.start or calendar.start)
    ends = min(calendar.end, offer.end or calendar.end)
    changes = sorted({price.since for price in prices if price.offer == offer.name and begins < price.since < ends})
    if not changes:
        return [replace(offer, price=_price_on(prices, offer, begins))]
    cuts = [begins, *changes, ends]
    return [
        replace(offer, name=f"{offer.name} from {first}", start=first, end=last, price=_price_on(prices, offer, first))
        for first, last in pairwise(cuts)
    ]
