"""What a plan costs: the clauses' arithmetic on its decisions and draws, over a problem's arrays.

docs/problem.md has the formulas. Verification recomputes the same figures from the case's tables with code of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.solve.settlement import Held, settlement_lines, tiers

CERTAIN = ("terminal", "moving", "training", "run not run", "other spend")  # lines that are the same in every scenario


def active_lots(problem: PlanningProblem, decisions: Decisions) -> Floats:
    """Lots in force, [K, T]; zero outside the contract's term."""
    held = decisions.lots[:, None] - np.cumsum(decisions.exits, axis=1)
    return np.where(problem.supply.interval >= 0, held, 0).astype(np.float64)


def placed_pairs(problem: PlanningProblem, decisions: Decisions) -> np.ndarray:
    """True where the pair's load is in the pair's pool, [N, T]."""
    needs = problem.needs
    return np.asarray(decisions.placed[needs.pair_load] == needs.pair_pool[:, None])


def cost_terms(problem: PlanningProblem, plan: Plan) -> Mapping[str, Floats]:
    """Discounted, expected USD of each line of docs/problem.md, as arrays of terms whose sum is the objective."""
    decisions = plan.decisions
    return {
        **_contract_terms(problem, plan),
        **_run_terms(problem, decisions),
        **_placing_terms(problem, decisions),
        **_recourse_terms(problem, plan),
    }


def terms_before_draws(problem: PlanningProblem, decisions: Decisions) -> Mapping[str, Floats]:
    """Lines of contracts, training runs and no decision that no draw changes, with tiers at what is committed."""
    agreed, weights = _agreed_cash(problem, decisions), problem.discount[:, None] * problem.probability
    agreed["tiers"] = tiers(problem, active_lots(problem, decisions)[:, :, None], np.zeros(agreed["fixed fee"].shape))
    return {**{line: cash * weights for line, cash in agreed.items()}, **_lot_terms(problem, decisions), **_run_terms(problem, decisions)}


def objective_usd(problem: PlanningProblem, plan: Plan) -> float:
    """The plan's cost in discounted USD, summed exactly: expected, or as far as risk counts, with its dear scenarios weighing more."""
    weighed = problem if problem.risk_neutral else replace(problem, probability=scenario_weights(problem, plan))
    return math.fsum(value for terms in cost_terms(weighed, plan).values() for value in np.ravel(terms))


def scenario_costs(problem: PlanningProblem, plan: Plan) -> Floats:
    """Discounted USD if that scenario happens, [S]."""
    each = cost_terms(replace(problem, probability=np.ones(len(problem.scenarios))), plan)
    certain = math.fsum(value for line in CERTAIN for value in np.ravel(each[line]))
    varying = [terms.reshape(-1, len(problem.scenarios)).sum(axis=0) for line, terms in each.items() if line not in CERTAIN]
    return np.asarray(certain + np.sum(varying, axis=0))


def scenario_weights(problem: PlanningProblem, plan: Plan) -> Floats:
    """What each scenario weighs in the plan's objective, [S]."""
    return problem.risk.weights(problem.probability, scenario_costs(problem, plan))


def contracts_usd(problem: PlanningProblem, plan: Plan) -> float:
    """What the plan pays for contracts, in discounted, expected USD: the part of its cost that their terms change."""
    return math.fsum(value for terms in _contract_terms(problem, plan).values() for value in np.ravel(terms))


def contract_cash(problem: PlanningProblem, plan: Plan) -> dict[str, Floats]:
    """What contracts bill, in USD by line, each [K, T, S], undiscounted."""
    agreed, active = _agreed_cash(problem, plan.decisions), active_lots(problem, plan.decisions)[:, :, None]
    held = Held(active=active, commitment=agreed["commitment"], fee=agreed["fixed fee"])
    return {**agreed, **settlement_lines(problem, plan, held)}


def _agreed_cash(problem: PlanningProblem, decisions: Decisions) -> dict[str, Floats]:
    """What is billed whatever is drawn."""
    supply, exits = problem.supply, decisions.exits[:, :, None]
    active = active_lots(problem, decisions)[:, :, None]
    full = supply.price_cash * supply.capacity * problem.hours.sum(axis=1)[:, None]
    return {
        "commitment": supply.take_or_pay_share[:, None, None] * full * active,
        "fixed fee": supply.fixed_fee_cash * active,
        "prepayment": supply.prepaid_cash * active,
        "exit fee": np.where(exits > 0, supply.exit_fee_cash, 0.0) * exits,
    }


def _contract_terms(problem: PlanningProblem, plan: Plan) -> dict[str, Floats]:
    weights = problem.discount[:, None] * problem.probability
    billed = {line: cash * weights for line, cash in contract_cash(problem, plan).items()}
    return {**billed, **_lot_terms(problem, plan.decisions)}


def _lot_terms(problem: PlanningProblem, decisions: Decisions) -> dict[str, Floats]:
    return {"terminal": problem.supply.terminal_usd * (decisions.lots - decisions.exits.sum(axis=1))}


def _run_terms(problem: PlanningProblem, decisions: Decisions) -> dict[str, Floats]:
    return {
        "training": problem.option_usd[decisions.option[decisions.option >= 0]],
        "run not run": problem.run_unplaced_usd[decisions.option < 0],
        "other spend": problem.other_spend_cash * problem.discount,
    }


def _placing_terms(problem: PlanningProblem, decisions: Decisions) -> dict[str, Floats]:
    needs = problem.needs
    placed = placed_pairs(problem, decisions)
    weights = problem.discount[:, None] * problem.probability
    before = (problem.placed_before[needs.pair_load] == needs.pair_pool)[:, None]
    earlier = np.concatenate([before, placed[:, :-1]], axis=1)
    entered = placed & ~earlier
    entered[problem.placed_before[needs.pair_load] < 0, 0] = False  # a new load starts somewhere at no charge
    left = earlier & ~placed
    return {
        "egress": problem.egress_cash * placed[:, :, None] * weights,
        "moving": (problem.enter_cash[:, None] * entered + problem.leave_cash[:, None] * left) * problem.discount,
        "not placed": problem.unplaced_cash * (decisions.placed < 0)[:, :, None] * weights,
    }


def _recourse_terms(problem: PlanningProblem, plan: Plan) -> dict[str, Floats]:
    supply = problem.supply
    weights = problem.discount[:, None] * problem.probability
    bought = np.einsum("tb,otbs->ots", problem.hours, plan.offer_draw)
    short = np.einsum("tb,ptbs->pts", problem.hours, plan.shortage)
    return {
        "market": supply.offer_price_cash * bought * weights,
        "shortage": problem.shortage_price[:, None, None] * short * weights,
        "missed work": problem.missed_price[:, None, None] * missed_work(problem, plan.decisions, plan.served) * weights,
    }


def missed_work(problem: PlanningProblem, decisions: Decisions, served: Floats) -> Floats:
    """Accelerator-hours of flexible work not done, [L, T, S]; a load that is not placed pays for that instead."""
    needs = problem.needs
    wanted = np.zeros((len(needs.loads), needs.work.shape[1], needs.work.shape[2]))
    np.add.at(wanted, needs.pair_load, needs.work * placed_pairs(problem, decisions)[:, :, None])
    return np.asarray(np.maximum(0.0, wanted - np.einsum("tb,ltbs->lts", problem.hours, served)))


def used_peak(problem: PlanningProblem) -> Floats:
    """Expected accelerators that a pair's load holds in its busiest block, [N, T]; for flexible work the mean that it keeps busy."""
    needs = problem.needs
    rigid = (needs.need @ problem.probability).max(axis=2)
    return np.asarray(rigid + (needs.work @ problem.probability) / problem.hours.sum(axis=1))
