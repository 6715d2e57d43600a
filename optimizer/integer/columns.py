"""Numbers of the program's columns, and the boxes that they keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimizer.domain.surface import Floats, Ints
from optimizer.integer.rows import numbered

Bools = NDArray[np.bool_]


class Columns:
    """Hands out column numbers and keeps their boxes."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: list[tuple[Floats, Floats, Bools]] = []

    def take(self, mask: Bools, *, lower: ArrayLike = 0.0, upper: ArrayLike = 1.0, integer: bool = False) -> Ints:
        """One column for each true entry of the mask; returns their numbers in the mask's shape, -1 elsewhere."""
        index = numbered(mask)
        index[mask] += self.count
        boxes = (np.broadcast_to(np.asarray(side, dtype=np.float64), mask.shape)[mask] for side in (lower, upper))
        low, high = boxes
        self._parts.append((low, high, np.full(len(low), integer)))
        self.count += len(low)
        return index

    def boxes(self) -> tuple[Floats, Floats, Bools]:
        """(lower, upper, integer), each [n]."""
        lower, upper, integer = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return lower, upper, integer
