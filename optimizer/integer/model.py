"""The exact model as one mixed-integer program: the table of contents.

Sets, data, variables and formulation stand in docs/problem.md; each function called here is one of its rules or cost lines.
"""

from __future__ import annotations

from dataclasses import replace

from optimizer.domain.problem import PlanningProblem
from optimizer.integer import balances, burst, capacity, clauses, cuts, exclusivity, limits, placement, volume
from optimizer.integer.decide import decisions, fix, fix_contracts, free_loads
from optimizer.integer.objective import all_payments, constant, money_unit, objective, option_egress
from optimizer.integer.program import Program, assemble
from optimizer.integer.recourse import Recourse, recourse
from optimizer.integer.risk import dear_scenarios
from optimizer.integer.variables import choose_variables
from optimizer.integer.whole import whole_draws

__all__ = ["Program", "Recourse", "build_program", "decisions", "fix", "fix_contracts", "free_loads", "recourse"]


def build_program(problem: PlanningProblem) -> Program:
    """The whole model as arrays."""
    unit = money_unit(problem)
    variables, columns = choose_variables(problem, unit)
    payments = all_payments(problem, variables, unit)
    upper = columns.boxes()[1]
    dear, dear_usd = dear_scenarios(problem, payments, columns, unit)
    groups = [
        placement.one_place(problem, variables),
        placement.one_option(problem, variables),
        placement.pinned_placement(problem, variables),
        placement.entering(problem, variables),
        capacity.pool_capacity(problem, variables),
        capacity.no_spot_capacity(problem, variables),
        capacity.flexible_limit(problem, variables),
        capacity.flexible_work(problem, variables),
        cuts.whole_loads(problem, variables),
        capacity.site_use(problem, variables),
        capacity.site_loss_reserve(problem, variables),
        clauses.capacity_and_ramp(problem, variables),
        *burst.burst(problem, variables),
        *clauses.take_or_pay(problem, variables, unit),
        clauses.minimum_spend(problem, variables, unit),
        clauses.capped_other_spend(problem, variables, unit),
        volume.billed_volume(problem, variables),
        *volume.beyond_commitment(problem, variables),
        *volume.all_units_tiers(problem, variables),
        *volume.incremental_tiers(problem, variables),
        *volume.most_favoured_price(problem, variables),
        clauses.renewal(problem, variables),
        *clauses.same_before_known(problem, variables),
        *balances.brought_forward(problem, variables, unit),
        clauses.signing(problem, variables),
        clauses.forced_signing(problem, variables),
        clauses.termination(problem, variables),
        clauses.term(problem, variables),
        clauses.option_group(problem, variables),
        *exclusivity.exclusivity(problem, variables),
        clauses.share_of_wallet(problem, variables, limits.most_drawn(problem, variables, upper)),
        *limits.linking_rows(problem, variables, (*payments, option_egress(problem, variables)), unit),
        *dear,
    ]
    cost = objective(problem, variables, payments, columns.count) + dear_usd
    program = assemble(columns, variables, groups, cost, constant(problem), unit)
    return replace(program, implied=program.implied | whole_draws(program))
