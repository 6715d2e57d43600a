"""A case with something changed, planned from where another plan stands: what a clause, an exit or a loss is worth.

Needs depend on loads and pools alone, so a change of contracts and offers needs no new ones, and all else of the problem stays as it is.
Every plan is verified against the changed case. What a changed case shows about the case as it is is told too: its decisions may be
cheaper there than any known, and its prices prove a bound there.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Decisions, Plan, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.errors import NoPlanInLimit
from optimizer.planning.assemble.supply import build_supply
from optimizer.planning.plan import SOLVERS, PlanResult, proven_usd, verified
from optimizer.pricing.arrays import with_supply
from optimizer.pricing.ascent import price_prepared
from optimizer.pricing.bound import bound_with_supply, proven_by
from optimizer.pricing.carried import carried
from optimizer.pricing.prices import Prices
from optimizer.solve.carry import carried_decisions, carry
from optimizer.solve.climb import NEXT_RATE, prepared_arrays
from optimizer.solve.search import Progress, Solved, SolveSettings
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import as_is_and_elsewhere
from optimizer.solve.walking import walked_from

STEPS = 300  # of prices, from the base's to a changed case
WORTH_A_WALK = 1e-3  # of the base's cost: from so much more on, a look at a changed case walks


@dataclass(frozen=True, kw_only=True)
class Base:
    """The case as it is, the plan from which every change of it begins, and that plan's prices where it had any."""

    case: Case
    problem: PlanningProblem
    annual_discount_rate: float
    plan: Plan
    prices: Prices | None
    objective_usd: float

    def changed(self, case: Case) -> PlanningProblem:
        """The problem of a case whose contracts, offers and pins on them are others.

        Raises:
          DataError: a contract has something that no plan can take.
        """
        return replace(self.problem, supply=build_supply(case, self.problem.needs, self.annual_discount_rate))


@dataclass(frozen=True, kw_only=True)
class VariantPlan:
    """A verified plan of a changed case, with a bound on every plan of it. USD are discounted and expected."""

    plan: Plan
    status: PlanStatus
    objective_usd: float
    bound_usd: float
    base_objective_usd: float  # of a verified plan with the same decisions in the case as it is; inf: none is cheaper than the base's
    base_bound_usd: float  # that its prices prove there; -inf: it has none


def base_of(result: PlanResult) -> Base:
    return Base(
        case=result.case,
        problem=result.problem,
        annual_discount_rate=result.verification.annual_discount_rate,
        plan=result.plan,
        prices=None if result.priced is None else result.priced.prices,
        objective_usd=result.objective_usd,
    )


def look_at_variant(base: Base, *, case: Case) -> VariantPlan:
    """The base's decisions in a changed case, as far as it allows them, and what the base's prices prove there; nothing is searched.

    Work that is left without capacity is placed where that is cheapest. Where it costs much more than the base's, loads walk on from
    there, unless other contracts or pools of theirs ask for steps to be compiled.

    Raises:
      DataError: as `Base.changed`.
      NoPlanInLimit: the decisions break a rule of the changed case.
      SolverFailure: the plan does not verify.
    """
    problem = base.changed(case)
    ways = _first(base, problem)
    tried = [found for chosen in ways if (found := settle_alone(problem, chosen)) is not None]
    least = min((found.objective_usd for found in tried), default=math.inf)
    if base.prices is not None and _same_covers(base.problem, problem) and least > base.objective_usd * (1.0 + WORTH_A_WALK):
        walked = settle_alone(problem, walked_from(problem, ways))
        tried += [] if walked is None else [walked]
    settled = min(tried, key=lambda found: found.objective_usd, default=None)
    if settled is None:
        raise NoPlanInLimit("the plan of the case as it is breaks a rule of the changed one, and there was no time to search for another")
    bound = -math.inf if base.prices is None else _proven(base.problem, problem, base.prices)
    return _variant(base, case, problem, Solved(settled=settled, bound_usd=bound, status=PlanStatus.LIMIT))


@dataclass(frozen=True, kw_only=True)
class VariantBound:
    """What prices prove, USD: of every plan of a changed case, and of every plan of the case as it is."""

    bound_usd: float
    base_bound_usd: float


def bound_variant(base: Base, *, case: Case) -> VariantBound:
    """What prices prove after some steps from the base's, which must have some; none where other contracts ask for steps to be compiled.

    Raises:
      DataError: as `Base.changed`.
    """
    assert base.prices is not None
    problem = base.changed(case)
    prepared, prices = with_supply(prepared_arrays(base.problem), problem), _moved(base.problem, problem, base.prices)
    if problem.supply.contracts == base.problem.supply.contracts:
        prices = price_prepared(prepared, iterations=STEPS, start=prices, rate=NEXT_RATE)
    else:
        prices = proven_by(prepared, prices)
    back = bound_with_supply(prepared, base.problem, _moved(problem, base.problem, prices))
    return VariantBound(bound_usd=prices.bound_usd, base_bound_usd=back)


def plan_variant(base: Base, *, case: Case, settings: SolveSettings, known: Plan | None = None) -> VariantPlan:
    """Plans a changed case.

    Args:
      known: a plan of it.

    Raises:
      DataError, InfeasiblePlan, NoPlanInLimit, SolverFailure: as `make_plan`.
    """
    began, problem = time.monotonic(), base.changed(case)
    if base.prices is not None:
        prepared_arrays(base.problem)  # laid out once a process; that of the changed case is made from it
    start = carry(problem, contracts=base.plan.contracts, decisions=base.plan.decisions, prices=base.prices)
    start = replace(start, decisions=(*(() if known is None else (known.decisions,)), *_first(base, problem)))
    solved = SOLVERS[settings.method](problem, settings=settings, started=began, report=_silent, start=start)
    return _variant(base, case, problem, solved)


def _same_covers(one: PlanningProblem, other: PlanningProblem) -> bool:
    """Whether the same contracts cover the same pools: steps compiled for one are those of the other."""
    covers = ((problem.supply.cover_contract, problem.supply.cover_pool) for problem in (one, other))
    return one.supply.contracts == other.supply.contracts and all(map(np.array_equal, *covers))


def _first(base: Base, problem: PlanningProblem) -> tuple[Decisions, ...]:
    """The base's decisions and, before them, where they leave work without capacity, these with that work placed elsewhere."""
    return as_is_and_elsewhere(problem, carried_decisions(problem, base.plan.contracts, base.plan.decisions))[::-1]


def _variant(base: Base, case: Case, problem: PlanningProblem, solved: Solved) -> VariantPlan:
    verification, _ = verified(case, problem, solved, annual_discount_rate=base.annual_discount_rate)
    return VariantPlan(
        plan=solved.settled.plan,
        status=solved.status,
        objective_usd=solved.settled.objective_usd,
        bound_usd=proven_usd(solved, verification),
        base_objective_usd=_in_base(base, solved.settled.plan),
        base_bound_usd=-math.inf if solved.priced is None else _proven(problem, base.problem, solved.priced.prices),
    )


def _in_base(base: Base, plan: Plan) -> float:
    """Cost of the base's problem with a variant's decisions, if they differ and verify, else inf."""
    chosen = carried_decisions(base.problem, plan.contracts, plan.decisions)
    if all((getattr(chosen, name) == getattr(base.plan.decisions, name)).all() for name in ("placed", "option", "lots", "exits")):
        return math.inf
    settled = settle_alone(base.problem, chosen)
    if settled is None or settled.objective_usd >= base.objective_usd:
        return math.inf
    found = Solved(settled=settled, bound_usd=-math.inf, status=PlanStatus.LIMIT)
    verified(base.case, base.problem, found, annual_discount_rate=base.annual_discount_rate)
    return settled.objective_usd


def _proven(priced: PlanningProblem, problem: PlanningProblem, prices: Prices) -> float:
    """The bound that the prices of one problem prove on another that differs from it in supply."""
    return bound_with_supply(prepared_arrays(priced), problem, _moved(priced, problem, prices))


def _moved(priced: PlanningProblem, problem: PlanningProblem, prices: Prices) -> Prices:
    return carried(prices, priced=priced.supply.contracts, contracts=problem.supply.contracts)


def _silent(step: Progress) -> None:
    """Nobody watches."""
