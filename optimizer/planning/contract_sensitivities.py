"""What moves the cost, of contracts: slopes of the bound in their clauses, with what follows from each figure added up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.contract import Balance, Contract, FeeStep
from optimizer.domain.problem import PlanningProblem, Supply
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.volume import lowest_share
from optimizer.planning.assemble.payments import terminal_usd
from optimizer.pricing.sensitivity import Sensitivities

SMALL_CHANGE = 0.01  # of a clause, for the slope of what a contract leaves to pay after the horizon
TINY_CHANGE = 1e-5  # likewise, to either side, of what volume leaves of its bill
CLAUSES = (
    ("x_UnitPrice", "price"),
    ("x_AcceleratorsPerLot", "accelerators"),
    ("x_TakeOrPayShare", "take_or_pay_share"),
    ("x_MinimumSpend", "minimum_spend"),
    ("x_FixedMonthlyFee", "fixed_monthly_fee"),
    ("x_ShareOfWallet", "share_of_wallet"),
    ("x_BurstShare", "burst_share"),
    ("x_BurstPrice", "burst_price"),
    ("x_TrueUpPrice", "true_up_price"),
)

Entry = tuple[str, str, str, float | None, float]  # table, row, column, value, effect


@dataclass(frozen=True)
class View:
    """A case, its problem, and the slopes of its bound."""

    case: Case
    problem: PlanningProblem
    slopes: Sensitivities
    annual_rate: float

    @property
    def contracts(self) -> dict[str, Contract]:
        """By name."""
        return {contract.name: contract for contract in self.case.contracts}


def contract_entries(view: View) -> Iterator[Entry]:
    """Clauses of contracts and rows of their child tables, by name of the table."""
    yield from _contracts(view)
    yield from _fee_steps(view)
    yield from _tiers(view)
    yield from _balances(view)


def _contracts(view: View) -> Iterator[Entry]:
    """Prices and accelerators of a ramp's steps change along with the first ones; a burst at the contract's own price with that."""
    supply, slopes = view.problem.supply, view.slopes
    burst = _of_clause(view, supply.burst.contract, slopes.burst_price_cash, supply.burst.price_cash)
    effects = {
        "price": (slopes.price_cash * supply.price_cash).sum(axis=(1, 2)),
        "accelerators": (slopes.capacity * supply.capacity).sum(axis=(1, 2)),
        "burst_share": _of_clause(view, supply.burst.contract, slopes.burst_share, supply.burst.share),
        "burst_price": burst,
        "true_up_price": _of_clause(view, supply.true_up.contract, slopes.true_up_price_cash, supply.true_up.price_cash),
        "take_or_pay_share": slopes.take_or_pay_share * supply.take_or_pay_share,
        "minimum_spend": (slopes.minimum_cash * supply.minimum_cash).sum(axis=(1, 2)),
        "fixed_monthly_fee": (slopes.fixed_fee_cash * supply.fixed_fee_cash).sum(axis=(1, 2)),
        "share_of_wallet": slopes.share_of_wallet * supply.share_of_wallet,
    }
    named = view.contracts
    for k, name in enumerate(supply.contracts):
        for column, field in CLAUSES:
            value = getattr(named[name], field)
            if isinstance(value, float | int):
                effect = float(effects[field][k]) + _after_the_horizon(view, k, named[name], _scaling(field))
                if field == "price":
                    effect += 0.0 if named[name].burst_price is not None else float(burst[k])
                    effect += _through_volume(view, partial(_at_price, contract=k))
                elif field == "accelerators":
                    effect += _through_volume(view, partial(_with_capacity, contract=k))
                yield "contracts", name, column, float(value), effect


def _of_clause(view: View, contract: Ints, slopes: Floats, figures: Floats) -> Floats:
    """Effects of a clause that only some contracts have, a row for each of them, summed by contract, [K]."""
    found = np.zeros(len(view.problem.supply.contracts))
    if len(contract):
        np.add.at(found, contract, (slopes * figures).reshape(len(contract), -1).sum(axis=1))
    return found


def _through_volume(view: View, changed: Callable[[Supply, float], Supply]) -> float:
    """Effect through the least share of their bills that volume tiers and most favoured prices leave contracts."""
    supply = view.problem.supply
    if not len(supply.tiers.contract) + len(supply.favoured.contract):
        return 0.0
    more, less = (
        lowest_share(replace(view.problem, supply=changed(supply, 1.0 + change))) for change in (TINY_CHANGE, -TINY_CHANGE)
    )
    return float((view.slopes.lowest_share * (more - less)).sum() / (2.0 * TINY_CHANGE))


def _at_price(supply: Supply, factor: float, *, contract: int) -> Supply:
    """Prices of volume tiers are given beside the contract's own, and stay."""
    price, ratio = supply.price_cash.copy(), supply.tiers.ratio.copy()
    price[contract] *= factor
    ratio[supply.tiers.contract == contract] /= factor
    return replace(supply, price_cash=price, tiers=replace(supply.tiers, ratio=ratio))


def _with_capacity(supply: Supply, factor: float, *, contract: int) -> Supply:
    capacity = supply.capacity.copy()
    capacity[contract] *= factor
    return replace(supply, capacity=capacity)


def _with_tier(supply: Supply, factor: float, *, tier: int, field: str) -> Supply:
    values = getattr(supply.tiers, field).copy()
    values[tier] *= factor
    return replace(supply, tiers=replace(supply.tiers, **{field: values}))


def _tiers(view: View) -> Iterator[Entry]:
    supply = view.problem.supply
    named = view.contracts
    for k in dict.fromkeys(supply.tiers.contract.tolist()):
        name = supply.contracts[k]
        steps = sorted(named[name].tiers, key=lambda tier: tier.from_quantity)
        for row, step in zip(np.flatnonzero(supply.tiers.contract == k).tolist(), steps, strict=True):
            label = f"{name} {step.from_quantity:.12g}"
            price, quantity = (_through_volume(view, partial(_with_tier, tier=row, field=field)) for field in ("ratio", "start"))
            yield "contract_tiers", label, "unit_price", step.price, price
            yield "contract_tiers", label, "from_quantity", step.from_quantity, quantity


def _balances(view: View) -> Iterator[Entry]:
    """What is brought forward at the start, or the cap where it is that; other caps and expiry the bound leaves out."""
    clause, named = view.problem.supply.balances, view.contracts
    for k, opening, cap, slope in zip(clause.contract, clause.opening_cash, clause.cap_cash, view.slopes.opening_cash, strict=True):
        balance = named[view.problem.supply.contracts[k]].balance
        assert isinstance(balance, Balance)
        column, value = ("opening", balance.opening) if opening < cap else ("cap", balance.cap)
        yield "contract_balances", view.problem.supply.contracts[k], column, value, float(slope * opening)


def _scaling(field: str) -> Callable[[Contract, float], Contract]:
    """A contract with one clause times a factor, in the steps of its ramp too."""

    def scaled(contract: Contract, factor: float) -> Contract:
        ramp = contract.ramp
        if field == "price":
            ramp = tuple(replace(step, price=None if step.price is None else step.price * factor) for step in ramp)
        elif field == "accelerators":
            ramp = tuple(replace(step, accelerators=step.accelerators * factor) for step in ramp)
        return replace(contract, ramp=ramp, **{field: getattr(contract, field) * factor})

    return scaled


def _after_the_horizon(view: View, k: int, contract: Contract, scaled: Callable[[Contract, float], Contract]) -> float:
    """Effect through what a lot still held at the end commits to."""
    if not view.slopes.terminal_usd[k]:
        return 0.0
    less, now = (terminal_usd(changed, view.case, view.annual_rate) for changed in (scaled(contract, 1.0 - SMALL_CHANGE), contract))
    return float(view.slopes.terminal_usd[k] * (now - less) / SMALL_CHANGE)


def _fee_steps(view: View) -> Iterator[Entry]:
    supply, periods = view.problem.supply, view.case.calendar.periods
    named = view.contracts
    for k, name in enumerate(supply.contracts):
        contract, paid = named[name], np.where(np.isfinite(supply.exit_fee_cash[k]), supply.exit_fee_cash[k], 0.0)
        steps = contract.fee_steps
        if not isinstance(steps, tuple):
            continue
        for step in steps:
            holds = [_holds(steps, step, period.start) for period in periods]
            effect = float((view.slopes.exit_fee_cash[k] * paid)[holds].sum())
            at_end = _after_the_horizon(view, k, contract, _scaling_step(step))
            yield "contract_fee_steps", f"{name} {step.start.isoformat()}", "fee_per_lot", step.fee, effect + at_end


def _holds(steps: tuple[FeeStep, ...], step: FeeStep, day: Any) -> bool:
    """Whether the step is the last one reached on the day."""
    return step is max((other for other in steps if other.start <= day), key=lambda other: other.start, default=None)


def _scaling_step(step: FeeStep) -> Callable[[Contract, float], Contract]:
    def scaled(contract: Contract, factor: float) -> Contract:
        steps = contract.fee_steps
        assert isinstance(steps, tuple)
        return replace(contract, fee_steps=tuple(replace(s, fee=s.fee * factor) if s is step else s for s in steps))

    return scaled
