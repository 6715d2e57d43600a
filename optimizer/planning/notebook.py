"""The Python interface: `from optimizer import read_case, plan`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from optimizer.domain.case import Case
from optimizer.planning import outputs
from optimizer.planning.calibration import read_calibration
from optimizer.planning.forecasts import with_forecasts
from optimizer.planning.plan import DISCOUNT_RATE, PlanResult, make_plan
from optimizer.solve.search import SolveSettings
from optimizer.tables import read
from optimizer.tables.catalog import case_folder
from optimizer.tables.frame import as_frame


@dataclass(frozen=True)
class Result:
    """A verified plan as data frames; `found` holds its arrays."""

    found: PlanResult

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The numbers of summary.json that speak of the plan; money is discounted USD."""
        return outputs.summary(self.found)

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {name: as_frame(rows, outputs.COLUMNS[name]) for name, rows in outputs.tables(self.found).items()}

    def placements(self) -> pd.DataFrame:
        """Where each load and training run is in each period, with accelerators and latency."""
        return self._tables["placements"]

    def commitments(self) -> pd.DataFrame:
        """What is signed, kept, declined and left, and by when to act."""
        return self._tables["commitments"]

    def supply(self) -> pd.DataFrame:
        """Accelerators drawn and missing by pool, period, block and scenario."""
        return self._tables["supply"]

    def prices(self) -> pd.DataFrame:
        """What one accelerator-hour more would save, by pool, period and block."""
        return self._tables["prices"]

    def costs(self) -> pd.DataFrame:
        """The ledger: cash, accrued and discounted USD by period and payee."""
        return self._tables["costs"]

    def unit_costs(self) -> pd.DataFrame:
        """USD per million input and output tokens by model."""
        return self._tables["unit_costs"]

    def sensitivities(self) -> pd.DataFrame:
        """What moves the cost: the slope of the bound in the figures of the case's tables."""
        return self._tables["sensitivities"]

    def alternatives(self) -> pd.DataFrame:
        """Why this pool and not that: what loads and runs would cost elsewhere, at the prices."""
        return self._tables["alternatives"]


def read_case(name_or_path: str | Path, periods: int | None = None) -> Case:
    """A case shipped with the program by its name, or any folder of tables.

    Args:
      periods: first periods of the calendar to plan; None for all.

    Raises:
      DataError: every rule that the tables break.
    """
    path = Path(name_or_path)
    return read.read_case(path if path.is_dir() else case_folder(str(name_or_path)), periods=periods)


def plan(case: Case, *, annual_discount_rate: float = DISCOUNT_RATE, calibration: str | Path | None = None, **settings: Any) -> Result:
    """Plans the case; the settings are the fields of `SolveSettings`, such as `time_limit_s=20`.

    Args:
      calibration: a file that `placement calibrate` wrote; None: what is shipped.

    Raises:
      DataError, InfeasiblePlan, NoPlanInLimit, SolverFailure: as `make_plan`.
    """
    chosen = SolveSettings(**settings)
    fitted = None if calibration is None else read_calibration(Path(calibration))
    case, _ = with_forecasts(case)
    found = make_plan(case, annual_discount_rate=annual_discount_rate, calibration=fitted, settings=chosen, progress=lambda step: None)
    return Result(found)
