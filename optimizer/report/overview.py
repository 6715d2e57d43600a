"""A plan in a planner's words: what the terminal and the page show, as rows of text, dates and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class SupplierLine:
    supplier: str
    spend_usd: float  # discounted, expected
    spend_share: float  # of the spend with all suppliers
    accelerator_hours: float  # drawn, expected
    hours_share: float  # of all hours drawn


@dataclass(frozen=True, kw_only=True)
class ContractLine:
    contract: str
    supplier: str
    decision: str  # keep | leave | sign | decline
    lots: int  # that the decision is about
    starts: date | None  # first day signed for, or first day no longer held
    act_by: date | None  # last day to sign, or to give notice
    ends: date  # exclusive


@dataclass(frozen=True, kw_only=True)
class BaselineLine:
    name: str
    cost_usd: float | None  # None: it breaks a rule, which the note says
    saving_usd: float | None  # of the plan over the baseline
    note: str


@dataclass(frozen=True, kw_only=True)
class ObligationLine:
    """What a contract held at the end of the horizon still commits to after it, undiscounted."""

    contract: str
    lots: int
    until: date  # exclusive
    remaining_usd: float  # least payments up to the contract's end


@dataclass(frozen=True, kw_only=True)
class PlacementLine:
    load: str
    pool: str | None  # None: not placed
    first: str  # period
    last: str


@dataclass(frozen=True, kw_only=True)
class CostLine:
    line: str
    usd: float  # discounted, expected


@dataclass(frozen=True, kw_only=True)
class MoverLine:
    """A figure of the case's tables and what 1 % more of it adds to the bound."""

    table: str
    row: str
    column: str
    value: float  # in the column's own unit
    usd: float  # discounted, expected


@dataclass(frozen=True, kw_only=True)
class ScenarioLine:
    scenario: str
    probability: float
    usd: float  # discounted cost, if this scenario happens


@dataclass(frozen=True, kw_only=True)
class RiskLine:
    """A figure that rests on scenarios outside the plan's own, or on plans and bounds for each of them. Discounted USD."""

    measure: str
    usd: float | None  # None: known as an interval alone
    low_usd: float | None
    high_usd: float | None


@dataclass(frozen=True, kw_only=True)
class StressLine:
    case: str
    what: str
    more_usd: float  # than without it, discounted and expected
    more_unserved_hours: float  # accelerator-hours


@dataclass(frozen=True, kw_only=True)
class DueLine:
    """A decision of the plan that somebody must act on by a day."""

    act_by: date
    decision: str  # sign | leave
    lots: int
    contract: str
    idle_usd: float | None  # what doing nothing costs at most, discounted; None: a rule then breaks


@dataclass(frozen=True, kw_only=True)
class News:
    """What changed since the last plan: changes of the cost, discounted, that sum to the whole change."""

    since: str  # run id of the last plan
    steps: tuple[CostLine, ...]
    notes: Mapping[str, str]  # what differs in contracts, work and inputs, by which of them


@dataclass(frozen=True, kw_only=True)
class Overview:
    case: str
    status: str
    objective_usd: float
    expected_usd: float  # discounted; the objective itself where CVaR does not count
    bound_usd: float | None  # None: the search was stopped before it had a bound
    gap_usd: float | None
    gap: float | None
    cvar_usd: float  # mean cost of the dearest 1 - alpha of probability
    omega: float  # weight of CVaR in the objective; 0: it does not count
    alpha: float
    scenarios: tuple[ScenarioLine, ...]
    unserved_share: float  # of the accelerator-hours needed
    shortage_usd: float  # penalties for them, within the objective
    suppliers: tuple[SupplierLine, ...]
    contracts: tuple[ContractLine, ...]
    baselines: tuple[BaselineLine, ...]
    obligations: tuple[ObligationLine, ...]
    placements: tuple[PlacementLine, ...]
    costs: tuple[CostLine, ...]
    movers: tuple[MoverLine, ...]  # largest first; none where the plan was found without prices
    alerts: tuple[str, ...]
    due: tuple[DueLine, ...] = ()  # soonest first
    risks: tuple[RiskLine, ...] = ()
    stress: tuple[StressLine, ...] = ()
    news: News | None = None  # None: there is no last plan
