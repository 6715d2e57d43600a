"""Money that a contract brings forward from one fulfilment interval to the next, and what each interval uses of it."""

from __future__ import annotations

import numpy as np

from optimizer.domain.contract import Balance, BalanceKind
from optimizer.domain.surface import Floats
from optimizer.planning.verify.position import Position


def balance_uses(position: Position, k: int, above_commitment: list[Floats], above_minimum: list[Floats]) -> list[Floats]:
    """USD that each interval uses, [S] each, given by how much it is above the commitment and the minimum (below: negative)."""
    clause, term = position.contracts[k].balance, position.terms_in[k][0]
    if not isinstance(clause, Balance):
        return [np.zeros_like(above) for above in above_commitment]
    rate = float(term.usd_per_unit[int(np.argmax(term.interval >= 0))])
    cap = np.inf if clause.cap is None else clause.cap * rate
    levels = above_minimum if clause.kind is BalanceKind.ROLLOVER else above_commitment
    scenarios = [_uses(clause, rate, cap, [float(level[s]) for level in levels]) for s in range(len(position.probability))]
    return [np.array(uses) for uses in zip(*scenarios, strict=True)]


def _uses(clause: Balance, rate: float, cap: float, levels: list[float]) -> list[float]:
    """USD used of the balance by each interval of one scenario."""
    balance = min(clause.opening * rate, cap)
    came, uses = [balance], []
    for level in levels:
        wanted, more = (-level, level) if clause.kind is BalanceKind.CARRY_FORWARD else (level, -level)
        uses.append(min(balance, max(0.0, wanted)))
        came.append(max(0.0, more))
        fresh = came if clause.expires_after is None else came[max(0, len(came) - clause.expires_after) :]
        balance = min(balance + came[-1] - uses[-1], cap, sum(fresh))
    return uses
