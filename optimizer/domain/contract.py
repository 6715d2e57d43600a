"""What a supplier promises and what the planner promises to pay.

Every clause is none (`None`), unknown (`UNKNOWN`) or given. Unknown is never none and never free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum, StrEnum

from optimizer.domain.calendar import months_later


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
    """Fulfilment interval: minimums are measured over each one, counted from the contract's start or its anniversary."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TERM = "term"
    UNKNOWN = "unknown"  # nobody has read it; a plan refuses the contract

    @property
    def months(self) -> int | None:
        """Length in calendar months; None: shorter than a month, or the whole term."""
        return {"hour": None, "day": None, "month": 1, "quarter": 3, "year": 12, "term": None, "unknown": None}[self.value]


class Proration(StrEnum):
    """What an interval that the contract's start or end cuts short owes of its minimum spend."""

    DAYS = "days"  # its part by calendar months, parts of a month by days
    FULL = "full"
    NONE = "none"


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
    """Volume tier: from a quantity on, all lots together in a fulfilment interval, another price holds."""

    from_quantity: float  # units in a whole fulfilment interval; the boundary belongs to this tier
    price: float  # contract currency / unit, next to the contract's own, with which it moves
    kind: str  # all_units: of every unit | incremental: of those in the tier


class BalanceKind(StrEnum):
    """What an interval brings forward into later ones."""

    MAKE_UP = "make_up"  # paid and not taken: pays for what is later drawn beyond the commitment
    CARRY_FORWARD = "carry_forward"  # drawn beyond the commitment: makes good what is later not taken of it
    ROLLOVER = "rollover"  # minimum spend paid and not spent: pays for what is later spent beyond the minimum


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Money brought forward from one fulfilment interval to the next, used as soon as it can be. Contract currency, all lots together."""

    kind: BalanceKind
    opening: float = 0.0  # on the first day of the calendar
    cap: float | None = None  # most that is ever brought forward; None: no limit
    expires_after: int | None = None  # intervals in which it may be used; None: it does not expire


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    kind: ExclusionKind
    other: str  # contract, supplier, or kind of work


@dataclass(frozen=True, kw_only=True)
class CreditStep:
    """Where the availability is below `availability_below`, the share of the bill that the supplier credits."""

    availability_below: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What becomes of a contract's capacity in one scenario."""

    scenario: str
    delay_days: float  # what is not yet delivered on the case's date comes so much later; the term stays
    supplier_exit: date | None  # first day on which the supplier has left


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """The option to prolong the term, for as many of the lots as are still held when it ends."""

    months: int  # by which the term is prolonged
    price: float | None = None  # contract currency / unit in them; None: the contract's own price
    decide_by: date | None = None  # last day to say so; None: any day before the term ends


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
    annual_escalator: float | None | Unknown = None  # unit prices rise by this share on each anniversary of the start
    price_index: str | None = None  # unit prices follow it: value / index_base, within the collar
    index_base: float | None = None  # value at which the unit price holds
    index_floor: float | None | Unknown = None  # least ratio to the unit price
    index_cap: float | None | Unknown = None  # largest
    upfront_share: float | None | Unknown = None  # of all that is committed, paid at the start and drawn down by what falls due
    prepaid_balance: float | None = None  # contract currency, all lots, at the calendar's start; None: what the upfront share has left
    discount: float | None | Unknown = None  # share of the list price that the unit price is below it, [0, 1)
    clawback_share: float | None | Unknown = None  # of the discount received on what was committed, paid back on leaving
    minimum_at_list: bool = False  # spend counts towards the minimum before the discount
    other_spend_cap: float | None | Unknown = None  # most of a minimum that other spend may cover, share
    spent_so_far: float | None = None  # contract currency, all lots, towards the minimum in progress at the start; None: on schedule
    anniversary: date | None = None  # a day on which a fulfilment interval begins; None: the start
    proration: Proration = Proration.DAYS
    time_zone: str = "UTC"  # of the contract's days
    supplier_notice_days: float | None | Unknown = None  # None: the supplier may not leave
    credits: tuple[CreditStep, ...] | None | Unknown = None
    credit_cap: float | None | Unknown = None  # most of the bill that is credited, share
    deliveries: tuple[Delivery, ...] = ()  # scenarios without one: as agreed
    burst_share: float | None | Unknown = None  # of a lot's capacity, that may be drawn beyond it
    burst_price: float | None = None  # contract currency / unit of burst; None: the contract's own price
    true_up_price: float | None | Unknown = None  # contract currency / unit drawn beyond the commitment; None: the contract's own price
    balance: Balance | None | Unknown = None
    comparables: tuple[str, ...] | Unknown = ()  # contracts whose price it must not exceed while they are held
    renewal: Renewal | None | Unknown = None
    renews: str | None = None  # contract whose term it prolongs: only as many lots as are still held then can be signed
    copy_of: str | None = None  # contract that it is in a group of scenarios (`optimizer.domain.stages`); None: it is the same in all
    only_in: tuple[str, ...] = ()  # scenarios of that group
    ramp: tuple[RampStep, ...] = ()
    tiers: tuple[Tier, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    unread: tuple[str, ...] = ()  # of ramp, tiers, price_index and exclusions those that nobody has read: taken to be none

    @property
    def last_day_to_sign(self) -> date:
        """Of a quote: as it says, else the day before it starts."""
        return self.sign_by or self.start - timedelta(days=1)

    def can_be_signed(self, on: date) -> bool:
        """A quote, up to its last day; without one, up to the day on which it starts."""
        return self.status is Status.PROPOSED and (self.sign_by or self.start) >= on

    @property
    def unknown_clauses(self) -> tuple[str, ...]:
        """Clauses that nobody has read yet, by field name."""
        names: tuple[str, ...] = ("take_or_pay_share", "minimum_spend", "fixed_monthly_fee", "share_of_wallet", "notice_days", "fee_steps")
        names += ("annual_escalator", "index_floor", "index_cap", "upfront_share", "discount", "clawback_share", "other_spend_cap")
        names += ("supplier_notice_days", "credits", "credit_cap")
        names += ("burst_share", "true_up_price", "balance", "comparables", "renewal")
        return (*(name for name in names if getattr(self, name) is UNKNOWN), *self.unread)

    @property
    def renewed(self) -> Contract | None:
        """The term that the renewal option adds, as a quote: at the last step of the ramp, without what was brought forward."""
        if not isinstance(self.renewal, Renewal) or not (self.status.in_force or self.status is Status.PROPOSED):
            return None
        steps = sorted(self.ramp, key=lambda step: step.start)
        priced = [step.price for step in steps if step.price is not None]
        price = self.renewal.price if self.renewal.price is not None else priced[-1] if priced else self.price
        return replace(
            self,
            name=f"{self.name}/renewed",
            status=Status.PROPOSED,
            start=self.end,
            end=months_later(self.end, self.renewal.months),
            sign_by=self.renewal.decide_by,
            accelerators=steps[-1].accelerators if steps else self.accelerators,
            price=price,
            option_group=None,
            balance=None,
            renewal=None,
            renews=self.name,
            ramp=(),
            unread=tuple(name for name in self.unread if name != "ramp"),
        )
