"""What a contract's volume adds to its bill or takes off it: bands in which a unit costs more or less than the contract's own price.

A contract bills the larger of what is committed and what is drawn. Volume tiers cut each fulfilment interval's volume into bands; in band z
each unit costs `rate` more than the contract's own price, which is the mean over the interval's capacity. A most favoured price has a band
for each comparable contract, open while that is in force when the interval is settled; all of the volume goes into the cheapest.
Band 0 begins at nothing, at the contract's own price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.clauses import REACHED
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Axes: X contracts with tiers, then those with a most favoured price; W fulfilment intervals, S scenarios, Z bands."""

    contract: Ints  # [X]
    incremental: NDArray[np.bool_]  # [X] a band's rate is paid on the units in it; else on all units
    units: Floats  # [X, T] in an accelerator-hour
    start: Floats  # [X, W, Z] units; inf where there is no such band
    rate: Floats  # [X, W, S, Z] USD per unit
    most: Floats  # [X, W, S] units if all lots are drawn in full; 0 where there is no such interval
    other: Ints  # [X, Z] comparable contract of the band; -1: none

    @property
    def favoured(self) -> NDArray[np.bool_]:
        """Contracts whose bands are other contracts' prices, [X]."""
        return np.asarray((self.other >= 0).any(axis=1))

    def amount(self, x: int, w: int, volume: Floats, held: NDArray[np.bool_]) -> Floats:
        """USD that a volume billed adds, [S]; the boundary quantity belongs to the higher band.

        Args:
          held: [K] contracts in force when the interval is settled.
        """
        start, rate = self.start[x, w], self.rate[x, w]
        if self.favoured[x]:
            is_open = np.where(self.other[x] >= 0, held[self.other[x]], np.isfinite(start))
            return np.asarray(np.where(is_open, rate, 0.0).min(axis=1) * volume)
        if not self.incremental[x]:
            reached = (volume[:, None] >= start * (1.0 - REACHED)).sum(axis=1) - 1
            return np.asarray(np.take_along_axis(rate, reached[:, None], axis=1)[:, 0] * volume)
        stop = np.append(start[1:], np.inf)
        within = np.clip(volume[:, None], start, stop) - np.where(np.isfinite(start), start, 0.0)
        return np.asarray((np.where(np.isfinite(start), within, 0.0) * rate).sum(axis=1))


def bands(problem: PlanningProblem) -> Bands:
    """The bands of all contracts that have any."""
    tiers, favoured = _tier_bands(problem), _favoured_bands(problem)
    width = max(tiers.start.shape[2], favoured.start.shape[2])

    def joined(name: str, filling: float) -> Any:
        parts = [getattr(part, name) for part in (tiers, favoured)]
        if name in ("start", "rate", "other"):
            parts = [np.pad(p, [(0, 0)] * (p.ndim - 1) + [(0, width - p.shape[-1])], constant_values=filling) for p in parts]
        return np.concatenate(parts)

    fill = {"start": np.inf, "other": -1}
    return Bands(**{name: joined(name, fill.get(name, 0)) for name in Bands.__dataclass_fields__})


def _tier_bands(problem: PlanningProblem) -> Bands:
    tiers, supply = problem.supply.tiers, problem.supply
    contract, first, count = np.unique(tiers.contract, return_index=True, return_counts=True)
    units = tiers.units[first].reshape(len(contract), len(problem.periods))
    hours = supply.capacity[contract] * problem.hours.sum(axis=1)[:, None]
    held = _by_interval(problem, contract, hours * units[:, :, None])
    paid = _by_interval(problem, contract, hours * supply.price_cash[contract])
    price = np.divide(paid, held, out=np.zeros_like(paid), where=held > 0)
    width = 1 + int(count.max(initial=0))
    start, extra = np.full((*held.shape[:2], width), np.inf), np.zeros((len(contract), width))
    start[:, :, 0] = 0.0
    for x, (begin, size) in enumerate(zip(first, count, strict=True)):
        start[x, :, 1 : size + 1] = tiers.start[begin : begin + size].T
        extra[x, 1 : size + 1] = tiers.ratio[begin : begin + size] - 1.0
    return Bands(
        contract=contract,
        incremental=tiers.incremental[first],
        units=units,
        start=start,
        rate=price[:, :, :, None] * extra[:, None, None, :],
        most=held * supply.most_lots[contract][:, None, None],
        other=np.full((len(contract), width), -1),
    )


def _favoured_bands(problem: PlanningProblem) -> Bands:
    """Prices per accelerator-hour are compared in the period in which the interval is settled."""
    clause, supply = problem.supply.favoured, problem.supply
    contract, first, count = np.unique(clause.contract, return_index=True, return_counts=True)
    hours = supply.capacity[contract] * problem.hours.sum(axis=1)[:, None]
    held = _by_interval(problem, contract, hours)
    width = 1 + int(count.max(initial=0))
    start, other = np.full((*held.shape[:2], width), np.inf), np.full((len(contract), width), -1)
    rate = np.zeros((*held.shape, width))
    start[:, :, 0] = 0.0
    for x, (begin, size) in enumerate(zip(first, count, strict=True)):
        k, rivals = contract[x], clause.other[begin : begin + size]
        other[x, 1 : size + 1], start[x, :, 1 : size + 1] = rivals, 0.0
        for t, w in enumerate(supply.interval[k]):  # the last period of an interval stays
            if w >= 0:
                rate[x, w, :, 1 : size + 1] = np.minimum(0.0, supply.price_cash[rivals, t] - supply.price_cash[k, t]).T
    return Bands(
        contract=contract,
        incremental=np.zeros(len(contract), dtype=np.bool_),
        units=np.ones((len(contract), len(problem.periods))),
        start=start,
        rate=rate,
        most=held * supply.most_lots[contract][:, None, None],
        other=other,
    )


def _by_interval(problem: PlanningProblem, contract: Ints, values: Floats) -> Floats:
    """Sums of [X, T, S] values over each fulfilment interval, [X, W, S]."""
    interval = problem.supply.interval[contract]
    totals = np.zeros((len(contract), int(problem.supply.interval.max(initial=-1)) + 1, values.shape[2]))
    x, period = np.nonzero(interval >= 0)
    np.add.at(totals, (x, interval[x, period]), values[x, period])
    return totals


def lowest_share(problem: PlanningProblem) -> Floats:
    """Least that an interval's bill comes to, as a share of the larger of commitment and spend at the contract's own price, [K, W, S].

    The largest mean discount of tiers is at a band's start (of all units) or at its end (of the units in it). It is taken off the lowest
    price of the interval, so that the share may be below what any volume gives where prices change within it.
    """
    supply = problem.supply
    share = np.ones((len(supply.contracts), int(supply.interval.max(initial=-1)) + 1, len(problem.scenarios)))
    found, everybody = bands(problem), np.ones(len(supply.contracts), dtype=np.bool_)
    for x, k in enumerate(found.contract):
        for w in np.unique(supply.interval[k][supply.interval[k] >= 0]):
            within = np.flatnonzero(supply.interval[k] == w)
            most = found.most[x, w]
            price = (supply.price_cash[k, within] / found.units[x, within][:, None]).min(axis=0)
            at = [np.where(start <= most, np.minimum(start, most), most) for start in found.start[x, w, 1:]] + [most]
            discount = np.zeros_like(most)
            for volume in at:
                mean = np.divide(found.amount(x, int(w), volume, everybody), volume, out=np.zeros_like(volume), where=volume > 0)
                discount = np.maximum(discount, -mean)
            share[k, w] = 1.0 - np.divide(discount, price, out=np.zeros_like(discount), where=price > 0)
    return share
