"""What knowing more would be worth, and what planning for more than one scenario is worth: intervals from plans and bounds.

    perfect information    cost of the plan - sum_s pi_s cost of the best plan for s alone      (EVPI)
    stochastic solution    cost of the plan for the mean scenario, in all scenarios - cost of the plan      (VSS)

Every cost of a best plan lies between a bound that was proven and a plan that was found, so the differences lie between theirs. Both are of
the expected cost; a plan for the mean scenario is the one that was found.

Reference: Birge and Louveaux, Introduction to Stochastic Programming, chapter 4.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.chosen_scenarios import in_mean_scenario, in_scenarios
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import InfeasiblePlan, NoPlanInLimit
from optimizer.planning.plan import SOLVERS
from optimizer.solve.executor import Executor, Task
from optimizer.solve.search import Progress, SolveSettings, Start
from optimizer.solve.settle import settle_alone

MEAN = "mean"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Holds a figure for sure. Discounted, expected USD; inf where nothing was found."""

    low_usd: float
    high_usd: float


@dataclass(frozen=True, kw_only=True)
class Information:
    perfect_information: Interval
    stochastic_solution: Interval


@dataclass(frozen=True, kw_only=True)
class Alone:
    """The best plan of a problem with one scenario."""

    decisions: Decisions | None
    usd: float  # inf: no plan was found
    bound_usd: float


def worth_of_information(
    problem: PlanningProblem, *, objective_usd: float, bound_usd: float, settings: SolveSettings, executor: Executor, decisions: Decisions
) -> Information:
    """Solves each scenario alone, and the mean scenario, beside one another.

    Args:
      objective_usd, bound_usd: expected cost of the plan, and what every plan costs at least by expectation.
      settings: of each solve.
      decisions: of the plan, from which each solve starts.
    """
    chance, neutral = problem.probability, problem.by_expectation()
    alone = {str(s): in_scenarios(neutral, np.array([s]), np.ones(1)) for s in range(len(chance))} | {MEAN: in_mean_scenario(neutral)}
    found: dict[str, Alone] = {}
    with executor.pool(len(alone)) as pool:
        for key, one in alone.items():
            pool.submit(Task(key=key, work=solve_alone, arguments={"problem": one, "settings": settings, "decisions": decisions}))
        for outcome in pool.outcomes():
            found[outcome.key] = outcome.result()
    plans = math.fsum(chance[s] * found[str(s)].usd for s in range(len(chance)))
    bounds = math.fsum(chance[s] * found[str(s)].bound_usd for s in range(len(chance)))
    of_mean = found[MEAN].decisions
    settled = None if of_mean is None else settle_alone(neutral, of_mean)
    mean_usd = math.inf if settled is None else settled.objective_usd
    return Information(
        perfect_information=Interval(low_usd=max(0.0, bound_usd - plans), high_usd=max(0.0, objective_usd - bounds)),
        stochastic_solution=Interval(low_usd=mean_usd - objective_usd, high_usd=mean_usd - bound_usd),
    )


def solve_alone(*, problem: PlanningProblem, settings: SolveSettings, decisions: Decisions) -> Alone:
    """One solve, in a process of a pool."""
    start = Start(decisions=(decisions,))
    one = replace(settings, side_by_side=False, threads=1, explain=False)
    try:
        solved = SOLVERS[settings.method](problem, settings=one, started=time.monotonic(), report=_silent, start=start)
    except InfeasiblePlan:
        return Alone(decisions=None, usd=math.inf, bound_usd=math.inf)
    except NoPlanInLimit:
        return Alone(decisions=None, usd=math.inf, bound_usd=-math.inf)
    return Alone(decisions=solved.settled.plan.decisions, usd=solved.settled.objective_usd, bound_usd=solved.bound_usd)


def _silent(step: Progress) -> None:
    """Nobody watches."""
