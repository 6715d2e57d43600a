"""A solver's values as draws, service and shortage by scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.program import Program


@dataclass(frozen=True, kw_only=True)
class Recourse:
    """Accelerators, indexed as in `Plan`; as the solver left them, so that tolerances still show."""

    contract_draw: Floats  # [J, T, B, S]
    offer_draw: Floats  # [O, T, B, S]
    served: Floats  # [L, T, B, S] given to flexible loads
    shortage: Floats  # [P, T, B, S]


def recourse(program: Program, problem: PlanningProblem, values: Floats) -> Recourse:
    """Reads the recourse from a solver's values, [n]; what has no column is 0."""
    variables = program.variables

    def read(column: Ints) -> Floats:
        return np.asarray(np.where(column >= 0, values[column], 0.0))

    served = np.zeros((len(problem.needs.loads), *problem.shape))
    np.add.at(served, problem.needs.pair_load[variables.flexible_pairs], read(variables.served))
    return Recourse(
        contract_draw=read(variables.contract_draw),
        offer_draw=read(variables.offer_draw),
        served=served,
        shortage=read(variables.shortage),
    )
