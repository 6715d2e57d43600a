"""One call of HiGHS, GSCIP, CP-SAT or PDLP through MathOpt: arrays in, arrays out, failures in plain words.

The wheel's own entry point takes the model as a protocol buffer and answers with one. The Python model on top of it copies a large
program twice, turns each value into a dictionary entry, and its error handling fails in this wheel (`AttributeError`) before it says why.

What was found by running the wheel (OR-Tools 9.15):
- Row duals of a minimisation are >= 0 where a row is held up by its lower side and <= 0 where it is held down by its upper side,
  with HiGHS, GLOP and PDLP.
- HiGHS takes `threads` only as an option of its own, and the first solve of a process sets it for all that follow. It takes no
  starting values.
- HiGHS keeps time limits and relative gaps; `node_limit` is its deterministic limit. It does not hear interruptions.
- CP-SAT accepts continuous columns and scales them itself, by how much it does not say: see `grid` for what is done instead.
- PDLP refuses a seed and stops well at a time limit, with duals that are worth something; HiGHS's simplex and barrier then give none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    parameters_pb2,
    result_pb2,
)
from ortools.math_opt.core.python import solver as mathopt
from pybind11_abseil.status import StatusNotOk

from optimizer.domain.plan import PlanStatus
from optimizer.domain.surface import Floats
from optimizer.errors import SolverFailure
from optimizer.integer.reduced import Arrays

Backend = Literal["highs", "cp_sat", "gscip"]
Algorithm = Literal["simplex", "barrier", "first_order"]

_SOLVERS = {
    "highs": parameters_pb2.SOLVER_TYPE_HIGHS,
    "cp_sat": parameters_pb2.SOLVER_TYPE_CP_SAT,
    "gscip": parameters_pb2.SOLVER_TYPE_GSCIP,
    "pdlp": parameters_pb2.SOLVER_TYPE_PDLP,
}
NAMES = {"highs": "HiGHS", "cp_sat": "CP-SAT", "gscip": "GSCIP", "pdlp": "PDLP"}
CP_SAT_WORKERS = ("max_lp", "lb_tree_search", "reduced_costs", "core_max_lp")  # its own choice for few workers leaves the relaxation out
TAKES_START = frozenset({"cp_sat", "gscip"})


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long and how hard a solver works."""

    time_limit_s: float | None
    relative_gap: float
    threads: int
    seed: int
    deterministic_limit: float | None  # CP-SAT: deterministic seconds; HiGHS and GSCIP: nodes
    algorithm: Algorithm | None = None


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A solver's answer to one set of arrays, in their units."""

    status: PlanStatus
    values: Floats | None
    objective: float
    bound: float
    row_duals: Floats | None


def continuous(arrays: Arrays) -> Arrays:
    """The linear relaxation."""
    return replace(arrays, integer=np.zeros_like(arrays.integer))


def holding_integers(arrays: Arrays, values: Floats) -> Arrays:
    """The linear program that is left when all integer columns stand at `values`, [n]."""
    whole = np.rint(values)
    return continuous(
        replace(arrays, lower=np.where(arrays.integer, whole, arrays.lower), upper=np.where(arrays.integer, whole, arrays.upper))
    )


def solve_arrays(arrays: Arrays, backend: str, effort: Effort, start: Floats | None = None) -> Raw:
    """One call of a solver."""
    if len(arrays.cost) == 0:
        return Raw(status=PlanStatus.OPTIMAL, values=np.zeros(0), objective=arrays.offset, bound=arrays.offset, row_duals=np.zeros(0))
    linear = not arrays.integer.any()
    parameters = _parameters(backend, effort, linear)
    try:
        result = mathopt.solve(
            _model(arrays),
            _SOLVERS[backend],
            parameters_pb2.SolverInitializerProto(),
            parameters,
            _starting(start),
            None,
            callback_pb2.CallbackRegistrationProto(),
            None,
            None,
        )
    except StatusNotOk as failure:
        raise SolverFailure(f"{NAMES[backend]} could not take the model: {failure}.") from failure
    return _read(result, arrays, backend)


def _model(arrays: Arrays) -> model_pb2.ModelProto:
    model = model_pb2.ModelProto()
    model.variables.ids.extend(range(len(arrays.cost)))
    model.variables.lower_bounds.extend(arrays.lower.tolist())
    model.variables.upper_bounds.extend(arrays.upper.tolist())
    model.variables.integers.extend(arrays.integer.tolist())
    priced = np.flatnonzero(arrays.cost)
    model.objective.offset = arrays.offset
    model.objective.linear_coefficients.ids.extend(priced.tolist())
    model.objective.linear_coefficients.values.extend(arrays.cost[priced].tolist())
    model.linear_constraints.ids.extend(range(len(arrays.row_lower)))
    model.linear_constraints.lower_bounds.extend(arrays.row_lower.tolist())
    model.linear_constraints.upper_bounds.extend(arrays.row_upper.tolist())
    model.linear_constraint_matrix.row_ids.extend(arrays.row.tolist())
    model.linear_constraint_matrix.column_ids.extend(arrays.column.tolist())
    model.linear_constraint_matrix.coefficients.extend(arrays.data.tolist())
    return model


_highs_threads: int | None = None  # set by the first solve of the process, for all


def _parameters(backend: str, effort: Effort, linear: bool) -> parameters_pb2.SolveParametersProto:
    parameters = parameters_pb2.SolveParametersProto()
    if effort.time_limit_s is not None:
        parameters.time_limit.FromNanoseconds(int(max(effort.time_limit_s, 0.0) * 1e9))
    if not linear:
        parameters.relative_gap_tolerance = effort.relative_gap
    if backend != "pdlp":  # it draws nothing at random and refuses a seed
        parameters.random_seed = effort.seed
    if backend == "highs":
        _highs(parameters, effort, linear)
    else:
        parameters.threads = effort.threads
    if effort.deterministic_limit is not None and not linear:
        if backend == "cp_sat":
            parameters.cp_sat.max_deterministic_time = effort.deterministic_limit
            parameters.cp_sat.interleave_search = effort.threads > 1
        else:
            parameters.node_limit = int(effort.deterministic_limit)
    if backend == "cp_sat":
        _cp_sat(parameters, effort)
    if backend == "pdlp":
        parameters.pdlp.presolve_options.use_glop = True  # halves the time to a useful bound
    return parameters


def _cp_sat(parameters: parameters_pb2.SolveParametersProto, effort: Effort) -> None:
    """A program with draws lives by its relaxation: all rows in it from the start, in every worker."""
    parameters.cp_sat.mip_max_bound = 2.0**50  # its own default would cut draws off at 1e7 steps
    parameters.cp_sat.linearization_level = 2
    parameters.cp_sat.add_lp_constraints_lazily = False
    if 1 < effort.threads <= len(CP_SAT_WORKERS):
        parameters.cp_sat.subsolvers.extend(CP_SAT_WORKERS[: effort.threads])


def _highs(parameters: parameters_pb2.SolveParametersProto, effort: Effort, linear: bool) -> None:
    global _highs_threads
    if _highs_threads not in (None, effort.threads):
        raise SolverFailure(
            "HiGHS keeps the number of threads of the first solve in a process: "
            f"it was {_highs_threads}, now {effort.threads} are asked for. Use one number throughout."
        )
    _highs_threads = effort.threads
    parameters.highs.int_options["threads"] = effort.threads
    if not linear:
        parameters.highs.double_options["mip_feasibility_tolerance"] = 5e-7  # decisions are whole within 1e-6
    elif effort.algorithm is not None:
        parameters.highs.string_options["solver"] = "ipm" if effort.algorithm == "barrier" else effort.algorithm


def _starting(start: Floats | None) -> model_parameters_pb2.ModelSolveParametersProto:
    parameters = model_parameters_pb2.ModelSolveParametersProto()
    if start is not None:
        hint = parameters.solution_hints.add()
        hint.variable_values.ids.extend(range(len(start)))
        hint.variable_values.values.extend(start.tolist())
    return parameters


_STOPPED = {
    result_pb2.TERMINATION_REASON_OPTIMAL: PlanStatus.OPTIMAL,
    result_pb2.TERMINATION_REASON_FEASIBLE: PlanStatus.LIMIT,
    result_pb2.TERMINATION_REASON_NO_SOLUTION_FOUND: PlanStatus.LIMIT,
    result_pb2.TERMINATION_REASON_IMPRECISE: PlanStatus.LIMIT,
    result_pb2.TERMINATION_REASON_INFEASIBLE: PlanStatus.INFEASIBLE,
    result_pb2.TERMINATION_REASON_INFEASIBLE_OR_UNBOUNDED: PlanStatus.INFEASIBLE,  # every column has a finite box
}


def _read(result: result_pb2.SolveResultProto, arrays: Arrays, backend: str) -> Raw:
    reason = result.termination.reason
    if reason not in _STOPPED:
        name = result_pb2.TerminationReasonProto.Name(reason).removeprefix("TERMINATION_REASON_").lower().replace("_", " ")
        raise SolverFailure(f"{NAMES[backend]} stopped: {name}. {result.termination.detail}".strip())
    if _STOPPED[reason] is PlanStatus.INFEASIBLE:
        return Raw(status=PlanStatus.INFEASIBLE, values=None, objective=math.inf, bound=math.inf, row_duals=None)
    values = duals = None
    if result.solutions:
        solution = result.solutions[0]
        if solution.HasField("primal_solution"):
            values = _dense(solution.primal_solution.variable_values, len(arrays.cost))
        if solution.HasField("dual_solution"):
            duals = _dense(solution.dual_solution.dual_values, len(arrays.row_lower))
    return Raw(
        status=_STOPPED[reason],
        values=values,
        objective=math.inf if values is None else arrays.offset + float(arrays.cost @ values),
        bound=result.termination.objective_bounds.dual_bound,
        row_duals=duals,
    )


def _dense(sparse: Any, count: int) -> Floats:
    values = np.zeros(count)
    values[np.asarray(sparse.ids, dtype=np.int64)] = sparse.values
    return values
