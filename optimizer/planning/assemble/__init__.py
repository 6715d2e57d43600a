"""A case and its needs as the arrays that solvers read."""

from optimizer.planning.assemble.problem import build_problem

__all__ = ["build_problem"]
