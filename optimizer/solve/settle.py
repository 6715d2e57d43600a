"""From decisions to a whole plan: draws clipped to what is allowed, shortage set to what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.integer.model import Program, build_program, fix, recourse
from optimizer.integer.solver import Answer, solve_program
from optimizer.solve.cost import active_lots, objective_usd, placed_pairs, scenario_weights
from optimizer.solve.restrict import restrict

CASES_GAP = 1e-7  # relative, to which the cases of clauses are solved for given decisions
FEW_CASES = 120  # integers that clauses leave open up to which that is tried: a MILP solver finds little among more
CASES_S = 10.0  # guard on it; the best cases found by then are taken
DRAWS = 4  # times that cases are read off draws, each time of the cheapest draws in the cases before


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A whole plan, what it costs, and what one accelerator more in each row would save."""

    plan: Plan
    objective_usd: float
    capacity_price: Floats  # [P, T, B, S] discounted USD per accelerator for the block's hours, as the objective weighs the scenario


def settle(problem: PlanningProblem, program: Program, decisions: Decisions) -> Settled | None:
    """The cheapest plan with these decisions; None where they break a rule that no draw can mend.

    Each scenario's draws are the cheapest for it, whatever it weighs: CVaR has a part in what the plan costs only. Solves the draws as one
    LP, then repairs what its tolerances left, so that the plan keeps every rule of capacity exactly. Clauses whose bill is not convex
    (tiers, balances) ask before it in which of their cases each interval ends: a MILP says so where there are few of them, else the draws
    of relaxations do, again and again while that gets cheaper.

    Args:
      program: of the problem by expectation.
    """
    answer = _within_cases(program, *fix(program, problem, decisions))
    if answer is None or answer.values is None:
        return None
    draws = recourse(program, problem, answer.values)
    contract_draw = _within_contracts(problem, decisions, np.maximum(draws.contract_draw, 0.0))
    offer_draw = np.clip(draws.offer_draw, 0.0, problem.supply.offer_limit[:, :, None, None])
    served = _within_work_limits(problem, decisions, np.maximum(draws.served, 0.0))
    plan = replace(
        undrawn(problem, decisions),
        contract_draw=contract_draw,
        offer_draw=offer_draw,
        served=served,
        shortage=_missing(problem, decisions, contract_draw, offer_draw, served),
    )
    price = capacity_price(program, answer.row_duals, problem)
    if problem.risk_neutral:
        return Settled(plan=plan, objective_usd=objective_usd(problem, plan), capacity_price=price)
    weights = scenario_weights(problem, plan)
    weighed = replace(problem.by_expectation(), probability=weights)
    return Settled(plan=plan, objective_usd=objective_usd(weighed, plan), capacity_price=price * (weights / problem.probability))


def _within_cases(program: Program, lower: Floats, upper: Floats) -> Answer | None:
    """The cheapest draws, with the integers that decisions leave open held at the best cases found; None where no draws keep the rules."""
    free = program.integer & (lower < upper)
    if not free.any():
        return solve_program(program, relax=True, lower=lower, upper=upper)
    found = _cases_by_draws(program, free, lower, upper) if free.sum() > FEW_CASES else None
    if found is None:
        answer = solve_program(program, relative_gap=CASES_GAP, time_limit_s=CASES_S, lower=lower, upper=upper)
        found = None if answer.values is None else _held_at(program, free, answer.values, lower, upper)
    return found


def _cases_by_draws(program: Program, free: Bools, lower: Floats, upper: Floats) -> Answer | None:
    """From the draws of the relaxation, and of the relaxation in which every interval reaches one tier, with idle draws if need be.

    With draws held, only each interval's settlement is left, and its cases follow.
    """
    variables = program.variables
    columns = np.concatenate([np.ravel(group) for group in (variables.contract_draw, variables.offer_draw, variables.served)])
    columns, best = columns[columns >= 0], None
    for box in ((lower, upper), *_reaching(program, free, lower, upper)):
        drawn: Answer | None = solve_program(program, relax=True, lower=box[0], upper=box[1])
        for _ in range(DRAWS):
            if drawn is None or drawn.values is None:
                break
            least, most = lower.copy(), upper.copy()
            least[columns] = most[columns] = np.clip(drawn.values[columns], lower[columns], upper[columns])
            settled = solve_program(program, relative_gap=CASES_GAP, time_limit_s=CASES_S, lower=least, upper=most)
            drawn = None if settled.values is None else _held_at(program, free, settled.values, lower, upper)
            if drawn is None or (best is not None and drawn.objective >= best.objective - CASES_GAP * abs(best.objective)):
                break
            best = drawn
    return best


def _reaching(program: Program, free: Bools, lower: Floats, upper: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Boxes in which every interval that can reaches a tier, each in turn."""
    chosen = program.variables.volumes.chosen  # [X, W, S, Z]
    for band in range(chosen.shape[3] if chosen.size else 0):
        column = chosen[..., band][chosen[..., band] >= 0]
        column = column[free[column]]
        if len(column):
            least = lower.copy()
            least[column] = 1.0
            yield least, upper


def _held_at(program: Program, free: Bools, values: Floats, lower: Floats, upper: Floats) -> Answer | None:
    """The cheapest draws with free integers held at these values."""
    case = np.rint(values)
    answer = solve_program(program, relax=True, lower=np.where(free, case, lower), upper=np.where(free, case, upper))
    return None if answer.values is None else answer


def settle_alone(problem: PlanningProblem, decisions: Decisions) -> Settled | None:
    """`settle` on the model of the chosen pairs and options alone, where the model of the whole problem is not at hand or large."""
    return settled_alike(problem, decisions)(decisions)


def settled_alike(problem: PlanningProblem, *known: Decisions) -> Callable[[Decisions], Settled | None]:
    """`settle_alone` of decisions that place and train as any of these do, load by load: their model is built once, when it is needed."""
    taken = np.zeros(len(problem.needs.option_run), dtype=np.bool_)
    for like in known:
        taken[like.option[like.option >= 0]] = True
    chosen = restrict(problem, np.any([placed_pairs(problem, like) for like in known], axis=0), taken)

    @cache
    def program() -> Program:
        return build_program(chosen.problem.by_expectation())

    def settled(decisions: Decisions) -> Settled | None:
        narrow = chosen.narrow(decisions)
        found = None if narrow is None else settle(chosen.problem, program(), narrow)
        return None if found is None else replace(found, plan=replace(found.plan, decisions=decisions))

    return settled


def undrawn(problem: PlanningProblem, decisions: Decisions) -> Plan:
    """A plan with these decisions that draws nothing and names nothing missing."""
    needs, supply = problem.needs, problem.supply
    covers = zip(supply.cover_contract, supply.cover_pool, strict=True)
    return Plan(
        loads=tuple(load.name for load in needs.loads),
        runs=needs.runs,
        pools=problem.pools,
        contracts=supply.contracts,
        covers=tuple((supply.contracts[k], problem.pools[p]) for k, p in covers),
        offers=supply.offers,
        decisions=decisions,
        contract_draw=np.zeros((len(supply.cover_pool), *problem.shape)),
        offer_draw=np.zeros((len(supply.offers), *problem.shape)),
        served=np.zeros((len(needs.loads), *problem.shape)),
        shortage=np.zeros((len(problem.pools), *problem.shape)),
    )


def capacity_price(program: Program, row_duals: Floats | None, problem: PlanningProblem) -> Floats:
    """Sum of the prices of a pool's two capacity rows, [P, T, B, S] USD."""
    price = np.zeros((len(problem.pools), *problem.shape))
    if row_duals is None:
        return price
    for name in program.names:
        if name.clause in ("capacity", "capacity without spot"):
            index = tuple(name.keys[axis] for axis in ("pool", "period", "block", "scenario"))
            np.add.at(price, index, program.unit * row_duals[name.start : name.stop])
    return price


def _within_contracts(problem: PlanningProblem, decisions: Decisions, draw: Floats) -> Floats:
    supply = problem.supply
    held = (supply.drawable * active_lots(problem, decisions)[:, :, None])[:, :, None, :]
    total = np.zeros((len(supply.contracts), *draw.shape[1:]))
    np.add.at(total, supply.cover_contract, draw)
    scale = np.divide(held, total, out=np.ones_like(total), where=total > held)
    return np.asarray(draw * scale[supply.cover_contract])


def _within_work_limits(problem: PlanningProblem, decisions: Decisions, served: Floats) -> Floats:
    needs = problem.needs
    limit = np.zeros((len(needs.loads), *needs.work_limit.shape[1:]))
    np.add.at(limit, needs.pair_load, needs.work_limit * placed_pairs(problem, decisions)[:, :, None])
    return np.asarray(np.minimum(served, limit[:, :, None, :]))


def _missing(problem: PlanningProblem, decisions: Decisions, contract_draw: Floats, offer_draw: Floats, served: Floats) -> Floats:
    """Accelerators missing in the pool's rows, [P, T, B, S]: the larger of all loads and those that may not use spot."""
    supply = problem.supply
    works = problem.availability[:, None, None, None]
    firm, spot = np.zeros((2, len(problem.pools), *served.shape[1:]))
    np.add.at(firm, supply.cover_pool, contract_draw)
    np.add.at(firm, supply.offer_pool[~supply.offer_spot], offer_draw[~supply.offer_spot])
    usable = 1.0 - supply.offer_loss[supply.offer_spot]
    np.add.at(spot, supply.offer_pool[supply.offer_spot], usable[:, None, None, None] * offer_draw[supply.offer_spot])
    everything = used_accelerators(problem, decisions, served)
    without_spot = used_accelerators(problem, decisions, served, spot=False)
    return np.asarray(np.maximum(0.0, np.maximum(everything - works * (firm + spot), without_spot - works * firm)))


def used_accelerators(problem: PlanningProblem, decisions: Decisions, served: Floats, *, spot: bool = True) -> Floats:
    """Accelerators in use, [P, T, B, S]: by everything, or (spot=False) by what may not run on spot capacity."""
    needs = problem.needs
    used = np.zeros((len(problem.pools), *served.shape[1:]))
    counts = placed_pairs(problem, decisions) & (spot | ~problem.load_spot[needs.pair_load])[:, None]
    for n in np.flatnonzero(counts.any(axis=1)):
        held = needs.need[n] + served[needs.pair_load[n]] if needs.flexible[needs.pair_load[n]] else needs.need[n]
        used[needs.pair_pool[n]] += held * counts[n][:, None, None]
    for r, g in enumerate(decisions.option):
        if g >= 0 and (spot or not problem.run_spot[r]):
            used[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]] += needs.option_gang[g]
    return used
