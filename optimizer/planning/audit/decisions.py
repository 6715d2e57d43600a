"""What must be decided soon, by when, and what doing nothing costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Status
from optimizer.planning.audit.clauses import State, clause_states
from optimizer.planning.audit.exits import Exit
from optimizer.planning.audit.whole_term import WholeTerm

COLUMNS = ("act_by", "days_left", "contract", "decision", "effective", "recommended", "doing_nothing", "doing_nothing_usd")
CENT = 0.005


def decisions(
    case: Case,
    terms: Mapping[str, WholeTerm],
    curves: Mapping[str, Sequence[Exit]],
    recommended: Mapping[str, str],
    *,
    within_days: int,
) -> list[dict[str, Any]]:
    """Decisions whose last day comes within so many days of the case's date, soonest first.

    `doing_nothing_usd` is undiscounted cash: for an exit what the next one costs more. Between which prices a quote pays is for `quote`
    to say.

    Args:
      recommended: what the plan decides, by contract.
    """
    until = case.as_of + timedelta(days=within_days)
    found = []
    for contract in case.contracts:
        rows = [*_signing(contract, case), *_leaving(curves.get(contract.name, ())), *_ending(contract, terms.get(contract.name))]
        for row in [*rows, *_reading(contract, case)]:
            if case.as_of <= row["act_by"] <= until:
                left = (row["act_by"] - case.as_of).days
                found.append(row | {"days_left": left, "contract": contract.name, "recommended": recommended.get(contract.name)})
    return sorted(found, key=lambda row: (row["act_by"], row["contract"], row["decision"]))


def _signing(contract: Contract, case: Case) -> Iterator[dict[str, Any]]:
    """Quotes, and options to prolong a term, which are read as quotes of their own."""
    if contract.status is Status.PROPOSED:
        by = contract.last_day_to_sign
        if contract.renews is None:
            yield _row(by, "sign", contract.start, "the quote lapses; the market serves what it would have", None)
        else:
            yield _row(by, "renew", contract.start, f"{contract.renews} is not prolonged", None)


def _leaving(curve: Sequence[Exit]) -> Iterator[dict[str, Any]]:
    """The first exit after which the next one costs more; those after it are decided when it has passed."""
    for way, following in pairwise(curve):
        if way.notice_by is not None and way.cost_usd is not None and following.cost_usd is not None:
            more = following.cost_usd - way.cost_usd
            if more > CENT:
                ends = following.notice_by is None
                told = "it runs to its end" if ends else f"the next exit is {following.on}"
                yield _row(way.notice_by, "give notice", way.on, told, more)
                return


def _ending(contract: Contract, term: WholeTerm | None) -> Iterator[dict[str, Any]]:
    if contract.status.in_force:
        held = None if term is None or not len(term.pieces) else term.hours[-1] / (24.0 * term.pieces[-1].days)
        told = "its capacity ends" if held is None else f"{held:,.0f} accelerators end"
        yield _row(contract.end, "renew or replace", contract.end, told, None)


def _reading(contract: Contract, case: Case) -> Iterator[dict[str, Any]]:
    """Clauses that nobody has read are to be read now."""
    if contract.status.in_force or contract.status is Status.PROPOSED:
        unread = [clause.name for clause, state in clause_states(contract) if state is State.UNKNOWN]
        if unread and contract.end > case.as_of:
            told = f"costs stay ranges; unknown: {', '.join(unread)}"
            yield _row(case.as_of, "read the contract", None, told, None)


def _row(act_by: date, decision: str, effective: date | None, doing_nothing: str, usd: float | None) -> dict[str, Any]:
    return {
        "act_by": act_by,
        "decision": decision,
        "effective": effective,
        "doing_nothing": doing_nothing,
        "doing_nothing_usd": usd,
    }
