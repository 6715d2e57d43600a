"""Tiny assignment problems, and their optima by trying every placement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.assignment_files import Assignment


def made(seed: int, *, fees: bool, loads: int = 6, pools: int = 3, spare: int = 4) -> Assignment:
    rng = np.random.default_rng(seed)
    need = rng.integers(1, 9, (loads, pools))
    return Assignment(
        cost=rng.integers(1, 30, (loads, pools)).astype(np.float64),
        need=need,
        capacity=np.full(pools, int(need.mean() * loads / pools) + spare),
        fee=rng.integers(5, 40, pools).astype(np.float64) if fees else None,
    )


def anything(placed: np.ndarray) -> bool:
    return True


def optimum(assignment: Assignment, allowed: Callable[[np.ndarray], bool] = anything) -> float:
    """USD of the best placement that fits and is allowed; inf where there is none."""
    loads, pools = assignment.need.shape
    best, load = np.inf, np.arange(loads)
    for placed in np.ndindex(*[pools] * loads):
        at = load, np.array(placed)
        use = np.bincount(at[1], assignment.need[at], pools)
        if (use <= assignment.capacity).all() and allowed(at[1]):
            fees = 0.0 if assignment.fee is None else assignment.fee[np.unique(at[1])].sum()
            best = min(best, float(assignment.cost[at].sum() + fees))
    return best
