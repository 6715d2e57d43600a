"""From a plan's tables to what its charts show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from optimizer.jobs.places import flows, latency, origins, sites
from optimizer.planning.outputs import Rows
from optimizer.planning.plan import PlanResult
from optimizer.report.series import PlanSeries
from optimizer.report.wording import words

MOVERS = 15
NOBODY = "no supplier"  # of moves, penalties and delay

Key = tuple[Any, ...]


def plan_series(result: PlanResult, tables: Mapping[str, Rows]) -> PlanSeries:
    """Rows for the charts of a plan; `tables` are the rows of the run's tables."""
    order = {period: t for t, period in enumerate(result.problem.periods)}
    return PlanSeries(
        suppliers=[*(supplier.name for supplier in result.case.suppliers), NOBODY],
        spend=[row | {"order": order[row["period"]]} for row in _spend(tables["costs"])],
        capacity=_capacity(result, order),
        committed=_committed(result, order),
        asked=_asked(result, order),
        placements=_placements(tables["placements"], order),
        contract_use=_contract_use(result, order),
        pools=_pools(result, tables["prices"], order),
        costs=_waterfall(tables["costs"]),
        movers=[
            {"figure": f"{row['row']}: {words(row['column'])}", "table": row["table"], "usd": float(row["elasticity_usd"])}
            for row in tables["sensitivities"][:MOVERS]
        ],
        alpha=result.verification.risk.alpha,
        scenarios=[
            {"scenario": name, "probability": float(chance), "usd": float(usd)}
            for name, chance, usd in zip(
                result.problem.scenarios, result.problem.probability, result.verification.scenario_cost_usd, strict=True
            )
        ],
        asked_by_scenario=_asked_by_scenario(result, order),
        latency=latency(result.case, tables["placements"]),
        sites=sites(result.case, tables["placements"]),
        origins=origins(result.case, tables["placements"]),
        flows=flows(result.case, tables["placements"], order),
    )


def _sums(rows: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    total: dict[Key, float] = defaultdict(float)
    for key, value in rows:
        total[key] += value
    return total


def _spend(costs: Rows) -> list[dict[str, Any]]:
    found = _sums(((row["period"], row["supplier"] or NOBODY, row["line"]), float(row["cash_usd"])) for row in costs)
    return [{"period": p, "supplier": s, "line": line, "cash_usd": round(usd, 2)} for (p, s, line), usd in found.items() if usd]


def _mean(result: PlanResult, amounts: np.ndarray) -> np.ndarray:
    """Expected mean over the hours of each period, of [., T, B, S]."""
    problem = result.problem
    weight = problem.hours / problem.hours.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("itbs,tb,s->it", amounts, weight, problem.probability))


def _capacity(result: PlanResult, order: Mapping[str, int]) -> list[dict[str, Any]]:
    problem, supply = result.problem, result.problem.supply
    suppliers = [supplier.name for supplier in result.case.suppliers]
    pools = [*supply.cover_pool, *supply.offer_pool]
    drawn = np.concatenate([_mean(result, result.plan.contract_draw), _mean(result, result.plan.offer_draw)])
    found = _sums(
        ((period, suppliers[problem.pool_supplier[pool]]), float(drawn[i, t]))
        for i, pool in enumerate(pools)
        for period, t in order.items()
    )
    rows = [{"period": p, "order": order[p], "supplier": s, "accelerators": round(amount, 1)} for (p, s), amount in found.items()]
    return [row for row in rows if row["accelerators"] > 0]


def _held(result: PlanResult) -> np.ndarray:
    """[K, T] accelerators of the lots held, expected."""
    decisions = result.plan.decisions
    lots = decisions.lots[:, None] - np.cumsum(decisions.exits, axis=1)
    return np.asarray((result.problem.supply.capacity @ result.problem.probability) * lots)


def _committed(result: PlanResult, order: Mapping[str, int]) -> list[dict[str, Any]]:
    held = _held(result).sum(axis=0)
    return [{"period": period, "order": t, "accelerators": round(float(held[t]), 1)} for period, t in order.items()]


def _total(result: PlanResult) -> np.ndarray:
    """[T, S] accelerators drawn and missing, mean over the hours."""
    problem, plan = result.problem, result.plan
    weight = problem.hours / problem.hours.sum(axis=1, keepdims=True)
    return np.asarray(sum(np.einsum("itbs,tb->ts", amounts, weight) for amounts in (plan.contract_draw, plan.offer_draw, plan.shortage)))


def _asked(result: PlanResult, order: Mapping[str, int]) -> list[dict[str, Any]]:
    total = _total(result)
    low, high = np.min(total, axis=1), np.max(total, axis=1)
    return [{"period": period, "order": t, "low": round(float(low[t]), 1), "high": round(float(high[t]), 1)} for period, t in order.items()]


def _asked_by_scenario(result: PlanResult, order: Mapping[str, int]) -> list[dict[str, Any]]:
    total = _total(result)
    return [
        {"period": period, "order": t, "scenario": scenario, "accelerators": round(float(total[t, s]), 1)}
        for s, scenario in enumerate(result.problem.scenarios)
        for period, t in order.items()
    ]


def _placements(placements: Rows, order: Mapping[str, int]) -> list[dict[str, Any]]:
    names = ("load", "workload", "period", "pool", "supplier")
    placed = [row for row in placements if row["pool"] is not None and row["period"] in order]
    return [
        {name: row[name] for name in names} | {"order": order[row["period"]], "accelerators": round(row["accelerators"], 1)}
        for row in placed
    ]


def _drawn(result: PlanResult) -> np.ndarray:
    """[K, T] accelerators drawn from each contract, expected mean over hours."""
    supply = result.problem.supply
    drawn = np.zeros((len(supply.contracts), len(result.problem.periods)))
    np.add.at(drawn, supply.cover_contract, _mean(result, result.plan.contract_draw))
    return drawn


def _contract_use(result: PlanResult, order: Mapping[str, int]) -> list[dict[str, Any]]:
    supply, held, drawn = result.problem.supply, _held(result), _drawn(result)
    supplier = {contract.name: contract.supplier for contract in result.case.contracts}
    return [
        {
            "contract": name,
            "supplier": supplier[name],
            "period": period,
            "order": t,
            "capacity": round(float(held[k, t]), 1),
            "drawn": round(float(drawn[k, t]), 1),
            "share": round(float(drawn[k, t] / held[k, t]), 4),
        }
        for k, name in enumerate(supply.contracts)
        for period, t in order.items()
        if held[k, t] > 0
    ]


def _pools(result: PlanResult, prices: Rows, order: Mapping[str, int]) -> list[dict[str, Any]]:
    problem, missing = result.problem, _mean(result, result.plan.shortage)
    held, bought = np.zeros_like(missing), np.zeros_like(missing)  # [P, T] drawn from contracts, and on the market
    np.add.at(held, problem.supply.cover_pool, _mean(result, result.plan.contract_draw))
    np.add.at(bought, problem.supply.offer_pool, _mean(result, result.plan.offer_draw))
    idle = np.zeros_like(missing)  # [P, T] of what contracts hold for the pool, here or in others of theirs; burst leaves none
    np.add.at(idle, problem.supply.cover_pool, np.maximum(0.0, _held(result) - _drawn(result))[problem.supply.cover_contract])
    block, pool = ({name: i for i, name in enumerate(names)} for names in (problem.blocks, problem.pools))
    weight = problem.hours / problem.hours.sum(axis=1, keepdims=True)
    worth = _sums(
        ((row["pool"], row["period"]), float(row["usd_per_accelerator_hour"]) * float(weight[order[row["period"]], block[row["block"]]]))
        for row in prices
    )
    rows = [
        {
            "pool": p,
            "period": t,
            "order": order[t],
            "usd_per_accelerator_hour": round(usd, 3),
            "missing": round(float(missing[pool[p], order[t]]), 1),
            "held": round(float(held[pool[p], order[t]]), 1),
            "bought": round(float(bought[pool[p], order[t]]), 1),
            "idle": round(float(idle[pool[p], order[t]]), 1),
        }
        for (p, t), usd in worth.items()
    ]
    figures = ("usd_per_accelerator_hour", "missing", "held", "bought", "idle")
    shown = {row["pool"] for row in rows if any(row[name] > 0 for name in figures)}
    return [row for row in rows if row["pool"] in shown]


def _waterfall(costs: Rows) -> list[dict[str, Any]]:
    found = sorted(_sums(((row["line"],), float(row["discounted_usd"])) for row in costs).items(), key=lambda item: -item[1])
    rows, end = [], 0.0
    for (line,), usd in found:
        rows.append({"line": line, "start_usd": end, "end_usd": end + usd, "usd": usd})
        end += usd
    return [*rows, {"line": "total", "start_usd": 0.0, "end_usd": end, "usd": end}] if rows else []
