"""What a lot of one contract holds, costs and may be left for in each period of the calendar, in one scenario."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from fractions import Fraction

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, Unit
from optimizer.domain.demand import Scenario
from optimizer.domain.surface import Floats, Ints
from optimizer.planning.verify.dates import DAY_HOURS, month_pieces, months_between, worth_today
from optimizer.planning.verify.delivered import Piece, by_scenario, credit_share, number, pieces, supplier_leaves
from optimizer.planning.verify.minimums import behind, interval_of, minimum_part


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Per lot. Axis T periods; USD are cash of the period unless said otherwise."""

    capacity: Floats  # [T] accelerators, mean over the period's hours
    price: Floats  # [T] USD per accelerator-hour
    commitment: Floats  # [T] USD paid whether used or not
    fixed_fee: Floats  # [T] USD
    minimum: Floats  # [T] USD, the period's part of its interval's minimum spend
    prepaid: Floats  # [T] USD paid in advance, less what the balance pays
    brought: Floats  # [T] USD of all lots, spent so far beyond the past part of the minimum in progress
    exit_fee: Floats  # [T] USD to leave at the period's start, clawback included; inf: not possible
    interval: Ints  # [T] fulfilment interval; -1: not in force
    days: Ints  # [T] in force
    beyond_price: Floats  # [T] USD per accelerator-hour drawn beyond the commitment
    burst_price: Floats  # [T] USD per accelerator-hour drawn beyond the capacity
    units: Floats  # [T] units in an accelerator-hour held, on average
    interval_share: Floats  # [T] share of a whole fulfilment interval in which it is in force
    usd_per_unit: Floats  # [T] exchange rate
    terminal_usd: float  # discounted, for a lot held at the horizon's end
    remaining_cash: float  # USD undiscounted, least payment after the horizon


def in_selection(contract: Contract, case: Case) -> bool:
    """In force, or a quote that may still be accepted; and in force on some day of the calendar."""
    until = contract.start if contract.sign_by is None else contract.sign_by
    open_quote = contract.status.value == "Proposed" and until >= case.as_of
    overlaps = max(contract.start, case.calendar.periods[0].start) < min(contract.end, case.calendar.periods[-1].end)
    return overlaps and (contract.status.in_force or open_quote)


def take_or_pay(contract: Contract) -> float:
    """Nobody has read the share: all of the capacity is taken to be paid."""
    return 1.0 if contract.take_or_pay_share is UNKNOWN else number(contract.take_or_pay_share, 0.0)


def counts(contract: Contract) -> float:
    """What a unit of commitment or excess counts towards the minimum: its list price, where that is measured and known."""
    return 1.0 / (1.0 - number(contract.discount, 0.0)) if contract.minimum_at_list else 1.0


def contract_terms(contract: Contract, case: Case, annual_rate: float, scenario: Scenario | None = None) -> Terms:
    """Terms of one contract over the case's calendar, as agreed or as a scenario makes them; see docs/problem.md for each rule."""
    periods = case.calendar.periods
    size = len(periods)
    names: tuple[str, ...] = ("capacity", "price", "commitment", "fixed_fee", "minimum", "brought", "exit_fee")
    names += ("beyond_price", "burst_price", "units", "interval_share")
    columns = {name: np.zeros(size) for name in names}
    interval, days = np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    usd = _usd_per_unit(case, contract.currency, scenario)
    for t, period in enumerate(periods):
        first, until = max(contract.start, period.start), min(contract.end, period.end)
        columns["exit_fee"][t] = _exit_fee(contract, case, scenario, period.start) * usd[t]
        if first >= until:
            continue
        days[t] = (until - first).days
        interval[t] = interval_of(contract, first, t)
        held = list(pieces(contract, case, scenario, first, until))
        hours, full = (sum(part) for part in zip(*((piece.accelerator_hours, piece.full) for piece in held), strict=True))
        columns["capacity"][t] = float(hours / (DAY_HOURS * (period.end - period.start).days))
        columns["price"][t] = (float(full / hours) if hours else _price_of_nothing(held)) * usd[t]
        columns["commitment"][t] = take_or_pay(contract) * float(full) * usd[t]
        units = float(_units(contract, case, first, until))
        columns["units"][t] = units
        true_up, burst = contract.true_up_price, contract.burst_price
        own = columns["price"][t]
        columns["beyond_price"][t] = true_up * units * usd[t] if isinstance(true_up, (int, float)) else own
        columns["burst_price"][t] = (number(contract.price, 0.0) if burst is None else burst) * units * usd[t]
        columns["interval_share"][t] = float(months_between(first, until) / _interval_months(contract))
        columns["fixed_fee"][t] = _fee(contract, case, scenario, first, until) * usd[t]
        columns["minimum"][t] = minimum_part(contract, first, until) * delivered(contract, case, scenario, first, until) * usd[t]
        if not (interval[:t] >= 0).any():
            columns["brought"][t] = behind(contract, periods[0].start) * usd[t]
    prepaid, balance = _prepaid(contract, case, scenario)
    terminal, remaining = _after_horizon(contract, case, scenario, annual_rate, balance)
    return Terms(
        **columns,
        prepaid=prepaid * usd,
        interval=interval,
        days=days,
        usd_per_unit=usd,
        terminal_usd=terminal * float(usd[-1]),
        remaining_cash=remaining * float(usd[-1]),
    )


def _price_of_nothing(held: list[Piece]) -> float:
    """Price of an accelerator-hour where none is held: that of the days before the next change."""
    last, months, days = held[-1], Fraction(0), 0
    for piece in reversed(held):
        if (piece.accelerators, piece.price) != (last.accelerators, last.price):
            break
        months, days = months + piece.months, days + piece.days
    return float(last.price * (months / (DAY_HOURS * days) if last.by_month else 1))


def expected(terms: tuple[Terms, ...], probability: Floats) -> Terms:
    """The mean over scenarios; the terms themselves where all are the same."""
    if all(other is terms[0] for other in terms):
        return terms[0]
    shared = {name: getattr(terms[0], name) for name in ("interval", "days")}
    names = [field.name for field in fields(Terms) if field.name not in shared]
    means = {name: sum(p * getattr(each, name) for p, each in zip(probability, terms, strict=True)) for name in names}
    return Terms(**means, **shared)


def delivered(contract: Contract, case: Case, scenario: Scenario | None, start: date, end: date) -> float:
    """Share of the accelerator-hours agreed that is delivered; 1 where none are agreed."""
    if not contract.deliveries:
        return 1.0
    agreed, there = (sum(piece.accelerator_hours for piece in pieces(contract, case, world, start, end)) for world in (None, scenario))
    return float(there / agreed) if agreed else 1.0


def _units(contract: Contract, case: Case, start: date, end: date) -> Fraction:
    """Units in an accelerator-hour agreed in [start, end), on average; of days on which nothing is, in one accelerator's hour."""
    if contract.unit is Unit.ACCELERATOR_HOUR:
        return Fraction(1)
    agreed = list(pieces(replace(contract, deliveries=()), case, None, start, end))
    nothing = not any(piece.accelerators for piece in agreed)
    weights = [Fraction(1) if nothing else piece.accelerators for piece in agreed]
    months = sum((w * piece.months for w, piece in zip(weights, agreed, strict=True)), Fraction(0))
    return months / sum((w * DAY_HOURS * piece.days for w, piece in zip(weights, agreed, strict=True)), Fraction(0))


def _interval_months(contract: Contract) -> Fraction:
    length = contract.interval.months
    return months_between(contract.start, contract.end) if length is None else Fraction(length)


def _fee(contract: Contract, case: Case, scenario: Scenario | None, start: date, end: date) -> float:
    paid = 1.0 - credit_share(contract, case)
    months = float(months_between(start, end))
    return number(contract.fixed_monthly_fee, 0.0) * paid * months * delivered(contract, case, scenario, start, end)


def _certain(contract: Contract, case: Case, scenario: Scenario | None, start: date, end: date) -> float:
    """Commitment and fixed fee of a lot within [start, end), contract currency."""
    start, end = max(start, contract.start), min(end, contract.end)
    if start >= end:
        return 0.0
    full = float(sum(piece.full for piece in pieces(contract, case, scenario, start, end)))
    return take_or_pay(contract) * full + _fee(contract, case, scenario, start, end)


def _prepayment(contract: Contract, case: Case) -> float:
    """Upfront share of what is committed at the prices agreed, before escalator, index and credits."""
    share = number(contract.upfront_share, 0.0)
    agreed = replace(contract, annual_escalator=None, price_index=None, credits=None, deliveries=())
    return share * _certain(agreed, case, None, contract.start, contract.end) if share else 0.0


def _prepaid(contract: Contract, case: Case, scenario: Scenario | None) -> tuple[Floats, float]:
    """Paid in advance less what the balance pays, contract currency [T], and the balance left at the horizon's end."""
    periods = case.calendar.periods
    cash, balance = np.zeros(len(periods)), 0.0
    paid = _prepayment(contract, case)
    if contract.start < periods[0].start:
        spent = _certain(contract, case, scenario, contract.start, periods[0].start)
        left = max(0.0, paid - spent)
        balance = left if contract.prepaid_balance is None else contract.prepaid_balance / contract.lots
    gone = supplier_leaves(contract, scenario)
    over = contract.end if gone is None else min(gone, contract.end)
    for t, period in enumerate(periods):
        if period.start <= contract.start < period.end:
            cash[t] += paid
            balance += paid
        ends_here = period.start < over <= period.end
        taken = balance if ends_here else min(balance, _certain(contract, case, scenario, period.start, period.end))
        cash[t], balance = cash[t] - taken, balance - taken
    return cash, balance


def _exit_fee(contract: Contract, case: Case, scenario: Scenario | None, leave_on: date) -> float:
    """Contract currency per lot; inf where termination cannot take effect on that day."""
    claw, off = contract.clawback_share, contract.discount
    unread = claw is UNKNOWN or (number(claw, 0.0) > 0 and off is UNKNOWN)
    if not isinstance(contract.notice_days, (int, float)) or contract.fee_steps is UNKNOWN or unread:
        return np.inf
    notice_from = case.as_of if contract.status.in_force else max(case.as_of, contract.start)
    within_term = contract.start < leave_on < contract.end
    too_early = contract.earliest_exit is not None and leave_on < contract.earliest_exit
    if not within_term or too_early or (leave_on - notice_from).days < contract.notice_days:
        return np.inf
    steps = contract.fee_steps
    fees = {date.min: 0.0} if steps is None else {step.start: step.fee for step in steps if step.start <= leave_on}
    gone = supplier_leaves(contract, scenario)
    if not fees:
        return np.inf
    if gone is not None and gone <= leave_on:
        return 0.0
    back = 0.0
    if number(claw, 0.0):
        paid = take_or_pay(contract) * float(sum(piece.full for piece in pieces(contract, case, scenario, contract.start, leave_on)))
        back = number(claw, 0.0) * paid * (1.0 / (1.0 - number(off, 0.0)) - 1.0)
    return fees[max(fees)] + back


def _after_horizon(contract: Contract, case: Case, scenario: Scenario | None, annual_rate: float, balance: float) -> tuple[float, float]:
    """Discounted terminal value and undiscounted least payment after the horizon, per lot in contract currency."""
    horizon = case.calendar.periods[-1].end
    if contract.end <= horizon:
        return 0.0, 0.0
    discounted = cash = 0.0
    for first, until, _ in month_pieces(max(horizon, contract.start), contract.end):
        certain, fee = _certain(contract, case, scenario, first, until), _fee(contract, case, scenario, first, until)
        minimum = minimum_part(contract, first, until) * delivered(contract, case, scenario, first, until)
        least = certain + max(0.0, minimum - counts(contract) * (certain - fee) - fee) - min(balance, certain)
        balance -= min(balance, certain)
        cash += least
        discounted += least * worth_today(case.as_of, first, until, annual_rate)
    leave = _exit_fee(contract, case, scenario, horizon) * worth_today(case.as_of, horizon, horizon, annual_rate)
    return (1.0 - contract.terminal_use) * min(leave, discounted), cash


def _usd_per_unit(case: Case, currency: str, scenario: Scenario | None) -> Floats:
    """[T]; nan where the case has no rate, which verification reports."""
    if currency == "USD":
        return np.ones(len(case.calendar.periods))
    rates = {(row.period, row.scenario): row.usd_per_unit for row in case.exchange_rates if row.currency == currency}
    return np.array([by_scenario(rates, period.name, scenario) for period in case.calendar.periods], dtype=np.float64)
