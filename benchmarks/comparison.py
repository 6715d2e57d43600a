"""`python -m benchmarks compare A.csv B.csv`: what got slower or faster, and how sure that is.

Rows of the same suite, case, size, solver and device are runs of the same thing. The ratio of their mean times (of logarithms, as times
multiply) has an interval of Welch's t; without at least two runs on each side there is a ratio and no judgement. Of what is judged at
once, one in twenty would seem changed by chance alone.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.settings import file_named, require

KEY = ("suite", "case", "size", "solver", "device")
CONFIDENCE = 0.95

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Times of one thing in two files. `ratio` is B over A; nan: not known."""

    key: Key
    runs: tuple[int, int]
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        if math.isnan(self.low):
            return "too few runs"
        return "slower" if self.low > 1.0 else "faster" if self.high < 1.0 else "as before"


def timed(path: str) -> dict[Key, list[float]]:
    """Seconds of every run in a file of rows, by what was run; rows without a time are left out.

    Raises:
      ConfigError: no such file, or it does not hold rows of solvers or kernels.
    """
    file = file_named("compare", path)
    found: dict[Key, list[float]] = defaultdict(list)
    for row in rows_of(file):
        if row["seconds"] and float(row["seconds"]) > 0.0:
            found[tuple(row[name] for name in KEY)].append(float(row["seconds"]))
    return found


def rows_of(file: Path) -> list[dict[str, str]]:
    """Rows that `out=FILE.csv` kept.

    Raises:
      ConfigError: the columns of solvers and kernels are not there.
    """
    with file.open(newline="", encoding="utf-8") as opened:
        reader = csv.DictReader(opened)
        missing = [name for name in (*KEY, "seconds", "gap") if name not in (reader.fieldnames or ())]
        require(not missing, str(file), "must hold rows of solvers or kernels", f"no column {', '.join(missing)}", "Name a file of out=.")
        return list(reader)


def compared(before: dict[Key, list[float]], after: dict[Key, list[float]]) -> list[Change]:
    """What both files hold, the largest growth first."""
    both = [_change(key, before[key], after[key]) for key in before if key in after]
    return sorted(both, key=lambda change: -change.ratio)


def _change(key: Key, before: Sequence[float], after: Sequence[float]) -> Change:
    a, b = np.log(before), np.log(after)
    difference, runs = float(b.mean() - a.mean()), (len(a), len(b))
    if min(runs) < 2:
        return Change(key=key, runs=runs, ratio=math.exp(difference), low=math.nan, high=math.nan)
    spread = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    total = sum(spread)
    if total == 0.0:
        return Change(key=key, runs=runs, ratio=math.exp(difference), low=math.exp(difference), high=math.exp(difference))
    freedom = total**2 / sum(part**2 / (many - 1) for part, many in zip(spread, runs, strict=True))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * math.sqrt(total)
    return Change(key=key, runs=runs, ratio=math.exp(difference), low=math.exp(difference - half), high=math.exp(difference + half))


def comparison_text(changes: Iterable[Change], *, only: tuple[int, int]) -> str:
    """
    Args:
      only: things that the first and the second file alone hold.
    """
    lines = [f"{'B / A':>7}  {f'{CONFIDENCE:.0%} interval':>17}  {'runs':>7}  {'':12}  what"]
    for change in changes:
        known = "" if math.isnan(change.low) else f"{change.low:.3f} to {change.high:.3f}"
        runs = f"{change.runs[0]}, {change.runs[1]}"
        lines.append(f"{change.ratio:7.3f}  {known:>17}  {runs:>7}  {change.verdict:12}  {' | '.join(part for part in change.key if part)}")
    lines += [f"In A alone: {only[0]}; in B alone: {only[1]}."] if any(only) else []
    return "\n".join(lines)
