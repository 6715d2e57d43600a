"""How a figure grows with a size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Exponent of values > 0 in sizes, by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
