"""Baselines that stay for good: what planners do without an optimiser, priced by the same rules."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.domain.problem import PlanningProblem
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first, hold


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A policy's cost in discounted, expected USD; None where it breaks a rule, which `note` says."""

    name: str
    cost_usd: float | None
    note: str


def baselines(problem: PlanningProblem) -> tuple[Baseline, ...]:
    """Hold, on-demand only and cheapest-first; draws are optimal in each, no quote is signed and no contract left."""
    policies = {
        "hold": (hold(problem), "placements and contracts in force stay as they are"),
        "on_demand_only": (cheapest_first(problem, contracts=False), "each load where the market is cheapest"),
        "cheapest_first": (cheapest_first(problem), "largest load first, each into the cheapest capacity left"),
    }
    found = []
    for name, (decisions, note) in policies.items():
        settled = settle_alone(problem, decisions)
        if settled is None:
            found.append(Baseline(name=name, cost_usd=None, note=f"{note}; breaks a limit or a clause"))
        else:
            found.append(Baseline(name=name, cost_usd=settled.objective_usd, note=note))
    return tuple(found)
