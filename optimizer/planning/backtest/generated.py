"""Histories made from a case: demand that wanders within its forecast, forecasts that follow it, markets that move, quotes made again.

Sets: D streams (a workload from an origin), T months.

Formulation: z[d,t] are the normal deviates of `optimizer.scenarios.deviates`, with correlation exp(-m / memory) over m months, so that
what is known of month t in month u < t is normal with

    mean  rho z[d,u]     variance  1 - rho^2     rho = exp(-(t - u) / memory).

The forecast issued in month u has the quantiles of that distribution, so its intervals hold as often as they say. Demand is the case's
quantile at z. Prices of a supplier's offers follow exp(a random walk) with the drift and spread below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from optimizer.domain.calendar import Period, first_of_next_month, months_later
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, ExclusionKind, Status
from optimizer.domain.demand import KNOTS, Demand, values_at
from optimizer.domain.history import Vintage
from optimizer.domain.rules import Limit, LimitKind
from optimizer.domain.supply import OtherSpend
from optimizer.domain.surface import Floats
from optimizer.planning.backtest.history import History, MarketPrice
from optimizer.planning.scenarios import indices
from optimizer.scenarios.deviates import Correlation, deviates

MONTHLY_DRIFT = -0.015  # of the logarithm of market prices; assumed
MONTHLY_SPREAD = 0.05  # its standard deviation; assumed
SPREAD_OF_MEANS = 0.25  # 90th percentile over the mean, less 1, of demand rows that give a mean alone; assumed
MONTHS_BETWEEN_QUOTES = 3  # after which every quote of the case is made again, its dates later, at the market's prices


@dataclass(frozen=True, kw_only=True)
class Marginals:
    """A stream of demand over the months, as the case forecasts it."""

    rows: tuple[Demand, ...]  # T, of the case's period that each month falls in
    quantiles: Floats  # [T, 3]


def generate(case: Case, *, months: int, correlation: Correlation, seed: int) -> History:
    """A history of so many months from the case's first day; the same for the same seed.

    Rows that belong to a period hold in all its months, and those of the last period in all months after it, in which demand goes on
    growing as it did until then.
    """
    periods = following_months(case.calendar.start, months)
    of = [_period_of(case.calendar.periods, month.start) for month in periods]
    streams = [_marginals(rows, case.calendar.periods, periods, of) for rows in _streams(case)]
    paths = _paths(streams, periods, correlation, seed)
    rng = np.random.default_rng(seed)
    suppliers = [supplier.name for supplier in case.suppliers]
    steps = rng.normal(MONTHLY_DRIFT, MONTHLY_SPREAD, size=(months - 1, len(suppliers)))
    level = np.exp(np.concatenate([np.zeros((1, len(suppliers))), np.cumsum(steps, axis=0)]))
    market = {name: level[:, s] for s, name in enumerate(suppliers)}
    quotes, quoted_on = quotes_made_again(case, periods, market)
    return History(
        name=f"{case.name} seed {seed}",
        case=replace(by_month(case, periods), contracts=(*case.contracts, *quotes)),
        actual=tuple(_actual(stream, z, t) for t in range(months) for stream, z in zip(streams, paths, strict=True)),
        vintages=tuple(_vintage(streams, paths, periods, t, correlation.memory_months) for t in range(months)),
        prices=tuple(_prices(case, periods, market)),
        quoted_on=quoted_on,
    )


def following_months(start: date, count: int) -> tuple[Period, ...]:
    first = [start]
    while len(first) <= count:
        first.append(first_of_next_month(first[-1]))
    return tuple(Period(name=f"{begin:%Y-%m}", start=begin, end=end) for begin, end in pairwise(first))


def _period_of(periods: Sequence[Period], day: date) -> Period:
    """The period in which a day lies; the last one after them all."""
    return next((period for period in periods if day < period.end), periods[-1])


def _streams(case: Case) -> list[list[Demand]]:
    found: dict[tuple[str, str | None], list[Demand]] = {}
    for row in case.demand:
        found.setdefault((row.workload, row.origin), []).append(row)
    return list(found.values())


def _marginals(rows: list[Demand], periods: Sequence[Period], months: Sequence[Period], of: Sequence[Period]) -> Marginals:
    """The stream's rows by month; periods in which nothing is asked for have nothing in their months."""
    row = {each.period: each for each in rows}
    level = {name: _quantiles(each) for name, each in row.items()}
    growth = _monthly_growth([level[period.name][1] if period.name in level else 0.0 for period in periods], periods)
    chosen, values = [], np.zeros((len(months), 3))
    for t, (month, period) in enumerate(zip(months, of, strict=True)):
        chosen.append(replace(row.get(period.name, rows[0]), period=month.name))
        if period.name in level:
            beyond = max(0, (month.start.year - period.end.year) * 12 + month.start.month - period.end.month + 1)
            values[t] = level[period.name] * growth**beyond
    return Marginals(rows=tuple(chosen), quantiles=values)


def _quantiles(row: Demand) -> Floats:
    if row.mean is not None:
        return row.mean * np.array([1.0 / (1.0 + SPREAD_OF_MEANS), 1.0, 1.0 + SPREAD_OF_MEANS])
    return np.array([row.p10, row.p50, row.p90], dtype=np.float64)


def _monthly_growth(levels: Sequence[float], periods: Sequence[Period]) -> float:
    """Mean monthly ratio between the first and the last period with any demand."""
    there = [(level, period) for level, period in zip(levels, periods, strict=True) if level > 0]
    if len(there) < 2:
        return 1.0
    (first, begin), (last, end) = there[0], there[-1]
    apart = (end.start.year - begin.start.year) * 12 + end.start.month - begin.start.month
    return float((last / first) ** (1.0 / apart))


def _paths(streams: Sequence[Marginals], periods: Sequence[Period], correlation: Correlation, seed: int) -> Floats:
    """[D, T] deviates of what came."""
    workload = indices([stream.rows[0].workload for stream in streams])
    origin = indices([stream.rows[0].origin for stream in streams])
    months = np.arange(len(periods), dtype=np.float64)
    return np.asarray(deviates(correlation, workload=workload, origin=origin, months=months, samples=1, seed=seed)[0])


def _actual(stream: Marginals, z: Floats, t: int) -> Demand:
    value = float(values_at(stream.quantiles[t : t + 1], z[t : t + 1])[0])
    return replace(stream.rows[t], mean=value, p10=None, p50=None, p90=None)


def _vintage(streams: Sequence[Marginals], paths: Floats, periods: Sequence[Period], t: int, memory: float) -> Vintage:
    """The forecast on the first day of month t, which knows demand until the month before."""
    ahead = np.arange(1, len(periods) - t + 1)
    rho = np.exp(-ahead / memory) if t else np.zeros(len(ahead))
    rows = []
    for stream, z in zip(streams, paths, strict=True):
        mean, spread = rho * z[t - 1], np.sqrt(1.0 - rho**2)
        p10, p50, p90 = (values_at(stream.quantiles[t:], mean + spread * knot) for knot in KNOTS)
        for i, row in enumerate(stream.rows[t:]):
            rows.append(replace(row, mean=None, p10=float(p10[i]), p50=float(p50[i]), p90=float(p90[i])))
    return Vintage(issued_at=periods[t].start, demand=tuple(rows))


def _prices(case: Case, periods: Sequence[Period], market: dict[str, Floats]) -> Iterator[MarketPrice]:
    site = {site.name: site.supplier for site in case.sites}
    supplier = {pool.name: site[pool.site] for pool in case.pools}
    for offer in case.offers:
        for month, level in zip(periods[1:], market[supplier[offer.pool]][1:], strict=True):
            yield MarketPrice(offer=offer.name, since=month.start, price=offer.price * float(level))


def quotes_made_again(case: Case, periods: Sequence[Period], market: dict[str, Floats]) -> tuple[tuple[Contract, ...], dict[str, date]]:
    """The case's quotes made again, dates later and at the market's prices of the day, with the day on which each was made."""
    proposed = [contract for contract in case.contracts if contract.status is Status.PROPOSED and contract.renews is None]
    found, quoted_on = [], {}
    for later in range(MONTHS_BETWEEN_QUOTES, len(periods), MONTHS_BETWEEN_QUOTES):
        names = {contract.name: f"{contract.name} of {periods[later].name}" for contract in proposed}
        for contract in proposed:
            if months_later(contract.start, later) < periods[-1].end:
                found.append(_made_again(contract, later, float(market[contract.supplier][later]), names))
                quoted_on[found[-1].name] = periods[later].start
    return tuple(found), quoted_on


def _made_again(quote: Contract, later: int, level: float, names: dict[str, str]) -> Contract:
    def shifted(day: date | None) -> Any:
        return None if day is None else months_later(day, later)

    def priced(money: Any) -> Any:
        return money * level if isinstance(money, int | float) else money

    fees: Any = quote.fee_steps
    if isinstance(fees, tuple):
        fees = tuple(replace(step, start=shifted(step.start), fee=step.fee * level) for step in fees)
    same = quote.comparables
    others = tuple(
        replace(row, other=names.get(row.other, row.other)) if row.kind is ExclusionKind.CONTRACT else row for row in quote.exclusions
    )
    group = quote.option_group
    moved = {name: shifted(getattr(quote, name)) for name in ("start", "end", "sign_by", "earliest_exit", "anniversary")}
    sums = ("price", "minimum_spend", "fixed_monthly_fee", "burst_price", "true_up_price")
    moved |= {name: priced(getattr(quote, name)) for name in sums}
    return replace(
        quote,
        name=names[quote.name],
        **moved,
        fee_steps=fees,
        option_group=None if group is None else f"{group} of {later}",
        ramp=tuple(replace(step, start=shifted(step.start), price=priced(step.price)) for step in quote.ramp),
        tiers=tuple(replace(tier, price=tier.price * level) for tier in quote.tiers),
        exclusions=others,
        comparables=tuple(names.get(name, name) for name in same) if isinstance(same, tuple) else same,
        renewal=None,
        deliveries=(),
    )


def by_month(case: Case, periods: tuple[Period, ...]) -> Case:
    """The case over months, every row of a period repeated for its months (the last period's for all after it), sums of money by days."""
    months: dict[str, list[Period]] = {}
    for month in periods:
        months.setdefault(_period_of(case.calendar.periods, month.start).name, []).append(month)
    days = {period.name: period.days for period in case.calendar.periods}

    def spread(nouns: tuple[Any, ...]) -> Iterator[Any]:
        for noun in nouns:
            if getattr(noun, "period", None) is None:
                yield noun
                continue
            for month in months.get(noun.period, ()):
                yield replace(_scaled(noun, month.days / days[noun.period]), period=month.name)

    rows = {field.name: getattr(case, field.name) for field in fields(case)}
    kept: dict[str, Any] = {name: tuple(spread(nouns)) for name, nouns in rows.items() if isinstance(nouns, tuple)}
    scenarios = tuple(replace(scenario, multipliers=tuple(spread(scenario.multipliers)), deviates={}) for scenario in case.scenarios)
    kept |= {"calendar": replace(case.calendar, periods=periods), "scenarios": scenarios, "demand": ()}
    return replace(case, **kept)


def _scaled(noun: Any, share: float) -> Any:
    """A sum of money of a period as that of a part of it; of other rows the row."""
    if isinstance(noun, OtherSpend):
        return replace(noun, spend=noun.spend * share)
    if isinstance(noun, Limit) and noun.kind is LimitKind.BUDGET:
        return replace(noun, value=noun.value * share)
    return noun
