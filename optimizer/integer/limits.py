"""Rules that link loads and suppliers: rule 9 of docs/problem.md. The reserve for the loss of a site is in `capacity`."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.integer.objective import ALL_SCENARIOS, NOBODY, Payments
from optimizer.integer.rows import RowGroup, Term, numbered, row_group
from optimizer.integer.variables import Variables, periods_held

ALL = -1


def budget(problem: PlanningProblem, variables: Variables, payments: tuple[Payments, ...], unit: float) -> RowGroup:
    """Cash paid to the supplier (or to all) in the period <= budget, in every scenario, in units of money."""
    limits, scenarios = problem.limits, len(problem.scenarios)
    rules, scenario = np.divmod(np.arange(len(limits.budget_cash) * scenarios), scenarios)
    supplier, period = limits.budget_supplier[rules], limits.budget_period[rules]
    other = np.where(supplier == ALL, problem.other_spend_cash.sum(axis=0)[period], problem.other_spend_cash[supplier, period])
    return row_group(
        "budget",
        {"supplier": supplier, "period": period, "scenario": scenario},
        *(term for rule in range(len(limits.budget_cash)) for part in payments for term in _counted(problem, part, rule, unit)),
        upper=(limits.budget_cash[rules] - other) / unit,
        measure="USD",
        scale=unit,
    )


def _counted(problem: PlanningProblem, part: Payments, rule: int, unit: float) -> tuple[Term, Term]:
    """The payments that one rule counts: those of a scenario in its row, those of all in every row."""
    supplier, scenarios = problem.limits.budget_supplier[rule], len(problem.scenarios)
    mine = part.period == problem.limits.budget_period[rule]
    mine &= (part.supplier == supplier) if supplier != ALL else (part.supplier != NOBODY)
    every = mine & (part.scenario == ALL_SCENARIOS)
    mine &= ~every
    rows = rule * scenarios + np.arange(scenarios)
    return (
        (rows[part.scenario[mine]], part.column[mine], part.cash[mine] / unit),
        (rows[:, None], part.column[every], part.cash[every] / unit),
    )


def supplier_share(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """hours drawn from the supplier <= share x all hours drawn, in mean accelerators over the period."""
    rules = problem.limits.shares(len(problem.suppliers))
    supplier, period, share = rules[:, 0].astype(np.int64), rules[:, 1].astype(np.int64), rules[:, 2]
    scenarios = len(problem.scenarios)
    row = np.arange(len(rules) * scenarios).reshape(len(rules), 1, 1, scenarios)
    weight = (problem.hours / problem.hours.sum(axis=1, keepdims=True))[period][:, None, :, None]
    supply = problem.supply
    terms: list[Term] = []
    for column, owner in (
        (variables.contract_draw, supply.contract_supplier[supply.cover_contract]),
        (variables.offer_draw, problem.pool_supplier[supply.offer_pool]),
    ):
        own = (owner == supplier[:, None])[:, :, None, None]
        terms.append((row, np.moveaxis(column[:, period], 0, 1), (own - share[:, None, None, None]) * weight))
    which, scenario = np.divmod(np.arange(row.size), scenarios)
    return row_group(
        "largest supplier share",
        {"supplier": supplier[which], "period": period[which], "scenario": scenario},
        *terms,
        upper=0.0,
        measure="accelerator-hours",
        scale=problem.hours.sum(axis=1)[period[which]],
    )



def supplier_used(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """w[supplier,t] <= loads and runs placed with the supplier; w needs no integrality, as these are whole."""
    needs = problem.needs
    row = numbered(variables.supplier_used >= 0)
    supplier, period = np.nonzero(row >= 0)
    option_row = np.where(periods_held(problem), row[problem.pool_supplier[needs.option_pool]], -1)
    return row_group(
        "supplier used",
        {"supplier": supplier, "period": period},
        (row, variables.supplier_used, -1.0),
        (row[problem.pool_supplier[needs.pair_pool]], variables.place, 1.0),
        (option_row, variables.option[:, None], 1.0),
        lower=0.0,
        measure="placements",
    )


def fewest_suppliers(problem: PlanningProblem, variables: Variables) -> RowGroup:
    period = np.flatnonzero(problem.limits.fewest_suppliers > 0)
    row = numbered(problem.limits.fewest_suppliers > 0)
    return row_group(
        "fewest suppliers",
        {"period": period},
        (row, variables.supplier_used, 1.0),
        lower=problem.limits.fewest_suppliers[period],
        measure="suppliers",
    )


def most_moves(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """Loads that enter a pool in which they were not one period earlier <= most moves; new loads enter freely in the first period."""
    limited = np.isfinite(problem.limits.most_moves)
    row, period = numbered(limited), np.flatnonzero(limited)
    before = problem.placed_before[problem.needs.pair_load]
    moved = (before >= 0) & (before != problem.needs.pair_pool)
    return row_group(
        "moves",
        {"period": period},
        (row, variables.enter, 1.0),
        (row[0], np.where(moved, variables.place[:, 0], -1), 1.0),
        upper=problem.limits.most_moves[period],
        measure="moves",
    )


def site_bandwidth(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum of x[n,t] x traffic[l,t] at the site <= its bandwidth."""
    needs = problem.needs
    periods = len(problem.periods)
    row = numbered(np.repeat(np.isfinite(problem.site_bandwidth)[:, None], periods, axis=1))
    site, period = np.nonzero(row >= 0)
    return row_group(
        "site bandwidth",
        {"site": site, "period": period},
        (row[problem.pool_site[needs.pair_pool]], variables.place, needs.traffic_gb_per_s[needs.pair_load]),
        upper=problem.site_bandwidth[site],
        measure="GB/s",
    )


def linking_rows(problem: PlanningProblem, variables: Variables, payments: tuple[Payments, ...], unit: float) -> list[RowGroup]:
    """All limits."""
    return [
        budget(problem, variables, payments, unit),
        supplier_share(problem, variables),
        supplier_used(problem, variables),
        fewest_suppliers(problem, variables),
        most_moves(problem, variables),
        site_bandwidth(problem, variables),
    ]


def most_drawn(problem: PlanningProblem, variables: Variables, upper: Floats) -> Floats:
    """Mean accelerators over the period if every draw is at its upper bound, [T, S]."""
    weight = problem.hours / problem.hours.sum(axis=1, keepdims=True)
    total = np.zeros((len(problem.periods), len(problem.scenarios)))
    for column in (variables.contract_draw, variables.offer_draw):
        most: Floats = np.where(column >= 0, upper[column], 0.0)
        total += np.einsum("tb,jtbs->ts", weight, most)
    return total


