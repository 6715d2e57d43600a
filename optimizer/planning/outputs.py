"""A plan's result as summary numbers and as tables by column, ready to be written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.domain.stages import decided_by
from optimizer.domain.workload import Kind, ServingTechniques
from optimizer.planning.alternatives import alternative_rows
from optimizer.planning.sensitivities import sensitivity_rows
from optimizer.planning.unit_costs import unit_costs
from optimizer.planning.verify import cost_rows
from optimizer.pricing.weighing import at_prices
from optimizer.solve.cost import active_lots, used_peak

if TYPE_CHECKING:
    from optimizer.planning.plan import PlanResult

Rows = Sequence[Mapping[str, Any]]


def summary(result: PlanResult) -> dict[str, Any]:
    """The keys of summary.json that speak of the plan; money is discounted USD."""
    problem, verified = result.problem, result.verification
    periods, blocks, scenarios = problem.shape
    return {
        "status": str(result.status),
        "objective_usd": result.objective_usd,
        "bound_usd": result.bound_usd,
        "sunk_usd": verified.sunk_usd,
        "gap_usd": result.gap_usd,
        "gap": result.gap,
        "expected_cost_usd": verified.expected_cost_usd,
        "cvar_usd": verified.cvar_usd,
        "unserved_share": verified.unserved_share,
        "phases": {phase: round(seconds, 3) for phase, seconds in result.phases.items()},
        "loads": len(result.plan.loads) + len(result.plan.runs),
        "pools": len(problem.pools),
        "periods": periods,
        "blocks": blocks,
        "scenarios": scenarios,
        "contracts": len(result.plan.contracts),
        "solver": result.solver,
        "device": result.device,
        "calibration": result.calibration,
        "alerts": list(result.alerts),
        "verified": True,
        "verify_error_usd": result.verify_error_usd,
        "baselines": {baseline.name: baseline.cost_usd for baseline in result.baselines},
        "risk": {"omega": problem.risk.omega, "alpha": problem.risk.alpha},
    }


COLUMNS = {
    "placements": (
        *("load", "workload", "kind", "origin", "period", "pool", "site", "supplier", "accelerator"),
        *("round_trip_ms", "ttft_p95_ms", "tpot_ms", "accelerators", "techniques"),
    ),
    "commitments": ("contract", "supplier", "status", "start", "end", "decision", "lots", "effective", "act_by"),
    "supply": ("pool", "period", "block", "scenario", "source", "name", "accelerators", "contract_capacity"),
    "prices": ("pool", "period", "block", "usd_per_accelerator_hour"),
    "costs": (
        *("period", "payee_kind", "payee", "supplier", "line", "cash_usd", "accrued_usd", "discounted_usd"),
        *("currency", "cash_in_currency"),
    ),
    "unit_costs": (
        *("model", "tokens", "million_tokens", "direct_usd", "idle_commitment_usd", "egress_usd", "other_usd", "total_usd"),
        *("direct_usd_per_million", "idle_commitment_usd_per_million", "egress_usd_per_million", "other_usd_per_million"),
        "total_usd_per_million",
    ),
    "sensitivities": ("table", "row", "column", "value", "slope_usd_per_unit", "elasticity_usd"),
    "alternatives": (
        *("load", "first", "last", "pool", "choice", "cost_usd", "more_usd"),
        *("more_capacity_usd", "more_egress_usd", "more_moving_usd", "more_penalty_usd", "reason"),
    ),
}
"""Columns of the tables of a run's folder, in their order."""


def tables(result: PlanResult) -> dict[str, Rows]:
    """Rows of each table of a run's folder, by name; their keys are `COLUMNS`."""
    return {
        "placements": placements(result),
        "commitments": commitments(result),
        "supply": supply(result),
        "prices": prices(result),
        "costs": cost_rows(result.verification),
        "unit_costs": unit_costs(result.case, result.needs, result.plan, result.verification),
        "sensitivities": sensitivities(result),
        "alternatives": alternatives(result),
    }


def placements(result: PlanResult) -> Rows:
    """Where each load and training run is in each period; pool is blank where it is not placed."""
    problem, needs, decisions = result.problem, result.needs, result.plan.decisions
    site = {s.name: s for s in result.case.sites}
    workload = {w.name: w for w in result.case.workloads}
    measured = {(row.workload, row.accelerator) for row in result.case.measured_throughput}
    peak = used_peak(problem)
    rows: list[dict[str, Any]] = []
    for index, load in enumerate(needs.loads):
        for t, period in enumerate(problem.periods):
            pool = int(decisions.placed[index, t])
            pair = np.flatnonzero((needs.pair_load == index) & (needs.pair_pool == pool))
            own = workload[load.workload]
            at = {"load": load.name, "workload": own.name, "kind": str(own.kind), "origin": load.origin, "period": period}
            if not len(pair):
                rows.append(at | _where(result, -1, site) | _latency(result, None) | {"accelerators": 0.0, "techniques": None})
            else:
                n = int(pair[0])
                rows.append(at | _where(result, pool, site) | _latency(result, n) | {"accelerators": float(peak[n, t])})
                modelled = bool(np.isfinite(needs.tokens_per_s[n])) and (own.name, result.case.pools[pool].accelerator) not in measured
                rows[-1]["techniques"] = techniques_text(own.techniques) if modelled else None
    return rows + _run_rows(result)


def techniques_text(techniques: ServingTechniques) -> str | None:
    """Example: "prefix cache 40 %; drafts 3 at 70 %". None: none of them."""
    told = {
        f"prefix cache {100 * techniques.prefix_hit_share:.3g} %": techniques.prefix_hit_share > 0.0,
        f"drafts {techniques.drafted_tokens} at {100 * techniques.acceptance_share:.3g} %": techniques.drafted_tokens > 0,
        f"prefill in chunks of {techniques.chunk_tokens:.6g}": math.isfinite(techniques.chunk_tokens),
        f"prefill on {100 * techniques.prefill_share:.3g} % of the accelerators": techniques.prefill_share > 0.0,
    }
    return "; ".join(text for text, used in told.items() if used) or None


def _run_rows(result: PlanResult) -> list[dict[str, Any]]:
    problem, needs = result.problem, result.needs
    site = {s.name: s for s in result.case.sites}
    workload = {run.name: run.workload for run in result.case.training_runs}
    rows = []
    for name, g in zip(needs.runs, result.plan.decisions.option, strict=True):
        held = range(int(needs.option_start[g]), int(needs.option_stop[g])) if g >= 0 else range(0)
        for t in held or (0,):
            at = {"load": name, "workload": workload[name], "kind": str(Kind.TRAINING), "origin": None, "period": problem.periods[t]}
            pool, gang = (int(needs.option_pool[g]), float(needs.option_gang[g])) if g >= 0 else (-1, 0.0)
            rows.append(at | _where(result, pool, site) | _latency(result, None) | {"accelerators": gang, "techniques": None})
    return rows


def _where(result: PlanResult, pool: int, site: Mapping[str, Any]) -> dict[str, str | None]:
    if pool < 0:
        return {"pool": None, "site": None, "supplier": None, "accelerator": None}
    found = result.case.pools[pool]
    return {"pool": found.name, "site": found.site, "supplier": site[found.site].supplier, "accelerator": found.accelerator}


def _latency(result: PlanResult, n: int | None) -> dict[str, float]:
    names = ("round_trip_ms", "ttft_p95_ms", "tpot_ms")
    return {name: math.nan if n is None else float(getattr(result.needs, name)[n]) for name in names}


def commitments(result: PlanResult) -> Rows:
    """Contracts: what is decided and by when; one row per contract and exit."""
    supply, decisions, periods = result.problem.supply, result.plan.decisions, result.case.calendar.periods
    named = {contract.name: contract for contract in result.case.contracts}
    rows = []
    for k, name in enumerate(supply.contracts):
        contract, lots, exits = named[name], int(decisions.lots[k]), decisions.exits[k]
        kept = lots - int(exits.sum())
        base: dict[str, Any] = {"contract": name, "supplier": contract.supplier, "status": str(contract.status)}
        base |= {"start": contract.start, "end": contract.end}
        decided = ("keep" if kept or not lots else None) if contract.status.in_force else ("sign" if lots else "decline")
        if decided:
            by = None if contract.status.in_force else contract.last_day_to_sign
            rows.append(base | {"decision": decided, "lots": kept if decided == "keep" else lots, "effective": None, "act_by": by})
        for t in np.flatnonzero(exits):
            on = periods[t].start
            rows.append(base | {"decision": "leave", "lots": int(exits[t]), "effective": on, "act_by": decided_by(contract, on)})
    return rows


def supply(result: PlanResult) -> Rows:
    """Accelerators drawn from contracts and offers and missing, by pool, period, block and scenario, where not zero."""
    problem, plan = result.problem, result.plan
    held = problem.supply.capacity * active_lots(problem, plan.decisions)[:, :, None]
    sources = [
        ("contract", [name for name, _ in plan.covers], [pool for _, pool in plan.covers], plan.contract_draw),
        ("offer", plan.offers, [problem.pools[p] for p in problem.supply.offer_pool], plan.offer_draw),
        ("shortage", [None] * len(plan.pools), plan.pools, plan.shortage),
    ]
    capacity = {name: held[k] for k, name in enumerate(plan.contracts)}
    rows = []
    for source, names, pools, amounts in sources:
        for i, t, b, s in zip(*np.nonzero(amounts > 0), strict=True):
            where = {"pool": pools[i], "period": problem.periods[t], "block": problem.blocks[b], "scenario": problem.scenarios[s]}
            drawn = {"source": source, "name": names[i], "accelerators": float(amounts[i, t, b, s])}
            rows.append(where | drawn | {"contract_capacity": float(capacity[names[i]][t, s]) if source == "contract" else None})
    return rows


def prices(result: PlanResult) -> Rows:
    """What one accelerator-hour more would save in each pool, period and block at this plan: undiscounted, expected over scenarios."""
    problem = result.problem
    worth = problem.discount[:, None] * problem.hours
    hourly = result.capacity_price.sum(axis=3) / worth
    return [
        {"pool": pool, "period": period, "block": block, "usd_per_accelerator_hour": float(hourly[p, t, b])}
        for p, pool in enumerate(problem.pools)
        for t, period in enumerate(problem.periods)
        for b, block in enumerate(problem.blocks)
    ]


def sensitivities(result: PlanResult) -> Rows:
    """What moves the cost: the slope of the bound in the tables' figures; no rows where the plan was found without prices."""
    priced = result.priced
    if priced is None or priced.sensitivities is None:
        return []
    rate = result.verification.annual_discount_rate
    return sensitivity_rows(result.case, at_prices(result.problem, priced.prices), priced.sensitivities, annual_discount_rate=rate)


def alternatives(result: PlanResult) -> Rows:
    """Why this pool and not that; no rows where the plan was found without prices."""
    priced = result.priced
    if priced is None or priced.sensitivities is None or priced.pairs is None:
        return []
    return alternative_rows(at_prices(result.problem, priced.prices), result.plan.decisions, priced.pairs, priced.sensitivities)
