"""A walk under way, from the host's side: arrays in, arrays out, cooled as its owner says.

Draws are charged a share of their contract's price, which follows where its spend stands after each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import DTypeLike, NDArray

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.stay import Stay
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.arrays import money_unit
from optimizer.pricing.market import Market, market
from optimizer.pricing.places import Places, places_of, pools_of, slots_of, with_allowed
from optimizer.pricing.walk import Walker, stand, walk

NARROW, WIDE = 400, 20  # steps of one call in one period, and in all
CALLS = 3  # narrow ones to each wide one
HOT, COLD = 0.04, 0.003  # first and last temperature, of what a load costs in a period at the prices
FOLLOW = 0.05  # most by which the charged share of a contract's price changes after a call
CLEAR = 0.02  # spend this much over the commitment, relative to it, changes it by that


@dataclass
class Walking:
    """Contracts and training runs stay as they were where it began."""

    problem: PlanningProblem
    unit: float
    market: Market
    places: Places
    runs: Array  # [P, B, T, S]
    likely: Array  # [N + Q, T]
    load_usd: float  # what a load costs in a period at the prices
    excess: Array  # [K, I, S]
    walker: Walker
    key: Array

    @property
    def usd(self) -> float:
        """What capacity, egress, moving, and what is not placed or done costs, and loads are charged, commitments aside."""
        return float(self.walker.total) * self.unit

    @property
    def placed(self) -> Ints:
        """[L, T] pools; -1: not placed."""
        return pools_of(self.problem, np.asarray(self.walker.slot))

    def go(self, warmth: float) -> None:
        """A round of steps.

        Args:
          warmth: 1 at the start, 0 at the end.
        """
        if not len(self.walker.slot):
            return
        temperature = jnp.float32(HOT**warmth * COLD ** (1.0 - warmth) * self.load_usd / self.unit)
        periods = len(self.problem.periods)
        for steps, width in [(NARROW, 1)] * (CALLS if periods > 1 else 0) + [(WIDE, periods)]:
            self.key, key = jax.random.split(self.key)
            self.walker, over = walk(
                self.market, self.places, self.excess, self.likely, self.walker, key, temperature, steps=steps, width=width
            )
            self.excess = jnp.clip(self.excess + FOLLOW * jnp.clip(over / CLEAR, -1.0, 1.0), 0.0, 1.0)
            self.walker = stand(self.market, self.places, self.excess, self.walker.slot, self.runs)


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
    places: Places | None = None,
    stay: Stay | None = None,
) -> Walking:
    """
    Args:
      placed: [L, T] where it begins.
      lots: [K, T] in force.
      allowed: [N, T] pairs that may be used.
      runs: [P, B, T, S] accelerators that training runs hold.
      excess: [K, I, S] share of their contract's price that draws are charged at first; None: a half.
      likely: [N, T] logarithm of how likely each pair is to be looked at; None: all alike.
      load_usd: what a load costs in a period; None: what all cost where the walk begins, divided among them.
      places: of another walk on the problem.
      stay: where loads are charged for not being.
    """
    unit, pairs = money_unit(problem), len(problem.needs.pair_load)
    here = market(problem, lots, unit)
    loads = places_of(problem, allowed, unit, stay) if places is None else with_allowed(places, problem, allowed, unit)
    chances = np.zeros((len(loads.pool), len(problem.periods)), dtype=np.float32)
    chances[:pairs] = 0.0 if likely is None else likely
    charged = _on_device(np.full(here.committed.shape, 0.5) if excess is None else excess, np.float32)
    held = _on_device(runs, np.float32)
    walker = stand(here, loads, charged, _on_device(slots_of(problem, placed), np.int32), held)
    return Walking(
        problem=problem,
        unit=unit,
        market=here,
        places=loads,
        runs=held,
        likely=_on_device(chances, np.float32),
        load_usd=float(walker.total) * unit / max(1, placed.size) if load_usd is None else load_usd,
        excess=charged,
        walker=walker,
        key=jax.random.PRNGKey(seed),
    )


def _on_device(values: NDArray[Any], dtype: DTypeLike) -> Array:
    there: Array = jax.device_put(np.asarray(values, dtype=dtype))
    return there
