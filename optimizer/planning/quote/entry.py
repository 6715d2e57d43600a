"""At which price a market offer that is not used today enters the plan.

With `lam` the prices of capacity that prove a bound on all plans without the offer, and `usable` its working accelerators per one drawn, an
accelerator-hour drawn from it at price p adds p - usable x lam to that bound: its reduced cost. So a plan that draws h accelerator-hours
costs at least

    bound + p h - worth(h),    worth(h): the most that any h accelerator-hours of the offer are worth at lam

and once that reaches the cost of a plan without the offer, no plan that draws so much is better: p >= (worth(h) + gap) / h. The other end
is a plan that draws from it: below the price at which it costs as much as the bound on all plans without the offer, every best plan uses
the offer. Both ends hold whatever the solvers did; h is a stated share of what the offer has.

Accelerator-hours are discounted and expected, and count as often as the scenario's price is the offer's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.planning.quote.variants import without_offer
from optimizer.pricing.arrays import Prepared, with_supply
from optimizer.pricing.bound import bound_with_supply, offer_worth
from optimizer.pricing.prices import Prices


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Between which prices an offer enters the plan, in USD per accelerator-hour."""

    low: float  # below it every best plan uses the offer; 0 where none is proven
    high: float  # from it on no best plan draws `least_hours` or more; inf where nothing bounds it
    least_hours: float


@dataclass(frozen=True, kw_only=True)
class Made:
    """A plan and the price of the offer at which it was made: budgets count cash, so it may break one where the offer is dearer."""

    plan: Plan
    price: float
    cost_usd: float  # in the market's problem


@dataclass(frozen=True, kw_only=True)
class Market:
    """An offer of a problem at its price, USD per accelerator-hour."""

    problem: PlanningProblem
    offer: int
    price: float  # > 0

    @property
    def weight(self) -> Floats:
        """Accelerator-hours of an accelerator drawn for a block, [T, B, S]."""
        problem = self.problem
        often = problem.supply.offer_price_cash[self.offer][:, None, :] / self.price
        return np.asarray(problem.hours[:, :, None] * problem.discount[:, None, None] * problem.probability * often)

    @property
    def available(self) -> Floats:
        """Accelerator-hours in each block and scenario, [T, B, S]; inf without a limit."""
        limit = np.broadcast_to(self.problem.supply.offer_limit[self.offer][:, None, None], self.problem.shape)
        return np.where(limit > 0, limit * self.weight, 0.0)

    def drawn(self, plan: Plan) -> float:
        """Accelerator-hours that a plan draws."""
        return float((plan.offer_draw[self.offer] * self.weight).sum())

    def hours(self, share: float) -> float:
        """A share of all accelerator-hours; without a limit, of those of one accelerator."""
        limited = np.isfinite(self.problem.supply.offer_limit[self.offer]).all()
        return share * float((self.available if limited else self.weight).sum())


def entry_price(
    market: Market, prepared: Prepared, *, plans: Sequence[Made], prices: Sequence[Prices], bound_usd: float, share: float
) -> Entry:
    """
    Args:
      prepared: the market's problem.
      plans: of the problem, made at any price of the offer.
      prices: of capacity.
      bound_usd: on all plans without the offer, if more is known than the prices prove.
      share: of the offer's accelerator-hours, in (0, 1], that a plan draws which counts as using it.
    """
    struck = without_offer(market.problem, market.offer)
    without = with_supply(prepared, struck)
    bounds = [bound_with_supply(prepared, struck, found) for found in prices]
    drawn = [market.drawn(made.plan) for made in plans]
    costs = [made.cost_usd for made in plans]
    proven = max([bound_usd, *bounds])
    best = min((cost for cost, hours in zip(costs, drawn, strict=True) if hours == 0.0), default=np.inf)
    least = market.hours(share)
    budgets = len(market.problem.limits.budget_cash) > 0
    pays = [market.price + (proven - cost) / hours if hours else 0.0 for cost, hours in zip(costs, drawn, strict=True)]
    lows = [min(price, made.price) if budgets else price for price, made in zip(pays, plans, strict=True)]
    highs = [
        (_worth(market, offer_worth(without, found)[market.offer], least) + max(0.0, best - bound)) / least
        for found, bound in zip(prices, bounds, strict=True)
    ]
    low = max([0.0, *lows])
    return Entry(low=low, high=max(low, min(highs, default=np.inf)), least_hours=least)


def _worth(market: Market, per_accelerator: Floats, least: float) -> float:
    """The most that `least` accelerator-hours are worth, in USD.

    Args:
      per_accelerator: [T, X] USD for an accelerator drawn for a block.
    """
    weight, available = market.weight.ravel(), market.available.ravel()
    per_hour = np.where(available > 0, per_accelerator.ravel() / weight, -np.inf)
    total, rest = 0.0, least
    for cell in np.argsort(-per_hour):
        taken = min(rest, float(available[cell]))
        total += taken * float(per_hour[cell]) if taken else 0.0
        rest -= taken
        if rest <= 0.0:
            break
    return total
