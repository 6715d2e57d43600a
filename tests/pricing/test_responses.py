"""What contracts and offers answer is never above what any decision of theirs costs, less what its draws are worth."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.domain.clauses import CARRY_FORWARD, ROLLOVER
from optimizer.pricing.multipliers import stacked_prices
from optimizer.pricing.responses import cheapest_lots, contract_costs, offer_costs
from tests.pricing.points import dual_point, prepared_with
from tests.tolerances import PRICING_KERNEL, SHARE_OF_TOTAL

CLAUSES = [
    *("plain", "take or pay", "minimum spend", "exits", "prices by scenario", "capacity by scenario", "list prices"),
    *("all-units tiers", "incremental tiers", "burst", "true-up", "make-up", "carry-forward", "rollover"),
    "most favoured price",
]


def settled(problem, k, lots, exit_period, draw):
    """Expected, discounted USD of a contract with lots that all leave at the start of a period; `draw` is [D, T, B, S]."""
    supply, hours = problem.supply, problem.hours.sum(axis=1)
    period = np.arange(len(problem.periods))
    active = lots * ((supply.interval[k] >= 0) & (period < exit_period))[:, None]
    commitment = supply.take_or_pay_share[k] * supply.price_cash[k] * supply.capacity[k] * hours[:, None] * active
    fee = supply.fixed_fee_cash[k] * active
    total = float(problem.discount @ (commitment + fee + supply.prepaid_cash[k] * active) @ problem.probability)
    beyond = np.zeros((*hours.shape, len(problem.scenarios)))
    for u in np.flatnonzero(supply.burst.contract == k):
        over = np.maximum(0.0, draw.sum(axis=0) - (supply.capacity[k] * active)[:, None, :])
        beyond = np.einsum("tb,tbs->ts", problem.hours, over)
        total += float(problem.discount @ (supply.burst.price_cash[u] * beyond) @ problem.probability)
    price = supply.price_cash[k]
    for u in np.flatnonzero(supply.true_up.contract == k):
        price = supply.true_up.price_cash[u]
    spend = price * (np.einsum("tb,dtbs->ts", problem.hours, draw) - beyond)
    covered = supply.take_or_pay_share[k] * price * supply.capacity[k] * hours[:, None] * active
    levels = []
    for w in np.unique(supply.interval[k][supply.interval[k] >= 0]):
        within = np.flatnonzero(supply.interval[k] == w)
        excess = np.maximum(0.0, spend[within].sum(axis=0) - covered[within].sum(axis=0))
        tiers = tiers_add(problem, k, w, within, active, draw) + cheapest_comparable(problem, k, within, active, draw)
        least = (supply.minimum_cash[k] * active)[within].sum(axis=0)
        own, every = supply.brought_spend_cash[k][within].sum(axis=0), supply.eligible_spend_cash[k][within].sum(axis=0)
        other = np.minimum(every - own, supply.other_spend_cap[k] * least) if supply.other_spend_cap[k] < 1.0 else every - own
        counted = supply.list_ratio[k] * (commitment[within].sum(axis=0) + excess + tiers) + fee[within].sum(axis=0)
        above = counted + other + own - least
        total += float(problem.discount[within[-1]] * (problem.probability * (excess + tiers + np.maximum(0.0, -above))).sum())
        levels.append((within[-1], (spend - covered)[within].sum(axis=0), above))
    total -= brought_forward(problem, k, levels)
    if exit_period < len(period):
        return total + lots * supply.exit_fee_cash[k, exit_period] @ problem.probability * problem.discount[exit_period]
    return total + lots * supply.terminal_usd[k]


def cheapest_comparable(problem, k, within, active, draw):
    """USD that a most favoured price takes off if every comparable contract is in force, in each scenario, [S]."""
    supply, last = problem.supply, within[-1]
    rivals = supply.favoured.other[supply.favoured.contract == k]
    if not len(rivals):
        return np.zeros(len(problem.scenarios))
    hours = problem.hours[within].sum(axis=1)[:, None]
    committed = supply.take_or_pay_share[k] * (supply.capacity[k, within] * hours * active[within]).sum(axis=0)
    drawn = np.einsum("tb,dtbs->s", problem.hours[within], draw[:, within])
    return np.minimum(0.0, supply.price_cash[rivals, last].min(axis=0) - supply.price_cash[k, last]) * np.maximum(committed, drawn)


def brought_forward(problem, k, levels):
    """Expected, discounted USD that balances take off a contract's bill; levels are (period, above commitment [S], above minimum [S])."""
    clause, saved = problem.supply.balances, 0.0
    for v in np.flatnonzero(clause.contract == k):
        for s, chance in enumerate(problem.probability):
            balance, came = float(clause.opening_cash[v]), [float(clause.opening_cash[v])]
            for period, commitment, minimum in levels:
                above = float((minimum if clause.kind[v] == ROLLOVER else commitment)[s])
                used = min(balance, max(0.0, -above if clause.kind[v] == CARRY_FORWARD else above))
                came.append(max(0.0, above if clause.kind[v] == CARRY_FORWARD else -above))
                balance = min(balance + came[-1] - used, float(clause.cap_cash[v]), sum(came[-int(clause.life[v]) :]))
                saved += chance * problem.discount[period] * used
    return saved


def tiers_add(problem, k, w, within, active, draw):
    """USD that volume tiers add to an interval's bill in each scenario, [S]."""
    supply, mine = problem.supply, np.flatnonzero(problem.supply.tiers.contract == k)
    added = np.zeros(len(problem.scenarios))
    for s in range(len(added)) if len(mine) else ():
        held = supply.capacity[k, within, s] * problem.hours[within].sum(axis=1)
        units = supply.tiers.units[mine[0], within]
        price = (held @ supply.price_cash[k, within, s]) / (held @ units) if held.any() else 0.0
        drawn = np.einsum("tb,dtb->t", problem.hours[within], draw[..., s][:, within]) @ units
        volume = max(supply.take_or_pay_share[k] * (held * active[within, 0]) @ units, drawn)
        steps = [(0.0, 1.0), *((supply.tiers.start[i, w], supply.tiers.ratio[i]) for i in mine)]
        if supply.tiers.incremental[mine[0]]:
            ends = [start for start, _ in steps[1:]] + [np.inf]
            billed = sum(ratio * max(0.0, min(volume, end) - start) for (start, ratio), end in zip(steps, ends, strict=True))
        else:
            billed = volume * [ratio for start, ratio in steps if volume >= start][-1]
        added[s] = price * (billed - volume)
    return added


def some_draw(problem, rng, k, lots, exit_period):
    """Random draws within a contract's capacity, [D, T, B, S]; often all or nothing."""
    supply = problem.supply
    pools = int((supply.cover_contract == k).sum())
    shape = (pools, *problem.shape)
    draw = rng.dirichlet(np.ones(pools), problem.shape).transpose(3, 0, 1, 2) * rng.choice([0.0, 0.5, 1.0], shape[1:])
    held = lots * supply.drawable[k] * ((supply.interval[k] >= 0) & (np.arange(shape[1]) < exit_period))[:, None]
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
