"""Rows of a result as a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def as_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One column per key, in the order of the first row.

    Example: [{"pool": "a", "lots": 1}, {"pool": "b", "lots": 2}] has the columns pool and lots.
    """
    return pd.DataFrame.from_records(list(rows))
