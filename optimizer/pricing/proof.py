"""What the same prices prove on problems that differ in contracts: what loads and training runs cost at them is reckoned once.

Contracts enter the dual value through their own responses and through the box of their own multipliers. All other multipliers are those
at which loads and runs were reckoned, wherever these are inside the box of the changed problem too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import jax
from jax import Array

from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import Arrays, Prepared, doubles, host_supply, on_host
from optimizer.pricing.bound import MARGIN, Evaluation, bound_of, bound_with_supply, evaluate, in_box, supply_sizes
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
        prepared, known = self._prepared, self._known
        shared = {name: getattr(known.multipliers, name) for name in SHARED}
        with jax.enable_x64(True):
            changed = replace(prepared.double, supply=host_supply(prepared, problem))
            given = doubles(replace(fitted(self.prices.in_units(prepared.unit), changed), **shared))
            capped, terms, sizes = on_host(_of_supply(changed, given))
        if any((inside < (1.0 - MARGIN / 2) * shared[name]).any() for name, inside in capped.items()):
            return bound_with_supply(prepared, problem, self.prices)
        return bound_of(replace(prepared, double=changed), replace(known.terms, **terms), replace(known.sizes, **sizes))[0]

    @cached_property
    def _known(self) -> Evaluation:
        """Of the prepared problem."""
        with jax.enable_x64(True):
            given = doubles(fitted(self.prices.in_units(self._prepared.unit), self._prepared.double))
            found: Evaluation = on_host(evaluate(self._prepared.double, given))
        return found


@jax.jit
def _of_supply(arrays: Arrays, multipliers: Multipliers) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Capped multipliers inside their box, terms of the supply and their absolute sizes; all that is shared is taken as given."""
    inside = in_box(arrays, multipliers)[1]
    used = replace(inside, **{name: getattr(multipliers, name) for name in SHARED})
    arrays = weighed(arrays, used)
    stacked, cash = stacked_prices(arrays, used), cash_weight(arrays, used)
    terms = supply_terms(arrays, used, stacked)
    return {name: getattr(inside, name) for name in CAPPED}, terms, supply_sizes(arrays, used, terms, stacked, cash)
