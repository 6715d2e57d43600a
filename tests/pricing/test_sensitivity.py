"""Slopes of the bound in the inputs, against differences of the dual at the same multipliers, and against the linear relaxation's."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.ascent import price_prepared
from optimizer.pricing.bound import certify, pair_costs_at
from optimizer.pricing.sensitivity import Sensitivities, sensitivities
from tests.pricing.cases import CHANGES, problem_with
from tests.pricing.points import exact_value, prepared_with, random_multipliers, value_after
from tests.problems import with_limits, with_supply
from tests.samples import one_in
from tests.tolerances import INPUT_SLOPE_AGAINST_DIFFERENCES, INPUT_SLOPE_AGAINST_RELAXATION, INPUT_STEP

OWN = ("enter_cash", "leave_cash", "egress_cash", "unplaced_cash", "missed_price", "option_usd", "run_unplaced_usd", "availability",
       "shortage_price", "site_bandwidth", "other_spend_cash")  # fmt: skip
SUPPLY = ("price_cash", "take_or_pay_share", "capacity", "fixed_fee_cash", "minimum_cash", "eligible_spend_cash", "exit_fee_cash",
          "terminal_usd", "share_of_wallet", "offer_price_cash", "offer_limit")  # fmt: skip
LIMITS = ("most_moves", "budget_cash", "share")
OF_A_CLAUSE = {"burst_share": ("burst", "share"), "burst_price_cash": ("burst", "price_cash"),
               "true_up_price_cash": ("true_up", "price_cash"), "opening_cash": ("balances", "opening_cash")}  # fmt: skip


def scaled(problem: PlanningProblem, name: str, factor: float) -> PlanningProblem:
    if name in OWN:
        return replace(problem, **{name: getattr(problem, name) * factor})
    if name in SUPPLY:
        return with_supply(problem, **{name: getattr(problem.supply, name) * factor})
    if name in OF_A_CLAUSE:
        clause, field = OF_A_CLAUSE[name]
        rows = getattr(problem.supply, clause)
        return with_supply(problem, **{clause: replace(rows, **{field: getattr(rows, field) * factor})})
    return with_limits(problem, **{name: getattr(problem.limits, name) * factor})


def inputs(problem: PlanningProblem, name: str) -> np.ndarray:
    """The field's figures; 0 where there is no limit."""
    at = problem if name in OWN else problem.supply if name in SUPPLY else problem.limits
    if name in OF_A_CLAUSE:
        clause, field = OF_A_CLAUSE[name]
        return getattr(getattr(problem.supply, clause), field)
    now = problem.limits.shares(len(problem.suppliers))[:, 2] if name == "share" else getattr(at, name)
    return np.where(np.isfinite(now), now, 0.0)


def effect(problem: PlanningProblem, found: Sensitivities, name: str) -> float:
    """USD for all of the field times 1 + change, per unit of change."""
    if name == "egress_cash":
        return float(found.egress.sum())
    if name == "unplaced_cash":
        return float(np.einsum("lt,lts,t,s->", found.unplaced, problem.unplaced_cash, problem.discount, problem.probability))
    return float((getattr(found, name) * inputs(problem, name)).sum())


@pytest.mark.parametrize("change", one_in(20, CHANGES))
def test_every_slope_is_the_difference_of_the_dual_at_the_same_multipliers(change):
    problem, prepared = problem_with(change, 0), prepared_with(change, 0)
    found = certify(prepared, random_multipliers(prepared.double, 1, 3.0))
    slopes = sensitivities(problem, prepared, found, pair_costs_at(prepared, found))
    with jax.enable_x64(True):
        at = jax.tree.map(jnp.asarray, found.multipliers)
    size = abs(value_after(prepared, at, problem))
    left_out = ("capacity",) if problem.supply.tiers.incremental.any() else ()  # the discount that more of it reaches
    for name in (name for name in (*OWN, *SUPPLY, *LIMITS, *OF_A_CLAUSE) if inputs(problem, name).any() and name not in left_out):
        up, down = (value_after(prepared, at, scaled(problem, name, 1.0 + way * INPUT_STEP)) for way in (1, -1))
        allowed = INPUT_SLOPE_AGAINST_DIFFERENCES * size
        assert effect(problem, slopes, name) == pytest.approx((up - down) / (2 * INPUT_STEP), abs=allowed), name


@pytest.mark.slow
def test_the_slope_in_demand_is_that_of_all_need_together():
    problem, prepared = problem_with("flexible work", 0), prepared_with("flexible work", 0)
    found = certify(prepared, random_multipliers(prepared.double, 0, 3.0))
    slopes = sensitivities(problem, prepared, found, pair_costs_at(prepared, found))
    with jax.enable_x64(True):
        at, arrays = jax.tree.map(jnp.asarray, found.multipliers), prepared.double

        def value(factor: float) -> float:
            loads = arrays.loads
            asked = replace(
                loads,
                need=loads.need.astype(jnp.float64) * factor,
                work=loads.work * factor,
                work_limit=loads.work_limit * factor,
                cost=loads.cost * factor,
                unplaced=loads.unplaced * factor,
            )
            return prepared.unit * float(exact_value(replace(arrays, loads=asked), at))

        up, down = value(1.0 + INPUT_STEP), value(1.0 - INPUT_STEP)
    allowed = INPUT_SLOPE_AGAINST_DIFFERENCES * abs(up)
    assert slopes.demand.sum() == pytest.approx((up - down) / (2 * INPUT_STEP), abs=allowed)


@pytest.mark.parametrize("change", one_in(3, ["take or pay", "spot", "exits"]))
def test_slopes_of_a_climb_are_near_those_of_the_linear_relaxation(change):
    problem, prepared = problem_with(change, 0), prepared_with(change, 0)
    found = price_prepared(prepared, iterations=6000)
    slopes = sensitivities(problem, prepared, found, pair_costs_at(prepared, found))

    def relaxed(name: str, factor: float) -> float:
        return solve_program(build_program(scaled(problem, name, factor)), relax=True).bound

    for name in ("offer_price_cash", "price_cash", "capacity", "offer_limit"):
        up, down = relaxed(name, 1.0 + INPUT_STEP), relaxed(name, 1.0 - INPUT_STEP)
        allowed = INPUT_SLOPE_AGAINST_RELAXATION * found.bound_usd
        assert effect(problem, slopes, name) == pytest.approx((up - down) / (2 * INPUT_STEP), abs=allowed), name
