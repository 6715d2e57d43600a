"""The break-even price of a quote between two ends that are proven.

    V     the least cost of a plan without the quote, somewhere in [without.low_usd, without.high_usd]
    F(x)  the least cost of a plan that signs it, with its prices times x; F never falls as x grows
    x*    the largest x >= 0 with F(x) <= V; 0 where even a free quote does not pay

    a plan that signs it and costs at most without.low_usd at x     proves x* >= x
    a bound on every such plan of at least without.high_usd at x    proves x* <= x

With a payment that is linear in the price, such as take-or-pay, these two are (V - F(0)) / paid quantity at either end of V and F, so that
the interval is as wide as the gaps with and without the quote together, in USD, over the paid quantity. Nothing is assumed about how far a
solver came: a poor plan or bound makes the interval wider and never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Curve = Callable[[float], float]  # USD at a factor on the quote's prices, never falling

PRECISE = 2e-5  # relative distance between the factor returned and one for which it does not hold
FREE = 1e-6  # times the offered price: as good as nothing, and still a share of a list price
MOST = 64.0  # times the offered price: looked at as the largest factor


class Verdict(StrEnum):
    TAKE = "take"  # signing all of it costs no more than any plan without it
    REFUSE = "refuse"  # signing all of it costs no less than the best plan without it
    UNDECIDED = "undecided"  # the offered price lies between the proven ends


@dataclass(frozen=True, kw_only=True)
class Range:
    """Least cost of some plans: no plan of them costs less than `low_usd`, one costs `high_usd`."""

    low_usd: float
    high_usd: float

    @property
    def gap_usd(self) -> float:
        return max(0.0, self.high_usd - self.low_usd)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Two factors on the offered price between which the break-even factor lies."""

    low: float
    high: float  # inf: no price is proven to be too high

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def middle(self) -> float:
        return self.low if math.isinf(self.high) else (self.low + self.high) / 2

    @property
    def verdict(self) -> Verdict:
        """On the offered price, the factor 1."""
        return Verdict.TAKE if self.low >= 1.0 else Verdict.REFUSE if self.high <= 1.0 else Verdict.UNDECIDED


def break_even(cost: Curve, bound: Curve, without: Range) -> Interval:
    """
    Args:
      cost: of a plan that signs the quote.
      bound: on every plan that signs it.
    """
    low = last_at_most(cost, without.low_usd)
    high = first_at_least(bound, without.high_usd)
    return Interval(low=low, high=max(low, high))


def last_at_most(curve: Curve, level: float) -> float:
    """The largest factor found with curve <= level, to `PRECISE`; 0 where there is none, `MOST` where all are."""
    if curve(FREE) > level:
        return 0.0
    holds, fails = FREE, 1.0
    while curve(fails) <= level:
        if fails >= MOST:
            return MOST
        holds, fails = fails, 2.0 * fails
    return _narrowed(lambda x: curve(x) - level, holds, fails, zero_is_low=True)[0]


def first_at_least(curve: Curve, level: float) -> float:
    """The smallest factor found with curve >= level, to `PRECISE`; inf where there is none up to `MOST`."""
    if curve(FREE) >= level:
        return FREE
    fails, holds = FREE, 1.0
    while curve(holds) < level:
        if holds >= MOST:
            return math.inf
        fails, holds = holds, 2.0 * holds
    return _narrowed(lambda x: curve(x) - level, fails, holds, zero_is_low=False)[1]


def _narrowed(height: Curve, low: float, high: float, *, zero_is_low: bool) -> tuple[float, float]:
    """Two factors that close are looked at, on either side of where the height crosses 0: around the secant's root, else in the middle."""
    at_low, at_high = height(low), height(high)
    while high - low > PRECISE * high:
        span, rise = high - low, at_high - at_low
        root = low - at_low * span / rise if math.isfinite(rise) and rise > 0.0 else math.nan
        aside = PRECISE * high / 3
        for x in (root - aside, root + aside, (low + high) / 2):
            if not low < x < high or (x == (low + high) / 2 and high - low < span / 2):
                continue
            found = height(x)
            if found < 0.0 or (zero_is_low and found == 0.0):
                low, at_low = x, found
            else:
                high, at_high = x, found
    return low, high
