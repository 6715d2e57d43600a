"""Pricing beside the search, in a process of its own: prices of a small relaxation, then one climb after another from the best so far."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import TracebackType

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.errors import SolverFailure
from optimizer.integer.expected import Expected, leaves_nothing_out, solve_expected
from optimizer.pricing.arrays import Prepared, prepare
from optimizer.pricing.ascent import price_prepared
from optimizer.pricing.bound import option_reduced_costs, reduced_costs
from optimizer.pricing.given import price_given
from optimizer.pricing.prices import Prices
from optimizer.solve.worker import Worker

EXPECTED_S = 30.0  # guard on the relaxation at expected need
FIRST_EVALUATIONS = 300
MORE_EVALUATIONS = 300
NEGLIGIBLE = 1e-5  # rise of the bound, relative, below which pricing ends


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The best prices so far and, where a relaxation gave them, its rounded plan."""

    prices: Prices
    decisions: Decisions | None = None
    final: bool = False  # no prices prove more
    pair_usd: Floats | None = None  # [N, T] what a plan with the pair costs at least beyond the bound, where asked for
    option_usd: Floats | None = None  # [G] likewise


class Climb:
    """Prices that get better from one `latest` to the next, until the bound hardly rises."""

    def __init__(self, problem: PlanningProblem, *, reduced: bool = False) -> None:
        """
        Args:
          reduced: whether reduced costs are wanted with the prices.
        """
        self._problem, self._reduced = problem, reduced
        self._worker: Worker[Priced] | None = None
        self._best: Prices | None = None
        self._afresh = False
        self._pending: Future[Priced] | None = None

    def begin(self) -> None:
        self._worker = Worker(price_more, self._problem)
        self._pending = self._ask(0, None)

    def latest(self) -> Priced | None:
        """What was found since the last call, or None; a further climb has then begun if it may pay.

        After the relaxation comes one climb from list prices, as where needs differ much from what is expected that gets further.
        """
        if self._worker is None or self._pending is None or not self._pending.done():
            return None
        priced, before = self._pending.result(), self._best
        found = priced.prices
        gained = before is None or found.bound_usd > before.bound_usd + NEGLIGIBLE * abs(before.bound_usd)
        best = found if before is None or found.bound_usd > before.bound_usd else before
        self._best = best
        if priced.final:
            self._pending = None
        elif priced.decisions is not None:
            self._afresh = True
            self._pending = self._ask(FIRST_EVALUATIONS, None)
        else:
            more, self._afresh = gained or self._afresh, False
            self._pending = self._ask(MORE_EVALUATIONS, best) if more else None
        return priced

    def _ask(self, evaluations: int, start: Prices | None) -> Future[Priced]:
        assert self._worker is not None
        return self._worker.ask(evaluations=evaluations, start=start, reduced=self._reduced)

    @property
    def climbing(self) -> bool:
        return self._pending is not None

    def __enter__(self) -> Climb:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._worker is not None:
            self._worker.close()


def price_more(problem: PlanningProblem, *, evaluations: int, start: Prices | None, reduced: bool = False) -> Priced:
    """Better prices from where `start` stands; the problem's arrays stay on the device from one call to the next.

    Args:
      evaluations: of the dual; 0 takes the prices of the relaxation at expected need, or climbs from list prices if that has none.
      reduced: whether reduced costs are wanted.
    """
    prepared = _prepared(problem)
    expected = _expected(problem) if evaluations == 0 else None
    if expected is None:
        priced = Priced(prices=price_prepared(prepared, iterations=evaluations or FIRST_EVALUATIONS, start=start))
    else:
        firm, any_kind = expected.firm, expected.any_kind
        given = price_given(prepared, problem, firm=firm, any_kind=any_kind, excess=expected.excess, short=expected.short)
        priced = Priced(prices=given, decisions=expected.decisions, final=leaves_nothing_out(problem))
    if not reduced:
        return priced
    prices = priced.prices
    return replace(priced, pair_usd=reduced_costs(problem, prepared, prices), option_usd=option_reduced_costs(prepared, prices))


def _expected(problem: PlanningProblem) -> Expected | None:
    """A start is not worth a failure: where the solver breaks down there is none."""
    try:
        return solve_expected(problem, time_limit_s=EXPECTED_S)
    except SolverFailure:
        return None


_problems: list[tuple[PlanningProblem, Prepared]] = []


def _prepared(problem: PlanningProblem) -> Prepared:
    if not _problems or _problems[0][0] is not problem:
        _problems[:] = [(problem, prepare(problem))]
    return _problems[0][1]
