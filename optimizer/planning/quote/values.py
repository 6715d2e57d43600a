"""What a quote is worth in the units in which people compare: USD per accelerator-hour used and per million tokens, beside today's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.unit_costs import unit_costs
from optimizer.planning.verify import verify


@dataclass(frozen=True, kw_only=True)
class UnitValue:
    """Of one plan. Money and hours are discounted and expected; None where nothing is drawn or no tokens are served."""

    quote_usd_per_accelerator_hour: float | None  # the quote's payments over the hours drawn from it
    usd_per_accelerator_hour: float | None  # all contracts and offers over all hours drawn
    usd_per_million_tokens: float | None  # all cost of models over their tokens


def unit_value(case: Case, problem: PlanningProblem, plan: Plan, quote: str, annual_discount_rate: float) -> UnitValue:
    found = verify(case, problem.needs, plan, annual_discount_rate=annual_discount_rate)
    weight = problem.hours[:, :, None] * problem.discount[:, None, None] * problem.probability
    by_contract = (plan.contract_draw * weight).sum(axis=(1, 2, 3))
    mine = np.array([name == quote for name, _ in plan.covers], dtype=np.bool_)
    paid = [entry for entry in found.ledger if entry.payee_kind in ("contract", "offer")]
    rows = unit_costs(case, problem.needs, plan, found)
    served = [row for row in rows if row["tokens"]]
    return UnitValue(
        quote_usd_per_accelerator_hour=_over(
            [entry.discounted_usd for entry in paid if entry.name == quote], float(by_contract[mine].sum())
        ),
        usd_per_accelerator_hour=_over(
            [entry.discounted_usd for entry in paid], float(by_contract.sum() + (plan.offer_draw * weight).sum())
        ),
        usd_per_million_tokens=_over(
            [float(row["total_usd"] or 0.0) for row in served], math.fsum(float(row["million_tokens"] or 0.0) for row in served)
        ),
    )


def _over(usd: list[float], quantity: float) -> float | None:
    return math.fsum(usd) / quantity if quantity > 0.0 else None
