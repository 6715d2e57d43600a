"""What keeps a nightly plan from thrashing: frozen periods, a limit on moves, a least saving for each move."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimizer.domain.case import Case
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.rules import Limit, LimitKind, Pin
from optimizer.planning.replan.last import LastPlan, decisions_of

OWNER = "replan"


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """How far a plan may leave what is in force and the last plan."""

    frozen_periods: int = 0  # first periods in which loads stay where the last plan has them
    most_moves: int | None = None  # loads that change pool at the start of any one period; None: what the case allows
    least_saving_per_move_usd: float = 0.0  # counted as a cost of every move
    least_saving_share: float = 0.0  # of the cost: a plan that saves less over the last plan's decisions is not worth the change


def steadied(case: Case, steadiness: Steadiness) -> Case:
    """The case with the limit on moves and the least saving for each."""
    limits = case.limits
    if steadiness.most_moves is not None:
        limits = (*limits, Limit(kind=LimitKind.MOVES, supplier=None, period=None, value=float(steadiness.most_moves)))
    saving = steadiness.least_saving_per_move_usd
    workloads = tuple(replace(workload, move_cost=workload.move_cost + saving) for workload in case.workloads)
    return replace(case, limits=limits, workloads=workloads if saving else case.workloads)


def frozen(case: Case, problem: PlanningProblem, last: LastPlan, steadiness: Steadiness) -> Case:
    """The case with a pin for each load in each frozen period, on the pool in which the last plan has it.

    Loads that the last plan does not place, and those that pins of the case speak of already, are left as they are.
    """
    if steadiness.frozen_periods == 0:
        return case
    placed = decisions_of(problem, last).placed
    pinned = {pin.subject for pin in case.pins}
    pins = [
        Pin(
            subject=load.name,
            action="force",
            pool=problem.pools[placed[l, t]],
            period=period,
            reason="frozen",
            owner=OWNER,
            expires=None,
        )
        for l, load in enumerate(problem.needs.loads)
        for t, period in enumerate(problem.periods[: steadiness.frozen_periods])
        if placed[l, t] >= 0 and not {load.name, load.workload} & pinned
    ]
    return replace(case, pins=(*case.pins, *pins))
