"""What each fulfilment interval of each contract is settled at: the clauses' arithmetic on lots and draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.domain.clauses import CARRY_FORWARD, ROLLOVER, Balances
from optimizer.domain.plan import Plan
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.volume import Bands, bands


@dataclass(frozen=True, kw_only=True)
class Held:
    """What lots in force are billed before anything is settled, each [K, T, S]: lots, and cash in USD."""

    active: Floats
    commitment: Floats
    fee: Floats


def settlement_lines(problem: PlanningProblem, plan: Plan, held: Held) -> dict[str, Floats]:
    """Cash in each interval's last period, by line, each [K, T, S]."""
    beyond = burst_drawn(problem, plan, held.active)
    drawn = hours_drawn(problem, plan) - beyond
    lines = {name: np.zeros(drawn.shape) for name in ("excess", "minimum shortfall", "balance")}
    lines["tiers"] = tiers(problem, held.active, drawn)
    supply = problem.supply
    spend = supply.excess_price * drawn
    committed_hours = supply.take_or_pay_share[:, None, None] * supply.capacity * problem.hours.sum(axis=1)[:, None] * held.active
    covered = supply.excess_price * committed_hours
    ledger = _Balance(supply.balances)
    intervals = [(contract, within) for contract in range(len(supply.contracts)) for _, within in _intervals(problem, contract)]
    for k, within in intervals:
        last, committed = within[-1], held.commitment[k, within].sum(axis=0)
        beyond_commitment = (spend - covered)[k, within].sum(axis=0)
        excess = np.maximum(0.0, beyond_commitment)
        least = (supply.minimum_cash[k, within] * held.active[k, within]).sum(axis=0)
        own, every = supply.brought_spend_cash[k, within].sum(axis=0), supply.eligible_spend_cash[k, within].sum(axis=0)
        cap = supply.other_spend_cap[k]
        elsewhere = own + np.minimum(every - own, cap * least) if cap < 1.0 else every
        counted = supply.list_ratio[k] * (committed + excess + lines["tiers"][k, last]) + held.fee[k, within].sum(axis=0)
        lines["excess"][k, last] = excess
        beyond_minimum = counted + elsewhere - least
        lines["minimum shortfall"][k, last] = np.maximum(0.0, -beyond_minimum)
        lines["balance"][k, last] = -ledger.use(k, beyond_commitment, beyond_minimum)
    return lines | {"burst": burst_price(problem) * beyond}


def tiers(problem: PlanningProblem, active: Floats, drawn: Floats) -> Floats:
    """What the larger of the volumes committed and drawn adds to bills, cash in each interval's last period, [K, T, S].

    Args:
      active: [K, T, 1] lots in force.
      drawn: [K, T, S] accelerator-hours, burst aside.
    """
    found, cash = bands(problem), np.zeros(drawn.shape)
    for x, k in enumerate(found.contract.tolist()):
        for w, within in _intervals(problem, k):
            cash[k, within[-1]] = _bands(problem, found, x, w, within, active, drawn)
    return cash


class _Balance:
    """What contracts have brought forward so far; intervals of a contract follow one another."""

    def __init__(self, clause: Balances) -> None:
        self._clause = clause
        self._left: dict[int, Floats] = {}
        self._came: dict[int, list[Floats]] = {}

    def use(self, k: int, beyond_commitment: Floats, beyond_minimum: Floats) -> Floats:
        """What an interval uses of the balance, USD [S], given by how much it is above its levels (below them: negative)."""
        at = np.flatnonzero(self._clause.contract == k)
        if not len(at):
            return np.zeros_like(beyond_commitment)
        v, kind = int(at[0]), self._clause.kind[at[0]]
        opening = np.full(beyond_commitment.shape, self._clause.opening_cash[v])
        held, came = self._left.get(k, opening), self._came.setdefault(k, [opening])
        above = beyond_minimum if kind == ROLLOVER else beyond_commitment
        purpose, more = (-above, above) if kind == CARRY_FORWARD else (above, -above)
        used = np.minimum(held, np.maximum(0.0, purpose))
        came.append(np.maximum(0.0, more))
        self._left[k] = self._clause.carried(v, held + came[-1] - used, came)
        return used


def burst_price(problem: PlanningProblem) -> Floats:
    """USD per accelerator-hour, [K, T, S]; 0 where there is no burst."""
    clause, price = problem.supply.burst, np.zeros(problem.supply.price_cash.shape)
    price[clause.contract] = clause.price_cash.reshape(len(clause.contract), *price.shape[1:])
    return price


def burst_drawn(problem: PlanningProblem, plan: Plan, active: Floats) -> Floats:
    """Accelerator-hours drawn beyond the capacity of the lots in force, [K, T, S]; 0 where there is no burst."""
    supply, hours = problem.supply, np.zeros((*active.shape[:2], len(problem.scenarios)))
    for k in supply.burst.contract:
        drawn = plan.contract_draw[supply.cover_contract == k].sum(axis=0)
        beyond = np.maximum(0.0, drawn - (supply.capacity[k] * active[k])[:, None, :])
        hours[k] = np.einsum("tb,tbs->ts", problem.hours, beyond)
    return hours


def hours_drawn(problem: PlanningProblem, plan: Plan) -> Floats:
    """Accelerator-hours drawn from each contract, [K, T, S]."""
    drawn = np.zeros((len(problem.supply.contracts), *plan.contract_draw.shape[1:]))
    np.add.at(drawn, problem.supply.cover_contract, plan.contract_draw)
    return np.asarray(np.einsum("tb,ktbs->kts", problem.hours, drawn))


def _intervals(problem: PlanningProblem, k: int) -> Iterator[tuple[int, Ints]]:
    """A contract's intervals, each with its periods."""
    numbers = problem.supply.interval[k]
    for w in np.unique(numbers[numbers >= 0]):
        yield int(w), np.flatnonzero(numbers == w)


def _bands(problem: PlanningProblem, found: Bands, x: int, w: int, within: Ints, active: Floats, drawn: Floats) -> Floats:
    """The same in one interval of one contract with bands, USD [S]."""
    k, supply = int(found.contract[x]), problem.supply
    units = found.units[x, within][:, None]
    held = (supply.capacity[k, within] * problem.hours[within].sum(axis=1)[:, None] * units * active[k, within]).sum(axis=0)
    volume = np.maximum(supply.take_or_pay_share[k] * held, (units * drawn[k, within]).sum(axis=0))
    return found.amount(x, w, volume, active[:, within[-1], 0] > 0)
