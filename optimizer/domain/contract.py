"""What a supplier promises and what the planner promises to pay.

Every clause is none (`None`), unknown (`UNKNOWN`) or given. Unknown is never none and never free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum


class Unknown(Enum):
    """The state of a clause that exists or not, nobody has read which."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class Status(StrEnum):
    """FOCUS ContractCommitmentLifecycleStatus."""

    PROPOSED = "Proposed"
    PENDING = "Pending"
    ACTIVE = "Active"
    EXHAUSTED = "Exhausted"
    EXPIRED = "Expired"
    CANCELED = "Canceled"
    SUPERSEDED = "Superseded"

    @property
    def in_force(self) -> bool:
        """Signed, and neither over nor replaced: the payments bind."""
        return self in (Status.PENDING, Status.ACTIVE, Status.EXHAUSTED)


class Unit(StrEnum):
    """What the unit price is paid for."""

    ACCELERATOR_HOUR = "accelerator-hour"
    ACCELERATOR_MONTH = "accelerator-month"
    UNKNOWN = "unknown"  # nobody has read it; a plan refuses the contract


class Interval(StrEnum):
    """Fulfilment interval: minimums are measured over each one, counted from the contract's start."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TERM = "term"
    UNKNOWN = "unknown"  # nobody has read it; a plan refuses the contract

    @property
    def months(self) -> int | None:
        return {"month": 1, "quarter": 3, "year": 12, "term": None, "unknown": None}[self.value]


class ExclusionKind(StrEnum):
    CONTRACT = "contract"  # these two are never in force together
    SUPPLIER = "supplier"  # while in force, nothing is placed with that supplier and no contract of its is
    WORK = "work"  # while in force, this kind of work runs with this contract's supplier only


@dataclass(frozen=True, kw_only=True)
class RampStep:
    """From `start` on, a lot holds `accelerators`; its unit price too changes if `price` is given."""

    start: date
    accelerators: float  # per lot
    price: float | None  # contract currency / unit


@dataclass(frozen=True, kw_only=True)
class FeeStep:
    """Leaving on `start` or later, until the next step, costs `fee` per lot."""

    start: date
    fee: float  # contract currency / lot


@dataclass(frozen=True, kw_only=True)
class Tier:
    """Volume tier (priced by the clauses of a later release; a plan refuses it rather than ignore it)."""

    from_quantity: float  # accelerator-hours in the fulfilment interval
    price: float
    kind: str  # all_units | incremental


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    kind: ExclusionKind
    other: str  # contract, supplier, or kind of work


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A commitment of capacity over [start, end), in `lots` equal lots.

    In force: all lots are held and some may be left. Proposed: up to `lots` may be signed, whole.
    """

    name: str
    agreement: str
    supplier: str
    status: Status
    start: date
    end: date
    sign_by: date | None  # Proposed: last day to accept; None: any day before start
    pools: tuple[str, ...]  # covered; capacity is fungible across them. None named: audit only, plan refuses it
    lots: int
    accelerators: float | Unknown  # per lot, before the ramp's steps; unknown: audit only, plan refuses it
    unit: Unit
    price: float | Unknown  # contract currency / unit; unknown: audit only, plan refuses it
    currency: str
    interval: Interval
    take_or_pay_share: float | None | Unknown  # share of capacity paid whether taken or not, [0, 1]
    minimum_spend: float | None | Unknown  # contract currency / lot / fulfilment interval
    fixed_monthly_fee: float | None | Unknown  # contract currency / lot / calendar month
    share_of_wallet: float | None | Unknown  # least share of all accelerator-hours drawn, (0, 1]
    notice_days: float | None | Unknown  # None: may not be terminated for convenience
    earliest_exit: date | None  # first day on which a termination may take effect
    fee_steps: tuple[FeeStep, ...] | None | Unknown  # None: leaving is free once notice is served
    option_group: str | None  # at most one contract of a group is signed
    terminal_use: float  # share of what remains after the horizon that will be of use, [0, 1]
    ramp: tuple[RampStep, ...] = ()
    tiers: tuple[Tier, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def unknown_clauses(self) -> tuple[str, ...]:
        """Clauses that nobody has read yet, by field name."""
        names = ("take_or_pay_share", "minimum_spend", "fixed_monthly_fee", "share_of_wallet", "notice_days", "fee_steps")
        return tuple(name for name in names if getattr(self, name) is UNKNOWN)
