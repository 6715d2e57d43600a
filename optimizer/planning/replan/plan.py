"""Tonight's plan: today's case, solved from where the last plan stands, and kept steady."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from optimizer.domain.case import Case
from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import RISK_NEUTRAL, Risk
from optimizer.errors import InfeasiblePlan
from optimizer.planning.assemble import build_problem
from optimizer.planning.calibration import Calibration
from optimizer.planning.needs import compute_needs
from optimizer.planning.plan import SOLVERS, Laps, PlanResult, planned, verified
from optimizer.planning.replan.bridge import Step, bridge
from optimizer.planning.replan.last import LastPlan, decisions_of
from optimizer.planning.replan.steadiness import Steadiness, cash_by_supplier, frozen, staying, steadied, steady
from optimizer.pricing.prices import Prices
from optimizer.solve.between import names_elsewhere, worth_leaving
from optimizer.solve.climb import price_more
from optimizer.solve.search import Progress, Solved, SolveSettings, Start
from optimizer.solve.settle import Settled, settle_alone
from optimizer.store.summary import versions
from optimizer.store.warm_prices import Axes, kept_prices

SAME_COST_USD = 0.01


@dataclass(frozen=True, kw_only=True)
class Replan:
    """Tonight's plan beside the last one."""

    result: PlanResult
    steps: tuple[Step, ...]  # from the last plan's cost to this one's; none without a last plan
    held_usd: float | None  # cost of the last plan's decisions today; None: there are none, or they are no longer possible
    kept: bool  # the last plan's decisions stand: no other plan found saves enough to be worth the change
    moves: int  # loads that are elsewhere in the first period than where they run
    elsewhere: tuple[str, ...]  # loads and runs that are not where the last plan has them, in some period
    saved_usd: Mapping[str, float]  # what putting one of these alone back would cost; none where many are elsewhere
    notes: tuple[str, ...]  # why a better plan was not taken


def replan(
    case: Case,
    last: LastPlan | None,
    *,
    steadiness: Steadiness,
    annual_discount_rate: float,
    risk: Risk = RISK_NEUTRAL,
    calibration: Calibration,
    settings: SolveSettings,
    progress: Callable[[Progress], None],
) -> Replan:
    """Plans a case from the last plan; Ctrl-C ends the search with the best plan so far.

    Args:
      risk: what CVaR counts in the objective.

    Raises:
      DataError, InfeasiblePlan, NoPlanInLimit, SolverFailure: as `make_plan`.
    """
    laps = Laps(started=time.monotonic())
    progress(Progress(phase="surfaces", seconds=0.0))
    unchanged = last is not None and last.same_settings and _same(last.case, case)
    before, case = None if last is None else steadied(last.case, steadiness), steadied(case, steadiness)
    needs = compute_needs(case, calibration)
    laps.lap("surfaces")
    problem = build_problem(case, needs, annual_discount_rate=annual_discount_rate, risk=risk)
    if last is not None and steadiness.frozen_periods:
        case = frozen(case, problem, last, steadiness)
        problem = build_problem(case, needs, annual_discount_rate=annual_discount_rate, risk=risk)
    decisions = None if last is None else decisions_of(problem, last)
    held = None if decisions is None else settle_alone(problem, decisions)
    laps.lap("problem")
    prices = None if last is None else kept_prices(last.folder, axes_of(problem))
    stay = None if last is None else staying(problem, last, steadiness)
    solved, saved_usd = None, dict[str, float]()
    if last is not None and held is not None and unchanged and _stands(last, held):
        solved = standing(problem, held, last, prices, settings)
    if solved is None:
        charged = stay if stay is not None and stay.usd > 0.0 else None
        start = Start(decisions=() if decisions is None else (decisions,), prices=prices, stay=charged)
        solved = SOLVERS[settings.method](problem, settings=settings, started=laps.started, report=progress, start=start)
        if stay is not None:
            solved, saved_usd = worth_leaving(problem, solved, stay, settings.relative_gap)
    chosen = solved
    notes: tuple[str, ...] = ()
    if held is not None:

        def spend(settled: Settled) -> Mapping[tuple[str, str], float]:
            return cash_by_supplier(verified(case, problem, replace(solved, settled=settled), annual_discount_rate=annual_discount_rate)[0])

        chosen, notes = steady(solved, held, steadiness, unchanged=unchanged, spend=spend)
    laps.lap("solve")
    result = planned(case, problem, chosen, laps, settings, annual_discount_rate=annual_discount_rate, calibration=calibration.version)

    def cost(changed: Case) -> float:
        between = build_problem(changed, compute_needs(changed, calibration), annual_discount_rate=annual_discount_rate, risk=risk)
        settled = None if last is None else settle_alone(between, decisions_of(between, last))
        if settled is None:
            raise InfeasiblePlan(["the last plan's decisions on tables half changed"])
        return settled.objective_usd

    steps: tuple[Step, ...] = ()
    held_usd = None if held is None else held.objective_usd
    if last is not None and before is not None:
        plan_usd = result.objective_usd
        steps = bridge(before=before, after=case, last_usd=last.objective_usd, held_usd=held_usd, plan_usd=plan_usd, cost=cost)
    laps.lap("bridge")
    kept, decided = held is not None and chosen.settled is held, result.plan.decisions
    return Replan(
        result=result,
        steps=steps,
        held_usd=held_usd,
        kept=kept,
        moves=_moves(decided, result),
        elsewhere=() if stay is None else names_elsewhere(problem, stay, decided),
        saved_usd={} if kept else saved_usd,
        notes=notes,
    )


def axes_of(problem: PlanningProblem) -> Axes:
    """What kept prices are named by."""
    names = {name: getattr(problem, name) for name in ("pools", "periods", "blocks", "scenarios")}
    return Axes(**names, contracts=problem.supply.contracts)


def _same(before: Case, after: Case) -> bool:
    """Whether today's case says what the last one said; its name does not count."""
    return replace(before, name=after.name) == after


def standing(problem: PlanningProblem, held: Settled, last: LastPlan, prices: Prices | None, settings: SolveSettings) -> Solved:
    """The last plan on unchanged tables, with what was proven then and what its prices say, without a search."""
    priced = None if prices is None else price_more(problem, evaluations=0, start=prices, reduced=True)
    bound = max(last.bound_usd, -math.inf if priced is None else priced.prices.bound_usd)
    within = held.objective_usd - bound <= settings.relative_gap * abs(held.objective_usd)
    status = PlanStatus(last.tables.summary["status"])
    status = status if status is PlanStatus.OPTIMAL else PlanStatus.WITHIN_GAP if within else PlanStatus.LIMIT
    return Solved(settled=held, bound_usd=bound, status=status, priced=priced)


def _stands(last: LastPlan, held: Settled) -> bool:
    """Whether what the last run proved still counts: the same planner found the same cost for the same decisions."""
    same = last.tables.summary["versions"] == versions()
    return same and abs(held.objective_usd - last.objective_usd) <= SAME_COST_USD


def _moves(decisions: Decisions, result: PlanResult) -> int:
    before = result.problem.placed_before
    return int(((before >= 0) & (decisions.placed[:, 0] != before)).sum())
