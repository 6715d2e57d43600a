"""What a plan costs more where somebody does not sign or leave a contract as it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.plan import PlanResult
from optimizer.solve.price_and_assign import SMALL
from optimizer.solve.settle import settle_alone, settled_alike
from optimizer.solve.start import as_is_and_elsewhere
from optimizer.solve.walking import walked_from
from optimizer.solve.worker import InTurn, Worker

ROUNDS = 3  # of a walk: somebody waits for the plan, and the first few gain most


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan to be done without one of its decisions."""

    problem: PlanningProblem
    decisions: Decisions
    objective_usd: float
    walks: bool  # whether it was found at prices, whose search walks


def doing_nothing_usd(result: PlanResult, left_undone: Sequence[tuple[str, str]]) -> tuple[float | None, ...]:
    """What the plan costs more, at most, without one decision to sign or to leave a contract, discounted; None where a rule then breaks.

    Loads stay where the plan has them or, where that has too little then, go to the cheapest capacity left: whichever costs less. Where
    the plan was found at prices, whose search walks, they walk on from there; on a large problem in a process of its own.

    Args:
      left_undone: contracts, each with "sign" or "leave".

    Returns:
      One figure for each.
    """
    if not left_undone:
        return ()
    problem, decisions = result.problem, result.plan.decisions
    planned = Planned(problem=problem, decisions=decisions, objective_usd=result.objective_usd, walks=result.priced is not None)
    large = problem.pair_allowed.size + len(problem.needs.option_run) > SMALL
    with (Worker if large else InTurn)(without_usd, planned, alone=True) as reckoner:
        asked = [reckoner.ask(contract=contract, decision=decision) for contract, decision in left_undone]
        return tuple(answer.result() for answer in asked)


def without_usd(planned: Planned, *, contract: str, decision: str) -> float | None:
    """`doing_nothing_usd` of one decision."""
    problem, supply, decisions = planned.problem, planned.problem.supply, planned.decisions
    k = supply.contracts.index(contract)
    lots, exits = decisions.lots.copy(), decisions.exits.copy()
    exits[k] = 0
    for a, b, t in supply.same_exits:  # what is decided for all groups of scenarios at once is left undone for all
        if k in (a, b):
            exits[[a, b], t] = 0
    if decision == "sign":
        together = {k, *(int(other) for pair in supply.same_lots if k in pair for other in pair)}
        lots[list(together)] = supply.least_lots[list(together)]
    undone = replace(decisions, lots=lots, exits=exits)
    ways = as_is_and_elsewhere(problem, undone)
    walked = settle_alone(problem, walked_from(problem, ways, rounds=ROUNDS)) if planned.walks else None
    plans = (walked,) if walked is not None else (settled_alike(problem, decisions)(undone), *(settle_alone(problem, w) for w in ways[1:]))
    return min((plan.objective_usd - planned.objective_usd for plan in plans if plan is not None), default=None)
