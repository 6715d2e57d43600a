"""Decisions on copies of a contract that are the same, as they are taken before the scenarios of the copies are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.stages import by_day_and_scenario, decided_by, parted_on
from optimizer.domain.surface import Ints


def linked(case: Case, chosen: Sequence[Contract]) -> tuple[Ints, Ints]:
    """`same_lots` and `same_exits` of `Supply`."""
    stages = by_day_and_scenario(case)
    lots: list[tuple[int, int]] = []
    exits: list[tuple[int, int, int]] = []
    copies = [k for k, contract in enumerate(chosen) if contract.copy_of is not None]
    for a, b in combinations(copies, 2):
        one, other = chosen[a], chosen[b]
        if one.copy_of != other.copy_of:
            continue
        parted = parted_on(stages, one, other)
        if not one.status.in_force and decided_by(one) < parted:
            lots.append((a, b))
        exits += [(a, b, t) for t, period in enumerate(case.calendar.periods) if decided_by(one, period.start) < parted]
    return np.array(lots, dtype=np.int64).reshape(-1, 2), np.array(exits, dtype=np.int64).reshape(-1, 3)
