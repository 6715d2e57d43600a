"""Named stress cases: what a fixed plan costs if a site is lost, a supplier leaves, deliveries are late, the market is dear, demand surges.

Contracts, placements and training runs stay as they are, and draws follow the merit order of `operating` in each scenario of the plan; each
case is told beside the plan run the same way without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.planning.outside.operating import operate
from optimizer.planning.outside.samples import fixed_plan, narrowed
from optimizer.solve.cost import missed_work, scenario_costs
from optimizer.solve.settle import used_accelerators

DELAY_DAYS = 90.0  # of what is not delivered when the plan begins
DEARER = 1.5  # market prices
SURGE = 1.3  # demand


@dataclass(frozen=True, kw_only=True)
class Stress:
    """A case and what the plan costs in it, expected over the plan's scenarios, discounted."""

    name: str
    what: str
    cost_usd: float
    more_usd: float  # than without it
    more_unserved_hours: float  # accelerator-hours short or missed


def stress_cases(problem: PlanningProblem, plan: Plan) -> tuple[Stress, ...]:
    """All cases that can happen to the plan."""
    fixed = fixed_plan(problem, plan.decisions)
    decisions = narrowed(fixed, plan.decisions)
    base_usd, base_hours = _run(fixed.problem, decisions)
    found = []
    for name, what, changed, closed in _cases(fixed.problem, decisions):
        usd, hours = _run(changed, decisions, closed)
        found.append(Stress(name=name, what=what, cost_usd=usd, more_usd=usd - base_usd, more_unserved_hours=hours - base_hours))
    return tuple(found)


def _run(problem: PlanningProblem, decisions: Decisions, closed: Bools | None = None) -> tuple[float, float]:
    """Expected USD, and expected accelerator-hours not served."""
    plan = operate(problem, decisions, closed)
    short = np.einsum("tb,ptbs->s", problem.hours, plan.shortage) + missed_work(problem, decisions, plan.served).sum(axis=(0, 1))
    return float(scenario_costs(problem, plan) @ problem.probability), float(short @ problem.probability)


def _cases(problem: PlanningProblem, decisions: Decisions) -> Iterator[tuple[str, str, PlanningProblem, Bools | None]]:
    """Name, what happens, the problem changed, and where nothing can be drawn, [P, T]."""
    used = _hours_by_pool(problem, decisions)
    if used.any():
        by_site = np.zeros((len(problem.sites), used.shape[1]))
        np.add.at(by_site, problem.pool_site, used)
        site, period = np.unravel_index(int(by_site.argmax()), by_site.shape)
        lost = (problem.pool_site == site)[:, None] & (np.arange(used.shape[1]) == period)
        what = f"{problem.sites[site]} stands still in {problem.periods[period]}"
        yield "site loss", what, _unpaid_where(problem, lost), lost
        half = len(problem.periods) // 2
        by_supplier = np.zeros(len(problem.suppliers))
        np.add.at(by_supplier, problem.pool_supplier, used[:, half:].sum(axis=1))
        supplier = int(by_supplier.argmax())
        gone = (problem.pool_supplier == supplier)[:, None] & (np.arange(used.shape[1]) >= half)
        what = f"{problem.suppliers[supplier]} has left from {problem.periods[half]} on; it is paid nothing more"
        yield "supplier exit", what, _unpaid(problem, supplier, half), gone
    late = _late(problem, decisions)
    if late.any():
        what = f"what is not delivered yet comes {DELAY_DAYS:.0f} days later"
        yield "delivery delay", what, _with_capacity(problem, np.where(late[:, :, None], 0.0, problem.supply.capacity)), None
    if len(problem.supply.offers):
        dearer = replace(problem.supply, offer_price_cash=problem.supply.offer_price_cash * DEARER)
        yield "price shock", f"market prices {DEARER - 1.0:+.0%}", replace(problem, supply=dearer), None
    yield "demand surge", f"demand {SURGE - 1.0:+.0%}, accelerators rounded up", _surge(problem), None


def _hours_by_pool(problem: PlanningProblem, decisions: Decisions) -> Floats:
    """Expected accelerator-hours held around the clock, [P, T]."""
    none = np.zeros((len(problem.needs.loads), *problem.shape))
    return np.asarray(np.einsum("ptbs,tb,s->pt", used_accelerators(problem, decisions, none), problem.hours, problem.probability))


def _unpaid_where(problem: PlanningProblem, lost: Bools) -> PlanningProblem:
    """Contracts all of whose pools are lost, [P, T], deliver nothing then, and are not paid."""
    supply = problem.supply
    whole = np.zeros((len(supply.contracts), lost.shape[1]), dtype=np.bool_)
    whole[np.unique(supply.cover_contract)] = True
    np.logical_and.at(whole, supply.cover_contract, lost[supply.cover_pool])
    return _with_capacity(problem, np.where(whole[:, :, None], 0.0, supply.capacity))


def _with_capacity(problem: PlanningProblem, capacity: Floats) -> PlanningProblem:
    """Other capacity; what was to be paid for capacity that is not there is not owed, nor is its part of a minimum."""
    supply = problem.supply
    share = np.divide(capacity, supply.capacity, out=np.ones_like(capacity), where=supply.capacity > 0)
    return replace(problem, supply=replace(supply, capacity=capacity, minimum_cash=supply.minimum_cash * share))


def _unpaid(problem: PlanningProblem, supplier: int, first: int) -> PlanningProblem:
    """Nothing of a supplier's contracts is paid from a period on."""
    supply = problem.supply
    ends = (supply.contract_supplier == supplier)[:, None] & (np.arange(len(problem.periods)) >= first)

    def until(cash: Floats) -> Floats:
        return np.where(ends[:, :, None], 0.0, cash)

    ended = replace(
        supply,
        capacity=until(supply.capacity),
        minimum_cash=until(supply.minimum_cash),
        fixed_fee_cash=until(supply.fixed_fee_cash),
        prepaid_cash=until(supply.prepaid_cash),
    )
    return replace(problem, supply=ended)


def _late(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """Contracts held whose capacity begins after the first period, in the periods that begin within the delay, [K, T]."""
    supply, late = problem.supply, np.zeros(problem.supply.interval.shape, dtype=np.bool_)
    days = np.concatenate([[0.0], np.cumsum(problem.hours.sum(axis=1) / 24.0)[:-1]])
    for k in np.flatnonzero(decisions.lots > 0):
        given = supply.capacity[k].max(axis=1) > 0
        if given.any() and not given[0]:
            began = int(np.argmax(given))
            late[k] = given & (days >= days[began]) & (days < days[began] + DELAY_DAYS)
    return late


def _surge(problem: PlanningProblem) -> PlanningProblem:
    needs = problem.needs
    more = replace(
        needs,
        need=np.ceil(needs.need * SURGE - 1e-9).astype(needs.need.dtype),
        work=needs.work * SURGE,
        work_limit=needs.work_limit * SURGE,
        egress_gb=needs.egress_gb * SURGE,
    )
    return replace(problem, needs=more, egress_cash=problem.egress_cash * SURGE, unplaced_cash=problem.unplaced_cash * SURGE)
