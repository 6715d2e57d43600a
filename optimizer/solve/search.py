"""What every search keeps: the best plan and bound so far, the clock, and what it reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import Stay
from optimizer.errors import NoPlanInLimit
from optimizer.integer.backend import Backend
from optimizer.pricing.prices import Prices
from optimizer.solve.climb import Climb, Priced
from optimizer.solve.contract_search import together, within_renewals
from optimizer.solve.settle import Settled
from optimizer.solve.start import cheapest_first, hold
from optimizer.solve.stay import charge_usd

Method = Literal["price_and_assign", "exact"]
LATE_SHARE = 0.2  # of the time limit: for a search whose first walk at prices ends towards its end, or after it


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a job stands; money in discounted USD."""

    phase: str
    seconds: float
    done: int = 0
    of: int = 0  # parts of the phase; 0: it has none
    limit_s: float | None = None  # seconds at which the phase ends at the latest
    incumbent_usd: float | None = None
    bound_usd: float | None = None
    gap: float | None = None


@dataclass(frozen=True, kw_only=True)
class SolveSettings:
    """`deterministic_limit` counts rounds of prices, neighbourhoods and steps (of `exact`: the MILP solver's work)."""

    method: Method = "price_and_assign"
    backend: Backend = "highs"
    time_limit_s: float | None = 60.0
    unpriced_limit_s: float | None = None  # until when whole paths are searched while no walk knows prices, if that is later
    relative_gap: float = 1e-4
    threads: int = 2
    seed: int = 0
    deterministic_limit: int | None = None
    explain: bool = False  # prices and sensitivities also of problems that are solved without them
    side_by_side: bool = True  # False: prices, parts and steps take turns in one process, as suits one core


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a solve of a similar problem knows, in this problem's terms (see `carry`)."""

    decisions: tuple[Decisions, ...] = ()
    prices: Prices | None = None
    stay: Stay | None = None  # placements of the last plan, and the charge for leaving them


@dataclass(frozen=True, kw_only=True)
class Solved:
    settled: Settled
    bound_usd: float
    status: PlanStatus
    alerts: tuple[str, ...] = ()
    priced: Priced | None = None  # at the best prices found; None where the problem was solved without any
    without_search_usd: Mapping[str, float | None] = field(default_factory=dict)  # cost of policies that were tried first; None: no plan


@dataclass
class Search:
    """The best plan and bound so far, and the clock."""

    problem: PlanningProblem
    settle: Callable[[Decisions], Settled | None]
    settings: SolveSettings
    started: float
    report: Callable[[Progress], None]
    start: Start = field(default_factory=Start)
    stay: Stay | None = None  # of the start, while and as soon as plans are compared by what they are charged too
    best: Settled | None = None
    bound_usd: float = -np.inf
    priced: Priced | None = None
    proven: bool = False
    waits: bool = False  # for the first prices and a walk that knows them, beyond the time limit where the settings let it
    phase: str = "start"
    guided_at: float = np.inf  # seconds: when the first walk came back that knew prices
    tried: set[bytes] = field(default_factory=set)
    without_search_usd: dict[str, float | None] = field(default_factory=dict)

    def offer(self, chosen: Decisions) -> bool:
        """Settles decisions and keeps them if they are the best so far."""
        new = self.untried(chosen)
        if new is None:
            return False
        try:
            return self.keep_if_better(self.settle(new))
        except BaseException:  # an interrupt too: it may be offered again
            self.tried.discard(_key(new))
            raise

    def untried(self, chosen: Decisions) -> Decisions | None:
        """The decisions, put right where copies of contracts or renewals are all that is wrong; None where they have been tried.

        They count as tried from then on.
        """
        chosen = within_renewals(self.problem, together(self.problem, chosen))
        key = _key(chosen)
        known = key in self.tried
        self.tried.add(key)
        return None if known else chosen

    def keep_if_better(self, settled: Settled | None) -> bool:
        better = settled is not None and (self.best is None or self.weighed_usd(settled) < self.weighed_usd(self.best) - 1e-9)
        if better:
            self.best = settled
        self.tell()
        return better

    def weighed_usd(self, settled: Settled) -> float:
        """What a plan costs, and is charged for leaving the last plan's placements: of two plans the search keeps the one with less."""
        return settled.objective_usd + (0.0 if self.stay is None else charge_usd(self.stay, settled.plan.decisions))

    @property
    def cutoff_usd(self) -> float:
        """Plans that cost this or more, or would with what they are charged, are no better than the best."""
        return np.inf if self.best is None else self.weighed_usd(self.best)

    def offer_first(self) -> None:
        """Decisions to begin with: those known from a similar problem; else what a planner would do without a search."""
        for chosen in self.start.decisions:
            self.offer(chosen)
        if self.without_search_usd or (self.start.decisions and self.best is not None):
            return
        greedy = cheapest_first(self.problem)
        for name, chosen in (("cheapest_first", greedy), ("hold", hold(self.problem, greedy))):
            settled = self.settle(chosen)
            self.without_search_usd[name] = None if settled is None else settled.objective_usd
            if settled is None:
                self.offer(chosen)  # put right where copies of contracts or renewals are all that is wrong
            else:
                self.keep_if_better(settled)

    def raise_bound(self, bound_usd: float) -> None:
        self.bound_usd = max(self.bound_usd, bound_usd)
        self.tell()

    def keep(self, priced: Priced) -> bool:
        """Keeps prices if they prove the most so far."""
        better = self.priced is None or priced.prices.bound_usd >= self.priced.prices.bound_usd
        if better:
            self.priced = priced
        return better

    def tell(self) -> None:
        incumbent = self.best.objective_usd if self.best else None
        bound = self.bound_usd if np.isfinite(self.bound_usd) else None
        gap = (incumbent - bound) / abs(incumbent) if incumbent and bound is not None else None
        limit = self.seconds + self.left if np.isfinite(self.left) else None
        self.report(
            Progress(phase=self.phase, seconds=self.seconds, incumbent_usd=incumbent, bound_usd=bound, gap=gap, limit_s=limit)
        )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        limit, unpriced = self.settings.time_limit_s, self.settings.unpriced_limit_s
        if limit is None:
            return np.inf
        if self.waits and unpriced is not None:
            limit = max(limit, min(unpriced, self.guided_at + LATE_SHARE * limit))
        return limit - self.seconds

    @property
    def within_gap(self) -> bool:
        if self.best is None:
            return False
        return self.best.objective_usd - self.bound_usd <= self.settings.relative_gap * abs(self.best.objective_usd)

    @property
    def over(self) -> bool:
        return self.left <= 0.0 or self.within_gap or self.proven

    def solved(self, alerts: tuple[str, ...] = ()) -> Solved:
        """What the search came to.

        Raises:
          NoPlanInLimit: there is no plan.
        """
        if self.best is None:
            raise NoPlanInLimit(f"No plan was found within {self.seconds:.0f} s. Raise solver.time_limit_s.")
        status = PlanStatus.OPTIMAL if self.proven else PlanStatus.WITHIN_GAP if self.within_gap else PlanStatus.LIMIT
        return Solved(
            settled=self.best,
            bound_usd=self.bound_usd,
            status=status,
            alerts=alerts,
            priced=self.priced,
            without_search_usd=self.without_search_usd,
        )


def _key(chosen: Decisions) -> bytes:
    return b"".join(np.ascontiguousarray(part).tobytes() for part in (chosen.placed, chosen.option, chosen.lots, chosen.exits))


def wait_for_prices(search: Search, climb: Climb) -> None:
    """Lets the climb end, while there is time, beside a problem that was solved without it; the plan stays as it is."""
    while climb.climbing and search.left > 0.0:
        priced = climb.latest()
        if priced is not None:
            search.keep(priced)
        time.sleep(0.02)
