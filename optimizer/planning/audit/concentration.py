"""How much hangs on each supplier: shares of spend, of capacity and of what cannot be cancelled, with their Herfindahl index."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizer.planning.audit.exits import NonCancellable
from optimizer.planning.audit.whole_term import WholeTerm
from optimizer.planning.verify import Verification
from optimizer.planning.verify.position import Position

COLUMNS = ("measure", "supplier", "amount", "unit", "share", "herfindahl")


def concentration(
    position: Position, verification: Verification, terms: Mapping[str, WholeTerm], locked: Mapping[str, NonCancellable]
) -> list[dict[str, Any]]:
    """One row per measure and supplier, largest share first."""
    spend: dict[str, list[float]] = defaultdict(list)
    for entry in verification.ledger:
        if entry.supplier:
            spend[entry.supplier].append(entry.cash_usd)
    committed: dict[str, list[float]] = defaultdict(list)
    for name, term in terms.items():
        if term.contract.status.in_force:
            committed[term.contract.supplier].append(locked[name].high_usd)
    return [
        *_shares("spend", "USD, expected cash over the horizon", _summed(spend)),
        *_shares("capacity", "accelerator-hours held or drawn on the market over the horizon", _capacity(position)),
        *_shares("commitment", "USD that cannot be cancelled, at the dearest reading", _summed(committed)),
    ]


def _summed(amounts: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: math.fsum(values) for name, values in amounts.items()}


def _capacity(position: Position) -> dict[str, float]:
    held: dict[str, list[float]] = defaultdict(list)
    hours = position.hours.sum(axis=1)
    for contract, term, active in zip(position.contracts, position.terms, position.active, strict=True):
        held[contract.supplier].append(float((term.capacity * active) @ hours))
    pools = [pool.name for pool in position.case.pools]
    drawn = np.einsum("otbs,tb,s->o", position.offer_draw, position.hours, position.probability)
    for offer, amount in zip(position.case.offers, drawn, strict=True):
        held[position.pool_site[pools.index(offer.pool)].supplier].append(float(amount))
    return _summed(held)


def _shares(measure: str, unit: str, amounts: Mapping[str, float]) -> list[dict[str, Any]]:
    """Example: amounts 3 and 1 are shares 0.75 and 0.25, with an index of 0.625."""
    total = math.fsum(amounts.values())
    used = {name: amount for name, amount in amounts.items() if amount > 0.0}
    index = math.fsum((amount / total) ** 2 for amount in used.values()) if total > 0.0 else None
    ordered = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"measure": measure, "supplier": name, "amount": amount, "unit": unit, "share": amount / total, "herfindahl": index}
        for name, amount in ordered
    ]
