"""A part of a problem solved by a MILP solver: some pairs only, and some decisions held."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.domain.plan import Decisions, Plan, PlanStatus
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.backend import TAKES_START, Backend
from optimizer.integer.decide import hold_draws, integers
from optimizer.integer.model import Program, build_program, decisions, fix, free_loads
from optimizer.integer.paths import Path
from optimizer.integer.solver import solve_program
from optimizer.integer.whole import objective_step
from optimizer.solve.restrict import restrict


@dataclass(frozen=True, kw_only=True)
class Around:
    """A neighbourhood of decisions: these loads and runs are free, all others stay; contracts are free if asked for.

    With `paths` each free load follows one of its paths; with a plan, draws from all but some pools stay as they are in it.
    """

    decisions: Decisions
    loads: Ints
    runs: Ints
    contracts: bool = False
    paths: tuple[Path, ...] = ()
    path_charges: Floats | None = None  # discounted USD of following each, beside what it costs
    plan: Plan | None = None
    pools: Ints | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the solver found, in terms of the whole problem."""

    status: PlanStatus  # OPTIMAL: proven, for the part
    decisions: Decisions | None
    bound_usd: float  # of plans in the part


def solve_part(
    problem: PlanningProblem,
    *,
    keep: Bools,
    keep_options: Bools,
    lots: tuple[Ints, Ints],
    around: Around | None = None,
    start: Decisions | None = None,
    backend: Backend = "highs",
    time_limit_s: float | None,
    relative_gap: float,
    threads: int = 1,
    seed: int = 0,
    deterministic_limit: float | None = None,
    cutoff_usd: float = math.inf,
) -> Part:
    """Solves what is left of a problem, in the units of the whole.

    Args:
      keep, keep_options: [N, T] and [G], as in `restrict`.
      lots: least and most lots of each contract, each [K].
      around: decisions near which to look; None: anywhere.
      cutoff_usd: dearer plans are not looked for; INFEASIBLE says that the part has no others.
      start: decisions to start from, of solvers that take them; those of `around` where it is given.
    """
    part = restrict(problem, keep, keep_options, lots)
    program = build_program(part.problem)
    lower, upper = program.lower, program.upper
    chosen = start if around is None else around.decisions
    narrow = None if chosen is None else part.narrow(chosen)
    if around is not None:
        if narrow is None:
            return Part(status=PlanStatus.INFEASIBLE, decisions=None, bound_usd=math.inf)
        boxes = fix(program, part.problem, narrow)
        lower, upper = free_loads(program, part.problem, boxes, loads=around.loads, runs=around.runs, contracts=around.contracts)
        if around.plan is not None and around.pools is not None:
            lower, upper = hold_draws(program, part.problem, (lower, upper), around.plan, pools=around.pools)
    answer = solve_program(
        program,
        backend=backend,
        time_limit_s=time_limit_s,
        relative_gap=relative_gap,
        threads=threads,
        seed=seed,
        deterministic_limit=deterministic_limit,
        paths=() if around is None else around.paths,
        path_charges=None if around is None else around.path_charges,
        problem=part.problem,
        lower=lower,
        upper=upper,
        cutoff_usd=cutoff_usd,
        start=None if narrow is None or backend not in TAKES_START else _values(program, part.problem, narrow),
    )
    found = None if answer.values is None else part.widen(decisions(program, part.problem, answer.values))
    return Part(status=answer.status, decisions=found, bound_usd=answer.bound)


def _values(program: Program, problem: PlanningProblem, chosen: Decisions) -> Floats:
    """Starting values, [n]: the decisions, and the draws that they need."""
    lower, upper = fix(program, problem, chosen)
    priced = solve_program(program, relax=True, lower=lower, upper=upper)
    if priced.values is not None:
        return priced.values
    values = np.zeros(len(program.cost))
    columns, held = integers(program, problem, chosen)
    values[columns] = held
    return values


def cost_step(problem: PlanningProblem) -> float:
    """USD of which every difference between the costs of plans worth considering is a multiple; 0: none is known.

    The model of one pair a load has every kind of column and row; the costs of all other pairs are looked at themselves.
    """
    plain = (problem.discount == 1.0).all() and len(problem.scenarios) == 1
    amounts = np.concatenate([problem.egress_cash.ravel(), problem.enter_cash, problem.leave_cash])
    if not plain or (amounts % 1 != 0).any() or (np.abs(amounts) >= 2.0**53).any():
        return 0.0
    first = np.unique(problem.needs.pair_load, return_index=True)[1]
    keep = np.isin(np.arange(len(problem.needs.pair_load)), first)[:, None] & problem.pair_allowed
    step = objective_step(build_program(restrict(problem, keep).problem))
    return float(math.gcd(int(step), *amounts.astype(np.int64).tolist())) if step else 0.0
