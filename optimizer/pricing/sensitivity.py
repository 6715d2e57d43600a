"""What the bound gains for each unit more of each input: its slope at the prices, in the axes of `PlanningProblem`.

By the envelope theorem the bound's slope is the dual's at multipliers that stay as they are. Where capacity costs as much as an offer
without limit or a shortage, its price moves with that cap: there the slope is taken along it, or the market would seem to cost nothing.

    d bound / d input = d dual / d input + sum over prices at their cap of (d dual / d price) (d cap / d input)

Where the best response is not unique the dual has a kink and a slope on each side. The slopes that a climb hands on are means over its last
steps, where responses take turns, so that they lie between the two, near those of the linear relaxation; one reverse pass at given
multipliers (`exact_slopes`) takes one side. Either way the bound after a small change is not above bound + slope x change for the same
prices, but for what a finite number of steps leaves; it is the slope of the bound, not of the cost of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.compiling import QUICK
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.domain.volume import lowest_share
from optimizer.pricing.arrays import Arrays, Prepared, doubles, on_host
from optimizer.pricing.bound import PairCosts, in_box
from optimizer.pricing.dual import dual_value
from optimizer.pricing.inputs import Inputs, added, inputs_of, with_inputs
from optimizer.pricing.multipliers import Multipliers, cash_weight, price_caps, stacked_prices
from optimizer.pricing.prices import Prices
from optimizer.pricing.starts import option_costs
from optimizer.pricing.supply import beyond_all
from optimizer.pricing.weighing import at_prices

AT_CAP = 1e-6  # relative distance from a cap within which a price stands at it


@dataclass(frozen=True, kw_only=True)
class Sensitivities:
    """USD of the bound for one unit more of each field of `PlanningProblem`, `Supply` or `Limits` of the same name; its units and axes.

    The least share of its bill that volume leaves a contract (tiers, a most favoured price) is a field of its own, and held where prices,
    capacity or quantities move. Not here: hours, discount and probabilities, which no table holds as figures to choose; and what the bound
    leaves out (fewest suppliers, reserve for the loss of a site, exclusions, shares of wallet of contracts that need not be in force, caps
    on balances and their expiry).
    """

    demand: Floats  # [L, T] for all of the load's need, work, egress, traffic and penalty together, times 1 + change
    egress: Floats  # [N] for all of egress_cash of the pair times 1 + change
    enter_cash: Floats  # [N]
    leave_cash: Floats  # [N]
    unplaced: Floats  # [L, T] share of the load not placed; times discount and probability the slope in unplaced_cash
    missed_price: Floats  # [L]
    option_cost: Floats  # [G] no slope: discounted USD of the option at the prices
    option_usd: Floats  # [G]
    option_gang: Floats  # [G] of `Needs`: for an accelerator more
    option_egress_cash: Floats  # [G] of the billed part in budgets; the money itself is in option_usd
    run_unplaced_usd: Floats  # [R]
    price_cash: Floats  # [K, T, S]
    take_or_pay_share: Floats  # [K]
    capacity: Floats  # [K, T, S] its commitment grows with it
    fixed_fee_cash: Floats  # [K, T, S]
    minimum_cash: Floats  # [K, T, S]
    eligible_spend_cash: Floats  # [K, T, S]
    exit_fee_cash: Floats  # [K, T, S] 0 where it cannot be left
    terminal_usd: Floats  # [K]
    share_of_wallet: Floats  # [K]
    burst_share: Floats  # [U] of `Burst`
    burst_price_cash: Floats  # [U, T, S] of `Burst`
    true_up_price_cash: Floats  # [U, T, S] of `TrueUp`
    opening_cash: Floats  # [V] of `Balances`
    lowest_share: Floats  # [K, W, S] of `optimizer.domain.volume.lowest_share`
    offer_price_cash: Floats  # [O, T, S]
    offer_limit: Floats  # [O, T] 0 where there is none
    availability: Floats  # [P]
    shortage_price: Floats  # [P]
    site_bandwidth: Floats  # [sites] 0 where there is no limit
    most_moves: Floats  # [T] likewise
    budget_cash: Floats  # [H]
    share: Floats  # [V] rules written out, as `Limits.shares`
    other_spend_cash: Floats  # [suppliers, T] its eligible part is in eligible_spend_cash


def exact_slopes(prepared: Prepared, prices: Prices) -> Inputs:
    """Slopes of the dual value in double precision by one reverse pass, in units of money."""
    with jax.enable_x64(True):
        found: Inputs = on_host(_slopes(prepared.double, doubles(prices.in_units(prepared.unit))))
    return found


@partial(jax.jit, compiler_options=QUICK)
def _slopes(arrays: Arrays, multipliers: Multipliers) -> Inputs:
    arrays, inside = in_box(arrays, multipliers)

    def value(inputs: Inputs) -> Array:
        return dual_value(with_inputs(arrays, inputs), added(inside, inputs))

    found: Inputs = jax.grad(value)(inputs_of(arrays))
    return found


def sensitivities(problem: PlanningProblem, prepared: Prepared, prices: Prices, pairs: PairCosts) -> Sensitivities:
    """Slopes of the bound at prices; those of the climb where they came from one, else of one reverse pass.

    Args:
      pairs: costs at the same prices.
    """
    arrays, unit = on_host(prepared.double), prepared.unit
    problem = at_prices(problem, prices)
    with jax.enable_x64(True):
        at, slopes = doubles((prices.in_units(unit), prices.slopes or exact_slopes(prepared, prices)))
        inside, slopes, shortage, options = on_host(_with_caps(prepared.double, at, slopes))
    placed = np.asarray(slopes.pairs[:, prepared.pair_slot, prepared.pair_load].T)
    added_cash = np.einsum("hut,hs->uts", arrays.supply.rules.budget_at, inside.budget)
    return Sensitivities(
        **_of_loads(problem, placed, added_cash, pairs),
        missed_price=_missed(problem, slopes.missed),
        option_cost=unit * options[prepared.option_run, prepared.option_place],
        **_of_runs(problem, prepared, slopes, added_cash),
        **_of_contracts(problem, arrays, slopes, unit),
        **_of_clauses(problem, slopes, unit),
        **_of_market(problem, slopes, unit),
        shortage_price=shortage,
        **_of_rules(problem, inside, slopes, added_cash, unit),
    )


@partial(jax.jit, compiler_options=QUICK)
def _with_caps(arrays: Arrays, multipliers: Multipliers, slopes: Inputs) -> tuple[Multipliers, Inputs, Array, Array]:
    """Multipliers inside their box, slopes with what the caps add, the caps' slope in shortage prices [P], and costs of options [R, M]."""
    arrays, inside = in_box(arrays, multipliers)
    none = inputs_of(arrays)

    def caps(inputs: Inputs, shortage: Array) -> tuple[Array, Array]:
        changed = with_inputs(arrays, inputs)
        return price_caps(replace(changed, supply=replace(changed.supply, shortage=shortage)), inside)

    (firm_cap, spot_cap), back = jax.vjp(caps, none, arrays.supply.shortage)
    pools = arrays.supply.spot_pool
    own = inside.spot >= spot_cap * (1.0 - AT_CAP)
    tied = ~own & (inside.spot >= inside.firm[pools] * (1.0 - AT_CAP))
    firm = slopes.firm.at[pools].add(jnp.where(tied, slopes.spot, 0.0))
    added_slopes, shortage = back((jnp.where(inside.firm >= firm_cap * (1.0 - AT_CAP), firm, 0.0), jnp.where(own, slopes.spot, 0.0)))
    options = option_costs(arrays.runs, stacked_prices(arrays, inside), cash_weight(arrays, inside), arrays.discount)
    return inside, jax.tree.map(jnp.add, slopes, added_slopes), shortage, options


def _of_loads(problem: PlanningProblem, placed: Floats, added_cash: Floats, pairs: PairCosts) -> dict[str, Any]:
    """Entering is what a share of the load in a pool rises by, leaving what it falls by."""
    needs = problem.needs
    weight = problem.discount[:, None] * problem.probability
    here = problem.placed_before[needs.pair_load] == needs.pair_pool
    new = (problem.placed_before < 0)[needs.pair_load]
    before = np.concatenate([np.where(new, placed[:, 0], here)[:, None], placed[:, :-1]], axis=1)
    apart = np.ones((len(needs.loads), len(problem.periods)))
    np.subtract.at(apart, needs.pair_load, placed)
    unplaced = np.maximum(apart, 0.0)
    demand = unplaced * np.einsum("lts,ts->lt", problem.unplaced_cash, weight)
    np.add.at(demand, needs.pair_load, placed * np.where(np.isfinite(pairs.usd), pairs.usd, 0.0))
    egress = np.einsum("nts,ts->nt", problem.egress_cash, weight)
    for supplier in np.flatnonzero(added_cash.any(axis=(1, 2))):
        billed = problem.pool_supplier[needs.pair_pool] == supplier
        egress[billed] += np.einsum("nts,ts->nt", problem.egress_cash[billed], added_cash[supplier])
    return {
        "demand": demand,
        "egress": (placed * egress).sum(axis=1),
        "enter_cash": np.maximum(placed - before, 0.0) @ problem.discount,
        "leave_cash": np.maximum(before - placed, 0.0) @ problem.discount,
        "unplaced": unplaced,
    }


def _missed(problem: PlanningProblem, slope: Floats) -> Floats:
    """[L]; the flexible pairs stand in the problem's order."""
    needs = problem.needs
    weight = problem.discount[:, None] * problem.probability
    found = np.zeros(len(needs.loads))
    np.add.at(found, needs.pair_load[needs.flexible[needs.pair_load]], np.einsum("fts,ts->f", slope, weight))
    return found


def _of_runs(problem: PlanningProblem, prepared: Prepared, slopes: Inputs, added_cash: Floats) -> dict[str, Floats]:
    needs = problem.needs
    taken, gang = (np.asarray(each)[prepared.option_run, prepared.option_place] for each in (slopes.options, slopes.gang))
    biller = problem.run_data_supplier[needs.option_run]
    counted = np.where(biller >= 0, added_cash.sum(axis=2)[np.maximum(biller, 0), needs.option_start], 0.0)
    not_run = np.ones(len(needs.runs))
    np.subtract.at(not_run, needs.option_run, taken)
    return {
        "option_usd": taken,
        "option_gang": prepared.unit * gang,
        "option_egress_cash": taken * counted,
        "run_unplaced_usd": np.where(problem.run_forced, 0.0, np.maximum(not_run, 0.0)),
    }


def _of_contracts(problem: PlanningProblem, arrays: Arrays, slopes: Inputs, unit: float) -> dict[str, Floats]:
    """Commitment is take-or-pay share x price x capacity x hours."""
    supply = problem.supply
    running = (supply.interval >= 0)[:, :, None]
    hours = problem.hours.sum(axis=1)[:, None]
    owed = np.where(running, slopes.committed, 0.0) * hours  # per USD / hour committed
    covered = np.where(running, slopes.more_covered, 0.0) * hours
    settled = np.isin(np.arange(len(supply.contracts)), supply.true_up.contract)[:, None, None]  # at a price that is not the contract's
    own = owed - np.where(settled, covered, 0.0)
    full = owed * supply.price_cash + covered * (supply.excess_price - supply.price_cash)
    share = supply.take_or_pay_share[:, None, None]
    rebate = np.where(running, slopes.rebate, 0.0) * hours * beyond_all(problem, lowest_share(problem))
    periods = np.maximum(supply.interval, 0)[:, :, None]
    return {
        "price_cash": np.where(running & ~settled, slopes.price, 0.0) + (own * share + rebate) * supply.capacity,
        "capacity": np.where(running, unit * slopes.capacity, 0.0) + full * share + rebate * supply.price_cash,
        "share_of_wallet": unit * np.where(arrays.supply.contracts.wallet > 0, slopes.wallet, 0.0).sum(axis=1),
        "take_or_pay_share": (full * supply.capacity).sum(axis=(1, 2)),
        "fixed_fee_cash": np.where(running, slopes.fee, 0.0),
        "minimum_cash": np.where(running, slopes.minimum, 0.0),
        "eligible_spend_cash": np.where(running, np.take_along_axis(np.asarray(slopes.eligible), periods, axis=1), 0.0),
        "exit_fee_cash": np.where(supply.leavable[:, :, None], slopes.exit_fee, 0.0),
        "terminal_usd": np.asarray(slopes.terminal),
    }


def _of_clauses(problem: PlanningProblem, slopes: Inputs, unit: float) -> dict[str, Floats]:
    """Burst, true-up, balances, and what volume takes off the bill: first all of it, then what goes beyond."""
    supply, hours = problem.supply, problem.hours.sum(axis=1)[:, None]
    burst, true_up, running = supply.burst.contract, supply.true_up.contract, (supply.interval >= 0)[:, :, None]
    committed = supply.take_or_pay_share[:, None, None] * supply.capacity * hours
    settled = np.where(running, slopes.price + slopes.more_covered * committed, 0.0)
    share = lowest_share(problem)
    full = np.where(running, supply.price_cash * supply.capacity * hours * slopes.rebate, 0.0)
    within = supply.interval[:, :, None] == np.arange(share.shape[1])
    beyond = np.einsum("kts,ktw->kws", full, within)
    return {
        "burst_share": unit * np.asarray(slopes.burst_share)[burst],
        "burst_price_cash": np.where(running, slopes.burst_price, 0.0)[burst],
        "true_up_price_cash": settled[true_up],
        "opening_cash": np.asarray(slopes.opening)[supply.balances.contract],
        "lowest_share": np.where(share >= 0.0, unit * np.asarray(slopes.lowest)[:, : share.shape[1]], -beyond),
    }


def _of_market(problem: PlanningProblem, slopes: Inputs, unit: float) -> dict[str, Floats]:
    supply = problem.supply
    usable = unit * np.asarray(slopes.usable)
    availability = np.zeros(len(problem.pools))
    np.add.at(availability, supply.offer_pool, usable * (1.0 - supply.offer_loss))
    count = np.bincount(supply.cover_contract, minlength=len(supply.contracts))
    place = np.arange(len(supply.cover_pool)) - (np.cumsum(count) - count)[supply.cover_contract]
    np.add.at(availability, supply.cover_pool, unit * slopes.works[supply.cover_contract, place])
    return {
        "offer_price_cash": np.asarray(slopes.market),
        "offer_limit": np.where(np.isfinite(supply.offer_limit), unit * slopes.limit, 0.0),
        "availability": availability,
    }


def _of_rules(
    problem: PlanningProblem, inside: Multipliers, slopes: Inputs, added_cash: Floats, unit: float
) -> dict[str, Floats]:
    return {
        "site_bandwidth": -unit * np.asarray(inside.bandwidth).sum(axis=1),
        "most_moves": -unit * np.asarray(inside.moves),
        "budget_cash": -np.asarray(inside.budget).sum(axis=1),
        "share": unit * np.asarray(slopes.share),
        "other_spend_cash": problem.discount + added_cash.sum(axis=2),
    }
