"""What leaving costs, date by date, and what cannot be left: the exit curve and the non-cancellable commitment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from optimizer.domain.contract import UNKNOWN, Contract
from optimizer.planning.audit.clauses import termination
from optimizer.planning.audit.whole_term import WholeTerm


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What leaving costs, by what it is paid for. USD."""

    minimums_usd: float  # take-or-pay, fixed fees and minimum spend up to the day
    forfeited_usd: float  # paid in advance and not yet drawn down
    fee_usd: float  # of the schedule
    clawback_usd: float  # discount that is paid back


@dataclass(frozen=True, kw_only=True)
class Exit:
    """Leaving all lots on a day: what falls due from the calendar's start on, the fee, and what was paid in advance and is forfeited.

    USD, undiscounted; an unknown cost is a range.
    """

    contract: str
    on: date
    notice_by: date | None  # None: it ends by itself, or nobody has read the notice
    low_usd: float
    high_usd: float
    piece: int  # of the whole term that is not held any more
    parts: Parts | None = None  # None where the cost is a range

    @property
    def cost_usd(self) -> float | None:
        """None where the range is no figure."""
        return self.low_usd if self.low_usd == self.high_usd else None


def unread_termination(contract: Contract) -> bool:
    """Whether the contract may or may not be left, at a cost that nobody has read."""
    return termination(contract) is UNKNOWN


def exits(term: WholeTerm) -> tuple[Exit, ...]:
    """Every day on which the contract may be left, first days of months among them, and its end. Those that are not over."""
    return (*_possible(term), _end(term))


def _possible(term: WholeTerm) -> Iterator[Exit]:
    contract = term.contract
    notice = timedelta(days=float(contract.notice_days)) if isinstance(contract.notice_days, int | float) else None
    kept = _kept(term)
    for m in range(term.now, len(term.pieces)):
        on, paid = term.dates[m], math.fsum([*term.least(m), term.prepaid[m]])
        if on <= contract.start or m == 0:
            continue
        by = None if notice is None else on - notice
        if unread_termination(contract):
            too_early = contract.earliest_exit is not None and on < contract.earliest_exit
            if not too_early:
                low = paid + _known_fee(contract, term, m)
                yield Exit(contract=contract.name, on=on, notice_by=by, low_usd=min(low, kept), high_usd=kept, piece=m)
        elif np.isfinite(term.exit_fee[m]):
            cost = paid + float(term.exit_fee[m])
            yield Exit(contract=contract.name, on=on, notice_by=by, low_usd=cost, high_usd=cost, piece=m, parts=_parts(contract, term, m))


def _parts(contract: Contract, term: WholeTerm, m: int) -> Parts:
    leaving = float(term.exit_fee[m])
    fee = min(_known_fee(contract, term, m), leaving)
    minimums, forfeited = math.fsum(term.least(m)), float(term.prepaid[m])
    return Parts(minimums_usd=minimums, forfeited_usd=forfeited, fee_usd=fee, clawback_usd=leaving - fee)


def _known_fee(contract: Contract, term: WholeTerm, m: int) -> float:
    """The fee of the schedule on the piece's first day; one that nobody has read may be nothing."""
    if not isinstance(contract.fee_steps, tuple):
        return 0.0
    usd_per_unit = term.usd_per_unit[m]
    reached = [step for step in contract.fee_steps if step.start <= term.dates[m]]
    return contract.lots * max(reached, key=lambda step: step.start).fee * float(usd_per_unit) if reached else 0.0


def _kept(term: WholeTerm) -> float:
    return math.fsum(term.least(len(term.pieces)))


def _end(term: WholeTerm) -> Exit:
    cost = _kept(term)
    last = len(term.pieces)
    parts = Parts(minimums_usd=cost, forfeited_usd=0.0, fee_usd=0.0, clawback_usd=0.0)
    return Exit(contract=term.contract.name, on=term.contract.end, notice_by=None, low_usd=cost, high_usd=cost, piece=last, parts=parts)


@dataclass(frozen=True, kw_only=True)
class NonCancellable:
    """What is paid from the calendar's start on whatever is decided: the exit of least cash. A range where terms are unread."""

    low_usd: float
    high_usd: float
    exit: Exit

    @property
    def usd(self) -> float | None:
        return self.low_usd if self.low_usd == self.high_usd else None


def non_cancellable(curve: tuple[Exit, ...]) -> NonCancellable:
    """The least over all exits, at most their costs at the dearest reading."""
    return NonCancellable(
        low_usd=min(way.low_usd for way in curve),
        high_usd=min(way.high_usd for way in curve),
        exit=min(curve, key=lambda way: (way.high_usd, way.on)),
    )


def earliest_exit(curve: tuple[Exit, ...], contract: Contract) -> date | None:
    """First day on which the contract may be left by notice; None where it may not, or where nobody has read whether."""
    if unread_termination(contract):
        return None
    return min((way.on for way in curve if way.on < contract.end), default=None)
