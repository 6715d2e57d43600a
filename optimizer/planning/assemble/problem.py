"""The whole `PlanningProblem` of a case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import RISK_NEUTRAL, Risk
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.planning.assemble.rules import build_limits, build_pins
from optimizer.planning.assemble.supply import build_supply


def build_problem(case: Case, needs: Needs, *, annual_discount_rate: float, risk: Risk = RISK_NEUTRAL) -> PlanningProblem:
    """Arrays of the case, in its tables' order.

    Args:
      annual_discount_rate: share per year; cash of a period is worth (1 + rate) ^ -years to its middle.
      risk: what CVaR counts in the objective.

    Raises:
      DataError: the case has something that a plan cannot take (an unknown price, an impossible pin).
    """
    calendar, pins = case.calendar, build_pins(case, needs)
    allowed = np.flatnonzero(pins.option_allowed)
    needs = _keep_options(needs, allowed)
    discount = calendar.discount_factors(case.as_of, annual_discount_rate)
    site = {s.name: i for i, s in enumerate(case.sites)}
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    pool_site = np.array([site[p.site] for p in case.pools], dtype=np.int64)
    egress_price = np.array([s.egress_usd_per_gb for s in case.sites])[pool_site[needs.pair_pool]]
    penalty = penalties(case)
    load_penalty = np.array([penalty[load.workload] for load in needs.loads])
    move, data = _move_costs(case, needs)
    workloads = {w.name: w for w in case.workloads}
    run_workload = {run.name: run.workload for run in case.training_runs}
    return PlanningProblem(
        pools=tuple(p.name for p in case.pools),
        sites=tuple(site),
        suppliers=tuple(supplier),
        periods=tuple(p.name for p in calendar.periods),
        blocks=tuple(b.name for b in calendar.blocks),
        scenarios=tuple(s.name for s in case.scenarios),
        hours=calendar.hours(),
        discount=discount,
        probability=np.array([s.probability for s in case.scenarios]),
        pool_site=pool_site,
        pool_supplier=np.array([supplier[case.sites[i].supplier] for i in pool_site], dtype=np.int64),
        availability=np.array([case.sites[i].availability for i in pool_site]),
        shortage_price=_shortage_prices(case, needs, penalty),
        site_bandwidth=np.array([np.inf if s.bandwidth_gb_per_s is None else s.bandwidth_gb_per_s for s in case.sites]),
        needs=needs,
        pair_allowed=pins.pair_allowed,
        pair_forced=pins.pair_forced,
        placed_before=_placed_before(case, needs),
        enter_cash=move[needs.pair_load],
        leave_cash=data[needs.pair_load] * egress_price,
        egress_cash=needs.egress_gb * egress_price[:, None, None],
        unplaced_cash=load_penalty[:, None, None] * least_hours(calendar.hours(), needs),
        missed_price=np.where(needs.flexible, load_penalty, 0.0),
        load_spot=np.array([workloads[load.workload].spot_allowed for load in needs.loads], dtype=np.bool_),
        run_spot=np.array([workloads[run_workload[run]].spot_allowed for run in needs.runs], dtype=np.bool_),
        **_option_costs(case, needs, discount, penalty),
        run_forced=pins.run_forced,
        supply=build_supply(case, needs, annual_discount_rate),
        limits=build_limits(case),
        other_spend_cash=_other_spend(case),
        risk=risk,
    )


def _keep_options(needs: Needs, kept: Ints) -> Needs:
    names = ("option_run", "option_pool", "option_start", "option_stop", "option_gang", "option_hours", "option_end_days")
    return replace(needs, **{name: getattr(needs, name)[kept] for name in names})


def penalties(case: Case) -> dict[str, float]:
    """USD per accelerator-hour missing, by workload."""
    return {workload.name: workload.shortage_penalty for workload in case.workloads}


def _move_costs(case: Case, needs: Needs) -> tuple[Floats, Floats]:
    """USD per move, [L], and GB copied per move, [L]; a share of a split load moves its share of neither."""
    workloads = {w.name: w for w in case.workloads}
    chosen = [workloads[load.workload] for load in needs.loads]
    return np.array([w.move_cost for w in chosen]), np.array([w.data_gb for w in chosen])


def _placed_before(case: Case, needs: Needs) -> Ints:
    pool = {p.name: i for i, p in enumerate(case.pools)}
    in_force = {row.load: pool[row.pool] for row in case.placements}
    return np.array([in_force.get(load.name, -1) for load in needs.loads], dtype=np.int64)


def least_hours(hours: Floats, needs: Needs) -> Floats:
    """Accelerator-hours of a load in the eligible pool that needs fewest, [L, T, S]."""
    used = np.einsum("tb,ntbs->nts", hours, needs.need, optimize=True) + needs.work
    least = np.full((len(needs.loads), *used.shape[1:]), np.inf)
    np.minimum.at(least, needs.pair_load, used)
    return least


def _shortage_prices(case: Case, needs: Needs, penalty: dict[str, float]) -> Floats:
    """USD per accelerator-hour, [P]: the dearest penalty of all that may run in the pool."""
    prices = np.zeros(len(case.pools))
    load_penalty = np.array([penalty[load.workload] for load in needs.loads])
    workload = {run.name: run.workload for run in case.training_runs}
    run_penalty = np.array([penalty[workload[run]] for run in needs.runs])
    np.maximum.at(prices, needs.pair_pool, load_penalty[needs.pair_load])
    if len(needs.option_run):
        np.maximum.at(prices, needs.option_pool, run_penalty[needs.option_run])
    return prices


def _option_costs(case: Case, needs: Needs, discount: Floats, penalty: dict[str, float]) -> dict[str, Any]:
    runs = {run.name: run for run in case.training_runs}
    sites = {site.name: site for site in case.sites}
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    in_force = {row.load: row.pool for row in case.placements}
    egress, usd = np.zeros(len(needs.option_run)), np.zeros(len(needs.option_run))
    least = np.full(len(needs.runs), np.inf)
    first = np.full(len(needs.runs), len(discount) - 1, dtype=np.int64)
    for g, r in enumerate(needs.option_run):
        run, pool = runs[needs.runs[r]], case.pools[needs.option_pool[g]]
        copied = run.data_site is not None and run.data_site != pool.site and in_force.get(run.name) != pool.name
        egress[g] = run.data_gb * sites[run.data_site].egress_usd_per_gb if copied and run.data_site else 0.0
        delay = run.delay_cost * needs.option_end_days[g]
        usd[g] = egress[g] * discount[needs.option_start[g]] + delay * discount[needs.option_stop[g] - 1]
        least[r] = min(least[r], float(needs.option_gang[g]) * needs.option_hours[g])
        first[r] = min(first[r], needs.option_start[g])
    run_penalty = np.array([penalty[runs[name].workload] for name in needs.runs])
    data_sites = [runs[name].data_site for name in needs.runs]
    return {
        "option_usd": usd,
        "option_egress_cash": egress,
        "run_data_supplier": np.array([-1 if s is None else supplier[sites[s].supplier] for s in data_sites], dtype=np.int64),
        "run_unplaced_usd": run_penalty * np.where(np.isfinite(least), least, 0.0) * discount[first],
    }


def _other_spend(case: Case) -> Floats:
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    period = {p.name: t for t, p in enumerate(case.calendar.periods)}
    result = np.zeros((len(supplier), len(period)))
    for row in case.other_spend:
        if row.period in period:
            result[supplier[row.supplier], period[row.period]] += row.spend
    return result
