"""What the periods of a problem prove alone, each solved as a whole in a process of its own, one after another."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from types import TracebackType

import numpy as np

from optimizer.domain.plan import PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.errors import SolverFailure
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from optimizer.pricing.periods import falls_apart, period_problems
from optimizer.pricing.prices import Prices
from optimizer.solve.climb import Priced
from optimizer.solve.worker import Worker

MOST_NEEDS = 100_000  # in one period: larger ones are not tried, as a relaxation alone must be solved within a few seconds
LEAST_S, MOST_S = 0.5, 1.5  # for one period: what the solver proves before it branches is nearly all
KEPT_S = 1.0  # of the search, in which nothing is begun any more
CLOSE = 1e-5  # relative gap at which a period is done
TOLERANCE = 1e-6  # relative: what the solver's bounds may be off


def bound_period(
    problem: PlanningProblem, *, period: int, prices: Prices | None = None, pair_usd: Floats | None = None, time_limit_s: float, seed: int
) -> float:
    """USD that a period alone costs at least; -inf where nothing is proven.

    Args:
      prices, pair_usd: as `period_problems` takes them, with the first period; None: those of the call before.
    """
    if prices is not None and pair_usd is not None:
        _parts[:] = list(period_problems(problem, prices, pair_usd))
    answer = solve_program(build_program(_parts[period]), relative_gap=CLOSE, time_limit_s=time_limit_s, seed=seed)
    return answer.bound if answer.status is not PlanStatus.INFEASIBLE and math.isfinite(answer.bound) else -math.inf


_parts: list[PlanningProblem] = []


class PeriodBounds:
    """Asks for a bound of each period and adds them up; does nothing where the problem does not fall apart, or is too large."""

    def __init__(self, problem: PlanningProblem, *, seed: int) -> None:
        self._problem, self._seed = problem, seed
        self._pays = falls_apart(problem) and problem.needs.need[:, 0].size <= MOST_NEEDS
        self._worker: Worker[float] | None = None
        self._asked: Future[float] | None = None
        self._proven: list[float] = []
        self._until = math.inf  # `time.monotonic()` by which all are to be done

    def begin(self, priced: Priced, left: float) -> None:
        """Begins from prices that hardly get better, once, if the seconds left allow for it."""
        seconds = left - KEPT_S
        if self._worker is not None or not self._pays or priced.pairs is None or seconds < LEAST_S * len(self._problem.periods):
            return
        self._worker, self._until = Worker(bound_period, self._problem), time.monotonic() + seconds
        self._ask(prices=priced.prices, pair_usd=priced.pairs.usd)

    def look(self) -> float:
        """USD that the periods prove together; -inf until all of them are done, or where one proves nothing."""
        if self._asked is None or not self._asked.done():
            return -math.inf
        try:
            self._proven.append(self._asked.result())
        except SolverFailure:  # the search goes on without
            self._proven.append(-math.inf)
        self._asked = None
        if math.isfinite(self._proven[-1]) and len(self._proven) < len(self._problem.periods):
            self._ask()
            return -math.inf
        self.close()
        if not math.isfinite(self._proven[-1]):
            return -math.inf
        return math.fsum(self._proven) - TOLERANCE * math.fsum(map(abs, self._proven))

    def _ask(self, prices: Prices | None = None, pair_usd: Floats | None = None) -> None:
        assert self._worker is not None
        period = len(self._proven)
        seconds = np.clip((self._until - time.monotonic()) / (len(self._problem.periods) - period), LEAST_S, MOST_S)
        self._asked = self._worker.ask(period=period, prices=prices, pair_usd=pair_usd, time_limit_s=float(seconds), seed=self._seed)

    @property
    def busy(self) -> bool:
        """Whether a period is under way."""
        return self._asked is not None

    def close(self) -> None:
        """Stops what is under way."""
        if self._worker is not None:
            self._worker.close()

    def __enter__(self) -> PeriodBounds:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
