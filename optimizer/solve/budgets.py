"""Whether a plan keeps the budgets of a problem: what suppliers bill, period by period, in every scenario."""

from __future__ import annotations

import math

import numpy as np

from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.integer.limits import ALL
from optimizer.solve.cost import contract_cash, placed_pairs


def billed_cash(problem: PlanningProblem, plan: Plan) -> Floats:
    """USD that each supplier bills in each period, undiscounted, [suppliers, T, S]: neither penalties nor the inner cost of a move."""
    supply, needs = problem.supply, problem.needs
    total = np.zeros((len(problem.suppliers), len(problem.periods), len(problem.scenarios)))
    total += problem.other_spend_cash[:, :, None]
    for cash in contract_cash(problem, plan).values():
        np.add.at(total, supply.contract_supplier, cash)
    bought = np.einsum("tb,otbs->ots", problem.hours, plan.offer_draw) * supply.offer_price_cash
    np.add.at(total, problem.pool_supplier[supply.offer_pool], bought)
    placed = placed_pairs(problem, plan.decisions)
    used = placed.any(axis=1)
    np.add.at(total, problem.pool_supplier[needs.pair_pool[used]], problem.egress_cash[used] * placed[used][:, :, None])
    taken = plan.decisions.option >= 0
    biller, option = problem.run_data_supplier[taken], plan.decisions.option[taken]
    data = problem.option_egress_cash[option][:, None]
    billed = biller >= 0
    np.add.at(total, (biller[billed], needs.option_start[option][billed]), data[billed])
    return total


def most_of_budgets(problem: PlanningProblem, plan: Plan) -> float:
    """The largest share of its budget that any supplier, period and scenario takes up; 0 where there is none, inf where one of 0 is spent.

    Example: 90 of a budget of 100 in one month and 30 of 50 in another are 0.9.
    """
    limits = problem.limits
    if not len(limits.budget_cash):
        return 0.0
    billed = billed_cash(problem, plan)
    everybody = billed.sum(axis=0)
    spent = np.array(
        [
            (everybody[t] if u == ALL else billed[u, t]).max()
            for u, t in zip(limits.budget_supplier, limits.budget_period, strict=True)
        ]
    )
    share = np.divide(spent, limits.budget_cash, out=np.full_like(spent, math.inf), where=limits.budget_cash > 0)
    return float(np.where(spent <= 0.0, 0.0, share).max())
