"""How much of a job's time is left for what follows its plan."""

from __future__ import annotations

LEAST_S = 10.0  # however long the plan has taken
STARTING = 0.1  # of the time: what the program takes to start and to end
WRITING = 0.15  # of the time so far: what tables and the report take at most, on the same machine


def time_left(limit_s: float, taken_s: float) -> float:
    """Seconds; inf where there is no limit.

    Example: of 300 s, 100 of them gone, 155 are left.
    """
    return max(LEAST_S, (1.0 - STARTING) * limit_s - (1.0 + WRITING) * taken_s)
