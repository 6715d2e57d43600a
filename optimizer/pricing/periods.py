"""The problem as one for each period: their optima together are a bound, and one that knows that loads and lots are whole.

Where nothing but paths and lots ties periods together, a plan costs at least

    sum over periods of what it costs in that period alone, with for each load in place of moves a share of its path, and for each
    contract a transfer between periods that adds up to nothing.

A load's share in a period is what its cheapest path costs that is in the pool then, at the prices and divided by the periods that are left;
the rest stays in the later periods. So the shares along any path add up to no more than the path costs, moves included, and those along the
cheapest path to exactly that. Transfers let every period see the same part of what the contract costs at the prices. At the prices of the
linear relaxation, the relaxations of the periods prove what that proves; the optima of periods prove more (docs/decisions/0022).

Axes: L loads, Q slots for pairs of a load, N pairs, T periods, K contracts, S scenarios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.problem import Limits, PlanningProblem, Supply, pair_slots
from optimizer.domain.surface import Floats
from optimizer.pricing.prices import Prices
from optimizer.pricing.supply import BARRED, committed_cash
from optimizer.pricing.work import at_start

BY_PERIOD = ("need", "work", "work_limit", "egress_gb", "traffic_gb_per_s", "input_tokens", "output_tokens")
SUPPLIED = ("capacity", "price_cash", "minimum_cash", "eligible_spend_cash", "brought_spend_cash", "fixed_fee_cash", "prepaid_cash")
OFFERED = ("offer_limit", "offer_price_cash")


def falls_apart(problem: PlanningProblem) -> bool:
    """Whether nothing but paths of loads and lots held throughout tie periods together."""
    supply, needs, limits = problem.supply, problem.needs, problem.limits
    apart = bool((supply.settled_each_period & (supply.interval >= 0).any(axis=1)).all())
    alone = not supply.leavable.any() and not supply.has_options
    linked = (limits.budget_period < 0).any() or (limits.share_period < 0).any()
    return bool(len(problem.periods) > 1 and len(needs.runs) == 0 and problem.risk_neutral and apart and alone and not linked)


def period_problems(problem: PlanningProblem, prices: Prices, pair_usd: Floats) -> Iterator[PlanningProblem]:
    """A problem for each period; no plan of the whole costs less than their optima together.

    Args:
      problem: one that `falls_apart`.
      pair_usd: [N, T] what a pair costs in a period at the prices, expected and discounted; inf where it may not be used.
    """
    needs, discount = problem.needs, problem.discount
    shares = load_shares(problem, pair_usd)
    usable = np.isfinite(pair_usd)
    beside = np.where(usable, shares.pair - np.where(usable, pair_usd, 0.0), 0.0)  # of capacity and egress, which the period has in full
    transfers = _transfers(problem, prices)
    scenarios = len(problem.scenarios)
    for t in range(len(problem.periods)):
        at = slice(t, t + 1)
        yield replace(
            problem,
            periods=problem.periods[at],
            hours=problem.hours[at],
            discount=discount[at],
            needs=replace(needs, **{name: getattr(needs, name)[:, at] for name in BY_PERIOD}),
            pair_allowed=problem.pair_allowed[:, at],
            pair_forced=problem.pair_forced[:, at],
            placed_before=np.full(len(needs.loads), len(problem.pools)),  # elsewhere: entering is paid for, and no budget counts it
            enter_cash=beside[:, t] / discount[t],
            leave_cash=np.zeros(len(needs.pair_load)),
            egress_cash=problem.egress_cash[:, at],
            unplaced_cash=np.tile((shares.unplaced[:, at] / discount[t])[:, :, None], (1, 1, scenarios)),
            supply=_supply_in(problem.supply, t, transfers[:, t]),
            limits=_limits_in(problem.limits, t),
            other_spend_cash=problem.other_spend_cash[:, at],
        )


@dataclass(frozen=True, kw_only=True)
class LoadShares:
    """What being somewhere in a period costs at least, so that no path costs less than its shares together. Discounted USD."""

    pair: Floats  # [N, T]
    unplaced: Floats  # [L, T]


def load_shares(problem: PlanningProblem, pair_usd: Floats) -> LoadShares:
    """The shares of all paths; see `period_problems` for the arguments."""
    needs, discount, periods = problem.needs, problem.discount, len(problem.periods)
    loads, load = len(needs.loads), needs.pair_load
    slot, depth = pair_slots(problem)
    enter, leave = (np.full((loads, depth), BARRED) for _ in range(2))
    enter[load, slot], leave[load, slot] = problem.enter_cash, problem.leave_cash
    cost = np.full((loads, depth, periods), BARRED)
    cost[load, slot] = np.where(np.isfinite(pair_usd), pair_usd, BARRED)
    unplaced = np.einsum("lts,s,t->lt", problem.unplaced_cash, problem.probability, discount)

    onward = np.zeros((loads, depth + 1, periods))  # what follows the period at least, the last place: not placed
    for t in reversed(range(periods - 1)):
        stay, away = cost[:, :, t + 1] + onward[:, :-1, t + 1], unplaced[:, t + 1] + onward[:, -1, t + 1]
        anew = np.minimum((discount[t + 1] * enter + stay).min(axis=1, initial=BARRED), away)
        onward[:, :-1, t] = np.minimum(stay, discount[t + 1] * leave + anew[:, None])
        onward[:, -1, t] = anew

    shares = np.empty((loads, depth + 1, periods))
    so_far = at_start(problem, slot, (depth, loads)).T
    for t in range(periods):
        reached = np.minimum((so_far[:, :-1] + discount[t] * leave).min(axis=1, initial=BARRED), so_far[:, -1])
        here = np.column_stack([np.minimum(so_far[:, :-1], reached[:, None] + discount[t] * enter), reached])
        if t == 0:
            here[problem.placed_before < 0] = 0.0  # what is new enters for nothing
        costs = np.column_stack([cost[:, :, t], unplaced[:, t]])
        shares[:, :, t] = (here + costs + onward[:, :, t]) / (periods - t)
        so_far = here + (costs - shares[:, :, t])
    return LoadShares(pair=shares[load, slot], unplaced=shares[:, -1])


def _transfers(problem: PlanningProblem, prices: Prices) -> Floats:
    """What a lot costs beside its own payments in each period, [K, T]; over the periods in which it runs, what it is worth at the end."""
    supply, hours = problem.supply, problem.hours
    weight = problem.discount[:, None] * problem.probability  # [T, S]
    periods, blocks, scenarios = problem.shape
    firm = np.asarray(prices.multipliers.firm).reshape(-1, periods, blocks, scenarios) * prices.unit
    excess = np.take_along_axis(np.asarray(prices.multipliers.excess), np.maximum(supply.interval, 0)[:, :, None], axis=1)
    paid = (((1.0 - excess) * committed_cash(problem) + supply.fixed_fee_cash) * weight).sum(axis=2)
    best = np.zeros((len(supply.contracts), periods, blocks, scenarios))
    np.maximum.at(best, supply.cover_contract, problem.availability[supply.cover_pool][:, None, None, None] * firm[supply.cover_pool])
    charge = (excess * supply.price_cash * weight)[:, :, None, :] * hours[None, :, :, None]
    cost = paid - (supply.capacity[:, :, None, :] * np.maximum(best - charge, 0.0)).sum(axis=(2, 3))
    running = supply.interval >= 0
    cost = np.where(running, cost, 0.0)
    mean = (cost.sum(axis=1) + supply.terminal_usd) / running.sum(axis=1)
    return np.where(running, mean[:, None] - cost, 0.0)


def _supply_in(supply: Supply, period: int, transfer: Floats) -> Supply:
    """Without exits, as no lot can be left."""
    at = slice(period, period + 1)
    return replace(
        supply,
        **{name: getattr(supply, name)[:, at] for name in (*SUPPLIED, *OFFERED)},
        interval=np.where(supply.interval[:, at] >= 0, 0, -1),
        exit_fee_cash=supply.exit_fee_cash[:, at],
        terminal_usd=transfer,
        same_exits=np.zeros((0, 3), dtype=np.int64),
    )


def _limits_in(limits: Limits, period: int) -> Limits:
    at, budget, share = slice(period, period + 1), limits.budget_period == period, limits.share_period == period
    return Limits(
        budget_supplier=limits.budget_supplier[budget],
        budget_period=np.zeros(int(budget.sum()), dtype=np.int64),
        budget_cash=limits.budget_cash[budget],
        share_supplier=limits.share_supplier[share],
        share_period=np.zeros(int(share.sum()), dtype=np.int64),
        share=limits.share[share],
        fewest_suppliers=limits.fewest_suppliers[at],
        site_loss_reserve=limits.site_loss_reserve[at],
        most_moves=np.full(1, np.inf),
    )
