"""Rows of a result as a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def as_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """The columns named, in that order; a table without rows has them too.

    Example: rows [{"pool": "a", "lots": 1}, {"pool": "b", "lots": 2}] and columns ("pool", "lots") give two rows.
    """
    return pd.DataFrame.from_records(list(rows), columns=list(columns))
