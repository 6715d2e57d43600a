"""What contracts and offers answer is never above what any decision of theirs costs, less what its draws are worth."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.pricing.multipliers import stacked_prices
from optimizer.pricing.responses import cheapest_lots, contract_costs, offer_costs
from tests.pricing.points import dual_point, prepared_with
from tests.tolerances import PRICING_KERNEL, SHARE_OF_TOTAL

CLAUSES = ["plain", "take or pay", "minimum spend", "exits", "prices by scenario", "capacity by scenario", "list prices"]


def settled(problem, k, lots, exit_period, draw):
    """Expected, discounted USD of a contract with lots that all leave at the start of a period; `draw` is [D, T, B, S]."""
    supply, hours = problem.supply, problem.hours.sum(axis=1)
    period = np.arange(len(problem.periods))
    active = lots * ((supply.interval[k] >= 0) & (period < exit_period))[:, None]
    commitment = supply.take_or_pay_share[k] * supply.price_cash[k] * supply.capacity[k] * hours[:, None] * active
    fee = supply.fixed_fee_cash[k] * active
    total = float(problem.discount @ (commitment + fee + supply.prepaid_cash[k] * active) @ problem.probability)
    spend = supply.price_cash[k] * np.einsum("tb,dtbs->ts", problem.hours, draw)
    for w in np.unique(supply.interval[k][supply.interval[k] >= 0]):
        within = np.flatnonzero(supply.interval[k] == w)
        excess = np.maximum(0.0, spend[within].sum(axis=0) - commitment[within].sum(axis=0))
        least = (supply.minimum_cash[k] * active)[within].sum(axis=0)
        own, every = supply.brought_spend_cash[k][within].sum(axis=0), supply.eligible_spend_cash[k][within].sum(axis=0)
        other = np.minimum(every - own, supply.other_spend_cap[k] * least) if supply.other_spend_cap[k] < 1.0 else every - own
        counted = supply.list_ratio[k] * (commitment[within].sum(axis=0) + excess) + fee[within].sum(axis=0)
        short = np.maximum(0.0, least - counted - other - own)
        total += float(problem.discount[within[-1]] * (problem.probability * (excess + short)).sum())
    if exit_period < len(period):
        return total + lots * supply.exit_fee_cash[k, exit_period] @ problem.probability * problem.discount[exit_period]
    return total + lots * supply.terminal_usd[k]


def some_draw(problem, rng, k, lots, exit_period):
    """Random draws within a contract's capacity, [D, T, B, S]; often all or nothing."""
    supply = problem.supply
    pools = int((supply.cover_contract == k).sum())
    shape = (pools, *problem.shape)
    draw = rng.dirichlet(np.ones(pools), problem.shape).transpose(3, 0, 1, 2) * rng.choice([0.0, 0.5, 1.0], shape[1:])
    held = lots * supply.capacity[k] * ((supply.interval[k] >= 0) & (np.arange(shape[1]) < exit_period))[:, None]
    return draw * held[:, None, :]


@pytest.mark.parametrize("clause", CLAUSES)
@pytest.mark.parametrize("seed", range(3))
def test_no_decision_of_a_contract_beats_its_response(clause, seed):
    problem, arrays, multipliers = dual_point(clause, seed)
    unit = prepared_with(clause, seed).unit
    supply, rng = problem.supply, np.random.default_rng(seed)
    held, signed = (np.asarray(cost) * unit for cost in contract_costs(arrays, *cheapest_lots(arrays, multipliers)))
    price = np.asarray(multipliers.firm).reshape(len(problem.pools), *problem.shape) * unit
    for k in range(len(supply.contracts)):
        pools = supply.cover_pool[supply.cover_contract == k]
        response = held[k] if supply.least_lots[k] > 0 else min(0.0, signed[k])
        leavable = [t for t in range(len(problem.periods)) if supply.leavable[k, t]]
        for _ in range(40):
            lots = int(rng.integers(supply.least_lots[k], supply.most_lots[k] + 1))
            exit_period = int(rng.choice([*leavable, len(problem.periods)]))
            draw = some_draw(problem, rng, k, lots, exit_period)
            worth = float((problem.availability[pools][:, None, None, None] * draw * price[pools]).sum())
            cost = settled(problem, k, lots, exit_period, draw)
            assert response <= cost - worth + SHARE_OF_TOTAL * (abs(cost) + worth + abs(response))


def test_a_contract_without_commitments_answers_exactly():
    problem, arrays, multipliers = dual_point("plain", 0)
    unit = prepared_with("plain", 0).unit
    supply = problem.supply
    paid = np.ones_like(np.asarray(multipliers.excess))  # nothing is committed, so all that is drawn is excess
    exact = replace(multipliers, excess=jnp.asarray(paid))
    leaving, _ = cheapest_lots(arrays, exact)
    price = np.asarray(multipliers.firm).reshape(len(problem.pools), *problem.shape) * unit
    weight = problem.discount[:, None] * problem.probability
    last = {w: np.flatnonzero(supply.interval[0] == w)[-1] for w in np.unique(supply.interval[0])}
    settles = np.array([last[w] for w in supply.interval[0]])
    for k in range(len(supply.contracts)):
        pools = supply.cover_pool[supply.cover_contract == k]
        worth = (problem.availability[pools][:, None, None, None] * price[pools]).max(axis=0)
        charge = supply.price_cash[k][:, None, :] * problem.hours[:, :, None] * weight[settles][:, None, :]
        gain = (supply.capacity[k] * np.maximum(0.0, worth - charge).sum(axis=1)).sum()
        assert float(leaving[k]) * unit == pytest.approx(-gain, rel=PRICING_KERNEL)


def test_offers_draw_what_pays():
    problem, arrays, multipliers = dual_point("spot", 2)
    unit = prepared_with("spot", 2).unit
    supply = problem.supply
    stacked = np.asarray(stacked_prices(arrays, multipliers)).reshape(2, len(problem.pools), *problem.shape) * unit
    found = np.asarray(offer_costs(arrays, multipliers, stacked_prices(arrays, multipliers), None)) * unit
    weight = problem.discount[:, None] * problem.probability
    for o, pool in enumerate(supply.offer_pool):
        usable = problem.availability[pool] * (1.0 - supply.offer_loss[o])
        price = supply.offer_price_cash[o][:, None, :] * problem.hours[:, :, None] * weight[:, None, :]
        loss = np.minimum(0.0, price - usable * stacked[int(supply.offer_spot[o]), pool]).sum(axis=(1, 2))
        np.testing.assert_allclose(found[o], supply.offer_limit[o] * loss, rtol=PRICING_KERNEL)
