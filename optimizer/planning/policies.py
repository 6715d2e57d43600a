"""Baselines that stay for good: what planners do without an optimiser, priced by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first, hold


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A policy's cost in discounted, expected USD; None where it breaks a rule, which `note` says."""

    name: str
    cost_usd: float | None
    note: str


def baselines(problem: PlanningProblem, known_usd: Mapping[str, float | None]) -> tuple[Baseline, ...]:
    """Hold, on-demand only and cheapest-first; draws are optimal in each, no quote is signed and no contract left.

    Args:
      known_usd: cost of those that a search has settled, by name; None where one breaks a rule.
    """
    with ThreadPoolExecutor(len(_POLICIES)) as beside:  # solvers do not hold Python back
        return tuple(beside.map(lambda name: _baseline(problem, name, known_usd), _POLICIES))


_POLICIES: dict[str, tuple[Callable[[PlanningProblem], Decisions], str]] = {
    "hold": (hold, "placements and contracts in force stay as they are"),
    "on_demand_only": (partial(cheapest_first, contracts=False), "each load where the market is cheapest"),
    "cheapest_first": (cheapest_first, "largest load first, each into the cheapest capacity left"),
}


def _baseline(problem: PlanningProblem, name: str, known_usd: Mapping[str, float | None]) -> Baseline:
    policy, note = _POLICIES[name]
    if name in known_usd:
        cost = known_usd[name]
    else:
        settled = settle_alone(problem, policy(problem))
        cost = None if settled is None else settled.objective_usd
    return Baseline(name=name, cost_usd=cost, note=note if cost is not None else f"{note}; breaks a limit or a clause")
