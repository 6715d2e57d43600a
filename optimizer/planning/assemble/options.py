"""Clauses that only some contracts have, as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.clauses import NEVER, NO_BURST, NO_TIERS, NO_TRUE_UP, Balances, Burst, Favoured, Tiers, TrueUp
from optimizer.domain.contract import UNKNOWN, Balance, BalanceKind, Contract
from optimizer.domain.surface import Floats, Ints
from optimizer.planning.assemble import contracts as terms


def volume_tiers(case: Case, chosen: Sequence[Contract]) -> Tiers:
    """Tiers of the contracts that have any, in the order of their quantities; prices over the contract's own."""
    rows = [(k, i, tier) for k, c in enumerate(chosen) for i, tier in enumerate(sorted(c.tiers, key=lambda tier: tier.from_quantity))]
    if not rows:
        return NO_TIERS
    starts = {k: terms.tier_starts(chosen[k], case.calendar) for k, _, _ in rows}
    width = max(terms.intervals(c, case.calendar).max(initial=-1) for c in chosen) + 1
    start = np.full((len(rows), width), np.inf)
    for row, (k, i, _) in enumerate(rows):
        start[row, : starts[k].shape[1]] = starts[k][i]
    own = [terms.given(chosen[k].price, 0.0) for k, _, _ in rows]
    return Tiers(
        contract=np.array([k for k, _, _ in rows], dtype=np.int64),
        start=start,
        ratio=np.array([tier.price / price for (_, _, tier), price in zip(rows, own, strict=True)], dtype=np.float64),
        incremental=np.array([tier.kind == "incremental" for _, _, tier in rows], dtype=np.bool_),
        units=np.array([[terms.units_per_hour(chosen[k], period) for period in case.calendar.periods] for k, _, _ in rows]),
    )


def burst(case: Case, chosen: Sequence[Contract], rates: Sequence[Floats]) -> Burst:
    """Burst of the contracts that have it; at their own price where none is given for it."""
    rows = [k for k, c in enumerate(chosen) if terms.given(c.burst_share, 0.0) > 0.0]
    if not rows:
        return NO_BURST
    own = [c.price if c.burst_price is None else c.burst_price for c in chosen]
    return Burst(
        contract=np.array(rows, dtype=np.int64),
        share=np.array([terms.given(chosen[k].burst_share, 0.0) for k in rows]),
        price_cash=np.array([_hourly(case, chosen[k], terms.given(own[k], 0.0), rates[k]) for k in rows]),
    )


def true_up(case: Case, chosen: Sequence[Contract], rates: Sequence[Floats]) -> TrueUp:
    """Prices of use beyond the commitment, of the contracts that have one of their own."""
    rows = [k for k, c in enumerate(chosen) if isinstance(c.true_up_price, (int, float))]
    if not rows:
        return NO_TRUE_UP
    prices = [_hourly(case, chosen[k], terms.given(chosen[k].true_up_price, 0.0), rates[k]) for k in rows]
    return TrueUp(contract=np.array(rows, dtype=np.int64), price_cash=np.array(prices))


def balances(case: Case, chosen: Sequence[Contract], rates: Sequence[Floats]) -> Balances:
    """What is brought forward; amounts in USD at the rate of the first period in which the contract is in force."""
    rows = [(k, c.balance) for k, c in enumerate(chosen) if isinstance(c.balance, Balance)]
    first = {k: rates[k][int(np.argmax(terms.intervals(chosen[k], case.calendar) >= 0)), 0] for k, _ in rows}
    cap = [np.inf if b.cap is None else b.cap * first[k] for k, b in rows]
    kinds = list(BalanceKind)
    return Balances(
        contract=np.array([k for k, _ in rows], dtype=np.int64),
        kind=np.array([kinds.index(b.kind) for _, b in rows], dtype=np.int64),
        opening_cash=np.array([min(b.opening * first[k], most) for (k, b), most in zip(rows, cap, strict=True)], dtype=np.float64),
        cap_cash=np.array(cap, dtype=np.float64),
        life=np.array([NEVER if b.expires_after is None else b.expires_after for _, b in rows], dtype=np.int64),
    )


def favoured(chosen: Sequence[Contract]) -> Favoured:
    """Contracts with a most favoured price, each with the comparable ones that can be held."""
    number = {contract.name: k for k, contract in enumerate(chosen)}
    pairs = [
        (k, number[name])
        for k, contract in enumerate(chosen)
        for name in (() if contract.comparables is UNKNOWN else contract.comparables)
        if name in number
    ]
    return Favoured(contract=np.array([k for k, _ in pairs], dtype=np.int64), other=np.array([j for _, j in pairs], dtype=np.int64))


def renewals(chosen: Sequence[Contract]) -> Ints:
    """(renewal, contract renewed), [E, 2]."""
    number = {contract.name: k for k, contract in enumerate(chosen)}
    pairs = [(k, number[contract.renews]) for k, contract in enumerate(chosen) if contract.renews in number]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _hourly(case: Case, contract: Contract, price: float, rate: Floats) -> Floats:
    """USD per accelerator-hour for a price per unit in the contract's currency, [T, S]."""
    units = np.array([terms.units_per_hour(contract, period) for period in case.calendar.periods])
    return np.asarray(price * units[:, None] * rate)
