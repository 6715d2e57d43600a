"""The certificate: the dual value in double precision, less what rounding may have added.

Whatever prices are given, they are first moved into the box where the dual is finite. Every term of the value is a product of few factors,
summed; with `n` the longest chain of operations the computed value exceeds the exact one by at most gamma_n = n u / (1 - n u) times the sum
of absolute terms (u = 2^-53). So does what rounding leaves between the weights of scenarios and weights that sum to 1 exactly: it changes
each term by a few u of itself. In the minima it is enough to count the terms of the true minimiser: the computed minimum is not above its
computed cost. Costs of loads have no negative terms but the flexible work's, which are at most twice the work at the price of missing it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from optimizer.compiling import QUICK
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.arrays import Arrays, Prepared, doubles, on_host, prepare, with_supply
from optimizer.pricing.carried import fitted
from optimizer.pricing.dual import Terms, dual_terms, moves, pair_costs
from optimizer.pricing.multipliers import Multipliers, by_block, cash_weight, draw_charge, draw_sizes, offer_prices, project, stacked_prices
from optimizer.pricing.paths import best_paths, costs_through, path_costs
from optimizer.pricing.prices import Prices
from optimizer.pricing.responses import cheapest_lots, contract_costs
from optimizer.pricing.starts import best_options, option_costs, run_costs
from optimizer.pricing.supply import BARRED
from optimizer.pricing.weighing import weighed, within_envelope

ROUNDOFF = 2.0**-53
MARGIN = 1e-12  # share of every cap that multipliers stay below it
CLEARLY = 1e-6  # relative distance from 0 beyond which rounding cannot change a sign


def bound(problem: PlanningProblem, prices: Prices) -> float:
    """USD that every plan of the problem costs at least, whatever the prices; inf where the rules of placing cannot hold."""
    prepared = prepare(problem)
    return certify(prepared, prices.in_units(prepared.unit)).bound_usd


def bound_with_supply(prepared: Prepared, problem: PlanningProblem, prices: Prices) -> float:
    """`bound` of a problem that differs from the prepared one in its supply only."""
    return proven_by(with_supply(prepared, problem), prices).bound_usd


def proven_by(prepared: Prepared, prices: Prices) -> Prices:
    """What prices of a similar problem prove here, without a step."""
    return certify(prepared, fitted(prices.in_units(prepared.unit), prepared.single))


def certify(prepared: Prepared, multipliers: Multipliers) -> Prices:
    """The bound that multipliers (units of money of the arrays) prove, and the best responses to them. `evaluations` is 0."""
    with jax.enable_x64(True):
        found = on_host(evaluate(prepared.double, doubles(multipliers)))
    unit, (bound_usd, allowance_usd) = prepared.unit, bound_of(prepared, found.terms, found.sizes)
    return Prices(
        multipliers=found.multipliers,
        unit=unit,
        bound_usd=bound_usd,
        allowance_usd=allowance_usd,
        placed=_pools(prepared, found.slots),
        option=_options(prepared, found.option),
        contract_usd=unit * found.contracts,
        evaluations=0,
    )


def bound_of(prepared: Prepared, terms: Terms, sizes: Terms) -> tuple[float, float]:
    """The bound and the allowance for rounding that was taken off it, USD; inf where the rules of placing cannot hold."""
    total, size = (math.fsum(float(value) for leaf in jax.tree.leaves(part) for value in np.ravel(leaf)) for part in (terms, sizes))
    steps = _longest_chain(prepared.double)
    allowance = steps * ROUNDOFF / (1.0 - steps * ROUNDOFF) * size
    if (terms.loads >= BARRED).any() or (terms.runs >= BARRED).any():
        return math.inf, math.inf
    return prepared.unit * (total - allowance), prepared.unit * allowance


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation in double precision."""

    multipliers: Multipliers
    terms: Terms
    sizes: Terms  # sums of absolute terms
    slots: Array  # [T, L] slot on each load's cheapest path; Q: not placed
    option: Array  # [R] place of each run's best option; M: it is not run
    contracts: Array  # [K]


@partial(jax.jit, compiler_options=QUICK)
def evaluate(arrays: Arrays, multipliers: Multipliers) -> Evaluation:
    arrays, inside = in_box(arrays, multipliers)
    stacked, cash = stacked_prices(arrays, inside), cash_weight(arrays, inside)
    options = option_costs(arrays.runs, stacked, cash, arrays.discount)
    terms = dual_terms(arrays, inside)
    held, signed = contract_costs(arrays, *cheapest_lots(arrays, inside))
    return Evaluation(
        multipliers=inside,
        terms=terms,
        sizes=_sizes(arrays, inside, terms, stacked, cash),
        slots=best_paths(pair_costs(arrays, inside, stacked, cash), inside.moves, moves(arrays)),
        option=best_options(arrays.runs, options),
        contracts=jnp.where(arrays.supply.contracts.least > 0, held, signed),
    )


def in_box(arrays: Arrays, multipliers: Multipliers) -> tuple[Arrays, Multipliers]:
    """Near multipliers for which the dual is finite, by a margin, and the arrays with scenarios weighed as they say."""
    within = within_envelope(arrays, multipliers)
    now = weighed(arrays, within)
    return now, project(now, within, MARGIN)


def _sizes(arrays: Arrays, multipliers: Multipliers, terms: Terms, stacked: Array, cash: Array) -> Terms:
    """Sums of the absolute values of what each part of the dual adds up."""
    runs = arrays.runs
    until = jnp.sum(stacked, axis=(1, 2))[runs.price]
    options = jnp.where(runs.cost < BARRED, jnp.abs(runs.cost) + 2.0 * runs.gang * until, 0.0)
    if runs.egress.shape[1]:
        options = options + runs.egress * 2.0 * jnp.max(jnp.sum(cash, axis=2), initial=0.0)
    not_run = jnp.where(runs.not_run < BARRED, runs.not_run, 0.0)
    work = jnp.sum(arrays.loads.missed * arrays.loads.work, axis=(1, 2))
    return Terms(
        loads=jnp.concatenate([jnp.abs(terms.loads), 3.0 * work]),
        runs=jnp.maximum(jnp.max(options, axis=1), not_run),
        **supply_sizes(arrays, multipliers, {"rules": terms.rules}, stacked, cash),
        constant=jnp.abs(terms.constant),
    )


def supply_sizes(arrays: Arrays, multipliers: Multipliers, terms: dict[str, Array], stacked: Array, cash: Array) -> dict[str, Array]:
    """Those of contracts, offers and rules."""
    return {
        "groups": _contract_sizes(arrays, multipliers, cash),
        "offers": _offer_sizes(arrays, multipliers, stacked),
        "rules": jnp.abs(terms["rules"]),
    }


def _contract_sizes(arrays: Arrays, multipliers: Multipliers, cash: Array) -> Array:
    """[K]: all that a contract may pay, and the worth of all that it may deliver."""
    contracts = arrays.supply.contracts
    paid = cash[contracts.supplier]
    weight = jnp.max(paid, axis=1, initial=0.0, keepdims=True)
    charge = contracts.price * weight + draw_sizes(arrays, multipliers)[None] + multipliers.wallet
    worth = jnp.max(contracts.works[:, :, None, None] * multipliers.firm[contracts.cover], axis=1)
    drawn = (worth + by_block(arrays, charge)).reshape(*worth.shape[:2], -1, paid.shape[2]).sum(axis=2)
    if contracts.has_burst:
        beyond = worth + by_block(arrays, charge + (contracts.burst_price - contracts.price) * weight)
        drawn = drawn + contracts.burst_share[:, None, None] * beyond.reshape(*worth.shape[:2], -1, paid.shape[2]).sum(axis=2)
    settled = contracts.minimum + contracts.rebate + 2.0 * jnp.abs(contracts.more_covered)
    owed = (4.0 * contracts.committed + contracts.fee + jnp.abs(contracts.prepaid)) * (paid + weight) + settled * weight
    running = jnp.sum(owed + contracts.capacity * drawn, axis=(1, 2))
    fees = jnp.sum(jnp.where(contracts.exit_fee < BARRED, contracts.exit_fee * paid, 0.0), axis=2)
    fee = jnp.max(fees, axis=1, initial=0.0)
    settling = jnp.sum(weight * jnp.abs(contracts.eligible) * contracts.has_minimum[:, :, None], axis=(1, 2))
    settling = settling + contracts.opening * jnp.sum(weight, axis=(1, 2))
    linked = 2.0 * (jnp.sum(multipliers.same_exits) + jnp.sum(multipliers.same_lots))
    return contracts.most * (running + fee + jnp.abs(contracts.terminal) + linked) + settling


def _offer_sizes(arrays: Arrays, multipliers: Multipliers, stacked: Array) -> Array:
    """[O, T]: nothing where the offer clearly does not pay, as its response is then exactly 0."""
    offers = arrays.supply.offers
    hourly = cash_weight(arrays, multipliers)[offers.supplier] * offers.price + draw_sizes(arrays, multipliers)[None]
    size = by_block(arrays, hourly) + offers.usable[:, None, None] * stacked[offers.price_row]
    loss = offer_prices(arrays, multipliers) - offers.usable[:, None, None] * stacked[offers.price_row]
    return offers.limit * jnp.sum(jnp.where(loss > CLEARLY * size, 0.0, size), axis=2)


def _longest_chain(arrays: Arrays) -> int:
    """Operations between the data and any one term of the value, generously counted."""
    periods, chunk_blocks = arrays.loads.need.shape[0], arrays.loads.need.shape[2]
    rules = arrays.supply.rules.budget.shape[0] + arrays.supply.rules.share.shape[0] + arrays.supply.contracts.least.shape[0]
    return 4 * (periods * chunk_blocks + periods + rules) + 64


def _pools(prepared: Prepared, slots: Ints) -> Ints:
    """Slots [T, L] as pools [L, T]; -1 where the load is not placed."""
    pool = np.concatenate([on_host(prepared.double.loads.pool), np.full((1, slots.shape[1]), -1)])
    return np.take_along_axis(pool, slots, axis=0).T.astype(np.int64)[: prepared.loads]


def _options(prepared: Prepared, places: Ints) -> Ints:
    """Places [R] as the problem's options; -1 where the run is not run."""
    runs, most = prepared.double.runs.cost.shape
    option = np.full((runs, most + 1), -1)
    option[prepared.option_run, prepared.option_place] = np.arange(len(prepared.option_run))
    return option[np.arange(runs), places].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class PairCosts:
    """What pairs cost at some prices. USD; inf where barred."""

    usd: Floats  # [N, T] of being in the pair's pool in the period
    reduced_usd: Floats  # [N, T] what a plan with the pair costs at least beyond the bound


def pair_costs_at(prepared: Prepared, prices: Prices) -> PairCosts:
    """Costs of all pairs, and how much dearer a load's cheapest path through each pair in each period is than its cheapest path."""
    with jax.enable_x64(True):
        by_slot = on_host(_at_prices(prepared.double, doubles(prices.in_units(prepared.unit))))
    found = (costs[:, prepared.pair_slot, prepared.pair_load].T for costs in by_slot)
    usd, reduced = (np.where(costs < BARRED / 2, costs * prepared.unit, np.inf) for costs in found)
    return PairCosts(usd=usd, reduced_usd=reduced)


def option_reduced_costs(prepared: Prepared, prices: Prices) -> Floats:
    """How much dearer each training option is than its run's best, or than not running it, [G] USD.

    A plan with the option costs at least the bound and this on top.
    """
    with jax.enable_x64(True):
        above = on_host(_options_above(prepared.double, doubles(prices.in_units(prepared.unit))))
    return np.asarray(above[prepared.option_run, prepared.option_place] * prepared.unit)


def offer_worth(prepared: Prepared, prices: Prices) -> Floats:
    """What an accelerator drawn from each offer for a block is worth at the prices, before it is paid for, [O, T, X] discounted USD."""
    with jax.enable_x64(True):
        worth = on_host(_offer_worth(prepared.double, doubles(prices.in_units(prepared.unit))))
    return np.asarray(worth * prepared.unit)


@partial(jax.jit, compiler_options=QUICK)
def _offer_worth(arrays: Arrays, multipliers: Multipliers) -> Array:
    """[O, T, X]"""
    arrays, inside = in_box(arrays, multipliers)
    offers = arrays.supply.offers
    charge = by_block(arrays, draw_charge(arrays, inside)[offers.supplier])
    return offers.usable[:, None, None] * stacked_prices(arrays, inside)[offers.price_row] - charge


@partial(jax.jit, compiler_options=QUICK)
def _options_above(arrays: Arrays, multipliers: Multipliers) -> Array:
    """[R, M]"""
    arrays, inside = in_box(arrays, multipliers)
    options = option_costs(arrays.runs, stacked_prices(arrays, inside), cash_weight(arrays, inside), arrays.discount)
    return jnp.maximum(options - run_costs(arrays.runs, options, None)[:, None], 0.0)


@partial(jax.jit, compiler_options=QUICK)
def _at_prices(arrays: Arrays, multipliers: Multipliers) -> tuple[Array, Array]:
    """Costs and reduced costs, each [T, Q, L]."""
    arrays, inside = in_box(arrays, multipliers)
    cost = pair_costs(arrays, inside, stacked_prices(arrays, inside), cash_weight(arrays, inside))
    paths = cost, inside.moves, moves(arrays)
    return cost, jnp.maximum(costs_through(*paths) - path_costs(*paths)[None, None], 0.0)
