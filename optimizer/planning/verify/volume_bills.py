"""What volume tiers add to an interval's bill, or take off it, and what a most favoured price takes off."""

from __future__ import annotations

import numpy as np

from optimizer.domain.clauses import REACHED
from optimizer.domain.contract import UNKNOWN, Tier
from optimizer.domain.surface import Floats, Ints
from optimizer.planning.verify.delivered import number
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.terms import take_or_pay


def tier_amounts(position: Position, k: int, within: Ints, drawn: Floats) -> Floats:
    """USD by scenario, [S], of the interval made of the periods `within`; `drawn` is accelerator-hours [T, S]."""
    contract, amounts = position.contracts[k], np.zeros(drawn.shape[1])
    if not contract.tiers:
        return amounts
    own = number(contract.price, 0.0)
    for s, term in enumerate(position.terms_in[k]):
        held = (term.capacity * position.hours.sum(axis=1))[within]
        full = float(held @ term.units[within])
        mean_price = float(held @ term.price[within]) / full if full else 0.0
        volume = _billed(position, k, s, within, drawn, term.units)
        share = float(term.interval_share[within].sum())
        amounts[s] = mean_price / own * (price_of(contract.tiers, own, share, volume) - own * volume)
    return amounts


def favoured_amounts(position: Position, k: int, within: Ints, drawn: Floats) -> Floats:
    """USD by scenario, [S], at most 0: the difference to the cheapest comparable contract in force when the interval is settled."""
    names, last, amounts = position.contracts[k].comparables, within[-1], np.zeros(drawn.shape[1])
    if names is UNKNOWN or not names:
        return amounts
    rivals = [j for j, other in enumerate(position.contracts) if other.name in names and position.active[j, last] > 0]
    for s, term in enumerate(position.terms_in[k]):
        own = float(term.price[last])
        least = min([own, *(float(position.terms_in[j][s].price[last]) for j in rivals)])
        amounts[s] = (least - own) * _billed(position, k, s, within, drawn, np.ones(len(drawn)))
    return amounts


def _billed(position: Position, k: int, s: int, within: Ints, drawn: Floats, units: Floats) -> float:
    """The larger of the volumes committed and drawn in a scenario; `units` in an accelerator-hour, [T]."""
    held = (position.terms_in[k][s].capacity * position.hours.sum(axis=1) * units * position.active[k])[within]
    return max(take_or_pay(position.contracts[k]) * float(held.sum()), float(units[within] @ drawn[within, s]))


def price_of(tiers: tuple[Tier, ...], own: float, share: float, volume: float) -> float:
    """Contract currency for a volume in an interval of which a share lies in the horizon and the term."""
    steps = sorted([(0.0, own), *((tier.from_quantity * share, tier.price) for tier in tiers)], key=lambda step: step[0])
    if tiers[0].kind == "all_units":
        return [price for start, price in steps if volume >= start * (1.0 - REACHED)][-1] * volume
    ends = [start for start, _ in steps[1:]] + [float("inf")]
    return sum(price * max(0.0, min(volume, end) - start) for (start, price), end in zip(steps, ends, strict=True))
