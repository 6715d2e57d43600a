"""Training runs that somebody measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class MeasuredGang:
    """One run of a model on a gang of accelerators."""

    platform: str
    accelerator: str
    accelerators: int
    bf16_tflops: float  # rated dense BF16 arithmetic of one accelerator
    minutes_to_train: float
    mfu: float  # model FLOPs utilisation, share of the BF16 peak whatever the precision
    as_of: date | None = None  # day of the measurement; None: not recorded
