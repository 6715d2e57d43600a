"""How a broken rule is worded: the worst place, by how much, and how many more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from optimizer.domain.surface import Floats
from optimizer.planning.verify.position import Position

# What an LP solver's feasibility tolerance leaves behind: far below one accelerator, far above rounding.
ACCELERATORS_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-9
USD_TOLERANCE = 0.01


def broken_at(
    position: Position,
    rule: str,
    over: Floats,
    size: ArrayLike,
    *,
    unit: str = "accelerators",
    least: float = ACCELERATORS_TOLERANCE,
) -> Iterator[str]:
    """At most one message for `over`, an amount by which a rule is exceeded, with axes [T, ...] of period, block, scenario.

    Args:
      over: [T], [T, S] or [T, B, S]; not a number counts as exceeded.
      size: size of the amounts compared, for the relative tolerance; broadcasts to `over`.
    """
    with np.errstate(invalid="ignore"):
        wrong = ~(over <= np.maximum(least, RELATIVE_TOLERANCE * np.abs(size)))
    if not wrong.any():
        return
    worst = np.unravel_index(int(np.argmax(np.where(wrong, np.nan_to_num(over, nan=np.inf), -np.inf))), over.shape)
    more = int(wrong.sum()) - 1
    others = f" (and in {more} more places)" if more else ""
    yield f"{rule} by {over[worst]:,.6g} {unit} in {place(position, tuple(int(i) for i in worst))}{others}"


def place(position: Position, index: tuple[int, ...]) -> str:
    """Period, block and scenario by name; [T, S] has no block."""
    case = position.case
    words = [case.calendar.periods[index[0]].name]
    if len(index) == 3:
        words.append(f"block {case.calendar.blocks[index[1]].name}")
    if len(index) > 1:
        words.append(f"scenario {case.scenarios[index[-1]].name}")
    return ", ".join(words)
