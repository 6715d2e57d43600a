"""A plan's result told in a planner's words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import groupby
from operator import itemgetter

import numpy as np

from optimizer.planning.outputs import Rows
from optimizer.planning.outside.outlook import Outlook, risk_rows
from optimizer.planning.plan import PlanResult
from optimizer.report.overview import (
    BaselineLine,
    ContractLine,
    CostLine,
    MoverLine,
    ObligationLine,
    Overview,
    PlacementLine,
    RiskLine,
    ScenarioLine,
    StressLine,
    SupplierLine,
)

MOVERS = 10  # figures shown of those that move the cost


def overview(result: PlanResult, tables: Mapping[str, Rows]) -> Overview:
    """What people see of a plan; `tables` are the rows of the run's tables."""
    return Overview(
        case=result.case.name,
        status=str(result.status),
        objective_usd=result.objective_usd,
        expected_usd=result.verification.expected_cost_usd,
        bound_usd=known(result.bound_usd),
        gap_usd=known(result.gap_usd),
        gap=known(result.gap),
        cvar_usd=result.verification.cvar_usd,
        omega=result.verification.risk.omega,
        alpha=result.verification.risk.alpha,
        scenarios=scenario_lines(result),
        unserved_share=result.verification.unserved_share,
        shortage_usd=result.verification.shortage_usd,
        suppliers=supplier_lines(result),
        contracts=contract_lines(tables["commitments"]),
        baselines=baseline_lines(result),
        obligations=obligation_lines(result),
        placements=tuple(placement_lines(tables["placements"])),
        costs=cost_lines(result),
        movers=mover_lines(tables["sensitivities"]),
        alerts=result.alerts,
    )


def with_outlook(view: Overview, found: Outlook) -> Overview:
    """The plan beside what it costs outside its scenarios."""
    risks = tuple(RiskLine(**{name: row[name] for name in ("measure", "usd", "low_usd", "high_usd")}) for row in risk_rows(found))
    stress = tuple(
        StressLine(case=each.name, what=each.what, more_usd=each.more_usd, more_unserved_hours=each.more_unserved_hours)
        for each in found.stress
    )
    return replace(view, risks=risks, stress=stress)


def known(number: float) -> float | None:
    """A bound that nobody found is infinitely low, and the gap to it no number."""
    return number if math.isfinite(number) else None


def scenario_lines(result: PlanResult) -> tuple[ScenarioLine, ...]:
    """What each scenario costs, dearest first."""
    found = zip(result.problem.scenarios, result.problem.probability, result.verification.scenario_cost_usd, strict=True)
    lines = [ScenarioLine(scenario=name, probability=float(chance), usd=float(usd)) for name, chance, usd in found]
    return tuple(sorted(lines, key=lambda line: (-line.usd, line.scenario)))


def supplier_lines(result: PlanResult) -> tuple[SupplierLine, ...]:
    """Expected spend and hours of every supplier that has either, dearest first."""
    spend: dict[str, float] = defaultdict(float)
    for entry in result.verification.ledger:
        if entry.supplier:
            spend[entry.supplier] += entry.discounted_usd
    hours = _hours_drawn(result)
    paid, drawn = sum(spend.values()), sum(hours.values())
    used = [name for name in {**spend, **hours} if spend[name] or hours[name]]
    lines = [
        SupplierLine(
            supplier=name,
            spend_usd=spend[name],
            spend_share=spend[name] / paid if paid else 0.0,
            accelerator_hours=hours[name],
            hours_share=hours[name] / drawn if drawn else 0.0,
        )
        for name in used
    ]
    return tuple(sorted(lines, key=lambda line: (-line.spend_usd, line.supplier)))


def _hours_drawn(result: PlanResult) -> dict[str, float]:
    """Expected accelerator-hours drawn from contracts and offers, by supplier."""
    problem, plan = result.problem, result.plan
    site_supplier = {site.name: site.supplier for site in result.case.sites}
    pool_supplier = {pool.name: site_supplier[pool.site] for pool in result.case.pools}
    offer_pool = {offer.name: offer.pool for offer in result.case.offers}
    drawn: dict[str, float] = defaultdict(float)
    pools = [pool for _, pool in plan.covers] + [offer_pool[offer] for offer in plan.offers]
    draws = np.concatenate([plan.contract_draw, plan.offer_draw])
    hours = np.einsum("xtbs,tb,s->x", draws, problem.hours, problem.probability)
    for pool, amount in zip(pools, hours, strict=True):
        drawn[pool_supplier[pool]] += float(amount)
    return drawn


def contract_lines(commitments: Rows) -> tuple[ContractLine, ...]:
    """One line for each decision: contracts in force are kept or left, proposed ones signed or declined."""
    return tuple(
        ContractLine(
            contract=row["contract"],
            supplier=row["supplier"],
            decision=row["decision"],
            lots=row["lots"],
            starts=row["start"] if row["decision"] == "sign" else row["effective"],
            act_by=row["act_by"],
            ends=row["end"],
        )
        for row in commitments
    )


def baseline_lines(result: PlanResult) -> tuple[BaselineLine, ...]:
    return tuple(
        BaselineLine(
            name=baseline.name,
            cost_usd=baseline.cost_usd,
            saving_usd=None if baseline.cost_usd is None else baseline.cost_usd - result.objective_usd,
            note=baseline.note,
        )
        for baseline in result.baselines
    )


def obligation_lines(result: PlanResult) -> tuple[ObligationLine, ...]:
    return tuple(
        ObligationLine(contract=owed.contract, lots=owed.lots, until=date.fromisoformat(owed.until), remaining_usd=owed.cash_usd)
        for owed in result.verification.obligations
    )


def placement_lines(placements: Rows) -> Iterator[PlacementLine]:
    """Stays: consecutive periods of a load or a training run in one pool."""
    for (load, pool), rows in groupby(placements, key=itemgetter("load", "pool")):
        periods = [row["period"] for row in rows]
        yield PlacementLine(load=load, pool=pool, first=periods[0], last=periods[-1])


def cost_lines(result: PlanResult) -> tuple[CostLine, ...]:
    """Discounted, expected USD by line, dearest first; they add up to the expected cost."""
    total: dict[str, float] = defaultdict(float)
    for entry in result.verification.ledger:
        total[entry.line] += entry.discounted_usd
    return tuple(CostLine(line=line, usd=usd) for line, usd in sorted(total.items(), key=lambda item: (-item[1], item[0])))


def mover_lines(sensitivities: Rows) -> tuple[MoverLine, ...]:
    """The figures that move the bound most."""
    return tuple(
        MoverLine(table=row["table"], row=row["row"], column=row["column"], value=row["value"], usd=row["elasticity_usd"])
        for row in sensitivities[:MOVERS]
    )
