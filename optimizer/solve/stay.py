"""What a search charges for loads and training runs that are elsewhere than in the last plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.stay import FREE, Stay
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.paths import Path


def loads_elsewhere(stay: Stay, placed: Ints) -> Bools:
    """[L] of placements [L, T]."""
    return _away(stay.placed, placed)


def runs_elsewhere(stay: Stay, option: Ints) -> Bools:
    """[R]"""
    return np.asarray((stay.option != FREE) & (stay.option != option))


def charge_usd(stay: Stay, decisions: Decisions) -> float:
    """What decisions are charged."""
    return stay.usd * float(loads_elsewhere(stay, decisions.placed).sum() + runs_elsewhere(stay, decisions.option).sum())


def path_charges(stay: Stay, paths: Sequence[Path]) -> Floats:
    """What following each path is charged."""
    return stay.usd * np.array([_away(stay.placed[load], pools) for load, pools in paths], dtype=np.float64)


def option_charges(problem: PlanningProblem, stay: Stay) -> Floats:
    """What taking each training option is charged, [G]."""
    last = stay.option[problem.needs.option_run]
    return np.where((last != FREE) & (last != np.arange(len(last))), stay.usd, 0.0)


def with_options_charged(problem: PlanningProblem, stay: Stay) -> PlanningProblem:
    """The problem with what runs are charged among the costs of training."""
    return replace(
        problem,
        option_usd=problem.option_usd + option_charges(problem, stay),
        run_unplaced_usd=problem.run_unplaced_usd + np.where(stay.option >= 0, stay.usd, 0.0),
    )


def _away(last: Ints, placed: Ints) -> Bools:
    """Whether placements [..., T] are elsewhere in any period, [...]."""
    return np.asarray(((last != FREE) & (last != placed)).any(axis=-1))
