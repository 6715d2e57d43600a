"""What a plan costs more where a contract is not signed or left as it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.planning.plan import PlanResult
from optimizer.solve.price_and_assign import is_small
from optimizer.solve.settle import settle_alone, settled_alike
from optimizer.solve.start import as_is_and_elsewhere
from optimizer.solve.walking import walked_from
from optimizer.solve.worker import InTurn, Worker

ROUNDS = 3  # of a walk: somebody waits for the plan, and the first few gain most


def doing_nothing_usd(result: PlanResult, left_undone: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float | None]:
    """What the plan costs more, at most, without one decision to sign or to leave a contract, discounted; None where a rule then breaks.

    Loads stay where the plan has them or, where that has too little then, go to the cheapest capacity left: whichever costs less. Where
    the plan was found at prices, whose search walks, they walk on from there; on a large problem in a process of its own.

    Args:
      left_undone: contracts, each with "sign" or "leave".

    Returns:
      A figure for each.
    """
    asked = list(dict.fromkeys(left_undone))
    if not asked:
        return {}
    problem, decisions = result.problem, result.plan.decisions
    undone = [_without(problem, decisions, contract, decision) for contract, decision in asked]
    ways = [as_is_and_elsewhere(problem, each) for each in undone]
    walked: Iterable[Decisions | None] = [None] * len(undone) if result.priced is None else _walked(problem, ways)
    settle, figures = settled_alike(problem, decisions), []
    for each, rivals, gone in zip(undone, ways, walked, strict=True):
        walk = None if gone is None else settle_alone(problem, gone)
        plans = (settle(each), *(settle_alone(problem, rival) for rival in rivals[1:])) if walk is None else (walk,)
        figures.append(min((plan.objective_usd - result.objective_usd for plan in plans if plan is not None), default=None))
    return dict(zip(asked, figures, strict=True))


def _without(problem: PlanningProblem, decisions: Decisions, contract: str, decision: str) -> Decisions:
    supply, lots, exits = problem.supply, decisions.lots.copy(), decisions.exits.copy()
    k = supply.contracts.index(contract)
    exits[k] = 0
    for a, b, t in supply.same_exits:  # what is decided for all groups of scenarios at once is left undone for all
        if k in (a, b):
            exits[[a, b], t] = 0
    if decision == "sign":
        together = {k, *(int(other) for pair in supply.same_lots if k in pair for other in pair)}
        lots[list(together)] = supply.least_lots[list(together)]
    return replace(decisions, lots=lots, exits=exits)


def _walked(problem: PlanningProblem, ways: Sequence[tuple[Decisions, ...]]) -> Iterator[Decisions]:
    with (InTurn if is_small(problem) else Worker)(walked_from, problem) as walker:
        for walking in [walker.ask(rivals=rivals, rounds=ROUNDS) for rivals in ways]:
            yield walking.result()
