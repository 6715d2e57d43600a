"""What is paid: one function per line of the cost table of docs/problem.md. The objective and the budgets are sums of the same payments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.clauses import committed_cash, last_periods
from optimizer.integer.variables import Variables

ALL_SCENARIOS = -1
NOBODY = -1  # paid to no supplier: no budget counts it


@dataclass(frozen=True, kw_only=True)
class Payments:
    """Cash per unit of a column. Axes: `z` payments."""

    line: str
    column: Ints  # [z]
    supplier: Ints  # [z] who is paid
    period: Ints  # [z]
    scenario: Ints  # [z]
    cash: Floats  # [z] USD, undiscounted


def _payments(line: str, column: ArrayLike, supplier: ArrayLike, period: ArrayLike, scenario: ArrayLike, cash: ArrayLike) -> Payments:
    parts = np.broadcast_arrays(*(np.asarray(part) for part in (column, supplier, period, scenario, cash)))
    kept = (parts[0] >= 0) & (parts[4] != 0)
    index = [part[kept].astype(np.int64) for part in parts[:4]]
    return Payments(
        line=line, column=index[0], supplier=index[1], period=index[2], scenario=index[3], cash=parts[4][kept].astype(np.float64)
    )


def all_payments(problem: PlanningProblem, variables: Variables, unit: float) -> tuple[Payments, ...]:
    """Everything paid in a period. What is discounted once, as a whole, is in `lump_sums`."""
    return (
        *_while_active(problem, variables, "commitment", committed_cash(problem)),
        *_while_active(problem, variables, "fixed fee", problem.supply.fixed_fee_cash),
        *_while_active(problem, variables, "prepayment", problem.supply.prepaid_cash),
        burst(problem, variables),
        excess(problem, variables, unit),
        *spend_without_commitment(problem, variables),
        minimum_shortfall(problem, variables, unit),
        tiers(problem, variables),
        balance(problem, variables, unit),
        exit_fee(problem, variables),
        market(problem, variables),
        egress(problem, variables),
        *moving(problem, variables),
        not_placed(problem, variables),
        missed_work(problem, variables),
        shortage(problem, variables),
    )


def _while_active(problem: PlanningProblem, variables: Variables, line: str, per_lot: Floats) -> tuple[Payments, Payments]:
    """per_lot[k,t,s] x active[k,t]: on all lots, less on each lot left in this period or before."""
    supply = problem.supply
    scenario, paid = _by_scenario(np.where((supply.interval >= 0)[:, :, None], per_lot, 0.0))
    period = np.arange(paid.shape[1])
    supplier = supply.contract_supplier[:, None, None]
    left = np.where(period[:, None] <= period, variables.exits[:, :, None], -1)[..., None]  # [K, period left, period saved, 1]
    return (
        _payments(line, variables.lots[:, None, None], supplier, period[:, None], scenario, paid),
        _payments(line, left, supplier[..., None], period[:, None], scenario, -paid[:, None]),
    )


def _by_scenario(cash: Floats) -> tuple[Ints, Floats]:
    """Numbers of scenarios and [K, T, S] cash in them; one payment for all where they pay alike."""
    if (cash == cash[..., :1]).all():
        return np.array([ALL_SCENARIOS]), cash[..., :1]
    return np.arange(cash.shape[2]), cash


def settlement_period(problem: PlanningProblem) -> Ints:
    """The last period within the horizon of the interval that each period falls in, [K, T]; -1 not in force."""
    interval = problem.supply.interval
    contract, period = np.nonzero(interval >= 0)
    settled = np.full(interval.shape, -1)
    settled[contract, period] = last_periods(problem)[contract, interval[contract, period]]
    return settled


def _settled(problem: PlanningProblem, column: Ints, line: str, unit: float) -> Payments:
    """One unit of money per column [K, W, S], paid in the last period of its interval."""
    supplier = problem.supply.contract_supplier[:, None, None]
    return _payments(line, column, supplier, last_periods(problem)[:, :, None], np.arange(column.shape[2]), unit)


def excess(problem: PlanningProblem, variables: Variables, unit: float) -> Payments:
    return _settled(problem, variables.excess, "excess", unit)


def burst(problem: PlanningProblem, variables: Variables) -> Payments:
    """What is drawn beyond the capacity, at its own price, when it is drawn."""
    clause, (periods, _, scenarios) = problem.supply.burst, problem.shape
    price = clause.price_cash.reshape(len(clause.contract), periods, scenarios)
    supplier = problem.supply.contract_supplier[clause.contract][:, None, None, None]
    period = np.arange(periods)[:, None, None]
    cash = price[:, :, None, :] * problem.hours[:, :, None]
    return _payments("burst", variables.burst, supplier, period, np.arange(scenarios), cash)


def spend_without_commitment(problem: PlanningProblem, variables: Variables) -> tuple[Payments, Payments]:
    """Where nothing is paid for anyway, all that is drawn is the excess, billed when the interval ends."""
    supply = problem.supply
    j, u = supply.cover_contract, supply.burst.contract
    price = np.where((supply.take_or_pay_share == 0)[:, None, None], supply.excess_price, 0.0)
    cash = price[:, :, None, :] * problem.hours[:, :, None]
    supplier = supply.contract_supplier[:, None, None, None]
    settled = settlement_period(problem)[:, :, None, None]
    scenario = np.arange(len(problem.scenarios))
    return (
        _payments("excess", variables.contract_draw, supplier[j], settled[j], scenario, cash[j]),
        _payments("excess", variables.burst, supplier[u], settled[u], scenario, -cash[u]),
    )


def minimum_shortfall(problem: PlanningProblem, variables: Variables, unit: float) -> Payments:
    return _settled(problem, variables.short, "minimum shortfall", unit)


def tiers(problem: PlanningProblem, variables: Variables) -> Payments:
    """What the volume billed adds to the contract's own price, or takes off it, when the interval ends."""
    volumes = variables.volumes
    contract = volumes.bands.contract
    settled = last_periods(problem)[contract][:, :, None, None]
    supplier = problem.supply.contract_supplier[contract][:, None, None, None]
    scenario = np.arange(volumes.volume.shape[2])[:, None]
    return _payments("tiers", volumes.volume, supplier, settled, scenario, volumes.cash)


def balance(problem: PlanningProblem, variables: Variables, unit: float) -> Payments:
    """What is brought forward and used comes off the bill when the interval ends."""
    contract, used = problem.supply.balances.contract, variables.balances.used
    settled = last_periods(problem)[contract][:, :, None]
    supplier = problem.supply.contract_supplier[contract][:, None, None]
    return _payments("balance", used, supplier, settled, np.arange(used.shape[2]), -unit)


def exit_fee(problem: PlanningProblem, variables: Variables) -> Payments:
    supply = problem.supply
    scenario, fee = _by_scenario(np.where((variables.exits >= 0)[:, :, None], supply.exit_fee_cash, 0.0))
    supplier, period = supply.contract_supplier[:, None, None], np.arange(fee.shape[1])[:, None]
    return _payments("exit fee", variables.exits[:, :, None], supplier, period, scenario, fee)


def market(problem: PlanningProblem, variables: Variables) -> Payments:
    supply = problem.supply
    cash = supply.offer_price_cash[:, :, None, :] * problem.hours[:, :, None]
    supplier = problem.pool_supplier[supply.offer_pool][:, None, None, None]
    period = np.arange(cash.shape[1])[:, None, None]
    return _payments("market", variables.offer_draw, supplier, period, np.arange(cash.shape[3]), cash)


def egress(problem: PlanningProblem, variables: Variables) -> Payments:
    supplier = problem.pool_supplier[problem.needs.pair_pool][:, None, None]
    _, periods, scenarios = problem.egress_cash.shape
    period = np.arange(periods)[:, None]
    return _payments("egress", variables.place[:, :, None], supplier, period, np.arange(scenarios), problem.egress_cash)


def moving(problem: PlanningProblem, variables: Variables) -> tuple[Payments, ...]:
    """enter and leave, with leave = enter - x[t] + x[t-1]; in the first period both follow from x alone (see `moving_constant`)."""
    place, enter = variables.place, variables.enter
    later = np.arange(1, place.shape[1])
    before = problem.placed_before[problem.needs.pair_load]
    here = before == problem.needs.pair_pool
    first = np.where(here, -problem.leave_cash, np.where(before >= 0, problem.enter_cash, 0.0))
    both, leave = (problem.enter_cash + problem.leave_cash)[:, None], problem.leave_cash[:, None]
    return (
        _payments("moving", place[:, 0], NOBODY, 0, ALL_SCENARIOS, first),
        _payments("moving", enter[:, 1:], NOBODY, later, ALL_SCENARIOS, both),
        _payments("moving", place[:, 1:], NOBODY, later, ALL_SCENARIOS, -leave),
        _payments("moving", place[:, :-1], NOBODY, later, ALL_SCENARIOS, leave),
    )


def moving_constant(problem: PlanningProblem) -> float:
    """USD for leaving the pool in force, given back by `moving` where the load stays."""
    here = problem.placed_before[problem.needs.pair_load] == problem.needs.pair_pool
    return float(problem.leave_cash[here].sum() * problem.discount[0])


def not_placed(problem: PlanningProblem, variables: Variables) -> Payments:
    _, periods, scenarios = problem.unplaced_cash.shape
    period = np.arange(periods)[:, None]
    return _payments("not placed", variables.unplaced[:, :, None], NOBODY, period, np.arange(scenarios), problem.unplaced_cash)


def missed_work(problem: PlanningProblem, variables: Variables) -> Payments:
    _, periods, scenarios = variables.missed.shape
    price = problem.missed_price[problem.needs.pair_load[variables.flexible_pairs]][:, None, None]
    return _payments("missed work", variables.missed, NOBODY, np.arange(periods)[:, None], np.arange(scenarios), price)


def shortage(problem: PlanningProblem, variables: Variables) -> Payments:
    cash = problem.shortage_price[:, None, None, None] * problem.hours[:, :, None]
    period = np.arange(cash.shape[1])[:, None, None]
    return _payments("shortage", variables.shortage, NOBODY, period, np.arange(len(problem.scenarios)), cash)


def option_egress(problem: PlanningProblem, variables: Variables) -> Payments:
    """The billed part of `option_usd`, for budgets only: the objective has it in `lump_sums`."""
    needs = problem.needs
    supplier = problem.run_data_supplier[needs.option_run]
    return _payments("egress", variables.option, supplier, needs.option_start, ALL_SCENARIOS, problem.option_egress_cash)


def lump_sums(problem: PlanningProblem, variables: Variables, columns: int) -> Floats:
    """Discounted USD per unit of each column for training options, runs not run, and what lots still held at the end will cost, [n]."""
    usd = np.zeros(columns)
    usd[variables.option] += problem.option_usd
    usd[variables.not_run] += problem.run_unplaced_usd
    usd[variables.lots] += problem.supply.terminal_usd
    contract, period = np.nonzero(variables.exits >= 0)
    usd[variables.exits[contract, period]] -= problem.supply.terminal_usd[contract]
    return usd


def objective(problem: PlanningProblem, variables: Variables, payments: tuple[Payments, ...], columns: int) -> Floats:
    """Discounted, expected USD per unit of each column, [n]; where CVaR counts, without the part that its own rows have (`risk`)."""
    usd = lump_sums(problem, variables, columns)
    expected = 1.0 if problem.risk_neutral else 1.0 - problem.risk.omega
    weight = np.append(expected * problem.probability, 1.0)  # ALL_SCENARIOS, -1, finds the 1
    for part in payments:
        paid = part.cash * problem.discount[part.period] * weight[part.scenario]
        usd += np.bincount(part.column, paid, columns)
    return usd


def constant(problem: PlanningProblem) -> float:
    """USD that no decision changes: other spend, and leaving the pools in force (given back where a load stays)."""
    return float((problem.other_spend_cash * problem.discount).sum()) + moving_constant(problem)


def money_unit(problem: PlanningProblem) -> float:
    """USD per unit of money, a power of two chosen from the data.

    Solvers work to absolute tolerances near 1e-7. A unit near what one accelerator costs in a block keeps the reduced costs of draws
    well above them; where lots cost so much more that they would exceed 1e7 units, the unit grows with them. Powers of two change no
    digit. So a contract of 1.25e9 USD a month and an offer of 1 USD an hour differ by what they cost, and no tolerance hides the offer.
    Where no capacity has a price but shortage's, the unit is near what a pair costs.
    """
    supply = problem.supply
    hours = problem.hours.mean()
    paid = np.concatenate([supply.price_cash.ravel(), supply.offer_price_cash.ravel()])
    prices = np.concatenate([problem.shortage_price, paid]) * hours if (paid > 0).any() else problem.egress_cash.ravel()
    positive = prices[prices > 0]
    one = float(np.median(positive)) if len(positive) else 1.0
    per_lot = committed_cash(problem) + supply.fixed_fee_cash + supply.minimum_cash + np.abs(supply.prepaid_cash)
    per_lot = per_lot * supply.most_lots[:, None, None]
    largest = float(per_lot.sum(axis=1).max(initial=0.0))
    return float(2.0 ** np.round(np.log2(max(one, largest / 1e7))))
