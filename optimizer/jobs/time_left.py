"""How much of a job's time is left for what follows its plan."""

from __future__ import annotations

from collections.abc import Mapping

LEAST_S = 10.0  # however long the plan has taken
STARTING_S = 5.0  # what the program takes to start and to end
WRITING = 12.0  # tables and the page take at most so many times as long as the surfaces and the problem took on the same machine


def time_left(limit_s: float, taken_s: float, phases: Mapping[str, float]) -> float:
    """Seconds; inf where there is no limit.

    Args:
      phases: seconds of the plan's phases.

    Example: of 300 s, 100 of them gone and 2 of these before the search, 171 are left.
    """
    return max(LEAST_S, limit_s - taken_s - STARTING_S - WRITING * (phases["surfaces"] + phases["problem"]))
