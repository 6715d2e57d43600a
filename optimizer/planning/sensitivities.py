"""What moves the cost: the slope of the bound in the figures of a case's tables.

Where several arrays follow from one figure, such as a contract's commitment and draws from its price, their effects are added. Effects are
of all that the figure says times 1 + change; slopes are effects over the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.rules import LimitKind
from optimizer.domain.workload import Kind
from optimizer.planning.assemble.problem import penalties
from optimizer.planning.contract_sensitivities import Entry, View, contract_entries
from optimizer.pricing.sensitivity import Sensitivities

PERCENT = 0.01
Row = dict[str, Any]


def sensitivity_rows(case: Case, problem: PlanningProblem, slopes: Sensitivities, *, annual_discount_rate: float) -> list[Row]:
    """Rows of the `sensitivities` table, largest effect first; figures that are 0 or that the bound does not feel have none.

    `elasticity_usd` is what 1 % more of the figure adds to the bound, `slope_usd_per_unit` what one unit more adds, both in discounted USD.
    """
    view = View(case, problem, slopes, annual_discount_rate)
    rows = [
        {
            "table": table,
            "row": row,
            "column": column,
            "value": value,
            "slope_usd_per_unit": effect / value,
            "elasticity_usd": PERCENT * effect,
        }
        for part in (_offers, contract_entries, _demand, _runs, _workloads, _sites, _limits, _other_spend)
        for table, row, column, value, effect in part(view)
        if value and effect
    ]
    return sorted(rows, key=lambda row: (-abs(row["elasticity_usd"]), row["table"], row["row"], row["column"]))


def _offers(view: View) -> Iterator[Entry]:
    supply, slopes = view.problem.supply, view.slopes
    price = (slopes.offer_price_cash * supply.offer_price_cash).sum(axis=(1, 2))
    limit = (slopes.offer_limit * np.where(np.isfinite(supply.offer_limit), supply.offer_limit, 0.0)).sum(axis=1)
    for o, offer in enumerate(view.case.offers):
        yield "offers", offer.name, "usd_per_accelerator_hour", offer.price, float(price[o])
        yield "offers", offer.name, "limit_accelerators", offer.limit, float(limit[o])


def _demand(view: View) -> Iterator[Entry]:
    """All of a row's quantiles together, named by the middle one."""
    period = {name: t for t, name in enumerate(view.problem.periods)}
    stream: dict[tuple[str, str | None], Any] = {}
    for load, effects in zip(view.problem.needs.loads, view.slopes.demand, strict=True):
        key = (load.workload, load.origin)
        stream[key] = stream.get(key, 0.0) + effects
    for row in view.case.demand:
        if row.period in period and (row.workload, row.origin) in stream:
            value, column = (row.p50, "p50") if row.mean is None else (row.mean, "mean")
            name = row.workload if row.origin is None else f"{row.workload}@{row.origin}"
            yield "demand", f"{name} {row.period}", column, value, float(stream[row.workload, row.origin][period[row.period]])


def _runs(view: View) -> Iterator[Entry]:
    """`tokens` as if the accelerator-hours held grew in proportion; the rest of an option's cost is data, then delay."""
    problem, slopes, needs = view.problem, view.slopes, view.problem.needs
    held = slopes.option_gang * needs.option_gang
    data = slopes.option_usd * problem.option_egress_cash * problem.discount[needs.option_start]
    data += slopes.option_egress_cash * problem.option_egress_cash
    delay = slopes.option_usd * (problem.option_usd - problem.option_egress_cash * problem.discount[needs.option_start])
    named = {run.name: run for run in view.case.training_runs}
    for r, name in enumerate(needs.runs):
        mine, run = needs.option_run == r, named[name]
        yield "training_runs", name, "tokens", run.tokens, float(held[mine].sum())
        yield "training_runs", name, "data_gb", run.data_gb, float(data[mine].sum())
        yield "training_runs", name, "delay_usd_per_day", run.delay_cost, float(delay[mine].sum())


def _workloads(view: View) -> Iterator[Entry]:
    problem, slopes, needs = view.problem, view.slopes, view.problem.needs
    weight = problem.discount[:, None] * problem.probability
    of_load = (slopes.unplaced * np.einsum("lts,ts->lt", problem.unplaced_cash, weight)).sum(axis=1)
    of_load = of_load + slopes.missed_price * problem.missed_price
    enter = np.bincount(needs.pair_load, slopes.enter_cash * problem.enter_cash, len(needs.loads))
    leave = np.bincount(needs.pair_load, slopes.leave_cash * problem.leave_cash, len(needs.loads))
    of_run = slopes.run_unplaced_usd * problem.run_unplaced_usd
    workload_of_run = {run.name: run.workload for run in view.case.training_runs}
    short = _shortage(view)
    for workload in view.case.workloads:
        mine = np.array([load.workload == workload.name for load in needs.loads], dtype=np.bool_)
        runs = np.array([workload_of_run[run] == workload.name for run in needs.runs], dtype=np.bool_)
        penalty = float(of_load[mine].sum() + of_run[runs].sum() + short.get(workload.name, 0.0))
        yield "workloads", workload.name, "shortage_usd_per_accelerator_hour", workload.shortage_penalty, penalty
        if workload.kind is not Kind.TRAINING:
            yield "workloads", workload.name, "move_usd", workload.move_cost, float(enter[mine].sum())
            yield "workloads", workload.name, "data_gb", workload.data_gb, float(leave[mine].sum())


def _shortage(view: View) -> dict[str, float]:
    """Effect of shortage prices of pools by workload: each is the penalty of the dearest workload that may run there."""
    problem, needs = view.problem, view.problem.needs
    effect = view.slopes.shortage_price * problem.shortage_price
    penalty = penalties(view.case)
    workload_of_run = {run.name: run.workload for run in view.case.training_runs}
    here: list[set[str]] = [set() for _ in problem.pools]
    for load, pool in zip(needs.pair_load, needs.pair_pool, strict=True):
        here[pool].add(needs.loads[load].workload)
    for run, pool in zip(needs.option_run, needs.option_pool, strict=True):
        here[pool].add(workload_of_run[needs.runs[run]])
    found: dict[str, float] = {}
    for pool, names in enumerate(here):
        if effect[pool]:
            dearest = max(sorted(names), key=penalty.__getitem__)
            found[dearest] = found.get(dearest, 0.0) + float(effect[pool])
    return found


def _sites(view: View) -> Iterator[Entry]:
    problem, slopes, needs = view.problem, view.slopes, view.problem.needs
    pairs_site = problem.pool_site[needs.pair_pool]
    sites = len(view.case.sites)
    egress = np.bincount(pairs_site, slopes.egress + slopes.leave_cash * problem.leave_cash, sites)
    per_option = problem.option_egress_cash * (slopes.option_usd * problem.discount[needs.option_start] + slopes.option_egress_cash)
    data_site = {run.name: run.data_site for run in view.case.training_runs}
    available = np.bincount(problem.pool_site, slopes.availability * problem.availability, sites)
    for i, site in enumerate(view.case.sites):
        copied = np.array([data_site[needs.runs[r]] == site.name for r in needs.option_run], dtype=np.bool_)
        yield "sites", site.name, "egress_usd_per_gb", site.egress_usd_per_gb, float(egress[i] + per_option[copied].sum())
        yield "sites", site.name, "availability_share", site.availability, float(available[i])
        bandwidth = site.bandwidth_gb_per_s
        yield "sites", site.name, "bandwidth_gb_per_s", bandwidth, float(slopes.site_bandwidth[i]) * (bandwidth or 0.0)


def _limits(view: View) -> Iterator[Entry]:
    """Rules for all periods or all suppliers count in each of them; where two rows limit moves, the tighter one binds."""
    problem, slopes = view.problem, view.slopes
    suppliers, periods = len(problem.suppliers), {name: t for t, name in enumerate(problem.periods)}
    budget, share = iter(slopes.budget_cash), iter(slopes.share)
    for limit in view.case.limits:
        held = list(periods.values()) if limit.period is None else [periods[limit.period]] if limit.period in periods else []
        name = " ".join(part for part in (str(limit.kind), limit.supplier, limit.period) if part)
        if limit.kind is LimitKind.BUDGET:
            slope = sum(next(budget) for _ in held)
        elif limit.kind is LimitKind.SUPPLIER_SHARE:
            slope = sum(next(share) for _ in held for _ in range(suppliers if limit.supplier is None else 1))
        elif limit.kind is LimitKind.MOVES:
            slope = sum(slopes.most_moves[t] for t in held if problem.limits.most_moves[t] == limit.value)
        else:
            continue
        yield "limits", name, "value", limit.value, float(slope) * limit.value


def _other_spend(view: View) -> Iterator[Entry]:
    problem, slopes = view.problem, view.slopes
    supplier = {name: i for i, name in enumerate(problem.suppliers)}
    period = {name: t for t, name in enumerate(problem.periods)}
    contract = {name: k for k, name in enumerate(problem.supply.contracts)}
    for row in view.case.other_spend:
        if row.period in period:
            u, t = supplier[row.supplier], period[row.period]
            slope = float(slopes.other_spend_cash[u, t])
            if row.contract in contract:
                slope += row.eligible_share * float(slopes.eligible_spend_cash[contract[row.contract], t].sum())
            yield "other_spend", f"{row.supplier} {row.period}", "spend_usd", row.spend, slope * row.spend
