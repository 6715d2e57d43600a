"""Pricing beside the search, in a process of its own: one climb after another, each from where the last one ended."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Prepared, prepare
from optimizer.pricing.ascent import price_prepared
from optimizer.pricing.prices import Prices
from optimizer.solve.worker import Worker

FIRST_EVALUATIONS = 300
MORE_EVALUATIONS = 300
NEGLIGIBLE = 1e-5  # rise of the bound, relative, below which pricing ends


class Climb:
    """Prices that get better from one `latest` to the next, until the bound hardly rises."""

    def __init__(self, problem: PlanningProblem) -> None:
        self._problem = problem
        self._worker: Worker[Prices] | None = None
        self._best: Prices | None = None
        self._pending: Future[Prices] | None = None

    def begin(self) -> None:
        self._worker = Worker(price_more, self._problem)
        self._pending = self._worker.ask(evaluations=FIRST_EVALUATIONS, start=None)

    def latest(self) -> Prices | None:
        """Prices found since the last call, or None; a further climb has then begun if it may pay."""
        if self._worker is None or self._pending is None or not self._pending.done():
            return None
        found, before = self._pending.result(), self._best
        gained = before is None or found.bound_usd > before.bound_usd + NEGLIGIBLE * abs(before.bound_usd)
        self._best = found
        self._pending = self._worker.ask(evaluations=MORE_EVALUATIONS, start=found) if gained else None
        return found

    @property
    def climbing(self) -> bool:
        return self._pending is not None

    def __enter__(self) -> Climb:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._worker is not None:
            self._worker.close()


def price_more(problem: PlanningProblem, *, evaluations: int, start: Prices | None) -> Prices:
    """Better prices from where `start` stands; the problem's arrays stay on the device from one call to the next."""
    return price_prepared(_prepared(problem), iterations=evaluations, start=start)


_problems: list[tuple[PlanningProblem, Prepared]] = []


def _prepared(problem: PlanningProblem) -> Prepared:
    if not _problems or _problems[0][0] is not problem:
        _problems[:] = [(problem, prepare(problem))]
    return _problems[0][1]
