"""Predictions beside measurements, and how far apart the two are: the one place where an accuracy is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.surface import Floats


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Measurements and predictions of them, [N] > 0, in one unit."""

    measured: Floats
    predicted: Floats
    interval: tuple[Floats, Floats] | None = None  # ends of the 90 % interval, [N] each; None: not known for rows that no fit saw
    label: tuple[str, ...] = ()  # [N] what each was measured on; (): not told

    def __len__(self) -> int:
        return len(self.measured)

    @property
    def absolute_errors(self) -> Floats:
        """[N] 100 |predicted - measured| / measured, %."""
        return np.asarray(100.0 * np.abs(self.predicted - self.measured) / self.measured)

    @property
    def median_ape(self) -> float:
        """Median of the absolute errors, %."""
        return float(np.median(self.absolute_errors))

    @property
    def p90_ape(self) -> float:
        """90th percentile of the absolute errors, %."""
        return float(np.quantile(self.absolute_errors, 0.9))

    @property
    def coverage_90(self) -> float | None:
        """Share of the measurements inside their 90 % interval."""
        if self.interval is None:
            return None
        low, high = self.interval
        return float(np.mean((low <= self.measured) & (self.measured <= high)))
