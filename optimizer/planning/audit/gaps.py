"""Clauses that nobody has read: between what a contract's commitment lies for each, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from optimizer.domain.contract import Contract, Interval, Unit
from optimizer.planning.audit.audit import Audit
from optimizer.planning.audit.clauses import State, clause_states
from optimizer.planning.audit.exits import exits, non_cancellable, unread_termination
from optimizer.planning.audit.whole_term import whole_term

MAY_LOWER = ("ramp", "tiers", "escalator", "price_index", "most_favoured_price", "credits", "balance")  # what is paid
COLUMNS = ("contract", "clause", "non_cancellable_low_usd", "non_cancellable_high_usd", "ask")


def gaps(found: Audit, contract: Contract) -> Iterator[dict[str, Any]]:
    """Clauses that nobody has read, and between what the commitment lies for it; blank where there is no limit."""
    for clause, state in clause_states(contract):
        if state is State.UNKNOWN:
            low, high = _range(found, contract, clause.name)
            ask = f"Read {clause.name} in {contract.agreement}, or ask {contract.supplier}."
            yield {
                "contract": contract.name,
                "clause": clause.name,
                "non_cancellable_low_usd": low,
                "non_cancellable_high_usd": high,
                "ask": ask,
            }


def _range(found: Audit, contract: Contract, clause: str) -> tuple[float | None, float | None]:
    if contract.name not in found.terms:
        return _known_least(found, contract), None
    locked = found.locked[contract.name]
    if clause == "termination" and unread_termination(contract):
        return locked.low_usd, locked.high_usd
    if clause == "take_or_pay":
        at = [whole_term(replace(contract, take_or_pay_share=share), found.case) for share in (0.0, 1.0)]
        least, most = (non_cancellable(exits(term)) for term in at)
        return least.low_usd, most.high_usd
    if clause in MAY_LOWER:
        return 0.0, None
    return locked.low_usd, None  # an unread minimum or fee may be anything


def _known_least(found: Audit, contract: Contract) -> float | None:
    """What minimum spend and fixed fees alone ask for, whatever an unread price or capacity adds; None without an interval."""
    if contract.interval is Interval.UNKNOWN:
        return None
    known = replace(contract, price=0.0, accelerators=0.0, unit=Unit.ACCELERATOR_HOUR, ramp=(), tiers=())
    return non_cancellable(exits(whole_term(known, found.case))).low_usd
