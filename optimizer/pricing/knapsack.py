"""A problem as knapsacks: loads to pack whole into pools, each with a choice of lots.

The form: one period, block and scenario; contracts that cover one pool each, paid for whether drawn or not; no market, and nothing else
that links loads. Rules on contracts are left out, which only lowers the bound that `packings` proves.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints

SURE = 1e-9  # relative: differences of money that rounding does not explain
MOST_CHOICES = 32  # of lots in one pool
MOST_CELLS = 2e9  # loads x pools x accelerators: what one evaluation may look at


@dataclass(frozen=True, kw_only=True)
class Knapsacks:
    """Axes: L loads, P pools, Z choices of lots in a pool, K contracts. Money is discounted USD."""

    cost: Floats  # [L, P]; inf where the load may not be
    need: Ints  # [L, P]
    fixed: Floats  # [Z, P]; inf where a pool has fewer choices
    capacity: Ints  # [Z, P]
    lots: Ints  # [Z, K] of each contract under its pool's choice
    cover: Ints  # [K] the contract's pool; -1: none
    ceiling: Floats  # [L] largest multiplier
    constant: float
    missing: Floats  # [P] what one missing accelerator costs
    unplaced: Floats  # [L] what it costs not to place the load; inf where it has to be
    required: int  # accelerators that all loads need at least; 0: not known
    short_usd: float  # what a plan costs at least whose lots hold less; inf where none can


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The best responses to multipliers, and the bound that these prove."""

    multipliers: Floats  # [L]
    bound_usd: float
    chosen: Bools  # [L, P]; a load may be in several pools, or in none
    choice: Ints  # [P] of lots
    value: Floats  # [Z, P] of each choice of lots alone


def has_knapsacks(problem: PlanningProblem) -> bool:
    """Whether the problem has the form."""
    supply, needs = problem.supply, problem.needs
    alone = len(np.unique(supply.cover_contract)) == len(supply.cover_contract)
    whole = (supply.capacity % 1 == 0).all() and (problem.availability == 1.0).all() and len(supply.offers) == 0
    plain: bool = not needs.flexible.any() and len(needs.runs) == 0 and bool((problem.placed_before < 0).all())
    plain = plain and not (supply.minimum_cash.any() or supply.prepaid_cash.any())
    paid = (supply.take_or_pay_share == 1.0) | (supply.price_cash == 0.0).all(axis=(1, 2))
    staying = not supply.leavable.any()
    if problem.shape != (1, 1, 1) or supply.has_options or not (alone and whole and plain and paid.all() and staying):
        return False
    choices = np.ones(len(problem.pools))
    np.multiply.at(choices, supply.cover_pool, (supply.most_lots - supply.least_lots + 1)[supply.cover_contract])
    cells = len(needs.loads) * len(problem.pools) * (supply.capacity[:, 0, 0] * supply.most_lots).max(initial=0.0)
    return bool(choices.max(initial=1) <= MOST_CHOICES and cells <= MOST_CELLS)


def knapsacks(problem: PlanningProblem) -> Knapsacks:
    """A problem of the form as knapsacks."""
    needs, discount = problem.needs, float(problem.discount[0])
    shape = (len(needs.loads), len(problem.pools))
    cost, need = np.full(shape, np.inf), np.zeros(shape, dtype=np.int64)
    forced = np.zeros(shape[0], dtype=np.bool_)
    forced[needs.pair_load[problem.pair_forced[:, 0]]] = True
    may = problem.pair_allowed[:, 0] & (problem.pair_forced[:, 0] | ~forced[needs.pair_load])
    at = needs.pair_load, needs.pair_pool
    cost[at] = np.where(may, problem.egress_cash[:, 0, 0] * discount, np.inf)
    need[at] = needs.need[:, 0, 0, 0]
    fixed, capacity, lots = _choices(problem)
    cover = np.full(len(problem.supply.contracts), -1)
    cover[problem.supply.cover_contract] = problem.supply.cover_pool
    missing = problem.shortage_price * float(problem.hours[0, 0]) * discount
    unplaced = np.where(forced, np.inf, problem.unplaced_cash[:, 0, 0] * discount)
    constant = float((problem.other_spend_cash * problem.discount).sum())
    cheapest = np.minimum(cost.min(axis=1), unplaced)
    penalty = min(float(missing.min()), float((unplaced - cheapest)[np.isfinite(unplaced)].min(initial=np.inf)))
    short = [constant, *fixed.min(axis=0), *cheapest, penalty]
    required = _required(cost, need) if (needs.need % 1 == 0).all() and len(fixed) > 1 else 0
    return Knapsacks(
        cost=cost,
        need=need,
        fixed=fixed,
        capacity=capacity,
        lots=lots,
        cover=cover,
        ceiling=np.minimum((cost + missing).min(axis=1), unplaced),
        constant=constant,
        missing=np.broadcast_to(missing, shape[1]),
        unplaced=unplaced,
        required=required,
        short_usd=math.fsum(short) - SURE * math.fsum(np.abs(short)) if required else math.inf,
    )


def _required(cost: Floats, need: Ints) -> int:
    least = np.where(np.isfinite(cost), need, np.inf).min(axis=1, initial=np.inf).sum()
    return int(least) if np.isfinite(least) else 0


def _choices(problem: PlanningProblem) -> tuple[Floats, Ints, Ints]:
    """What every choice of lots of a pool's contracts costs and gives, each [Z, P], and the lots [Z, K]."""
    supply = problem.supply
    paid = supply.take_or_pay_share * supply.price_cash[:, 0, 0] * supply.capacity[:, 0, 0] * problem.hours.sum()
    each = (paid + supply.fixed_fee_cash[:, 0, 0]) * problem.discount[0] + supply.terminal_usd
    by_pool = [supply.cover_contract[supply.cover_pool == p] for p in range(len(problem.pools))]
    options = [list(itertools.product(*(range(int(supply.least_lots[k]), int(supply.most_lots[k]) + 1) for k in mine))) for mine in by_pool]
    depth = max(len(option) for option in options)
    fixed, capacity = np.full((depth, len(by_pool)), np.inf), np.zeros((depth, len(by_pool)), dtype=np.int64)
    lots = np.full((depth, len(supply.contracts)), -1)
    for p, (mine, choices) in enumerate(zip(by_pool, options, strict=True)):
        held = np.array(choices, dtype=np.int64).reshape(len(choices), len(mine))
        fixed[: len(choices), p] = held @ each[mine]
        capacity[: len(choices), p] = held @ supply.capacity[mine, 0, 0].astype(np.int64)
        lots[: len(choices), mine] = held
    return fixed, capacity, lots


def within(packs: Knapsacks, loads: Ints, pools: Ints, spent_usd: float) -> Knapsacks:
    """What is left to pack of some loads in some pools, beside what all else has cost; `lots` and `cover` stay those of the whole."""
    at = np.ix_(loads, pools)
    return replace(
        packs,
        cost=packs.cost[at],
        need=packs.need[at],
        fixed=packs.fixed[:, pools],
        capacity=packs.capacity[:, pools],
        ceiling=packs.ceiling[loads],
        missing=packs.missing[pools],
        unplaced=packs.unplaced[loads],
        constant=packs.constant + spent_usd,
        required=_required(packs.cost[at], packs.need[at]) if packs.required else 0,
    )


def narrowed(packs: Knapsacks, open_choices: Bools) -> Knapsacks:
    """With some choices of lots only, [Z, P]."""
    return replace(packs, fixed=np.where(open_choices, packs.fixed, np.inf))
