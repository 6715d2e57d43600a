"""A contract as one scenario makes it: what is delivered when, and at which price, written out as steps of its ramp."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Delivery, RampStep
from optimizer.domain.demand import Scenario
from optimizer.planning.assemble.contracts import given, whole_months
from optimizer.planning.assemble.rates import index_values


def in_scenario(contract: Contract, case: Case, scenario: Scenario) -> Contract:
    """The contract with delays, the supplier's exit, escalator, index, collar and service credits in its ramp and fee.

    Term, intervals, notice and minimums stay as they are.
    """
    delivery = delivery_in(contract, scenario)
    moving = contract.price_index is not None or given(contract.annual_escalator, 0.0) != 0.0
    paid = 1.0 - service_credit(contract, case)
    if delivery is None and not moving and paid == 1.0:
        return contract
    steps = _delivered(contract, case.as_of, delivery)
    cuts = {step.start for step in steps} | set(_price_days(contract, case))
    ramp = []
    for day in sorted(day for day in cuts if contract.start <= day < contract.end):
        held = max((step for step in steps if step.start <= day), key=lambda step: step.start)
        factor = paid * price_factor(contract, case, scenario, day)
        ramp.append(RampStep(start=day, accelerators=held.accelerators, price=given(held.price, 0.0) * factor))
    fee = contract.fixed_monthly_fee
    return replace(contract, ramp=tuple(ramp), fixed_monthly_fee=fee * paid if isinstance(fee, (int, float)) else fee)


def delivery_in(contract: Contract, scenario: Scenario) -> Delivery | None:
    return next((row for row in contract.deliveries if row.scenario == scenario.world), None)


def _delivered(contract: Contract, as_of: date, delivery: Delivery | None) -> list[RampStep]:
    """Capacity and price before index and escalator, from the start on; each step has a price."""
    price, agreed = given(contract.price, 0.0), []
    for step in (RampStep(start=contract.start, accelerators=given(contract.accelerators, 0.0), price=None), *contract.ramp):
        price = price if step.price is None else step.price
        agreed.append(replace(step, price=price))
    if delivery is None:
        return _one_a_day(agreed)
    late = timedelta(days=delivery.delay_days)
    moved = [step if step.start <= as_of else replace(step, start=step.start + late) for step in agreed]
    steps = [RampStep(start=contract.start, accelerators=0.0, price=given(contract.price, 0.0)), *moved]
    if delivery.supplier_exit is not None:
        leaves = max(delivery.supplier_exit, contract.start)
        steps = [*(step for step in steps if step.start < leaves), RampStep(start=leaves, accelerators=0.0, price=price)]
    return _one_a_day(steps)


def _one_a_day(steps: list[RampStep]) -> list[RampStep]:
    """Of two steps on one day the later in the list holds."""
    return list({step.start: step for step in steps}.values())


def _price_days(contract: Contract, case: Case) -> Iterator[date]:
    """Days on which the price may change besides the ramp's: anniversaries, and periods where there is an index."""
    yield contract.start
    if given(contract.annual_escalator, 0.0) != 0.0:
        first = contract.start
        for year in range(first.year + 1, contract.end.year + 1):
            leap_day = (first.month, first.day) == (2, 29) and not isleap(year)
            yield date(year, 3, 1) if leap_day else first.replace(year=year)
    if contract.price_index is not None:
        yield from (period.start for period in case.calendar.periods)


def price_factor(contract: Contract, case: Case, scenario: Scenario, day: date) -> float:
    """What the escalator and the index make of a unit price on a day; before and after the calendar its first and last values hold."""
    escalated = (1.0 + given(contract.annual_escalator, 0.0)) ** (whole_months(contract.start, day) // 12)
    if contract.price_index is None or contract.index_base is None:
        return float(escalated)
    started = [t for t, period in enumerate(case.calendar.periods) if period.start <= day]
    ratio = index_values(case, scenario, contract.price_index)[started[-1] if started else 0] / contract.index_base
    return float(escalated * min(max(ratio, given(contract.index_floor, 0.0)), given(contract.index_cap, np.inf)))


def service_credit(contract: Contract, case: Case) -> float:
    """Share of the bill that is credited at the availability of the best site covered; what nobody has read is not counted on."""
    if not isinstance(contract.credits, tuple):
        return 0.0
    sites = {pool.name: pool.site for pool in case.pools}
    availability = {site.name: site.availability for site in case.sites}
    best = max((availability[sites[pool]] for pool in contract.pools), default=1.0)
    share = max((step.share for step in contract.credits if best < step.availability_below), default=0.0)
    cap = contract.credit_cap
    return 0.0 if cap is not None and not isinstance(cap, (int, float)) else min(share, given(cap, 1.0))
