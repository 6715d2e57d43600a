"""Quotes of small cases, solved exactly."""

from __future__ import annotations

import math
import time

from optimizer.domain.case import Case
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Needs
from optimizer.errors import InfeasiblePlan
from optimizer.planning.assemble import build_problem
from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.variants import Variants
from optimizer.pricing.arrays import prepare
from optimizer.solve.exact import solve_exact
from optimizer.solve.search import Solved, SolveSettings

EXACT = SolveSettings(method="exact", relative_gap=1e-9, threads=1, time_limit_s=None)


def solved(problem: PlanningProblem) -> Solved:
    return solve_exact(problem, settings=EXACT, started=time.monotonic(), report=lambda step: None)


def least_usd(problem: PlanningProblem) -> float:
    """Of any plan; inf where there is none."""
    try:
        return solved(problem).settled.objective_usd
    except InfeasiblePlan:
        return math.inf


def evidence_of(case: Case, needs: Needs, quote: str) -> Evidence:
    problem = build_problem(case, needs, annual_discount_rate=0.0)
    return Evidence(Variants(case, problem, 0.0, problem.supply.contracts.index(quote)), prepare(problem))


def add_exact(evidence: Evidence, lots: int, factor: float = 1.0) -> None:
    """What an exact solve with so many lots at a factor on the price shows."""
    found = solved(evidence.variants.forced(factor, lots))
    evidence.add_plan(found.settled.plan, factor)
    evidence.add_bound(lots, factor, found.bound_usd)
