"""Pricing beside the search, in a process of its own: one climb after another, each longer and finer, from the best prices so far.

Between climbs, and once they no longer pay, the process dives along the prices for plans (`price_diving`).

Where the linear relaxation at expected need is the problem's own (`leaves_nothing_out`), it is solved instead, and its prices prove most.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.errors import SolverFailure
from optimizer.integer.expected import Expected, leaves_nothing_out, solve_expected
from optimizer.pricing.arrays import Prepared, devices_mesh, prepare, with_supply
from optimizer.pricing.ascent import FIRST_RATE, WARM_RATE, price_prepared
from optimizer.pricing.bound import PairCosts, option_reduced_costs, pair_costs_at, proven_by
from optimizer.pricing.given import price_given
from optimizer.pricing.prices import Prices
from optimizer.pricing.sensitivity import Sensitivities, sensitivities
from optimizer.solve.price_diving import Dived, dive
from optimizer.solve.rounding import rounded
from optimizer.solve.worker import InTurn, Worker

EXPECTED_S = 30.0  # guard on the relaxation at expected need
FIRST_EVALUATIONS = 300
LARGE = 2_000_000  # needs above which an evaluation takes so long that the first climb is a third as long, for prices in time
MOST_EVALUATIONS = 2400
QUICK_EVALUATIONS = 50  # of the first climb from given prices in one process: a bound as soon as may be
NEXT_RATE = 0.1  # of list prices: of the second climb, where the first began from list prices
FINER = 0.5  # rate of the next climb over this one's
FIRST_DIVE = 2  # climbs before it, and twice as many before the next
IDLE = 20  # dives in a row without a plan after which there are no more
STEEP = 2e-3  # rise of the bound, relative, after which prices are still too far from what they come to for a dive
NEGLIGIBLE = 1e-5  # rise of the bound, relative, below which pricing ends


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The best prices so far and a plan rounded from the shares that came with them."""

    prices: Prices
    decisions: Decisions | None = None
    final: bool = False  # no prices prove more
    pairs: PairCosts | None = None  # where asked for
    option_usd: Floats | None = None  # [G] what a plan with the option costs at least beyond the bound, where asked for
    sensitivities: Sensitivities | None = None  # where asked for


NO_PLAN = Dived(decisions=None, bound_usd=np.inf)


class Climb:
    """Prices that get better from one `latest` to the next, until the bound hardly rises."""

    def __init__(
        self,
        problem: PlanningProblem,
        *,
        reduced: bool = False,
        dives: bool = False,
        seed: int = 0,
        start: Prices | None = None,
        side_by_side: bool = True,
    ) -> None:
        """
        Args:
          reduced: whether reduced costs and sensitivities are wanted with the prices.
          dives: whether plans of dives are wanted (`dived`).
          seed: of dives by chance.
          start: prices of a similar problem to begin from; what they prove is of that problem, and is no measure here.
          side_by_side: False: climbs, all of them short, are made in this process, each when it is asked for.
        """
        self._problem, self._reduced, self._side_by_side = problem, reduced, side_by_side
        self._dives, self._seed = dives, seed
        self._worker: Worker[Priced | Dived] | InTurn[Priced | Dived] | None = None
        self._start = start
        self._first = first_evaluations(problem)
        self._best: Prices | None = None
        self._climbs = 0
        self._looks = start is not None and side_by_side  # what given prices prove is asked for before any climb from them
        self._rises = False  # a further climb may pay
        self._plunges = False  # a dive comes first, or instead
        self._next_dive = FIRST_DIVE
        self._ended = 0  # dives from these prices
        self._idle = 0  # of them, the last without a plan
        self._lowest = np.inf  # USD: least of what they have ended with
        self._dived: Decisions | None = None
        self._pending: Future[Priced | Dived] | None = None

    def begin(self) -> None:
        self._worker = (Worker if self._side_by_side else InTurn)(work_on, self._problem)
        self._rises = True
        self._go_on()

    def latest(self) -> Priced | None:
        """What a climb has found since the last call, or None; more is then under way where it may pay."""
        if not self._rises and not self._plunges:
            return None
        self._pending = self._pending or self._ask()
        if not self._pending.done():
            return None
        try:
            found = self._pending.result()
        except SolverFailure:
            if not self._plunges:
                raise
            found, self._dives, self._lowest = NO_PLAN, False, np.inf  # the search goes on without dives
        self._pending = None
        if isinstance(found, Dived):
            self._take_dived(found)
        else:
            self._take_prices(found)
        self._go_on()
        return None if isinstance(found, Dived) else found

    def dived(self) -> Decisions | None:
        """What a dive has ended with since the last call, or None."""
        dived, self._dived = self._dived, None
        return dived

    def _take_prices(self, priced: Priced) -> None:
        found, before = priced.prices, self._best
        unit, rise = abs(found.bound_usd), np.inf if before is None else found.bound_usd - before.bound_usd
        best = found if before is None or before.shares is None or rise > 0.0 else before
        if best is not before:
            self._ended, self._idle, self._lowest = 0, 0, np.inf
        self._best = best
        self._climbs += not self._looks
        self._looks = False
        self._rises = rise > NEGLIGIBLE * unit and not priced.final
        level = self._dives and best.shares is not None and rise < STEEP * unit
        self._plunges = level and (self._climbs == self._next_dive or (not self._rises and self._side_by_side))
        if self._climbs == self._next_dive:
            self._next_dive *= 2

    def _take_dived(self, found: Dived) -> None:
        """Goes on climbing, or diving by chance where climbs no longer pay and dives do."""
        self._ended += 1
        self._idle = self._idle + 1 if found.decisions is None else 0
        if found.decisions is not None:
            self._dived, self._lowest = found.decisions, found.bound_usd
        self._plunges = not self._rises and np.isfinite(self._lowest) and self._idle < IDLE

    def _go_on(self) -> None:
        if (self._rises or self._plunges) and self._side_by_side:
            self._pending = self._ask()

    def _ask(self) -> Future[Priced | Dived]:
        assert self._worker is not None
        if self._plunges:
            seed = (self._seed, self._ended) if self._ended else None
            return self._worker.ask(work=dive_from, start=self._best, cutoff_usd=self._lowest, seed=seed)
        warm, start = self._start is not None, self._best or self._start
        longer = min(MOST_EVALUATIONS, self._first * 2**self._climbs)
        evaluations = longer if self._side_by_side else QUICK_EVALUATIONS if warm and self._best is None else self._first
        evaluations = 0 if self._looks else evaluations
        rate = FIRST_RATE if start is None else WARM_RATE * FINER**self._climbs if warm else NEXT_RATE * FINER ** (self._climbs - 1)
        return self._worker.ask(work=price_more, evaluations=evaluations, rate=rate, start=start, reduced=self._reduced)

    @property
    def climbing(self) -> bool:
        """Whether better prices may come."""
        return self._rises

    def __enter__(self) -> Climb:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._worker is None:
            return
        if kind is None and self._best is None and self._rises:
            self._worker.leave()  # it may still be compiling: the next run then begins with its kernels
        else:
            self._worker.close()


def first_evaluations(problem: PlanningProblem) -> int:
    """Evaluations of the first climb: fewer where each takes long."""
    return FIRST_EVALUATIONS if problem.needs.need.size <= LARGE else FIRST_EVALUATIONS // 3


def work_on(problem: PlanningProblem, *, work: Callable[..., Priced | Dived], **options: Any) -> Priced | Dived:
    """`work(problem, **options)` in the process that prices."""
    return work(problem, **options)


def dive_from(problem: PlanningProblem, *, start: Prices, cutoff_usd: float, seed: tuple[int, ...] | None) -> Dived:
    """A dive on arrays that stay on the device."""
    return dive(problem, prepared_arrays(problem), start, cutoff_usd=cutoff_usd, seed=seed)


def price_more(
    problem: PlanningProblem, *, evaluations: int, rate: float = FIRST_RATE, start: Prices | None = None, reduced: bool = False
) -> Priced:
    """Better prices from where `start` stands; the problem's arrays stay on the device from one call to the next.

    Args:
      evaluations: of the dual; 0: what `start` proves.
      rate: of the first step, in list prices.
      reduced: whether reduced costs and sensitivities are wanted.
    """
    prepared = prepared_arrays(problem)
    expected = _expected(problem) if start is None and leaves_nothing_out(problem) else None
    if start is not None and evaluations == 0:
        priced = Priced(prices=proven_by(prepared, start))
    elif expected is None:
        prices = price_prepared(prepared, iterations=evaluations, start=start, rate=rate)
        priced = Priced(prices=prices, decisions=None if prices.shares is None else rounded(problem, prices.shares))
    else:
        firm, any_kind = expected.firm, expected.any_kind
        given = price_given(prepared, problem, firm=firm, any_kind=any_kind, excess=expected.excess, short=expected.short)
        priced = Priced(prices=given, decisions=expected.decisions, final=True)
    unread = replace(priced.prices, slopes=None)  # as large as the problem
    if not reduced:
        return replace(priced, prices=unread)
    pairs = pair_costs_at(prepared, priced.prices)
    return replace(
        priced,
        prices=unread,
        pairs=pairs,
        option_usd=option_reduced_costs(prepared, priced.prices),
        sensitivities=sensitivities(problem, prepared, priced.prices, pairs),
    )


def _expected(problem: PlanningProblem) -> Expected | None:
    """A start is not worth a failure: where the solver breaks down there is none."""
    try:
        return solve_expected(problem, time_limit_s=EXPECTED_S)
    except SolverFailure:
        return None


_problems: list[tuple[PlanningProblem, Prepared]] = []


def prepared_arrays(problem: PlanningProblem) -> Prepared:
    """The problem's arrays, kept on the device until another one is asked for; where only supply differs, only that is laid out anew."""
    for known, prepared in _problems:
        if known is problem:
            return prepared
    if _problems and _differ_in_supply_only(_problems[0][0], problem):
        _problems[1:] = [(problem, with_supply(_problems[0][1], problem))]
    else:
        _problems[:] = [(problem, prepare(problem, mesh=devices_mesh()))]
    return _problems[-1][1]


def _differ_in_supply_only(one: PlanningProblem, other: PlanningProblem) -> bool:
    """Whether all else is the very same, and the same offers are spot and the same rules count cash."""
    shared = all(getattr(one, field.name) is getattr(other, field.name) for field in fields(PlanningProblem) if field.name != "supply")
    spot = [np.unique(problem.supply.offer_pool[problem.supply.offer_spot]).tolist() for problem in (one, other)]
    wallet = [bool((problem.supply.share_of_wallet > 0).any()) for problem in (one, other)]
    return shared and spot[0] == spot[1] and wallet[0] == wallet[1]
