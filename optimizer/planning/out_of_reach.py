"""What the tables offer and no plan can take any more: days that have passed, quotes that exclude what cannot be left."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from optimizer.domain.calendar import overlap_days
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, ExclusionKind, Status
from optimizer.planning.assemble.contracts import exit_fee


def out_of_reach(case: Case) -> tuple[str, ...]:
    """A sentence for each."""
    return (*_passed(case), *(f"contract {name}: {why}" for name, why in barred(case).items()))


def _passed(case: Case) -> Iterator[str]:
    """Quotes that could be signed, and terms that could be prolonged, until a day before the case's date."""
    quotes = {contract.name: contract for contract in case.contracts if contract.status is Status.PROPOSED}
    for quote in quotes.values():
        if quote.can_be_signed(case.as_of) or quote.end <= case.calendar.start or quote.start >= case.calendar.end:
            continue
        day = f"{quote.last_day_to_sign}, before the case's date, {case.as_of}"
        if quote.renews is None:
            yield f"contract {quote.name}: could be signed until {day}; it is left out. Ask for a later day, or set its status."
        elif quote.renews not in quotes:
            yield (
                f"contract {quote.renews}: could be prolonged until {day}; it ends on {quote.start}. If it was prolonged, write its new "
                "ContractCommitmentPeriodEnd, and none as x_RenewalMonths."
            )


def barred(case: Case) -> dict[str, str]:
    """Quotes that cannot be in force beside a contract that is and cannot be left in time, and why."""
    held = [contract for contract in case.contracts if contract.status.in_force]
    quotes = [contract for contract in case.contracts if contract.can_be_signed(case.as_of)]
    found: dict[str, str] = {}
    for quote, other in product(quotes, held):
        excludes = _excludes(quote, other) or _excludes(other, quote)
        both = _periods_held(quote, case) & _periods_held(other, case) if excludes else set()
        if both:
            when = case.calendar.periods[min(both)].name
            why = f"cannot be signed: {excludes}, and {other.name} is in force in {when} and cannot be left by then. "
            found.setdefault(quote.name, why + "Ask for a later start or without the exclusion, or set its status to Canceled.")
    return found


def _excludes(one: Contract, other: Contract) -> str | None:
    """Why one is not in force while the other is."""
    for exclusion in one.exclusions:
        if exclusion.kind is ExclusionKind.CONTRACT and exclusion.other == other.name:
            return f"{one.name} excludes {other.name}"
        if exclusion.kind is ExclusionKind.SUPPLIER and exclusion.other == other.supplier:
            return f"{one.name} excludes contracts of {other.supplier}"
    return None


def _periods_held(contract: Contract, case: Case) -> set[int]:
    """Periods in which the contract is in force whenever it is left; it may be left at the start of a period."""
    held = set()
    for t, period in enumerate(case.calendar.periods):
        if overlap_days(contract.start, contract.end, period):
            if np.isfinite(exit_fee(contract, period.start, case.as_of)):
                break
            held.add(t)
    return held
