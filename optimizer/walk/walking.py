"""A walk under way: cooled as its owner says, with draws charged a share of their contract's price that follows where its spend stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.stay import Stay
from optimizer.domain.surface import Floats, Ints
from optimizer.walk.market import Market, charged, market
from optimizer.walk.places import Places, places_of, pools_of, slots_of, with_allowed
from optimizer.walk.steps import Standing, stand, walk

NARROW = 1 / 3  # steps of one call in one period, for each load and period ...
NEAR = 0.125  # ... and where some pools are walked near only ...
FEWEST, MOST = 100, 2_000  # ... within these
CALLS = ((0.0, 1.0), (0.0, 1.0), (1 / 4, 1 / 2), (1 / 2, 1 / 4), (1.0, 1 / 8))  # share of periods, and of those steps, of each in a round
HOT, COLD = 0.04, 0.003  # first and last temperature, of what a load costs in a period at the prices
FOLLOW = 0.05  # most by which the charged share of a contract's price changes after a call
CLEAR = 0.02  # spend this much over the commitment, relative to it, changes it by that
RECOUNTED = 8  # rounds after which what sums of small changes have lost is put right
TINY = 1e-6  # of a commitment, USD
EVERYWHERE: Ints = np.zeros(0, dtype=np.int64)


@dataclass
class Walking:
    """Contracts and training runs stay as they were where it began."""

    problem: PlanningProblem
    market: Market
    allowed: Bools  # [N, T] pairs that may be used
    places: Places
    runs: Floats  # [T, P, B, S]
    likely: Floats  # [N, T]
    load_usd: float  # what a load costs in a period at the prices
    excess: Floats  # [K, I, S]
    standing: Standing
    random: np.random.Generator
    rounds: int = 0

    @property
    def usd(self) -> float:
        """What capacity, egress, moving, and what is not placed or done costs, and loads are charged, commitments aside."""
        return float(self.standing.total[0])

    @property
    def hours_used(self) -> Floats:
        """Accelerator-hours that all loads and runs ask for, as they are to be drawn, [T, S]."""
        use, hours, drawn = self.standing.use, self.market.hours, 1.0 / self.market.works
        held = use.held.reshape(len(hours), len(drawn), hours.shape[1], -1)
        return np.asarray(np.einsum("tb,tpbs,p->ts", hours, held, drawn) + np.einsum("tps,p->ts", use.flexible[:, :, 0], drawn))

    @property
    def placed(self) -> Ints:
        """[L, T] pools; -1: not placed."""
        return pools_of(self.problem, self.standing.slot)

    def go(self, warmth: float, near: Ints = EVERYWHERE) -> None:
        """A round of steps.

        Args:
          warmth: 1 at the start, 0 at the end.
          near: pools that steps begin at, which are so many fewer as fewer loads can be there; empty: all.
        """
        loads, periods = self.standing.slot.shape
        if not loads:
            return
        temperature = HOT**warmth * COLD ** (1.0 - warmth) * self.load_usd
        if len(near):
            loads = len(np.unique(self.problem.needs.pair_load[np.isin(self.problem.needs.pair_pool, near)]))
        steps = int(np.clip((NEAR if len(near) else NARROW) * loads * periods, FEWEST, MOST))
        for share, part in CALLS:
            self.steps(math.ceil(part * steps), max(1, math.ceil(share * periods)), temperature, near)
            self.charge_otherwise()
        self.rounds += 1
        if self.rounds % RECOUNTED == 0:
            self.standing = self.counted_anew()

    def steps(self, count: int, width: int, temperature: float, near: Ints = EVERYWHERE) -> None:
        """Some steps, in `width` periods each, at a temperature in USD."""
        charges = charged(self.market, self.excess)
        walk(self.market, self.places, charges, self.likely, near, self.standing, self.random, float(temperature), count, width)

    def charge_otherwise(self) -> None:
        """Draws are charged more, from the next step on, where they go beyond the commitment, else less."""
        over = (self.standing.draws.settled - self.market.owed[0]) / np.maximum(self.market.owed[0], TINY)
        self.excess = np.clip(self.excess + FOLLOW * np.clip(over / CLEAR, -1.0, 1.0), 0.0, 1.0)

    def counted_anew(self) -> Standing:
        """What follows from where loads are, not from the steps that brought them there."""
        return stand(self.market, self.places, charged(self.market, self.excess), self.standing.slot, self.runs)


def walking(
    problem: PlanningProblem,
    placed: Ints,
    *,
    lots: Floats,
    allowed: Bools,
    runs: Floats,
    seed: int,
    excess: Floats | None = None,
    likely: Floats | None = None,
    load_usd: float | None = None,
    like: Walking | None = None,
    stay: Stay | None = None,
) -> Walking:
    """
    Args:
      placed: [L, T] where it begins.
      lots: [K, T] in force.
      allowed: [N, T] pairs that may be used.
      runs: [T, P, B, S] accelerators that training runs hold.
      excess: [K, I, S] share of their contract's price that draws are charged at first; None: a half.
      likely: [N, T] logarithm of how likely each pair is to be looked at; None: all alike.
      load_usd: what a load costs in a period; None: what all cost where the walk begins, divided among them.
      like: another walk on the problem, with the same charges.
      stay: where loads are charged for not being.
    """
    here = market(problem, lots)
    if like is None:
        places = places_of(problem, allowed, stay)
    else:
        places = like.places if np.array_equal(like.allowed, allowed) else with_allowed(like.places, problem, allowed)
    excess = np.full(here.owed.shape[1:], 0.5) if excess is None else np.array(excess, dtype=np.float64)
    standing = stand(here, places, charged(here, excess), slots_of(problem, placed), runs)
    return Walking(
        problem=problem,
        market=here,
        allowed=allowed,
        places=places,
        runs=runs,
        likely=np.zeros((len(places.asks.pool), len(problem.periods))) if likely is None else likely,
        load_usd=float(standing.total[0]) / max(1, placed.size) if load_usd is None else load_usd,
        excess=excess,
        standing=standing,
        random=np.random.default_rng(seed),
    )
