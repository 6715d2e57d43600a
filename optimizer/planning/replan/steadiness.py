"""What keeps a nightly plan from thrashing: frozen periods, limits on moves and on changed payments, least savings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from optimizer.domain.case import Case
from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.rules import Limit, LimitKind, Pin
from optimizer.domain.stay import Stay
from optimizer.planning.replan.last import LastPlan, decisions_of, options_of, places_of
from optimizer.planning.verify import Verification
from optimizer.solve.search import Solved
from optimizer.solve.settle import Settled

OWNER = "replan"


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """How far a plan may leave what is in force and the last plan."""

    frozen_periods: int = 0  # first periods in which loads stay where the last plan has them
    most_moves: int | None = None  # loads that change pool at the start of any one period; None: what the case allows
    least_saving_per_load_share: float = 0.0  # of what loads and runs cost on average: what being elsewhere than in the last plan must save
    least_saving_per_move_usd: float = 0.0  # counted as a cost of every move
    least_saving_share: float = 0.0  # of the cost: a plan that saves less over the last plan's decisions is not worth the change
    most_changed_spend_usd: float | None = None  # cash by which suppliers' payments may differ from the last plan's; None: any


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


def staying(problem: PlanningProblem, last: LastPlan, steadiness: Steadiness) -> Stay:
    """Where the last plan has loads and runs, and what being elsewhere is charged."""
    places = len(problem.needs.loads) + len(problem.needs.runs)
    usd = steadiness.least_saving_per_load_share * abs(last.objective_usd) / max(1, places)
    return Stay(placed=places_of(problem, last), option=options_of(problem, last), usd=usd)


def steady(
    solved: Solved,
    held: Settled,
    steadiness: Steadiness,
    *,
    unchanged: bool,
    spend: Callable[[Settled], Mapping[tuple[str, str], float]],
) -> tuple[Solved, tuple[str, ...]]:
    """The plan found, or the last plan's decisions where nothing has changed since, where it saves too little over them, or where it
    changes too much of what suppliers are paid; and why not the plan found.

    Args:
      spend: USD cash by supplier and period.
    """
    found = solved.settled
    notes: tuple[str, ...] = ()
    saving = held.objective_usd - found.objective_usd
    taken = not unchanged and saving > steadiness.least_saving_share * abs(held.objective_usd)
    most = steadiness.most_changed_spend_usd
    if taken and most is not None:
        was, now = spend(held), spend(found)
        changed = sum(abs(now.get(key, 0.0) - was.get(key, 0.0)) for key in {*was, *now})
        taken = changed <= most
        if not taken:
            rule = f"more than steadiness.most_changed_spend_usd, {most:,.0f}"
            notes = (f"a plan that saves {saving:,.0f} USD was not taken: it changes payments to suppliers by {changed:,.0f} USD, {rule}",)
    if taken:
        return solved, ()
    return replace(solved, settled=held, status=solved.status if saving <= 0 else PlanStatus.LIMIT), notes


def cash_by_supplier(verification: Verification) -> dict[tuple[str, str], float]:
    """Expected USD cash by supplier and period."""
    paid: dict[tuple[str, str], float] = defaultdict(float)
    for entry in verification.ledger:
        if entry.supplier:
            paid[entry.supplier, entry.period] += entry.cash_usd
    return dict(paid)
