"""Suppliers and offers that the joint plan does not use: from which price on each enters, with solves where one is asked about by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.plan import PlanResult
from optimizer.planning.quote.entry import Entry, Made, Market, entry_price
from optimizer.planning.quote.solving import Shown, price_variant, solve_variant
from optimizer.planning.variants import base_of
from optimizer.pricing.arrays import prepare
from optimizer.pricing.prices import Prices
from optimizer.solve.cost import objective_usd
from optimizer.solve.executor import Executor, Tally, Task
from optimizer.solve.search import SolveSettings, Start

CHEAPER = 0.8  # of the price at which an offer may enter: a plan made there should use it
STEPS = 300  # of prices, where the joint plan was found without any


@dataclass(frozen=True, kw_only=True)
class Unused:
    """An offer that the joint plan draws nothing from."""

    offer: str
    supplier: str
    pool: str
    price: float  # offered USD per accelerator-hour
    supplier_used: bool  # whether the joint plan draws from another offer or a contract of the supplier
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class _Known:
    plans: tuple[Made, ...]
    prices: tuple[Prices, ...]
    bound_usd: float


def unused_offers(
    joint: PlanResult,
    named: Sequence[str],
    *,
    share: float,
    settings: SolveSettings,
    seconds: float,
    executor: Executor,
    report: Callable[[Tally], None],
) -> tuple[Unused, ...]:
    """
    Args:
      named: offers for which a cheaper price is planned with, so that the lower end is a plan's.
      share: of an offer's accelerator-hours that counts as using it.
      settings: of each of these solves, that take no more than `seconds` together.
    """
    problem, prepared = joint.problem, prepare(joint.problem)
    idle = [o for o in range(len(problem.supply.offers)) if not joint.plan.offer_draw[o].any() and joint.case.offers[o].price > 0.0]
    base = base_of(joint)
    prices = joint.priced.prices if joint.priced is not None else price_variant(base, evaluations=STEPS, start=None).prices
    asked = [o for o in idle if problem.supply.offers[o] in named]
    first = {o: Made(plan=joint.plan, price=joint.case.offers[o].price, cost_usd=joint.objective_usd) for o in idle}
    known = {o: _Known(plans=(first[o],), prices=(prices,), bound_usd=joint.bound_usd) for o in idle}
    markets = {o: Market(problem=problem, offer=o, price=joint.case.offers[o].price) for o in idle}

    def entry(o: int) -> Entry:
        found = known[o]
        return entry_price(markets[o], prepared, plans=found.plans, prices=found.prices, bound_usd=found.bound_usd, share=share)

    with executor.pool(report=report, shared=base) as pool:
        tried = {o: _lower(markets[o], entry(o)) for o in asked}
        each = seconds / max(1, math.ceil(len(tried) / executor.workers))
        if math.isfinite(each):
            settings = replace(settings, time_limit_s=min(each, settings.time_limit_s or math.inf))
        for o, price in tried.items():
            pool.submit(_cheaper(joint, o, price, settings, prices))
        for outcome in pool.outcomes():
            o = problem.supply.offers.index(outcome.key)
            known[o] = _with(known[o], outcome.result(), problem, tried[o])
    used = _used_suppliers(problem, joint.plan)
    return tuple(_unused(joint.case, problem, o, used, entry(o)) for o in idle)


def _lower(market: Market, entry: Entry) -> float:
    """A price at which the offer should be used."""
    return CHEAPER * min(entry.high, market.price)


def _cheaper(joint: PlanResult, offer: int, price: float, settings: SolveSettings, prices: Prices) -> Task:
    """A plan with the offer at that price."""
    found = joint.case.offers[offer]
    offers = tuple(replace(row, price=price) if row.name == found.name else row for row in joint.case.offers)
    arguments = {
        "case": replace(joint.case, offers=offers),
        "settings": replace(settings, threads=1, side_by_side=False),
        "start": Start(decisions=(joint.plan.decisions,), prices=prices),
    }
    return Task(key=found.name, work=solve_variant, arguments=arguments)


def _with(known: _Known, shown: Shown, problem: PlanningProblem, price: float) -> _Known:
    """A plan of a cheaper offer is one of the offer at any price; its bound is not one without the offer, its prices prove one."""
    plan = shown.plan
    return replace(
        known,
        plans=known.plans if plan is None else (*known.plans, Made(plan=plan, price=price, cost_usd=objective_usd(problem, plan))),
        prices=known.prices if shown.prices is None else (*known.prices, shown.prices),
    )


def _used_suppliers(problem: PlanningProblem, plan: Plan) -> set[int]:
    contracts = plan.contract_draw.any(axis=(1, 2, 3))
    offers = plan.offer_draw.any(axis=(1, 2, 3))
    pools = np.concatenate([problem.supply.cover_pool[contracts], problem.supply.offer_pool[offers]])
    return set(problem.pool_supplier[pools].tolist())


def _unused(case: Case, problem: PlanningProblem, offer: int, used: set[int], entry: Entry) -> Unused:
    supplier = int(problem.pool_supplier[problem.supply.offer_pool[offer]])
    return Unused(
        offer=problem.supply.offers[offer],
        supplier=problem.suppliers[supplier],
        pool=case.offers[offer].pool,
        price=case.offers[offer].price,
        supplier_used=supplier in used,
        entry=entry,
    )
