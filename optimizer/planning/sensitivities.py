"""What moves the cost: the slope of the bound in the figures of a case's tables.

Where several arrays follow from one figure, such as a contract's commitment and draws from its price, their effects are added. Effects are
of all that the figure says times 1 + change; slopes are effects over the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, FeeStep
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.rules import LimitKind
from optimizer.domain.workload import Kind
from optimizer.planning.assemble.payments import terminal_usd
from optimizer.pricing.sensitivity import Sensitivities

PERCENT = 0.01
SMALL_CHANGE = 0.01  # of a clause, for the slope of what a contract leaves to pay after the horizon
CLAUSES = (
    ("x_UnitPrice", "price"),
    ("x_AcceleratorsPerLot", "accelerators"),
    ("x_TakeOrPayShare", "take_or_pay_share"),
    ("x_MinimumSpend", "minimum_spend"),
    ("x_FixedMonthlyFee", "fixed_monthly_fee"),
    ("x_ShareOfWallet", "share_of_wallet"),
)

Row = dict[str, Any]


@dataclass(frozen=True)
class _View:
    case: Case
    problem: PlanningProblem
    slopes: Sensitivities
    annual_rate: float


def sensitivity_rows(case: Case, problem: PlanningProblem, slopes: Sensitivities, *, annual_discount_rate: float) -> list[Row]:
    """Rows of the `sensitivities` table, largest effect first; figures that are 0 or that the bound does not feel have none.

    `elasticity_usd` is what 1 % more of the figure adds to the bound, `slope_usd_per_unit` what one unit more adds, both in discounted USD.
    """
    view = _View(case, problem, slopes, annual_discount_rate)
    rows = [
        {
            "table": table,
            "row": row,
            "column": column,
            "value": value,
            "slope_usd_per_unit": effect / value,
            "elasticity_usd": PERCENT * effect,
        }
        for part in (_offers, _contracts, _fee_steps, _demand, _runs, _workloads, _sites, _limits, _other_spend)
        for table, row, column, value, effect in part(view)
        if value and effect
    ]
    return sorted(rows, key=lambda row: (-abs(row["elasticity_usd"]), row["table"], row["row"], row["column"]))


Entry = tuple[str, str, str, float | None, float]  # table, row, column, value, effect


def _offers(view: _View) -> Iterator[Entry]:
    supply, slopes = view.problem.supply, view.slopes
    price = (slopes.offer_price_cash * supply.offer_price_cash).sum(axis=(1, 2))
    limit = (slopes.offer_limit * np.where(np.isfinite(supply.offer_limit), supply.offer_limit, 0.0)).sum(axis=1)
    for o, offer in enumerate(view.case.offers):
        yield "offers", offer.name, "usd_per_accelerator_hour", offer.price, float(price[o])
        yield "offers", offer.name, "limit_accelerators", offer.limit, float(limit[o])


def _contracts(view: _View) -> Iterator[Entry]:
    """Prices and accelerators of a ramp's steps change along with the first ones."""
    supply, slopes = view.problem.supply, view.slopes
    effects = {
        "price": (slopes.price_cash * supply.price_cash).sum(axis=(1, 2)),
        "accelerators": (slopes.capacity * supply.capacity).sum(axis=(1, 2)),
        "take_or_pay_share": slopes.take_or_pay_share * supply.take_or_pay_share,
        "minimum_spend": (slopes.minimum_cash * supply.minimum_cash).sum(axis=(1, 2)),
        "fixed_monthly_fee": (slopes.fixed_fee_cash * supply.fixed_fee_cash).sum(axis=(1, 2)),
        "share_of_wallet": slopes.share_of_wallet * supply.share_of_wallet,
    }
    named = {contract.name: contract for contract in view.case.contracts}
    for k, name in enumerate(supply.contracts):
        for column, field in CLAUSES:
            value = getattr(named[name], field)
            if isinstance(value, float | int):
                effect = float(effects[field][k]) + _after_the_horizon(view, k, named[name], _scaling(field))
                yield "contracts", name, column, float(value), effect


def _scaling(field: str) -> Callable[[Contract, float], Contract]:
    """A contract with one clause times a factor, in the steps of its ramp too."""

    def scaled(contract: Contract, factor: float) -> Contract:
        ramp = contract.ramp
        if field == "price":
            ramp = tuple(replace(step, price=None if step.price is None else step.price * factor) for step in ramp)
        elif field == "accelerators":
            ramp = tuple(replace(step, accelerators=step.accelerators * factor) for step in ramp)
        return replace(contract, ramp=ramp, **{field: getattr(contract, field) * factor})

    return scaled


def _after_the_horizon(view: _View, k: int, contract: Contract, scaled: Callable[[Contract, float], Contract]) -> float:
    """Effect through what a lot still held at the end commits to."""
    if not view.slopes.terminal_usd[k]:
        return 0.0
    less, now = (terminal_usd(changed, view.case, view.annual_rate) for changed in (scaled(contract, 1.0 - SMALL_CHANGE), contract))
    return float(view.slopes.terminal_usd[k] * (now - less) / SMALL_CHANGE)


def _fee_steps(view: _View) -> Iterator[Entry]:
    supply, periods = view.problem.supply, view.case.calendar.periods
    named = {contract.name: contract for contract in view.case.contracts}
    for k, name in enumerate(supply.contracts):
        contract, paid = named[name], np.where(np.isfinite(supply.exit_fee_cash[k]), supply.exit_fee_cash[k], 0.0)
        steps = contract.fee_steps
        if not isinstance(steps, tuple):
            continue
        for step in steps:
            holds = [_holds(steps, step, period.start) for period in periods]
            effect = float((view.slopes.exit_fee_cash[k] * paid)[holds].sum())
            at_end = _after_the_horizon(view, k, contract, _scaling_step(step))
            yield "contract_fee_steps", f"{name} {step.start.isoformat()}", "fee_per_lot", step.fee, effect + at_end


def _holds(steps: tuple[FeeStep, ...], step: FeeStep, day: Any) -> bool:
    """Whether the step is the last one reached on the day."""
    return step is max((other for other in steps if other.start <= day), key=lambda other: other.start, default=None)


def _scaling_step(step: FeeStep) -> Callable[[Contract, float], Contract]:
    def scaled(contract: Contract, factor: float) -> Contract:
        steps = contract.fee_steps
        assert isinstance(steps, tuple)
        return replace(contract, fee_steps=tuple(replace(s, fee=s.fee * factor) if s is step else s for s in steps))

    return scaled


def _demand(view: _View) -> Iterator[Entry]:
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


def _runs(view: _View) -> Iterator[Entry]:
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


def _workloads(view: _View) -> Iterator[Entry]:
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


def _shortage(view: _View) -> dict[str, float]:
    """Effect of shortage prices of pools by workload: each is the penalty of the dearest workload that may run there."""
    problem, needs = view.problem, view.problem.needs
    effect = view.slopes.shortage_price * problem.shortage_price
    penalty = {workload.name: workload.shortage_penalty for workload in view.case.workloads}
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


def _sites(view: _View) -> Iterator[Entry]:
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


def _limits(view: _View) -> Iterator[Entry]:
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


def _other_spend(view: _View) -> Iterator[Entry]:
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
