"""Clauses by name: one line each. The audit says of every contract and clause whether it is none, unknown, priced or for a lawyer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from optimizer.domain.contract import UNKNOWN, Contract, Interval, Unit


class State(StrEnum):
    NONE = "none"  # the contract has no such clause
    UNKNOWN = "unknown"  # nobody has read it: a gap of the audit
    PRICED = "priced"  # given, and its arithmetic is in every bill
    LEGAL_REVIEW = "legal review"  # given, without arithmetic


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One clause of contracts.

    `read` gives what the contract says: a figure or anything else that is given, None for none, UNKNOWN. `without` are the fields of a
    contract from which a clause that limits the use of several suppliers is taken out; a clause without them has no price of its own.
    """

    name: str
    read: Callable[[Contract], object]
    without: Mapping[str, Any] = field(default_factory=dict)

    @property
    def limits(self) -> bool:
        """Whether it limits the use of several suppliers."""
        return bool(self.without)

    def state(self, contract: Contract) -> State:
        said = self.read(contract)
        if said is UNKNOWN:
            return State.UNKNOWN
        return State.NONE if said is None or said == () else State.PRICED

    def dropped(self, contract: Contract) -> Contract:
        return replace(contract, **self.without)

    def binds(self, contract: Contract) -> bool:
        """Whether dropping it changes the contract."""
        return self.limits and self.dropped(contract) != contract


def _named(name: str) -> Callable[[Contract], object]:
    return lambda contract: getattr(contract, name)


def termination(contract: Contract) -> object:
    """The notice; unknown where it is, or where the contract can be left at a cost that nobody has read. None: it may not be left."""
    if contract.notice_days is None:
        return None
    clawed = contract.clawback_share is UNKNOWN or (bool(contract.clawback_share) and contract.discount is UNKNOWN)
    unread = contract.notice_days is UNKNOWN or contract.fee_steps is UNKNOWN or clawed
    return UNKNOWN if unread else contract.notice_days


def _index(contract: Contract) -> object:
    """The price index; unknown where its collar is."""
    if "price_index" in contract.unread:
        return UNKNOWN
    if contract.price_index is None:
        return None
    return UNKNOWN if UNKNOWN in (contract.index_floor, contract.index_cap) else contract.price_index


def _rows(name: str) -> Callable[[Contract], object]:
    """A clause of rows; without any it is none, or nobody has read it."""
    return lambda contract: UNKNOWN if name in contract.unread else getattr(contract, name)


def _credits(contract: Contract) -> object:
    return UNKNOWN if contract.credits and contract.credit_cap is UNKNOWN else contract.credits


def _unless(unread: object, name: str) -> Callable[[Contract], object]:
    return lambda contract: UNKNOWN if getattr(contract, name) is unread else getattr(contract, name)


FREE_TO_LEAVE = {"notice_days": 0.0, "fee_steps": None, "earliest_exit": None, "clawback_share": None}

CLAUSES: tuple[Clause, ...] = (
    Clause(name="unit_price", read=_named("price")),
    Clause(name="capacity", read=_named("accelerators")),
    Clause(name="unit", read=_unless(Unit.UNKNOWN, "unit")),
    Clause(name="fulfilment_interval", read=_unless(Interval.UNKNOWN, "interval")),
    Clause(name="pools", read=lambda contract: contract.pools or UNKNOWN),
    Clause(name="ramp", read=_rows("ramp")),
    Clause(name="tiers", read=_rows("tiers")),
    Clause(name="escalator", read=_named("annual_escalator")),
    Clause(name="price_index", read=_index),
    Clause(name="discount", read=_named("discount")),
    Clause(name="prepayment", read=_named("upfront_share")),
    Clause(name="burst", read=_named("burst_share")),
    Clause(name="true_up", read=_named("true_up_price")),
    Clause(name="balance", read=_named("balance")),
    Clause(name="most_favoured_price", read=_named("comparables")),
    Clause(name="take_or_pay", read=_named("take_or_pay_share"), without={"take_or_pay_share": None}),
    Clause(name="minimum_spend", read=_named("minimum_spend"), without={"minimum_spend": None}),
    Clause(name="other_spend_cap", read=_named("other_spend_cap"), without={"other_spend_cap": None}),
    Clause(name="fixed_monthly_fee", read=_named("fixed_monthly_fee")),
    Clause(name="share_of_wallet", read=_named("share_of_wallet"), without={"share_of_wallet": None}),
    Clause(name="termination", read=termination, without=FREE_TO_LEAVE),
    Clause(name="clawback", read=_named("clawback_share"), without={"clawback_share": None}),
    Clause(name="supplier_notice", read=_named("supplier_notice_days")),
    Clause(name="credits", read=_credits),
    Clause(name="exclusions", read=_rows("exclusions"), without={"exclusions": ()}),
    Clause(name="renewal", read=_named("renewal")),
    Clause(name="option_group", read=_named("option_group")),
)


def clause_states(contract: Contract) -> Iterator[tuple[Clause, State]]:
    """All clauses of the registry as they stand in one contract."""
    for clause in CLAUSES:
        yield clause, clause.state(contract)


def unpriced(contract: Contract) -> tuple[str, ...]:
    """Clauses without which no amount of the contract can be told, where nobody has read them."""
    basics = ("unit_price", "capacity", "unit", "fulfilment_interval")
    return tuple(clause.name for clause, state in clause_states(contract) if clause.name in basics and state is State.UNKNOWN)
