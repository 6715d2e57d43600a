"""Rules of contracts: what may be signed, left and held together, and what a plan takes for granted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optimizer.domain.contract import UNKNOWN, Contract, ExclusionKind, Unknown
from optimizer.domain.surface import Floats
from optimizer.planning.verify.broken import broken_at
from optimizer.planning.verify.contract_bills import hours_drawn
from optimizer.planning.verify.position import Position

UNREAD = {
    "take_or_pay_share": "the take-or-pay share is unknown; the plan assumes that all of its capacity is paid",
    "minimum_spend": "the minimum spend is unknown; the plan assumes that there is none",
    "fixed_monthly_fee": "the fixed monthly fee is unknown; the plan assumes that there is none",
    "share_of_wallet": "the share of wallet is unknown; the plan assumes that there is none",
    "burst_share": "the burst share is unknown; the plan assumes that nothing may be drawn beyond the capacity",
    "comparables": "the most favoured price is unknown; the plan assumes that there is none",
    "renewal": "the renewal option is unknown; the plan assumes that there is none",
    "balance": "what an interval brings forward is unknown; the plan assumes nothing",
    "ramp": "the ramp is unknown; the plan assumes that capacity and price stay as they are",
    "tiers": "volume tiers are unknown; the plan assumes that there are none",
    "price_index": "the price index is unknown; the plan assumes that prices follow none",
    "exclusions": "exclusions are unknown; the plan assumes that there are none",
    "true_up_price": "the true-up price is unknown; the plan assumes the contract's own price",
}
UNREAD_TERMINATION = "termination terms are unknown; the plan assumes that it cannot be left"


def leans_on(position: Position) -> tuple[str, ...]:
    """Assumptions about unread clauses of contracts that the plan holds."""
    alerts = []
    for contract, lots in zip(position.contracts, position.lots, strict=True):
        if lots <= 0 and not contract.status.in_force:
            continue
        # Where termination is excluded outright, nothing leans on its fees.
        unread_fees = contract.notice_days is not None and contract.fee_steps is UNKNOWN
        if contract.notice_days is UNKNOWN or unread_fees:
            alerts.append(f"contract {contract.name}: {UNREAD_TERMINATION}")
        alerts += [f"contract {contract.name}: {words}" for name, words in UNREAD.items() if name in contract.unknown_clauses]
    return tuple(alerts)


def contract_breaks(position: Position) -> Iterator[str]:
    """All of this module's rules."""
    for k, contract in enumerate(position.contracts):
        yield from _priced(position, k, contract)
        yield from _lots(position, k, contract)
        yield from _exits(position, k, contract)
        yield from _renewed(position, k, contract)
        yield from _wallet(position, k, contract)
        for exclusion in contract.exclusions:
            if exclusion.kind is ExclusionKind.CONTRACT:
                yield from _excluded_contract(position, k, exclusion.other)
            elif exclusion.kind is ExclusionKind.SUPPLIER:
                yield from _excluded_supplier(position, k, exclusion.other)
            else:
                yield from _exclusive_work(position, k, exclusion.other)
    yield from _option_groups(position)


def _priced(position: Position, k: int, contract: Contract) -> Iterator[str]:
    if isinstance(contract.price, Unknown):
        yield f"contract {contract.name}: its price is unknown; no plan can be priced with it"
    if not np.isfinite(position.terms[k].usd_per_unit).all():
        yield f"contract {contract.name}: {contract.currency} has no exchange rate in some period"


def _lots(position: Position, k: int, contract: Contract) -> Iterator[str]:
    lots = position.lots[k]
    if contract.status.in_force and lots != contract.lots:
        yield f"contract {contract.name}: is in force with {contract.lots} lots; the plan holds {lots}"
    elif not 0 <= lots <= contract.lots:
        yield f"contract {contract.name}: 0 to {contract.lots} lots may be signed; the plan signs {lots}"


def _renewed(position: Position, k: int, contract: Contract) -> Iterator[str]:
    """A renewal prolongs lots that are still held when the term ends."""
    if contract.renews is None or position.lots[k] <= 0:
        return
    parents = [j for j, other in enumerate(position.contracts) if other.name == contract.renews]
    held = sum(int(position.lots[j] - position.exits[j].sum()) for j in parents)
    if position.lots[k] > held:
        yield f"contract {contract.name}: {position.lots[k]} lots are renewed, of {held} that {contract.renews} still holds when it ends"


def _exits(position: Position, k: int, contract: Contract) -> Iterator[str]:
    exits = position.exits[k]
    if (exits < 0).any():
        yield f"contract {contract.name}: lots left must be >= 0; got {exits.min()}"
    if exits.sum() > max(position.lots[k], 0):
        yield f"contract {contract.name}: {exits.sum()} lots are left, of {position.lots[k]} held"
    for t in np.flatnonzero((exits != 0) & ~np.isfinite(position.terms[k].exit_fee)):
        start = position.case.calendar.periods[t].start
        yield f"contract {contract.name}: {exits[t]} lots are left on {start}, when its termination terms do not allow it"


def all_hours_drawn(position: Position) -> Floats:
    """Accelerator-hours drawn from all contracts and offers, [T, S]."""
    draws = position.contract_draw.sum(axis=0) + position.offer_draw.sum(axis=0)
    return np.asarray((draws * position.hours[:, :, None]).sum(axis=1))


def _wallet(position: Position, k: int, contract: Contract) -> Iterator[str]:
    share = contract.share_of_wallet
    if not isinstance(share, (int, float)):
        return
    hours = position.hours.sum(axis=1)[:, None]
    everything = all_hours_drawn(position)
    short = np.where(position.active[k][:, None] > 0, (share * everything - hours_drawn(position, k)) / hours, 0.0)
    rule = f"contract {contract.name}: drawn less than {share:.0%} of all accelerator-hours, short"
    yield from broken_at(position, rule, short, everything / hours)


def _in_force_names(position: Position, k: int) -> list[tuple[int, str]]:
    """Periods in which lots of the contract are in force, with their names."""
    periods = position.case.calendar.periods
    return [(int(t), periods[t].name) for t in np.flatnonzero(position.active[k] > 0)]


def _excluded_contract(position: Position, k: int, other: str) -> Iterator[str]:
    for j, contract in enumerate(position.contracts):
        both = [name for t, name in _in_force_names(position, k) if contract.name == other and position.active[j, t] > 0]
        if both:
            yield f"contract {position.contracts[k].name}: must not be in force together with {other}; both are in {', '.join(both)}"


def suppliers_used(position: Position, t: int) -> dict[str, str]:
    """Suppliers with a load or training run placed in the period, each with the first of them."""
    needs = position.needs
    used: dict[str, str] = {}
    for load, p in zip(needs.loads, position.placed[:, t], strict=True):
        if p >= 0:
            used.setdefault(position.pool_site[p].supplier, f"load {load.name}")
    for run, g in zip(needs.runs, position.option, strict=True):
        if g >= 0 and needs.option_start[g] <= t < needs.option_stop[g]:
            used.setdefault(position.pool_site[needs.option_pool[g]].supplier, f"training run {run}")
    return used


def _excluded_supplier(position: Position, k: int, other: str) -> Iterator[str]:
    name = position.contracts[k].name
    for t, period in _in_force_names(position, k):
        placed = suppliers_used(position, t).get(other)
        if placed is not None:
            yield f"contract {name}: nothing may be placed with {other} while it is in force; {placed} is in {period}"
        for j, contract in enumerate(position.contracts):
            if contract.supplier == other and j != k and position.active[j, t] > 0:
                yield f"contract {name}: no contract of {other} may be in force with it; {contract.name} is in {period}"


def _exclusive_work(position: Position, k: int, kind: str) -> Iterator[str]:
    contract, needs = position.contracts[k], position.needs
    kinds = {workload.name: workload.kind.value for workload in position.case.workloads}
    run_kind = {run.name: kinds[run.workload] for run in position.case.training_runs}
    rule = f"contract {contract.name}: {kind} runs with {contract.supplier} only while it is in force"
    for t, period in _in_force_names(position, k):
        for load, p in zip(needs.loads, position.placed[:, t], strict=True):
            if p >= 0 and kinds[load.workload] == kind and position.pool_site[p].supplier != contract.supplier:
                yield f"{rule}; load {load.name} is with {position.pool_site[p].supplier} in {period}"
        for run, g in zip(needs.runs, position.option, strict=True):
            held = g >= 0 and needs.option_start[g] <= t < needs.option_stop[g] and run_kind[run] == kind
            if held and position.pool_site[needs.option_pool[g]].supplier != contract.supplier:
                yield f"{rule}; training run {run} is with {position.pool_site[needs.option_pool[g]].supplier} in {period}"


def _option_groups(position: Position) -> Iterator[str]:
    held: dict[str, list[str]] = {}
    for contract, lots in zip(position.contracts, position.lots, strict=True):
        if contract.option_group is not None and lots > 0:
            held.setdefault(contract.option_group, []).append(contract.name)
    for group, names in held.items():
        if len(names) > 1:
            yield f"option group {group}: at most one of its contracts may be held; the plan holds {', '.join(names)}"
