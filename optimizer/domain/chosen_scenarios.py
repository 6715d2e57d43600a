"""A problem in other scenarios than its own: some of them, several times over, or their mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints

OF_NEEDS = ("need", "work", "work_limit", "egress_gb", "input_tokens", "output_tokens")
OF_LOADS = ("egress_cash", "unplaced_cash")
OF_SUPPLY = (
    *("capacity", "price_cash", "minimum_cash", "eligible_spend_cash", "brought_spend_cash", "fixed_fee_cash", "prepaid_cash"),
    *("exit_fee_cash", "offer_price_cash"),
)
"""Fields whose last axis is the scenario; prices of burst and true-up are the others."""


def in_scenarios(problem: PlanningProblem, chosen: Ints, probability: Floats) -> PlanningProblem:
    """The problem in some of its scenarios, each as often as it is named.

    Args:
      chosen: [s] numbers of scenarios.
      probability: [s] sums to 1.
    """
    names = tuple(problem.scenarios[s] for s in chosen)
    unique = names if len(set(names)) == len(names) else tuple(f"{name} {i + 1}" for i, name in enumerate(names))
    return _changed(problem, lambda values: values[..., chosen], unique, probability)


def in_mean_scenario(problem: PlanningProblem) -> PlanningProblem:
    """The problem as if what is expected happened for sure; accelerators needed are rounded up."""
    chance = problem.probability

    def mean(values: Any) -> Any:
        found = (values @ chance)[..., None]
        return np.ceil(found - 1e-9).astype(values.dtype) if np.issubdtype(values.dtype, np.integer) else found

    return _changed(problem, mean, ("mean",), np.ones(1))


def _changed(problem: PlanningProblem, change: Any, names: tuple[str, ...], probability: Floats) -> PlanningProblem:
    def priced(clause: Any) -> Any:
        return replace(clause, price_cash=change(clause.price_cash)) if len(clause.contract) else clause

    def fields(of: Any, which: tuple[str, ...]) -> dict[str, Any]:
        return {name: change(getattr(of, name)) for name in which}

    supply = problem.supply
    return replace(
        problem,
        scenarios=names,
        probability=probability,
        needs=replace(problem.needs, **fields(problem.needs, OF_NEEDS)),
        supply=replace(supply, burst=priced(supply.burst), true_up=priced(supply.true_up), **fields(supply, OF_SUPPLY)),
        **fields(problem, OF_LOADS),
    )
