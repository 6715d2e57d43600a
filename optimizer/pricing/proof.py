"""What the same prices prove on problems that differ in contracts: what loads and training runs cost at them is reckoned once.

Contracts enter the dual value through their own responses and through the box of their own multipliers. All other multipliers are those
at which loads and runs were reckoned, wherever these are inside the box of the changed problem too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, on_host, with_supply
from optimizer.pricing.bound import MARGIN, Evaluation, bound_of, certify, evaluate, in_box, supply_sizes
from optimizer.pricing.carried import fitted
from optimizer.pricing.dual import supply_terms
from optimizer.pricing.multipliers import Multipliers, cash_weight, stacked_prices
from optimizer.pricing.prices import Prices
from optimizer.pricing.weighing import weighed

SHARED = ("firm", "spot", "share", "budget", "bandwidth", "moves", "scenario")  # multipliers that no contract has for itself
CAPPED = ("firm", "spot", "share")  # those among them with a limit that supply sets


class Proof:
    """The bounds that some prices prove on a problem with other contracts."""

    def __init__(self, prepared: Prepared, prices: Prices) -> None:
        """
        Args:
          prepared: a problem that those asked about differ from in their supply only.
        """
        self.prices = prices
        self._prepared = prepared

    def bound_usd(self, problem: PlanningProblem) -> float:
        """As `bound_with_supply`, USD."""
        changed, known = with_supply(self._prepared, problem), self._known
        given = fitted(self.prices.in_units(changed.unit), changed)
        shared = {name: getattr(known.multipliers, name) for name in SHARED}
        with jax.enable_x64(True):
            inside = on_host(_inside(changed.double, _doubles(replace(given, **shared))))
        if any((getattr(inside, name) < (1.0 - MARGIN / 2) * shared[name]).any() for name in CAPPED):
            return certify(changed, given).bound_usd
        with jax.enable_x64(True):
            terms, sizes = on_host(_of_supply(changed.double, _doubles(replace(inside, **shared))))
        return bound_of(changed, replace(known.terms, **terms), replace(known.sizes, **sizes))[0]

    @cached_property
    def _known(self) -> Evaluation:
        """Of the prepared problem."""
        given = fitted(self.prices.in_units(self._prepared.unit), self._prepared)
        with jax.enable_x64(True):
            found: Evaluation = on_host(evaluate(self._prepared.double, _doubles(given)))
        return found


def _doubles(multipliers: Multipliers) -> Multipliers:
    found: Multipliers = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float64), multipliers)
    return found


@jax.jit
def _inside(arrays: Arrays, multipliers: Multipliers) -> Multipliers:
    return in_box(arrays, multipliers)[1]


@jax.jit
def _of_supply(arrays: Arrays, inside: Multipliers) -> tuple[dict[str, Array], dict[str, Array]]:
    """Terms of the supply and their absolute sizes, at multipliers inside their box."""
    arrays = weighed(arrays, inside)
    stacked, cash = stacked_prices(arrays, inside), cash_weight(arrays, inside)
    terms = supply_terms(arrays, inside, stacked)
    return terms, supply_sizes(arrays, inside, terms, stacked, cash)
