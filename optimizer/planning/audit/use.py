"""How a plan uses contracts: what is paid and not taken, and what an accelerator-hour comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.surface import Floats
from optimizer.planning.verify.contract_bills import burst_hours, contract_charges, hours_drawn
from optimizer.planning.verify.ledger import Charges
from optimizer.planning.verify.position import Position

TAIL = 0.9  # probability below the shortfall that is told beside the expected one
ROUNDING = 1e-12  # of sums of probabilities


@dataclass(frozen=True, kw_only=True)
class Use:
    """One contract over the horizon of a plan. Cash in USD, undiscounted."""

    contract: str
    lots: int  # held at first
    drawn: Floats  # [pools covered, T] mean accelerators, expected
    pools: tuple[str, ...]
    paid: Mapping[str, float]  # by line, expected
    shortfall: Floats  # [S] commitments and minimums beyond what was taken
    shortfall_mean_usd: float
    shortfall_p90_usd: float
    hours: float  # drawn, expected

    @property
    def effective_usd(self) -> float | None:
        """USD per accelerator-hour drawn; None where none is."""
        return math.fsum(self.paid.values()) / self.hours if self.hours > 0.0 else None


def uses(position: Position) -> dict[str, Use]:
    """Use of every contract that the plan knows, by name."""
    charges = contract_charges(position)
    return {contract.name: _use(position, k, charges) for k, contract in enumerate(position.contracts)}


def _use(position: Position, k: int, all_charges: Sequence[Charges]) -> Use:
    contract, probability = position.contracts[k], position.probability
    scenarios = len(probability)
    cash: dict[str, Floats] = {}
    for part in all_charges:
        mine = [x for x, name in enumerate(part.name) if name == contract.name]
        if mine:
            amounts = part.in_scenarios(part.cash, scenarios)[mine].sum(axis=0)
            cash[part.line] = cash.get(part.line, np.zeros(scenarios)) + amounts
    hours = hours_drawn(position, k)
    shortfall = _untaken(position, k) + cash["minimum shortfall"]
    mine = position.cover_contract == k
    by_hour = position.hours / position.hours.sum(axis=1, keepdims=True)
    return Use(
        contract=contract.name,
        lots=int(position.lots[k]),
        drawn=np.einsum("jtbs,tb,s->jt", position.contract_draw[mine], by_hour, probability),
        pools=tuple(position.case.pools[p].name for p in position.cover_pool[mine]),
        paid={line: float(amounts @ probability) for line, amounts in cash.items()},
        shortfall=shortfall,
        shortfall_mean_usd=float(shortfall @ probability),
        shortfall_p90_usd=percentile(shortfall, probability, TAIL),
        hours=float(hours.sum(axis=0) @ probability),
    )


def _untaken(position: Position, k: int) -> Floats:
    """What of each fulfilment interval's commitment is not drawn, at the contract's price, [S]."""
    price, committed = position.by_scenario(k, "price"), position.by_scenario(k, "commitment") * position.active[k][:, None]
    drawn = price * (hours_drawn(position, k) - burst_hours(position, k))
    interval, untaken = position.terms[k].interval, np.zeros(price.shape[1])
    for w in set(interval[interval >= 0].tolist()):
        within = interval == w
        untaken += np.maximum(0.0, (committed - drawn)[within].sum(axis=0))
    return untaken


def percentile(values: Floats, probability: Floats, level: float) -> float:
    """Least value that is not exceeded with at least the probability `level`. Example: of 1 (0.5) and 3 (0.5) at 0.9 it is 3."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(probability)[order])
    return float(values[order][int(np.searchsorted(reached, level - ROUNDING))])
