"""What a plan costs in many scenarios that it was not made for, with how sure the figures are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.chosen_scenarios import in_scenarios
from optimizer.domain.demand import Scenario
from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.planning.assemble.problem import least_hours, penalties
from optimizer.planning.calibration import Calibration
from optimizer.planning.needs import Only, compute_needs
from optimizer.planning.outside.operating import operate
from optimizer.planning.scenarios import outside_scenarios
from optimizer.scenarios.deviates import Correlation
from optimizer.solve.cost import placed_pairs, scenario_costs
from optimizer.solve.restrict import Restricted, restrict

CELLS = 20_000_000  # needs of a pair in a period, block and sample at once, for memory's sake
BESIDE = 2  # threads that take samples: NumPy and JAX let each other go on
RESAMPLES = 1000  # of the bootstrap
SURE = 0.95  # of an interval
HIGH = 0.9  # the quantile told
OTHER_SEED = 1_000_003  # added to the seed of the scenarios planned for


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure estimated from samples, and the interval that holds it with 95 % confidence. Discounted USD."""

    usd: float
    low_usd: float
    high_usd: float


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A fixed plan in scenarios outside its sample, run by `operating`."""

    scenarios: int
    mean: Estimate
    p90: Estimate
    cvar: Estimate  # at the plan's own level
    costs_usd: Floats  # [scenarios]
    running_usd: float  # what running it that way costs more than the plan's draws, expected over the scenarios planned for


def outside(
    case: Case, problem: PlanningProblem, plan: Plan, calibration: Calibration, *, count: int, correlation: Correlation, seed: int
) -> Outside | None:
    """The plan's decisions in `count` fresh samples of demand, crossed with what else may happen; None where demand is certain.

    Args:
      case: as planned, with its scenarios.
      seed: of the scenarios planned for.
    """
    scenarios, like = outside_scenarios(case, count=count, correlation=correlation, seed=seed + OTHER_SEED)
    if not scenarios or case.stages:
        return None  # which group a sample belongs to is not known
    fixed = fixed_plan(problem, plan.decisions)
    decisions = narrowed(fixed, plan.decisions)
    own = scenario_costs(fixed.problem, operate(fixed.problem, decisions)) - scenario_costs(problem, plan)
    only = _places(case, fixed.problem, decisions)
    at_once = max(1, min(-(-count // BESIDE), CELLS // max(1, fixed.problem.needs.need[..., 0].size)))

    def costs(start: int) -> Floats:
        part = slice(start, start + at_once)
        there = _with_demand(case, fixed.problem, only, calibration, scenarios[part], like[part])
        return scenario_costs(there, operate(there, decisions))

    with ThreadPoolExecutor(BESIDE) as beside:
        found = np.concatenate(list(beside.map(costs, range(0, count, at_once))))
    return estimated(found, problem.risk.alpha, running_usd=float(own @ problem.probability), seed=seed)


def fixed_plan(problem: PlanningProblem, decisions: Decisions) -> Restricted:
    """The problem with the plan's pairs and options alone, and all pairs of loads that are not placed: their penalties depend on these."""
    taken = np.zeros(len(problem.needs.option_run), dtype=np.bool_)
    taken[decisions.option[decisions.option >= 0]] = True
    return restrict(problem, _used(problem, decisions), taken)


def _used(problem: PlanningProblem, decisions: Decisions) -> Bools:
    """Where needs count, [N, T]: where a load is, and everywhere if it is nowhere at times."""
    absent = np.asarray((decisions.placed < 0).any(axis=1))
    return placed_pairs(problem, decisions) | absent[problem.needs.pair_load][:, None]


def narrowed(fixed: Restricted, decisions: Decisions) -> Decisions:
    """The decisions in the terms of the problem that has nothing but them."""
    found = fixed.narrow(decisions)
    assert found is not None
    return found


def _places(case: Case, problem: PlanningProblem, decisions: Decisions) -> Only:
    """Where needs count, by name."""
    only: dict[str, dict[str, Bools]] = {load.name: {} for load in problem.needs.loads}
    for i, p, periods in zip(problem.needs.pair_load, problem.needs.pair_pool, _used(problem, decisions), strict=True):
        only[problem.needs.loads[i].name][case.pools[p].name] = periods
    return only


def _with_demand(
    case: Case, problem: PlanningProblem, only: Only, calibration: Calibration, scenarios: tuple[Scenario, ...], like: Ints
) -> PlanningProblem:
    """The problem in sampled scenarios: needs from their demand, all else as in the scenarios that they are like."""
    needs = compute_needs(replace(case, scenarios=scenarios), calibration, only=only)
    there = in_scenarios(problem, like, np.full(len(like), 1.0 / len(like)))
    price = np.array([site.egress_usd_per_gb for site in case.sites])[problem.pool_site[needs.pair_pool]]
    return replace(
        there,
        needs=replace(there.needs, need=needs.need, work=needs.work, work_limit=needs.work_limit, egress_gb=needs.egress_gb),
        egress_cash=needs.egress_gb * price[:, None, None],
        unplaced_cash=_penalties(case, problem, needs),
    )


def _penalties(case: Case, problem: PlanningProblem, needs: Needs) -> Floats:
    """Of not placing each load, [L, T, S]: penalty times the hours of the pair that needs fewest."""
    least, penalty = least_hours(problem.hours, needs), penalties(case)
    each = np.array([penalty[load.workload] for load in needs.loads])
    return np.where(np.isfinite(least), each[:, None, None] * least, 0.0)


def estimated(costs: Floats, alpha: float, *, running_usd: float, seed: int) -> Outside:
    """Mean, 90th percentile and CVaR of samples, with bootstrap intervals."""
    rng = np.random.default_rng(seed)
    again = np.sort(rng.choice(costs, size=(RESAMPLES, len(costs))), axis=1)
    one = np.sort(costs)[None]
    figures = {}
    for name, figure in (("mean", _mean), ("p90", _p90), ("cvar", lambda rows: _cvar(rows, alpha))):
        low, high = np.quantile(figure(again), [0.5 - SURE / 2, 0.5 + SURE / 2])
        figures[name] = Estimate(usd=float(figure(one)[0]), low_usd=float(low), high_usd=float(high))
    return Outside(scenarios=len(costs), **figures, costs_usd=costs, running_usd=running_usd)


def _mean(rows: Floats) -> Floats:
    return np.asarray(rows.mean(axis=1))


def _p90(rows: Floats) -> Floats:
    """Least cost not exceeded by 90 % of each sorted row."""
    return np.asarray(rows[:, int(np.ceil(HIGH * rows.shape[1])) - 1])


def _cvar(rows: Floats, alpha: float) -> Floats:
    """Mean of the dearest 1 - alpha of each sorted row; the sample at the edge counts in part."""
    count = (1.0 - alpha) * rows.shape[1]
    weight = np.clip(count - np.arange(rows.shape[1])[::-1], 0.0, 1.0)
    return np.asarray(rows @ weight / weight.sum())
