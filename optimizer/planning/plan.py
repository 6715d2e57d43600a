"""The main job's core: from a case to a verified plan with its true gap, beside its baselines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import RISK_NEUTRAL, Risk
from optimizer.domain.surface import Floats, Needs
from optimizer.errors import SolverFailure
from optimizer.planning.assemble import build_problem
from optimizer.planning.calibration import Calibration, shipped_calibration
from optimizer.planning.needs import compute_needs
from optimizer.planning.out_of_reach import out_of_reach
from optimizer.planning.policies import Baseline, baselines
from optimizer.planning.verify import Verification, agrees, verify
from optimizer.solve.climb import Priced
from optimizer.solve.exact import solve_exact
from optimizer.solve.price_and_assign import solve_price_and_assign
from optimizer.solve.search import Progress, Solved, SolveSettings
from optimizer.surfaces.arrays import device

DISCOUNT_RATE = 0.08  # a year, where none is given
AFTERWARDS, AFTERWARDS_A_MILLION = 3.5, 0.8  # times what importing and reading take, of itself and a million needs: what follows
LEAST_SEARCH = 0.25  # of the time limit of a whole job, however long the rest takes
SOLVERS = {"price_and_assign": solve_price_and_assign, "exact": solve_exact}


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """A verified plan, what it costs, how far from optimal it can be, and what it is compared with."""

    case: Case
    problem: PlanningProblem
    needs: Needs
    plan: Plan
    capacity_price: Floats  # [P, T, B, S] discounted USD per accelerator, by what scenarios weigh in the objective
    priced: Priced | None  # at the best prices found; None where the plan was found without any
    verification: Verification
    verify_error_usd: float
    status: PlanStatus
    objective_usd: float
    bound_usd: float
    baselines: tuple[Baseline, ...]
    phases: dict[str, float]
    solver: str
    device: str
    calibration: str  # its version
    alerts: tuple[str, ...]

    @property
    def gap_usd(self) -> float:
        return max(0.0, self.objective_usd - self.bound_usd)

    @property
    def gap(self) -> float:
        """`gap_usd` over what decisions can change: the objective less sunk payments and shortage penalties."""
        avoidable = self.objective_usd - self.verification.sunk_usd - self.verification.shortage_usd
        return self.gap_usd / avoidable if avoidable > 0 else 0.0


def make_plan(
    case: Case,
    *,
    annual_discount_rate: float = DISCOUNT_RATE,
    risk: Risk = RISK_NEUTRAL,
    calibration: Calibration | None = None,
    settings: SolveSettings,
    progress: Callable[[Progress], None],
    began: float | None = None,
) -> PlanResult:
    """Plans a case. Ctrl-C ends the search and returns the best plan so far.

    Args:
      case: where it has stages, with its contracts in them (`in_stages`), or everything is decided at once.
      annual_discount_rate: share per year at which later money is worth less.
      risk: what CVaR counts in the objective.
      calibration: what the surfaces were fitted to; None: what is shipped.

    Raises:
      DataError: the case has something that no plan can take.
      InfeasiblePlan: its rules cannot hold together.
      NoPlanInLimit: the limit was reached before there was a plan.
      SolverFailure: the plan did not verify; it is never returned as a plan.
    """
    laps = Laps(started=time.monotonic())
    progress(Progress(phase="surfaces", seconds=0.0))
    calibration = calibration or shipped_calibration()
    needs = compute_needs(case, calibration)
    laps.lap("surfaces")
    problem = build_problem(case, needs, annual_discount_rate=annual_discount_rate, risk=risk)
    laps.lap("problem")
    limited = settings if began is None else _within(settings, needs, laps.started - began, time.monotonic() - began)
    solved = SOLVERS[settings.method](problem, settings=limited, started=laps.started if began is None else began, report=progress)
    laps.lap("solve")
    return planned(case, problem, solved, laps, settings, annual_discount_rate=annual_discount_rate, calibration=calibration.version)


def _within(settings: SolveSettings, needs: Needs, reading_s: float, taken_s: float) -> SolveSettings:
    """Until when to search, so that what follows (verifying, pricing outside the scenarios, drawing) ends within the limit.

    A plan without a bound is worth little: where no prices have come by then, the search may take the whole limit, and what follows more.

    Args:
      reading_s: what importing and reading took: by that the machine and the case are judged, whatever was compiled since.
      taken_s: all until now.
    """
    limit = settings.time_limit_s
    if limit is None:
        return settings
    afterwards = AFTERWARDS + AFTERWARDS_A_MILLION * needs.need.size / 1e6
    search_s = max(limit - afterwards * reading_s, taken_s + LEAST_SEARCH * limit)
    return replace(settings, time_limit_s=search_s, unpriced_limit_s=limit)


@dataclass(frozen=True, kw_only=True)
class Laps:
    """Seconds by phase since `started` on the monotonic clock."""

    started: float
    phases: dict[str, float] = field(default_factory=dict)

    def lap(self, phase: str) -> None:
        """Ends the phase; it takes the time since the one before."""
        self.phases[phase] = time.monotonic() - self.started - sum(self.phases.values())


def planned(
    case: Case,
    problem: PlanningProblem,
    solved: Solved,
    laps: Laps,
    settings: SolveSettings,
    *,
    annual_discount_rate: float,
    calibration: str,
) -> PlanResult:
    """What a solve came to, verified, beside its baselines.

    Args:
      calibration: its version.

    Raises:
      SolverFailure: the plan did not verify.
    """
    compared = baselines(problem, solved.without_search_usd)
    laps.lap("baselines")
    verification, error = verified(case, problem, solved, annual_discount_rate=annual_discount_rate)
    laps.lap("verify")
    return PlanResult(
        case=case,
        problem=problem,
        needs=problem.needs,
        plan=solved.settled.plan,
        capacity_price=solved.settled.capacity_price,
        priced=solved.priced,
        verification=verification,
        verify_error_usd=error,
        status=solved.status,
        objective_usd=solved.settled.objective_usd,
        bound_usd=proven_usd(solved, verification),
        baselines=compared,
        phases=laps.phases,
        solver=f"{settings.method}/{settings.backend}",
        device=device(),
        calibration=calibration,
        alerts=(*out_of_reach(case), *verification.leans_on, *solved.alerts),
    )


def verified(case: Case, problem: PlanningProblem, solved: Solved, *, annual_discount_rate: float) -> tuple[Verification, float]:
    """What verification found about a plan, and by how many USD its cost differs from the recomputed one.

    Raises:
      SolverFailure: the plan breaks a rule, or its cost is another one.
    """
    # Training options that a pin forbids are not in the problem; the plan's indices refer to what is.
    verification = verify(case, problem.needs, solved.settled.plan, annual_discount_rate=annual_discount_rate, risk=problem.risk)
    same, error = agrees(solved.settled.objective_usd, verification)
    if verification.broken or not same:
        faults = list(verification.broken) + ([] if same else [f"its cost differs from the recomputed one by {error:.2f} USD"])
        raise SolverFailure("the plan found does not verify and is not written: " + "; ".join(faults[:5]))
    return verification, error


def proven_usd(solved: Solved, verification: Verification) -> float:
    """What every plan costs at least: the solver's bound, and what no decision changes, whatever pricing has proven by then."""
    return min(max(solved.bound_usd, verification.sunk_usd), solved.settled.objective_usd)
