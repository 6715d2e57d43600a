"""Serving runs that somebody measured, and what they ran on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from optimizer.domain.supply import Accelerator
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.workload import Model

Names = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ServingSetups:
    """How a model was, or is to be, served: one replica and the load on it in each row, [N]."""

    accelerator: Names
    model: Names
    precision: Names  # as it was reported: bf16, fp8, fp4, int4 or unknown
    framework: Names
    input_tokens: Floats  # of a request
    output_tokens: Floats
    concurrency: Floats  # requests at once
    parallel: Floats  # accelerators of the replica
    expert_parallel: Floats  # accelerators over which experts are spread; 1: none

    def __len__(self) -> int:
        return len(self.accelerator)

    def taken(self, rows: Ints) -> ServingSetups:
        """The setups at `rows`, in that order."""
        columns: dict[str, Any] = {name: _taken(value, rows) for name, value in vars(self).items()}
        return ServingSetups(**columns)


@dataclass(frozen=True, kw_only=True)
class MeasuredServing:
    """Measured runs, [N], with the hardware and the models that they name."""

    setups: ServingSetups
    ttft_s: Floats  # mean time to first token
    tpot_s: Floats  # mean time per further output token
    accelerators: Mapping[str, Accelerator]
    models: Mapping[str, Model]
    as_of: tuple[date | None, ...] = ()  # [N] day of each measurement, None where it is not recorded; (): nowhere

    def __len__(self) -> int:
        return len(self.setups)

    @property
    def tokens_per_s(self) -> Floats:
        """[N] prompt and output tokens per second and accelerator: n (isl+osl) / (TTFT + (osl-1) TPOT) / G."""
        runs = self.setups
        seconds = self.ttft_s + (runs.output_tokens - 1.0) * self.tpot_s
        return runs.concurrency * (runs.input_tokens + runs.output_tokens) / seconds / runs.parallel

    def taken(self, rows: Ints) -> MeasuredServing:
        """The runs at `rows`, in that order."""
        return MeasuredServing(
            setups=self.setups.taken(rows),
            ttft_s=self.ttft_s[rows],
            tpot_s=self.tpot_s[rows],
            accelerators=self.accelerators,
            models=self.models,
            as_of=tuple(self.as_of[row] for row in rows) if self.as_of else (),
        )


def _taken(value: Names | Floats, rows: Ints) -> Names | Floats:
    return value[rows] if isinstance(value, np.ndarray) else tuple(value[row] for row in rows)
