"""What solves have shown about one quote, and the curves of cost and bound in its price that follow.

Any plan with some lots of the quote says at every price what it would cost then; any prices of capacity prove at every price of the quote
what no plan costs less than. So each solve, with the quote or without it, at whatever price it was made, narrows everything.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from optimizer.domain.contract import Contract
from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.quote.break_even import PRECISE, Interval, Range, break_even, first_at_least, last_at_most
from optimizer.planning.quote.variants import Variants, full_hours, with_lots
from optimizer.pricing.arrays import Prepared
from optimizer.pricing.prices import Prices
from optimizer.pricing.proof import Proof
from optimizer.solve.budgets import most_of_budgets
from optimizer.solve.cost import contracts_usd, objective_usd

PROBES = 3  # factors of late at which prices may prove their worth


@dataclass(frozen=True)
class _Shown:
    """A bound on all plans with so many lots of the quote at a factor on its prices."""

    lots: int
    factor: float
    bound_usd: float


@dataclass(frozen=True)
class _Known:
    """A plan that keeps every rule at some factor, and what it costs besides contracts, whose terms the quote's price is one of."""

    plan: Plan
    besides_usd: float
    factor: float
    costs: dict[float, float] = field(default_factory=dict)  # USD by factor, as far as asked for


@dataclass(frozen=True, eq=False)
class _Priced:
    """Prices of capacity, and the bounds that they have been found to prove, by lots and factor."""

    proof: Proof
    bounds: dict[tuple[int, float], float] = field(default_factory=dict)


@dataclass(eq=False)
class Evidence:
    """Grows with every solve. Factors are on the offered prices."""

    variants: Variants
    prepared: Prepared  # the problem of `variants`
    plans: dict[int, list[_Known]] = field(default_factory=lambda: defaultdict(list))  # by lots of the quote
    priced: list[_Priced] = field(default_factory=list)
    shown: list[_Shown] = field(default_factory=list)
    _factors: list[float] = field(default_factory=list)

    @property
    def lots(self) -> int:
        """All that are offered."""
        return self.variants.quote.lots

    @property
    def accelerators_per_lot(self) -> float:
        """Once the ramp is over."""
        return float(self.variants.problem.supply.capacity[self.variants.contract].max())

    def add_plan(self, plan: Plan, factor: float = 1.0) -> None:
        """
        Args:
          factor: at which it keeps every rule. Budgets count cash, so it may break one at a higher price, and never at a lower.
        """
        problem = self.variants.problem
        known = _Known(plan, objective_usd(problem, plan) - contracts_usd(problem, plan), factor)
        self.plans[int(plan.decisions.lots[self.variants.contract])].append(known)

    def add_bound(self, lots: int, factor: float, bound_usd: float) -> None:
        self.shown.append(_Shown(lots, factor, bound_usd))

    def add_prices(self, prices: Prices, factor: float = 1.0) -> None:
        """Prices are kept as long as they prove most somewhere: without the quote, with it as offered, or at the factors of late.

        Args:
          factor: at which they were found.
        """
        self.priced.append(_Priced(Proof(self.prepared, prices)))
        self._factors = [*self._factors, factor][-PROBES:]
        probes = {(0, 1.0), (self.lots, 1.0), *((self.lots, late) for late in self._factors)}
        best = {id(max(self.priced, key=lambda priced: self._proven(priced, *probe))) for probe in probes}
        self.priced = [priced for priced in self.priced if id(priced) in best]

    def best_prices(self, lots: int, factor: float = 1.0) -> Prices | None:
        best = max(self.priced, key=lambda priced: self._proven(priced, lots, factor), default=None)
        return None if best is None else best.proof.prices

    # ---- cost and bound of plans with exactly so many lots

    def best_plan(self, lots: int, factor: float = 1.0) -> Plan | None:
        known = self._cheapest(lots, factor)
        return None if known is None else known.plan

    def cost_usd(self, lots: int, factor: float = 1.0) -> float:
        """Of the cheapest plan known; inf where there is none."""
        known = self._cheapest(lots, factor)
        return math.inf if known is None else self._cost(known, lots, factor)

    def cost_under_usd(self, changed: Contract, lots: int) -> float:
        """Of the cheapest plan known with so many lots, under other terms of the quote that break no rule of it; inf: none is known."""
        problem = self.variants.with_quote(changed)
        return min((known.besides_usd + contracts_usd(problem, known.plan) for known in self.plans[lots]), default=math.inf)

    def bound_usd(self, lots: int, factor: float = 1.0) -> float:
        """That no plan costs less than; -inf where nothing is shown."""
        return max([self._shown_at(lots, factor), *(self._proven(priced, lots, factor) for priced in self.priced)])

    @property
    def without(self) -> Range:
        return self.range(0)

    def range(self, lots: int, factor: float = 1.0) -> Range:
        cost = self.cost_usd(lots, factor)
        return Range(low_usd=min(self.bound_usd(lots, factor), cost), high_usd=cost)

    def break_even(self, lots: int | None = None) -> Interval:
        """Of all lots, or of so many."""
        number = self.lots if lots is None else lots
        return break_even(lambda factor: self.cost_usd(number, factor), lambda factor: self.bound_usd(number, factor), self.without)

    @property
    def found(self) -> float | None:
        """Factor at which the cheapest plans known with all lots and without any cost the same.

        None where no plan with it pays, or where those that do break a budget before they cost as much.
        """
        without = self.without.high_usd
        if not (math.isfinite(without) and math.isfinite(self.cost_usd(self.lots))):
            return None
        factor = last_at_most(lambda factor: self.cost_usd(self.lots, factor), without)
        ended = factor == 0.0 or math.isinf(self.cost_usd(self.lots, (1.0 + 2.0 * PRECISE) * factor))
        return None if ended else factor

    @property
    def relaxed(self) -> float | None:
        """Factor at which as much is proven of plans with all lots as of plans without any; None where nothing is."""
        without = self.without.low_usd
        if not (math.isfinite(without) and math.isfinite(self.bound_usd(self.lots))):
            return None
        factor = first_at_least(lambda factor: self.bound_usd(self.lots, factor), without)
        return factor if math.isfinite(factor) else None

    def next_factor(self, beyond: float) -> float:
        """At which a solve with all lots may show most: where the cheapest plans known break even, as far as that is known.

        Else the offered price while no plan pays, halfway where the plans that pay end at a budget, or so far beyond the lower end.
        """
        interval, found = self.break_even(), self.found
        if found is not None and interval.low < found < interval.high:
            return found
        if interval.low == 0.0:
            return 1.0 if interval.high > 1.0 else interval.middle
        return interval.middle if found is None and math.isfinite(interval.high) else interval.low + beyond

    def _cheapest(self, lots: int, factor: float) -> _Known | None:
        return min(self.plans[lots], key=lambda known: self._cost(known, lots, factor), default=None)

    def _cost(self, known: _Known, lots: int, factor: float) -> float:
        at = factor if lots else 1.0
        if at not in known.costs:
            broken = lots > 0 and at > known.factor and most_of_budgets(self._problem(at), known.plan) > 1.0
            known.costs[at] = math.inf if broken else known.besides_usd + contracts_usd(self._problem(at), known.plan)
        return known.costs[at]

    def _problem(self, factor: float) -> PlanningProblem:
        return self.variants.at(factor)

    def _proven(self, priced: _Priced, lots: int, factor: float) -> float:
        key = (lots, factor if lots else 1.0)
        if key not in priced.bounds:
            problem = with_lots(self._problem(key[1]), self.variants.contract, lots)
            priced.bounds[key] = priced.proof.bound_usd(problem)
        return priced.bounds[key]

    def _shown_at(self, lots: int, factor: float) -> float:
        """From bounds shown at other prices: cost never falls as the price grows, and never grows by more than all that may be drawn."""
        if lots == 0:
            return max((row.bound_usd for row in self.shown if row.lots == 0), default=-math.inf)
        rows = [row for row in self.shown if row.lots == lots]
        below = [row.bound_usd + (factor - row.factor) * lots * self.least_paid_usd for row in rows if row.factor <= factor]
        above = [row.bound_usd - lots * self._most_paid_usd(factor, row.factor) for row in rows if row.factor > factor]
        return max([-math.inf, *below, *above])

    def _most_paid_usd(self, lower: float, higher: float) -> float:
        """Discounted USD by which a lot may cost more at the higher price; inf where clauses may make it more than all that is drawn."""
        if not self.variants.stands_alone:
            return math.inf
        k, before, after = self.variants.contract, self._problem(lower), self._problem(higher)
        dearer = after.supply.price_cash[k] - before.supply.price_cash[k]
        drawn = dearer * after.supply.capacity[k] * full_hours(after)
        weight = after.discount[:, None] * after.probability
        ahead = np.maximum(0.0, after.supply.prepaid_cash[k] - before.supply.prepaid_cash[k]) * weight
        return float(drawn.sum() + ahead.sum() + max(0.0, after.supply.terminal_usd[k] - before.supply.terminal_usd[k]))

    @cached_property
    def least_paid_usd(self) -> float:
        """Discounted USD that each lot pays for committed capacity at the offered price, however it is used and whenever it is left.

        Nothing where a minimum spend may be what is paid instead, or where leaving costs less the dearer the contract is.
        """
        supply, k, quote = self.variants.problem.supply, self.variants.contract, self.variants.quote
        if supply.minimum_cash[k].any() or not self.variants.stands_alone or quote.clawback_share is not None:
            return 0.0
        problem = self.variants.problem
        paid = (supply.take_or_pay_share[k] * supply.price_cash[k] * supply.capacity[k] * full_hours(problem)).sum(axis=1)
        leavable = np.flatnonzero(supply.leavable[k])
        return float(paid[: leavable[0]].sum() if len(leavable) else paid.sum())
