"""A plan's cost and rules, recomputed from the tables' nouns; only `Needs` is shared with the solvers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.case import Case
from optimizer.domain.contract import Balance, BalanceKind
from optimizer.domain.plan import Plan
from optimizer.domain.risk import RISK_NEUTRAL, Risk
from optimizer.domain.surface import Floats, Needs
from optimizer.planning.verify.capacity_rules import capacity_breaks
from optimizer.planning.verify.contract_bills import contract_charges, eligible_spend, offer_charges
from optimizer.planning.verify.contract_rules import contract_breaks, leans_on
from optimizer.planning.verify.ledger import Charges, Entry, ledger, scenario_costs, terms_of
from optimizer.planning.verify.limit_rules import limit_breaks
from optimizer.planning.verify.pins import pin_breaks
from optimizer.planning.verify.placing_rules import placing_breaks
from optimizer.planning.verify.position import Position, read_position
from optimizer.planning.verify.risk import conditional_value_at_risk, weights
from optimizer.planning.verify.stages import stage_breaks
from optimizer.planning.verify.terms import counts, take_or_pay
from optimizer.planning.verify.unserved import unserved_share
from optimizer.planning.verify.work_bills import work_charges

AGREEMENT_USD = 0.01
AGREEMENT_SHARE = 1e-12
PENALTIES = frozenset(("not placed", "missed work", "shortage", "run not run"))


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """What a contract held at the horizon's end still commits beyond it."""

    contract: str
    supplier: str
    lots: int
    until: str  # last day, exclusive
    cash_usd: float  # undiscounted least payment after the horizon, at the last period's exchange rate


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What verification found. Axis S scenarios."""

    annual_discount_rate: float
    objective_usd: float  # discounted: (1 - omega) expected + omega CVaR
    expected_cost_usd: float  # discounted
    cvar_usd: float  # discounted, at the level of `risk`
    risk: Risk
    absolute_usd: float  # sum of the absolute terms of the expected cost
    scenario_cost_usd: Floats  # [S] discounted, if that scenario happens
    broken: tuple[str, ...]  # rules that the plan breaks
    ledger: tuple[Entry, ...]
    sunk_usd: float  # discounted, expected payments that no decision can change
    obligations: tuple[Obligation, ...]
    unserved_share: float  # of the accelerator-hours needed
    shortage_usd: float  # discounted penalties for what is missing, missed, not placed or not run, as the objective weighs them
    leans_on: tuple[str, ...]  # assumptions about clauses that nobody has read


def verify(case: Case, needs: Needs, plan: Plan, *, annual_discount_rate: float, risk: Risk = RISK_NEUTRAL) -> Verification:
    """Recomputes every payment and checks every rule of docs/problem.md.

    Args:
      needs: the needs that the plan's training options are numbered in.
      annual_discount_rate: share per year.
      risk: what CVaR counts in the objective.

    Raises:
      SolverFailure: an array of the plan has the wrong shape.
    """
    position = read_position(case, needs, plan, annual_discount_rate)
    charges = charges_of(position)
    terms, costs = terms_of(charges), scenario_costs(charges, len(case.scenarios))
    expected = math.fsum(terms)
    cvar = conditional_value_at_risk(costs, position.probability, risk.alpha)
    penalties = [part for part in charges if part.line in PENALTIES]
    return Verification(
        annual_discount_rate=annual_discount_rate,
        objective_usd=expected if risk.omega == 0.0 else (1.0 - risk.omega) * expected + risk.omega * cvar,
        expected_cost_usd=expected,
        cvar_usd=cvar,
        risk=risk,
        absolute_usd=math.fsum(abs(term) for term in terms),
        scenario_cost_usd=costs,
        broken=broken_rules(position, charges),
        ledger=ledger(position, charges),
        sunk_usd=_sunk(position, charges),
        obligations=_obligations(position),
        unserved_share=unserved_share(position),
        shortage_usd=_weighed(penalties, costs, position.probability, risk),
        leans_on=leans_on(position),
    )


def charges_of(position: Position) -> list[Charges]:
    """Every payment and penalty of a plan."""
    return [*contract_charges(position), *offer_charges(position), *work_charges(position)]


def _weighed(charges: Sequence[Charges], costs: Floats, probability: Floats, risk: Risk) -> float:
    """Discounted USD of charges as the objective weighs scenarios that cost so much."""
    if risk.omega == 0.0:
        return math.fsum(terms_of(charges))
    return math.fsum(scenario_costs(charges, len(costs)) * weights(costs, probability, risk))


def agrees(objective_usd: float, verification: Verification) -> tuple[bool, float]:
    """Whether an objective is the recomputed one, and by how many USD they differ."""
    error = abs(objective_usd - verification.objective_usd)
    return error <= max(AGREEMENT_USD, AGREEMENT_SHARE * verification.absolute_usd), error


def broken_rules(position: Position, charges: Sequence[Charges]) -> tuple[str, ...]:
    """All rules that the plan breaks, in words."""
    return (
        *position.misfits,
        *placing_breaks(position),
        *capacity_breaks(position),
        *contract_breaks(position),
        *limit_breaks(position, charges),
        *pin_breaks(position),
        *stage_breaks(position),
    )


def _sunk(position: Position, charges: Sequence[Charges]) -> float:
    """Other spend, and of each contract in force the least over all ways of leaving or keeping it."""
    amounts = terms_of(part for part in charges if part.line == "other spend")
    size = len(position.worth)
    for k, (contract, term) in enumerate(zip(position.contracts, position.terms, strict=True)):
        if contract.status.in_force:
            until = [np.arange(size) < stop for stop in range(size + 1)]  # [T] each: periods before the lots are left; all: kept
            leaving = np.append(term.exit_fee * position.worth, term.terminal_usd)  # expected, as all that follows
            least = [float(end + _least_paid(position, k, held)) for held, end in zip(until, leaving, strict=True)]
            amounts.append(contract.lots * min(least))
    return math.fsum(amounts)


def _least_paid(position: Position, k: int, held: NDArray[np.bool_]) -> float:
    """Discounted USD that a lot held in these periods, [T], costs at least: commitment, fixed fee, and what a minimum asks beyond them.

    Excess use and other spend count towards a minimum. Excess replaces shortfall one for one; other spend is taken off each lot's
    minimum in full, which is the least that the lots together can come to.
    """
    contract, term, ratio = position.contracts[k], position.terms[k], counts(position.contracts[k])
    repriced = bool(contract.tiers or contract.comparables)  # what is paid in the end is open
    sure = term.fixed_fee + term.prepaid
    total = float(((sure if repriced else sure + term.commitment) * held) @ position.worth)
    if contract.balance is not None:
        return total - _given_back(position, k, held, repriced=repriced)
    if repriced:
        return total
    lots = contract.lots
    for scenario, chance in zip(position.terms_in[k], position.probability, strict=True):
        brought = np.where(scenario.brought > 0, scenario.brought, scenario.brought / lots)
        counted = ratio * scenario.commitment * held + scenario.fixed_fee * held + eligible_spend(position, k) + brought
        for w in set(term.interval[term.interval >= 0].tolist()):
            within = np.flatnonzero(term.interval == w)
            short = float((scenario.minimum * held - counted)[within].sum()) / ratio
            total += chance * max(0.0, short) * float(position.worth[within[-1]])
    return total


def _given_back(position: Position, k: int, held: NDArray[np.bool_], *, repriced: bool) -> float:
    """Discounted USD by which money brought forward may at most lower what a lot held in these periods, [T], is sure to cost.

    Make-up pays for excess, at most all of it. What else is used was there at the start or came in: at most what is committed
    (carry-forward: given back of it), or at most the minimum.
    """
    contract, term = position.contracts[k], position.terms[k]
    if not isinstance(contract.balance, Balance) or (contract.balance.kind is BalanceKind.MAKE_UP and not repriced):
        return 0.0
    if contract.balance.kind is BalanceKind.ROLLOVER:
        come_in = position.by_scenario(k, "minimum")
    else:
        held_hours = position.by_scenario(k, "capacity") * position.hours.sum(axis=1)[:, None]
        come_in = take_or_pay(contract) * position.by_scenario(k, "beyond_price") * held_hours
    most = float(held @ (come_in @ position.probability * position.worth))
    if contract.balance.kind is BalanceKind.CARRY_FORWARD:
        return most
    first = int(np.argmax(term.interval >= 0))
    opening = contract.balance.opening * position.terms_in[k][0].usd_per_unit[first]
    return most + float(opening * position.worth[first]) / contract.lots


def _obligations(position: Position) -> tuple[Obligation, ...]:
    horizon, found = position.case.calendar.periods[-1].end, []
    held = position.lots - position.exits.sum(axis=1)
    for contract, term, lots in zip(position.contracts, position.terms, held.tolist(), strict=True):
        if lots > 0 and contract.end > horizon:
            found.append(
                Obligation(
                    contract=contract.name,
                    supplier=contract.supplier,
                    lots=lots,
                    until=contract.end.isoformat(),
                    cash_usd=lots * term.remaining_cash,
                )
            )
    return tuple(found)
