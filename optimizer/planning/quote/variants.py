"""One case with a quote at other prices and volumes: forbidden, forced in at some lots, cheaper or dearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.planning.assemble.supply import build_supply
from optimizer.planning.changes import with_contract
from optimizer.planning.quote.break_even import FREE

MONEY_BY_CONTRACT = (
    *("price_cash", "minimum_cash", "fixed_fee_cash", "prepaid_cash", "exit_fee_cash", "list_ratio", "terminal_usd"),
)


def at_price(contract: Contract, factor: float) -> Contract:
    """The contract with every price of its units times a factor; fees and minimum spend stay as they are.

    List prices stay too, as far as they are not below: where a minimum counts spend at list, or leaving gives discounts back, a discount is
    what changes. So what any plan pays never falls as the factor grows.
    """
    price, discount = contract.price, contract.discount
    return replace(
        contract,
        price=price * factor if isinstance(price, int | float) else price,
        discount=max(0.0, 1.0 - factor * (1.0 - discount)) if isinstance(discount, int | float) else discount,
        ramp=tuple(replace(step, price=None if step.price is None else step.price * factor) for step in contract.ramp),
        tiers=tuple(replace(tier, price=tier.price * factor) for tier in contract.tiers),
    )


def without_pins_on(case: Case, contracts: Sequence[str]) -> Case:
    """What a pin forces or forbids cannot be asked about: pins on these contracts are set aside."""
    return replace(case, pins=tuple(pin for pin in case.pins if pin.pool is not None or pin.subject not in contracts))


def with_lots(problem: PlanningProblem, contract: int, lots: int) -> PlanningProblem:
    """Exactly so many lots of a contract are signed; 0 forbids it."""
    least, most = problem.supply.least_lots.copy(), problem.supply.most_lots.copy()
    least[contract] = most[contract] = lots
    return replace(problem, supply=replace(problem.supply, least_lots=least, most_lots=most))


def without_offer(problem: PlanningProblem, offer: int) -> PlanningProblem:
    """Nothing is drawn from a market offer."""
    limit = problem.supply.offer_limit.copy()
    limit[offer] = 0.0
    return replace(problem, supply=replace(problem.supply, offer_limit=limit))


@dataclass(frozen=True, eq=False)
class Variants:
    """The problem of a case with one of its quotes changed; loads, needs and the order of all axes stay."""

    case: Case
    problem: PlanningProblem
    annual_discount_rate: float
    contract: int  # index into `Supply.contracts`

    @property
    def quote(self) -> Contract:
        name = self.problem.supply.contracts[self.contract]
        return next(row for row in self.case.contracts if row.name == name)

    def case_at(self, factor: float) -> Case:
        """With the quote's prices times a factor."""
        return with_contract(self.case, self.quote.name, lambda quote: at_price(quote, factor))

    @lru_cache(maxsize=512)  # noqa: B019 - lives as long as the question does
    def at(self, factor: float) -> PlanningProblem:
        """With the quote's prices times a factor, free to be signed or not."""
        if factor == 1.0:
            return self.problem
        changed = at_price(self.quote, factor)
        return self._with_row(changed) if self.stands_alone else self.with_quote(changed)

    def with_quote(self, changed: Contract) -> PlanningProblem:
        """With other terms of the quote."""
        case = with_contract(self.case, changed.name, lambda _: changed)
        return replace(self.problem, supply=build_supply(case, self.problem.needs, self.annual_discount_rate))

    @cached_property
    def stands_alone(self) -> bool:
        """Whether the price is paid for what is committed or drawn within the capacity, and no other contract's price hangs on it."""
        quote = self.quote
        others = (row.comparables for row in self.case.contracts if isinstance(row.comparables, tuple))
        special = (quote.burst_share, quote.true_up_price, quote.balance, quote.renewal)
        named = bool(quote.comparables) or any(quote.name in names for names in others)
        return not quote.tiers and not named and all(clause is None for clause in special)

    def _with_row(self, changed: Contract) -> PlanningProblem:
        """As `with_quote` where nothing but the quote's own figures of money changes, at a fraction of the work."""
        alone = replace(self.case, contracts=(replace(changed, exclusions=(), option_group=None, renews=None),), offers=())
        row = build_supply(alone, self.problem.needs, self.annual_discount_rate)
        supply, put = self.problem.supply, {}
        for name in MONEY_BY_CONTRACT:
            put[name] = getattr(supply, name).copy()
            put[name][self.contract] = getattr(row, name)[0]
        return replace(self.problem, supply=replace(supply, **put))

    def forced(self, factor: float = 1.0, lots: int | None = None) -> PlanningProblem:
        """With the quote signed: all lots, or so many."""
        return with_lots(self.at(factor), self.contract, self.quote.lots if lots is None else lots)

    def forbidden(self) -> PlanningProblem:
        return with_lots(self.problem, self.contract, 0)


def full_hours(problem: PlanningProblem) -> Floats:
    """Discounted, expected hours of each period in each scenario, [T, S]."""
    return np.asarray(problem.hours.sum(axis=1)[:, None] * problem.discount[:, None] * problem.probability)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What a quote's price is paid for, per lot, discounted and expected. A contract that may be left is counted to its end."""

    hours: float  # accelerator-hours that are paid whether drawn or not
    usd: float  # what they cost at the offered price

    @property
    def price(self) -> float:
        """Offered USD per accelerator-hour."""
        return self.usd / self.hours if self.hours else np.nan


def paid_quantity(variants: Variants) -> Paid:
    """Committed accelerator-hours; all that may be drawn where nothing is committed.

    What is paid after the horizon counts as far as it is a cost.
    """
    problem, k = variants.problem, variants.contract
    supply = problem.supply
    share = supply.take_or_pay_share[k] or 1.0
    hours = share * supply.capacity[k] * full_hours(problem)
    usd = hours * supply.price_cash[k]
    within = Paid(hours=float(hours.sum()), usd=float(usd.sum()))
    return replace(within, hours=within.hours + _hours_after(variants, within), usd=within.usd + _usd_after(variants))


def _usd_after(variants: Variants) -> float:
    """The part of what is owed after the horizon that grows with the price."""
    at, free = (variants.at(factor).supply.terminal_usd[variants.contract] for factor in (1.0, FREE))
    return float(at - free)


def _hours_after(variants: Variants, within: Paid) -> float:
    """Accelerator-hours after the horizon that this pays for, at the offered mean price."""
    return _usd_after(variants) / within.price if within.usd else 0.0
