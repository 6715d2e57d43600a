"""Clauses that only some contracts have, as arrays with one row for each contract or pair that has one; no rows where none does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.surface import Floats, Ints

REACHED = 1e-9  # share of a tier's quantity by which use may miss it and still count as having reached it


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Volume tiers. Axes: I tiers, sorted by contract and quantity; W fulfilment intervals."""

    contract: Ints  # [I]
    start: Floats  # [I, W] units of all lots together from which the tier holds in the interval; inf where there is no such interval
    ratio: Floats  # [I] the tier's price over the contract's own
    incremental: NDArray[np.bool_]  # [I] the tier's price is that of the units in it only; else of every unit
    units: Floats  # [I, T] units in an accelerator-hour


NO_TIERS = Tiers(
    contract=np.zeros(0, dtype=np.int64),
    start=np.zeros((0, 0)),
    ratio=np.zeros(0),
    incremental=np.zeros(0, dtype=np.bool_),
    units=np.zeros((0, 0)),
)


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What may be drawn beyond a lot's capacity. Axis U: contracts with burst."""

    contract: Ints  # [U]
    share: Floats  # [U] of the capacity
    price_cash: Floats  # [U, T, S] USD per accelerator-hour


NO_BURST = Burst(contract=np.zeros(0, dtype=np.int64), share=np.zeros(0), price_cash=np.zeros((0, 0, 0)))


@dataclass(frozen=True, kw_only=True)
class TrueUp:
    """A price of its own for what is drawn beyond an interval's commitment. Axis U: contracts with a true-up."""

    contract: Ints  # [U]
    price_cash: Floats  # [U, T, S] USD per accelerator-hour


NO_TRUE_UP = TrueUp(contract=np.zeros(0, dtype=np.int64), price_cash=np.zeros((0, 0, 0)))


MAKE_UP, CARRY_FORWARD, ROLLOVER = range(3)
NEVER = 1_000_000  # intervals: a balance that does not expire


@dataclass(frozen=True, kw_only=True)
class Balances:
    """What an interval brings forward into later ones, all lots together. Axis V: contracts with a balance."""

    contract: Ints  # [V]
    kind: Ints  # [V] MAKE_UP, CARRY_FORWARD or ROLLOVER
    opening_cash: Floats  # [V] USD at the start, at most the cap
    cap_cash: Floats  # [V] USD; inf: no limit
    life: Ints  # [V] intervals in which what came in may be used

    def carried(self, v: int, left: Floats, came: list[Floats]) -> Floats:
        """What the next interval begins with: what is left, but no more than the cap and than what came in while it does not expire."""
        fresh = np.sum(came[-int(self.life[v]) :], axis=0)
        return np.asarray(np.minimum(np.minimum(left, self.cap_cash[v]), fresh))


NO_BALANCES = Balances(
    contract=np.zeros(0, dtype=np.int64),
    kind=np.zeros(0, dtype=np.int64),
    opening_cash=np.zeros(0),
    cap_cash=np.zeros(0),
    life=np.zeros(0, dtype=np.int64),
)


@dataclass(frozen=True, kw_only=True)
class Favoured:
    """Most favoured price: a contract costs no more than another that is held. Axis E: (contract, comparable contract), by contract."""

    contract: Ints  # [E]
    other: Ints  # [E]


NO_FAVOURED = Favoured(contract=np.zeros(0, dtype=np.int64), other=np.zeros(0, dtype=np.int64))
