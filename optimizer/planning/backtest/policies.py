"""Policies that can be replayed: each sees a case as it was known on a day, and says what to do from there.

Only what binds before the next decision is kept of it (`record.decided`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.solve.start import cheapest_first, hold

LOOK_BACK_PERIODS = 3


@dataclass(frozen=True, kw_only=True)
class Now:
    """What a policy sees. Axes: P pools, T periods ahead, B blocks, S scenarios, M periods behind."""

    case: Case
    problem: PlanningProblem
    market_use: Floats  # [P, M, B] accelerators used beyond what contracts hold, in the periods until now
    hours_behind: Floats  # [M, B]
    before: tuple[PlanningProblem, Decisions] | None  # what the policy planned a period ago


Policy = Callable[[Now], Decisions]


def hold_policy(now: Now) -> Decisions:
    """What runs stays, what is signed stays signed; nothing is signed or left."""
    return hold(now.problem)


def on_demand_only(now: Now) -> Decisions:
    """Each load where the market is cheapest."""
    return cheapest_first(now.problem, contracts=False)


def cheapest_first_policy(now: Now) -> Decisions:
    """Largest load first, each into the cheapest capacity left."""
    return cheapest_first(now.problem)


def look_back(now: Now) -> Decisions:
    """Cheapest-first, and quotes for what the market has served of late, as commitment advisers of clouds recommend.

    The lots signed of a quote are those that would have saved most, had they been in force for the last `LOOK_BACK_PERIODS`: at the quote's
    price against the market's cheapest on-demand price in the pools that it covers. Use is taken off as it is covered, quote by quote in
    the tables' order, so that it is never covered twice.
    """
    chosen = cheapest_first(now.problem)
    supply, lots = now.problem.supply, chosen.lots.copy()
    use = now.market_use[:, -LOOK_BACK_PERIODS:].copy()
    hours = now.hours_behind[-LOOK_BACK_PERIODS:]
    groups: set[int] = set()
    for k in np.flatnonzero(~supply.in_force & (supply.most_lots > lots)) if len(hours) else ():
        pools = supply.cover_pool[supply.cover_contract == k]
        group = int(supply.option_group[k])
        market = _on_demand_price(now.problem, pools)
        if group in groups or not np.isfinite(market) or _excluded(now.problem, int(k), lots):
            continue
        per_lot, price = _terms(now.problem, int(k))
        wanted = use[pools].sum(axis=0)  # [M, B]
        share, most = float(supply.take_or_pay_share[k]), int(supply.most_lots[k])
        best = int(np.argmax([_saving(wanted, hours, n * per_lot, price, share, market) for n in range(most + 1)]))
        if best > lots[k]:
            lots[k] = best
            use[pools] -= _covered(use[pools], best * per_lot)
            groups |= {group} - {-1}
    return replace(chosen, lots=lots)


BASELINES: Mapping[str, Policy] = {
    "hold": hold_policy,
    "on_demand_only": on_demand_only,
    "cheapest_first": cheapest_first_policy,
    "look_back": look_back,
}
"""What planners do without an optimiser, by name."""


def _terms(problem: PlanningProblem, k: int) -> tuple[float, float]:
    """Accelerators of a lot and USD per accelerator-hour, at the first period in which it has any, fixed fee included."""
    supply, probability = problem.supply, problem.probability
    capacity = supply.capacity[k] @ probability
    if not capacity.any():
        return 0.0, np.inf
    t = int(np.flatnonzero(capacity)[-1])
    hours = capacity[t] * problem.hours[t].sum()
    return float(capacity[t]), float((supply.price_cash[k] @ probability)[t] + (supply.fixed_fee_cash[k] @ probability)[t] / hours)


def _on_demand_price(problem: PlanningProblem, pools: np.ndarray) -> float:
    supply = problem.supply
    offered = ~supply.offer_spot & np.isin(supply.offer_pool, pools)
    prices = supply.offer_price_cash[offered, 0] @ problem.probability
    return float(prices.min(initial=np.inf))


def _saving(wanted: Floats, hours: Floats, capacity: float, price: float, share: float, market: float) -> float:
    """USD that a commitment of so many accelerators would have saved over use [M, B]."""
    if capacity == 0.0:
        return 0.0
    covered = np.minimum(wanted, capacity)
    paid = np.maximum(covered, share * capacity)
    return float((hours * (market * covered - price * paid)).sum())


def _covered(use: Floats, capacity: float) -> Floats:
    """What a commitment covers of use in its pools, [P, M, B], the first named first."""
    before = np.cumsum(use, axis=0) - use
    return np.clip(capacity - before, 0.0, use)


def _excluded(problem: PlanningProblem, k: int, lots: np.ndarray) -> bool:
    """Whether a contract held forbids this one, or this one a contract held."""
    return any(lots[other] > 0 for pair in problem.supply.excluded_contract if k in pair for other in pair if other != k)
