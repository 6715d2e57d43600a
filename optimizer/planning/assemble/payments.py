"""What a lot owes in one scenario besides its price: minimums, fees, prepayment, leaving, and what is left after the horizon.

`contract` is as agreed, `made` as the scenario makes it (`in_scenario`). Contract currency per lot. What is not delivered is not paid for:
fixed fees and minimums count in proportion to what is delivered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY, Calendar, calendar_months, first_of_next_month
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Interval, Proration
from optimizer.domain.demand import Scenario
from optimizer.domain.surface import Floats
from optimizer.planning.assemble.contracts import (
    add_months,
    committed,
    discount,
    exit_fee,
    given,
    interval_anchor,
    interval_months,
    list_ratio,
    stretches,
)
from optimizer.planning.assemble.in_scenario import delivery_in, in_scenario
from optimizer.planning.assemble.rates import exchange_rates


def delivered_share(contract: Contract, made: Contract, start: date, end: date) -> float:
    """Delivered accelerator-hours over those agreed within [start, end); 1 where none are agreed."""
    agreed, there = (sum(part.accelerator_hours for part in stretches(each, start, end)) for each in (contract, made))
    return there / agreed if agreed else 1.0


def fees_due(contract: Contract, made: Contract, start: date, end: date) -> float:
    """Fixed monthly fees within [start, end)."""
    start, end = max(start, contract.start), min(end, contract.end)
    if start >= end:
        return 0.0
    return given(made.fixed_monthly_fee, 0.0) * calendar_months(start, end) * delivered_share(contract, made, start, end)


def minimum_due(contract: Contract, made: Contract, start: date, end: date) -> float:
    """The part of the minimum spend that falls into [start, end)."""
    start, end = max(start, contract.start), min(end, contract.end)
    if start >= end or not given(contract.minimum_spend, 0.0):
        return 0.0
    parts = sum(_intervals_in(contract, start, end))
    return given(contract.minimum_spend, 0.0) * parts * delivered_share(contract, made, start, end)


def _intervals_in(contract: Contract, start: date, end: date) -> Iterator[float]:
    """Shares of whole intervals within days in force; one that the term cuts short counts by the proration."""
    if contract.interval in (Interval.HOUR, Interval.DAY):
        days = (end - start).days
        yield float(days * HOURS_PER_DAY if contract.interval is Interval.HOUR else days)
        return
    if contract.interval.months is None or contract.proration is Proration.DAYS:
        yield calendar_months(start, end) / interval_months(contract)
        return
    for first, last in interval_bounds(contract):
        begin, until = max(first, start), min(last, end)
        if begin < until:
            inside = max(first, contract.start), min(last, contract.end)
            if inside == (first, last):
                yield calendar_months(begin, until) / interval_months(contract)
            elif contract.proration is Proration.FULL:
                yield calendar_months(begin, until) / calendar_months(*inside)


def interval_bounds(contract: Contract) -> Iterator[tuple[date, date]]:
    """First day and day after the last of each fulfilment interval of months; the first and the last may reach beyond the term."""
    length, anchor = contract.interval.months or 0, interval_anchor(contract)
    first, number = anchor, 0
    while first < contract.end:
        number += 1
        last = add_months(anchor, number * length)
        yield first, last
        first = last


def brought_forward(contract: Contract, calendar: Calendar) -> float:
    """Spend so far beyond the past part of the minimum in progress at the calendar's start, all lots together; below 0: behind."""
    if contract.spent_so_far is None or contract.start >= calendar.start:
        return 0.0
    running = [first for first, last in interval_bounds(contract) if first <= calendar.start < last] if contract.interval.months else []
    first = running[0] if running else contract.start
    return contract.spent_so_far - contract.lots * minimum_due(contract, contract, first, calendar.start)


def prepayment(contract: Contract) -> float:
    """Paid at the start: the upfront share of all that is committed, at the prices agreed for the start and the ramp's steps."""
    share = given(contract.upfront_share, 0.0)
    return share * (committed(contract, contract.start, contract.end) + fees_due(contract, contract, contract.start, contract.end))


def prepaid(contract: Contract, made: Contract, case: Case, scenario: Scenario) -> tuple[Floats, float]:
    """Paid in advance less what the balance then pays in each period, [T]; and the balance at the horizon's end.

    The balance pays commitments and fixed fees as they fall due. What it has left when the term ends, or the supplier leaves, is paid back.
    """
    periods, delivery = case.calendar.periods, delivery_in(contract, scenario)
    over = min(contract.end, contract.end if delivery is None else delivery.supplier_exit or contract.end)
    cash, balance = np.zeros(len(periods)), _balance_at_start(contract, made, case.calendar)
    for t, period in enumerate(periods):
        if period.start <= contract.start < period.end:
            cash[t] += prepayment(contract)
            balance += prepayment(contract)
        due = committed(made, period.start, period.end) + fees_due(contract, made, period.start, period.end)
        paid = balance if period.start < over <= period.end else min(balance, due)
        cash[t] -= paid
        balance -= paid
    return cash, balance


def _balance_at_start(contract: Contract, made: Contract, calendar: Calendar) -> float:
    if contract.start >= calendar.start:
        return 0.0
    if contract.prepaid_balance is not None:
        return contract.prepaid_balance / contract.lots
    due = committed(made, contract.start, calendar.start) + fees_due(contract, made, contract.start, calendar.start)
    return max(0.0, prepayment(contract) - due)


def leaving_cost(contract: Contract, made: Contract, scenario: Scenario, leave_on: date, as_of: date) -> float:
    """Termination fee, and the clawback of the discount on what was committed so far; nothing once the supplier has left."""
    fee, delivery = exit_fee(contract, leave_on, as_of), delivery_in(contract, scenario)
    if np.isinf(fee):
        return fee
    if delivery is not None and delivery.supplier_exit is not None and delivery.supplier_exit <= leave_on:
        return 0.0
    received = (list_ratio(contract) - 1.0) * committed(made, contract.start, leave_on)
    return fee + given(contract.clawback_share, 0.0) * received


def remaining_minimum(contract: Contract, made: Contract, after: date, as_of: date, annual_rate: float, balance: float = 0.0) -> float:
    """Least discounted payment after a day, month by month; a prepaid balance pays what falls due first."""
    day, total = max(after, contract.start), 0.0
    while day < contract.end:
        until = min(contract.end, first_of_next_month(day))
        held, fees = committed(made, day, until), fees_due(contract, made, day, until)
        short = max(0.0, minimum_due(contract, made, day, until) - list_ratio_counted(contract) * held - fees)
        paid = min(balance, held + fees)
        balance -= paid
        total += (held + fees - paid + short) * discount(day, until, as_of, annual_rate)
        day = until
    return total


def list_ratio_counted(contract: Contract) -> float:
    """What a unit of spend counts towards the minimum."""
    return list_ratio(contract) if contract.minimum_at_list else 1.0


def terminal_usd(contract: Contract, case: Case, annual_rate: float) -> float:
    """Discounted, expected USD, per lot held at the horizon's end, of what is committed beyond it."""
    if contract.end <= case.calendar.end:
        return 0.0
    last = exchange_rates(case, contract.currency)[-1]
    costs = [_terminal(contract, case, scenario, annual_rate) for scenario in case.scenarios]
    return float(sum(s.probability * rate * cost for s, rate, cost in zip(case.scenarios, last, costs, strict=True)))


def _terminal(contract: Contract, case: Case, scenario: Scenario, annual_rate: float) -> float:
    made, end, as_of = in_scenario(contract, case, scenario), case.calendar.end, case.as_of
    _, balance = prepaid(contract, made, case, scenario)
    leave = leaving_cost(contract, made, scenario, end, as_of) * discount(end, end, as_of, annual_rate)
    return (1.0 - contract.terminal_use) * min(leave, remaining_minimum(contract, made, end, as_of, annual_rate, balance))
